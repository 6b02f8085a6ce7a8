package main

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/trace"
)

func ref(content string) artifact.Ref {
	return artifact.Ref{Digest: artifact.DigestOf([]byte(content)), Size: int64(len(content)), MediaType: artifact.MediaTypeParquet}
}

const seededRun = "flights/run/2026-11-23T03-00Z-7c1f"

// seeded leaves one finished run, its model, endpoint and a prediction behind.
func seeded(t *testing.T) (prediction uuid.UUID) {
	t.Helper()
	ctx, db := t.Context(), isolated(t).DB
	_, _, err := db.StartRun(ctx, metadata.StartRun{ID: seededRun, TemporalRunID: "t1", Pipeline: "flights", PipelineDigest: ref("pipeline").Digest, Trigger: "manual"})
	require.NoError(t, err)
	for _, problem := range []string{"p1", "p2", "p3"} {
		_, err := db.RecordDefinition(ctx, metadata.Definition{Pipeline: "flights", Digest: ref("pipeline").Digest, Ref: ref("pipeline"), ProblemDigest: ref(problem).Digest, Problem: []byte(`{"task":"regression"}`)})
		require.NoError(t, err)
	}
	done, score := time.Now().Add(time.Minute), 12.5
	require.NoError(t, db.SaveStep(ctx, metadata.StepRecord{Run: seededRun, Step: "collect", Attempt: 1, Cache: metadata.CacheMiss, Figure: "100 rows", Inputs: []artifact.Ref{ref("source")}, Outputs: metadata.Outputs{"dataset": ref("dataset")}, Started: time.Now()}))
	require.NoError(t, db.RecordSnapshot(ctx, metadata.Snapshot{Run: seededRun, Source: "flights", Artifact: ref("snapshot"), Checksum: "c", Rows: 100, Files: []metadata.SourceFile{{Path: "flights.parquet", Size: 9, Checksum: ref("source").Digest}}}))
	require.NoError(t, db.RecordDataset(ctx, metadata.Dataset{Run: seededRun, Artifact: ref("dataset"), Rows: 100}))
	require.NoError(t, db.RecordChecks(ctx, seededRun, []metadata.Check{{Column: "delay", Name: "range", Severity: "quarantine", Failed: 3, Rows: 100, Message: "3 rows out of range"}}))
	require.NoError(t, db.RecordMetrics(ctx, seededRun, []metadata.Metric{{Model: "ols", Split: "test", Metric: "rmse", Value: 12.5}, {Model: "ols", Split: "test", Metric: "mape", Value: math.NaN()}}))
	require.NoError(t, db.RecordGates(ctx, seededRun, []metadata.Gate{{Metric: "rmse", Condition: "rmse < 20", Value: 12.5, Bound: 20, Passed: true}}))
	model, err := db.RegisterModel(ctx, metadata.RegisterModel{Name: "flights", Bundle: ref("bundle"), Run: seededRun, Metrics: metadata.Values{"rmse": 12.5}})
	require.NoError(t, err)
	require.NoError(t, db.SetAlias(ctx, metadata.Alias{Model: "flights", Alias: "champion", Version: model.Version, Actor: "pipeline"}))
	_, err = db.SetRevision(ctx, metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: model.Version, Run: seededRun, Actor: "pipeline", Reason: "first model"})
	require.NoError(t, err)
	require.NoError(t, db.FinishRun(ctx, metadata.FinishRun{ID: seededRun, State: metadata.RunCompleted, Decision: "deployed", Reason: "first model", ModelName: "flights", ModelVersion: model.Version, Metric: "rmse", Score: &score, Finished: done, ProblemVersion: 3, Solved: new(true), Reports: metadata.Outputs{"evaluation": ref("report")}}))
	id := uuid.Must(uuid.NewV7())
	_, err = db.Pool().Exec(ctx, `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, features, outputs, status, latency_us)
		values ($1, $2, 'flights', 1, 'flights', 1, now(), '{"x":1}', '[2.5]', 200, 90)`, metadata.Day(id), id)
	require.NoError(t, err)
	return id
}

func TestRecordsAreListedAndShown(t *testing.T) {
	id := seeded(t)
	for args, want := range map[string][]string{
		"runs list":                     {"RUN", seededRun, "completed", "deployed", "rmse 12.5"},
		"runs list --pipeline other":    {"RUN"},
		"runs list --state completed":   {seededRun},
		"runs show " + seededRun:        {"first model", "version 3, " + ref("p3").Digest[:12], "success threshold met", "collect", "100 rows", "3 of 100", "NaN", "rmse < 20", "passed", "/artifacts/" + ref("report").Digest, "Temporal UI"},
		"models list":                   {"flights", ref("bundle").Short()},
		"models show flights":           {"champion", "rmse 12.5", seededRun},
		"endpoints list":                {"flights", "first model"},
		"endpoints show flights":        {"live revision", "/v2/models/flights/infer", "first model", "pipeline"},
		"trace " + id.String():          {"prediction " + id.String(), "revision 1 of flights", "sha256:" + ref("source").Digest, "gate rmse < 20: passed"},
		"runs list --output json":       {`"id": "` + seededRun + `"`},
		"models list -o json":           {`"name": "flights"`},
		"endpoints list -o json":        {`"live"`},
		"endpoints show flights -ojson": {`"revisions"`},
		"models show flights -o json":   {`"aliases"`},
	} {
		out, errs, code := esteira(t, strings.Fields(args)...)
		require.Equal(t, exitDone, code, args+errs)
		for _, text := range want {
			require.Contains(t, out, text, args)
		}
	}
	shown := decoded[shownRun2](t, exitDone, "runs", "show", seededRun)
	require.Equal(t, "NaN", shown.Metrics[0]["value"], "a number JSON cannot say")
	require.InDelta(t, 12.5, shown.Metrics[1]["value"], 0)
	trace := decoded[metadata.Trace](t, exitDone, "trace", id.String())
	require.Equal(t, ref("source").Digest, trace.Snapshots[0].Files[0].Checksum)
}

type shownRun2 struct {
	Metrics []map[string]any `json:"metrics"`
}

func TestWhatIsNotThereIsSaidSo(t *testing.T) {
	isolated(t)
	for args, remedy := range map[string]string{
		"runs show nothing": "", "models show nothing": "models list", "endpoints show nothing": "", "trace 01890a5d-ac96-774b-bcce-b302099a8057": "check the id", "trace x": "id",
	} {
		_, errs, code := esteira(t, strings.Fields(args)...)
		require.Equal(t, exitFailed, code, args)
		require.Contains(t, errs, "error: ")
		require.Contains(t, errs, remedy)
	}
	require.Equal(t, []metadata.Run{}, decoded[[]metadata.Run](t, exitDone, "runs", "list"))
}

func TestTraceDrawsATree(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	digest := func(c string) artifact.Ref { return artifact.Ref{Digest: strings.Repeat(c, 64)} }
	features := digest("4")
	got := trace.Back(metadata.Trace{
		Prediction: metadata.Prediction{ID: uuid.MustParse("019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d"), Endpoint: "flights", At: at, Status: 200, LatencyUS: 90, Features: []byte(`{"x":1}`), Outputs: []byte(`[2.5]`)},
		Labels:     []metadata.Label{{Value: []byte("3.5"), ObservedAt: at, ReceivedAt: at.Add(time.Hour), Source: "delays.csv", InForce: true}, {Value: []byte("3"), ObservedAt: at.Add(-time.Hour), ReceivedAt: at}},
		Revision:   &metadata.Revision{Endpoint: "flights", Revision: 4, Actor: "pipeline", ApprovedBy: "ana", Rollout: "flights/rollout/1", Created: at, Reason: "better by 3 %"},
		Model:      &metadata.ModelVersion{Name: "flights", Version: 3, Bundle: digest("b"), Metrics: metadata.Values{"rmse": 12.5}},
		Run:        &metadata.Run{ID: seededRun, Trigger: "schedule", PipelineDigest: digest("p").Digest},
		Gates:      []metadata.Gate{{Condition: "rmse < 20", Passed: true}},
		Features:   &features,
		Splits:     []metadata.Split{{Split: "test", Artifact: digest("5"), Rows: 20}, {Split: "train", Artifact: digest("6"), Rows: 80}},
		Dataset:    &metadata.Dataset{Artifact: digest("d"), Rows: 100},
		Snapshots: []metadata.Snapshot{
			{Source: "airports", Taken: at, Rows: 9, Artifact: digest("1"), Files: []metadata.SourceFile{{Path: "airports.csv", Size: 7, Checksum: strings.Repeat("2", 64)}}},
			{Source: "flights", Taken: at, Rows: 100, Artifact: digest("3"), Files: []metadata.SourceFile{{Path: "s3://b/f", Size: 8, Checksum: "etag:x"}}},
		},
	}).String()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile("testdata/trace.golden", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/trace.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.Equal(t, "prediction 00000000-0000-0000-0000-000000000000\n└─ asked  of endpoint flights, answered 400 in 0 µs\n",
		trace.Back(metadata.Trace{Prediction: metadata.Prediction{Endpoint: "flights", Status: 400}}).String(), "a refused request reached nothing")
}
