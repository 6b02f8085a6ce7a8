package metadata_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// line saves the steps of a run from a source to a bundle and deploys it.
func line(t *testing.T, b *testBundle, run, source string) {
	t.Helper()
	steps := []struct {
		step    string
		in, out string
	}{{"collect", source, "dataset"}, {"split", "dataset", "train"}, {"train", "train", "model"}, {"package", "model", "bundle"}}
	for _, s := range steps {
		r := metadata.StepRecord{Run: run, Step: s.step, Attempt: 1, Cache: metadata.CacheOff, Inputs: []artifact.Ref{ref(s.in)}, Outputs: metadata.Outputs{"out": ref(s.out)}, Started: time.Now()}
		if err := b.SaveStep(b.ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		b.RecordSnapshot(b.ctx, metadata.Snapshot{Run: run, Source: "flights", Artifact: ref(source), Checksum: "sum of " + source, Files: []metadata.SourceFile{{Path: "f.csv", Checksum: "ab"}}}),
		b.RecordDataset(b.ctx, metadata.Dataset{Run: run, Artifact: ref("dataset"), Rows: 5}),
		b.RecordSplits(b.ctx, run, []metadata.Split{{Split: "train", Artifact: ref("train"), Rows: 3}}),
		b.RecordStep(b.ctx, metadata.Step{Run: run, Step: "engineer", Attempt: 1, State: metadata.StepCompleted, Outputs: metadata.Outputs{"features": ref("fitted")}, Started: time.Now()}),
		b.RecordGates(b.ctx, run, []metadata.Gate{{Metric: "rmse", Condition: "rmse < 20", Passed: true}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func predict(t *testing.T, b *testBundle, revision int64, version int) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := b.Pool().Exec(b.ctx, `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, features, outputs, status, latency_us)
		values ($1, $2, 'flights', $3, 'flights', $4, now(), '{"x":1}', '[2.5]', 200, 90)`, metadata.Day(id), id, revision, version)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTraceGoesAllTheWayBack(t *testing.T) {
	b := setup(t)
	line(t, b, b.run.ID, "march")
	b.register(t, "bundle")
	if _, err := b.SetRevision(b.ctx, move(b.run.ID, 0, 1)); err != nil {
		t.Fatal(err)
	}
	// Another run reaches the same dataset from other bytes: not this model's.
	other := b.start(t, "flights/run/2", nil)
	line(t, b, other.ID, "april")
	id := predict(t, b, 1, 1)
	trace, err := b.Trace(b.ctx, id.String())
	if err != nil {
		t.Fatal(err)
	}
	if trace.Prediction.ID != id || trace.Prediction.LatencyUS != 90 || string(trace.Prediction.Outputs) != "[2.5]" {
		t.Fatalf("%+v", trace.Prediction)
	}
	if trace.Revision == nil || trace.Revision.Actor != "pipeline" || trace.Model == nil || trace.Model.Bundle != ref("bundle") || trace.Run == nil || trace.Run.ID != b.run.ID {
		t.Fatalf("%+v", trace)
	}
	if len(trace.Gates) != 1 || trace.Dataset == nil || trace.Dataset.Rows != 5 || len(trace.Snapshots) != 1 || trace.Snapshots[0].Checksum != "sum of march" {
		t.Fatalf("%+v", trace)
	}
	if trace.Features == nil || *trace.Features != ref("fitted") || len(trace.Splits) != 1 || trace.Splits[0].Artifact != ref("train") {
		t.Fatalf("%+v", trace)
	}
	want := []metadata.Edge{
		{Output: ref("bundle").Digest, Input: ref("model").Digest, Step: "package"}, {Output: ref("model").Digest, Input: ref("train").Digest, Step: "train"},
		{Output: ref("train").Digest, Input: ref("dataset").Digest, Step: "split"}, {Output: ref("dataset").Digest, Input: ref("march").Digest, Step: "collect"},
	}
	equal(t, want)(trace.Lineage, nil)
}

func TestTraceOfARefusedRequestEndsThere(t *testing.T) {
	b := setup(t)
	trace, err := b.Trace(b.ctx, predict(t, b, 0, 0).String())
	if err != nil || trace.Revision != nil || trace.Model != nil || trace.Lineage != nil {
		t.Fatalf("%+v %v", trace, err)
	}
	if _, err := b.Trace(b.ctx, uuid.Must(uuid.NewV7()).String()); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if _, err := b.Trace(b.ctx, "'; drop table predictions; --"); fault.KindOf(err) != fault.RequestInvalid {
		t.Fatal(err)
	}
}
