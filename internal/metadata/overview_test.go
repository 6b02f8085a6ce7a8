package metadata_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func TestPipelinesWithTheirLastRunAndChampion(t *testing.T) {
	b := setup(t)
	for _, name := range []string{"flights", "penguins", "cars"} {
		_, err := b.RecordDefinition(b.ctx, metadata.Definition{Pipeline: name, Digest: name, Ref: ref(name), ProblemDigest: name, Problem: []byte(`{"statement":"` + name + `"}`)})
		require.NoError(t, err)
	}
	score := metadata.StartRun{ID: "flights/score/1", Pipeline: "flights", PipelineDigest: "d", Trigger: "score", Started: time.Now().Add(time.Hour)}
	_, _, err := b.StartRun(b.ctx, score)
	require.NoError(t, err)
	m := b.register(t, "bundle")
	require.NoError(t, b.SetAlias(b.ctx, metadata.Alias{Model: "flights", Alias: metadata.Champion, Version: m.Version, Actor: "test"}))

	list, err := b.Pipelines(b.ctx, "", 2)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "cars", list[0].Name)
	require.Nil(t, list[0].Last)
	require.Equal(t, b.run.ID, list[1].Last.ID, "scoring trains nothing")
	require.Equal(t, metadata.Values{"rmse": 12.5}, list[1].Champion.Metrics)
	rest, err := b.Pipelines(b.ctx, list[1].Name, 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.Equal(t, "penguins", rest[0].Name)
	for name, want := range map[string]bool{"cars": true, "trains": false} {
		known, err := b.HasPipeline(b.ctx, name)
		require.NoError(t, err)
		require.Equal(t, want, known)
	}
	version, problem, err := b.Problem(b.ctx, "cars")
	require.NoError(t, err)
	require.Equal(t, 1, version)
	require.JSONEq(t, `{"statement":"cars"}`, string(problem))
	version, _, err = b.Problem(b.ctx, "trains")
	require.NoError(t, err)
	require.Zero(t, version)
}

func TestWhatPagesSayOfRuns(t *testing.T) {
	b := setup(t)
	began := time.Now().UTC().Truncate(time.Millisecond)
	step := func(name string, attempt int, took time.Duration) {
		ended := began.Add(took)
		require.NoError(t, b.RecordStep(b.ctx, metadata.Step{Run: b.run.ID, Step: name, Attempt: attempt, State: metadata.StepCompleted, Started: began, Finished: &ended}))
	}
	step("train", 1, time.Second)
	step("train", 2, 3*time.Second)
	step("train/000/fold-1", 1, 5*time.Second)
	require.NoError(t, b.RecordStep(b.ctx, metadata.Step{Run: b.run.ID, Step: "evaluate", State: metadata.StepRunning, Started: began}))
	gates := []metadata.Gate{{Metric: "rmse", Condition: "rmse <= 1", Value: math.Inf(1), Bound: 1}, {Metric: "mae", Condition: "mae <= 1", Value: .5, Bound: 1, Passed: true}}
	require.NoError(t, b.RecordGates(b.ctx, b.run.ID, gates))
	times, err := b.StepTimes(b.ctx, []string{b.run.ID, "nobody"})
	require.NoError(t, err)
	require.Equal(t, map[string][]metadata.StepTime{b.run.ID: {{Step: "train", Seconds: 5}}}, times, "with its parts; what has not ended is left out")
	failed, err := b.FailedGates(b.ctx, []string{b.run.ID})
	require.NoError(t, err)
	require.Equal(t, map[string][]metadata.Gate{b.run.ID: gates[:1]}, failed)
	facts, err := b.RunFacts(b.ctx, b.run.ID)
	require.NoError(t, err)
	require.Len(t, facts.Gates, 2)
	require.Len(t, facts.Steps, 3)
	require.Nil(t, facts.Rollout)
	text, err := facts.Gates[0].Value.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, `"Infinity"`, string(text))
	_, err = b.RunFacts(b.ctx, "nobody")
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	m := b.register(t, "bundle")
	_, err = b.SetRevision(b.ctx, metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: m.Version, Actor: "ana"})
	require.NoError(t, err)
	served, err := b.ServedBy(b.ctx, "flights", m.Version, 5)
	require.NoError(t, err)
	require.Len(t, served, 1)
	require.Equal(t, "ana", served[0].Actor)
}

func TestTrafficIsCountedByTime(t *testing.T) {
	b := endpoint(t)
	now := time.Now().UTC()
	b.answered("flights", "a", now.Add(-30*time.Minute), 3)
	b.answered("flights", "b", now.Add(-3*time.Hour), 2)
	b.answered("flights", "c", now.Add(-30*time.Hour), 7)
	bad := b.answered("flights", "d", now.Add(-10*time.Minute), 2)
	_, err := b.Pool().Exec(t.Context(), `update predictions set status = case when id = $1 then 500 else 400 end where id = any ($2)`, bad[0], bad)
	require.NoError(t, err)
	shadow := b.answered("flights", "e", now.Add(-10*time.Minute), 1)
	_, err = b.Pool().Exec(t.Context(), `update predictions set role = 'shadow' where id = $1`, shadow[0])
	require.NoError(t, err)
	got, err := b.Traffic(t.Context(), now)
	require.NoError(t, err)
	require.Equal(t, map[string]metadata.EndpointTraffic{"flights": {
		Hour: metadata.Traffic{Asked: 5, Rejected: 1, Failed: 1}, Day: metadata.Traffic{Asked: 7, Rejected: 1, Failed: 1},
	}}, got)
	from := now.Add(-4 * time.Hour)
	parts, err := b.TrafficOver(t.Context(), "flights", from, now, time.Hour)
	require.NoError(t, err)
	require.Len(t, parts, 2)
	require.WithinDuration(t, from.Add(time.Hour), parts[0].Begins, time.Microsecond)
	require.Equal(t, int64(2), parts[0].Asked)
	require.Equal(t, 90.0, *parts[0].P99)
	require.Equal(t, metadata.Traffic{Asked: 5, Rejected: 1, Failed: 1}, parts[1].Traffic)
}

func TestLabellingTellsHowTheTruthCame(t *testing.T) {
	b := endpoint(t)
	ids := b.answered("flights", "", time.Now().Add(-time.Hour), 3)
	b.answered("flights", "mine", time.Now().Add(-2*time.Hour), 1)
	b.answered("flights", "two", time.Now().Add(-2*time.Hour), 2)
	at := time.Now().Add(-time.Minute)
	b.add(metadata.Label{PredictionID: &ids[0], Value: []byte(`1`), ObservedAt: at}, metadata.Label{PredictionID: &ids[0], Value: []byte(`2`), ObservedAt: at.Add(time.Second)},
		metadata.Label{PredictionID: &ids[1], Value: []byte(`1`), ObservedAt: at}, metadata.Label{PredictionID: &ids[1], Value: []byte(`2`), ObservedAt: at},
		metadata.Label{RequestID: "mine", Value: []byte(`3`), ObservedAt: at}, metadata.Label{RequestID: "two", Value: []byte(`3`), ObservedAt: at}, metadata.Label{RequestID: "never", Value: []byte(`3`), ObservedAt: at})
	l, err := b.Labelling(t.Context(), "flights", time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, []int64{7, 5, 1, 1, 5}, []int64{l.Labels, l.Targets, l.Corrected, l.Conflicting, l.Joined})
	require.InDelta(t, 3600, *l.P50, 60)
	require.Greater(t, *l.P90, *l.P50)
	none, err := b.Labelling(t.Context(), "other", time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, metadata.Labelling{}, none)
}

func TestEndpointsWithTheirLastWindowAndBoard(t *testing.T) {
	b := endpoint(t)
	begins := noon.Truncate(time.Hour)
	for i := range 2 {
		_, _, err := b.SaveWindow(t.Context(), windowAt(begins.Add(time.Duration(i)*time.Hour), 1, noon), nil)
		require.NoError(t, err)
	}
	list, err := b.LastWindows(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, begins.Add(time.Hour), list[0].Begins)
	boards, err := b.Boards(t.Context())
	require.NoError(t, err)
	require.Empty(t, boards)
}

// A question that takes too long ends, and says so.
func TestCountingGivesUp(t *testing.T) {
	b := endpoint(t)
	tx, err := b.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `lock table predictions in access exclusive mode`)
	require.NoError(t, err)
	_, err = b.Traffic(t.Context(), time.Now())
	require.Equal(t, fault.ResourceExhausted, fault.KindOf(err), err)
}

func TestTheSameRequestForARunIsAnsweredOnce(t *testing.T) {
	b := setup(t)
	r := metadata.RunRequest{Pipeline: "flights", Key: "monday", RequestHash: []byte("h"), Token: "cron"}
	answer, err := b.BeginRunRequest(b.ctx, r)
	require.NoError(t, err)
	require.Nil(t, answer)
	other := r
	other.RequestHash = []byte("i")
	_, err = b.BeginRunRequest(b.ctx, other)
	require.Equal(t, fault.IdempotencyConflict, fault.KindOf(err))
	answer, err = b.BeginRunRequest(b.ctx, r)
	require.NoError(t, err)
	require.Nil(t, answer, "it was not followed to its end: it is followed again")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			require.NoError(t, b.AnswerRunRequest(b.ctx, r, fmt.Appendf(nil, `{"n": %d}`, i)))
		})
	}
	wg.Wait()
	first, err := b.BeginRunRequest(b.ctx, r)
	require.NoError(t, err)
	require.NoError(t, b.AnswerRunRequest(b.ctx, r, []byte(`{"n": 9}`)))
	again, err := b.BeginRunRequest(b.ctx, r)
	require.NoError(t, err)
	require.Equal(t, string(first), string(again))
	require.NoError(t, b.ForgetRunRequest(b.ctx, r), "what was answered stays")
	_, err = b.BeginRunRequest(b.ctx, other)
	require.Equal(t, fault.IdempotencyConflict, fault.KindOf(err))
	refused := metadata.RunRequest{Pipeline: "nobody", Key: "monday", RequestHash: []byte("h")}
	_, err = b.BeginRunRequest(b.ctx, refused)
	require.NoError(t, err)
	require.NoError(t, b.ForgetRunRequest(b.ctx, refused))
	refused.RequestHash = []byte("j")
	_, err = b.BeginRunRequest(b.ctx, refused)
	require.NoError(t, err, "a refused key may be used again")
}
