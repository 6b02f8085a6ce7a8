package activities

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// repetition is two runs, r and the one that repeats it.
type repetition struct{ *elsewhere }

func newRepetition(t *testing.T) repetition {
	t.Helper()
	e := newElsewhere(t)
	_, _, err := e.DB.StartRun(t.Context(), metadata.StartRun{ID: "again", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	return repetition{e}
}

func (r repetition) record(run, step string, outputs metadata.Outputs) {
	r.t.Helper()
	require.NoError(r.t, r.DB.SaveStep(r.t.Context(), metadata.StepRecord{Run: run, Step: step, Attempt: 1, Cache: metadata.CacheOff, Outputs: outputs, Started: time.Now()}))
}

func (r repetition) text(s, mediaType string) artifact.Ref {
	r.t.Helper()
	ref, err := r.Store.PutBytes(r.t.Context(), []byte(s), mediaType)
	require.NoError(r.t, err)
	return ref
}

func (r repetition) compare() CompareResult {
	r.t.Helper()
	value, err := r.env.ExecuteActivity(r.Compare, CompareParams{Run: Run{ID: "again", Reproduces: "r"}})
	require.NoError(r.t, err)
	var res CompareResult
	require.NoError(r.t, value.Get(&res))
	return res
}

// judgedIn is the outputs of an evaluation whose gate found answers to take so long.
func (r repetition) judgedIn(micros float64, alter func(*evaluation.Evaluation)) metadata.Outputs {
	r.t.Helper()
	bound := 1e6
	result := evaluation.Result{Name: "ridge", Kind: "ridge", Rows: 9, Scores: map[string]float64{"rmse": 2}}
	e := &evaluation.Evaluation{
		Problem: pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}, Decision: evaluation.Accepted, Reason: "it is better",
		Validation: []evaluation.Result{result}, Test: result, Baseline: evaluation.Result{Name: "baseline", Kind: "baseline", Rows: 9, Scores: map[string]float64{"rmse": 3}},
		Slices: &evaluation.Slices{},
		Gates: []evaluation.GateResult{
			{Gate: pipeline.Gate{Metric: "rmse", Against: "baseline"}, Condition: "rmse < 3", Value: 2, Reference: 3, Required: 3, Passed: true, Reason: "rmse 2 is below 3"},
			{
				Gate: pipeline.Gate{Metric: "latency_p95_us", MaxLatencyUS: &bound, Percentile: "p95"}, Condition: "latency_p95_us <= 1e+06", Value: micros, Required: bound,
				Passed: true, Reason: "latency_p95_us " + number(micros) + " is at most 1e+06 (of 1000 answers to one row)",
			},
		},
	}
	if alter != nil {
		alter(e)
	}
	var page bytes.Buffer
	require.NoError(r.t, e.HTML(&page, "p"))
	body, err := r.Store.PutJSON(r.t.Context(), e)
	require.NoError(r.t, err)
	return metadata.Outputs{"evaluation": body, "report": r.text(page.String(), artifact.MediaTypeHTML)}
}

func TestWhatTheClockMeasuredDoesNotDiffer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alter   func(*evaluation.Evaluation)
		spoil   bool // the page
		differs string
	}{
		"the clock alone": {},
		"a score":         {alter: func(e *evaluation.Evaluation) { e.Test.Scores = map[string]float64{"rmse": 2.5} }, differs: "first at test.scores.rmse (2, 2.5)"},
		"another gate":    {alter: func(e *evaluation.Evaluation) { e.Gates[0].Reason = "rmse is fine" }, differs: "first at gates[0].reason"},
		"the decision":    {alter: func(e *evaluation.Evaluation) { e.Gates[1].Passed = false }, differs: "first at gates[1].passed (true, false)"},
		"the page":        {spoil: true, differs: "evaluate: report was"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepetition(t)
			recorded, repeated := r.judgedIn(12.5, nil), r.judgedIn(7250.25, c.alter)
			require.NotEqual(t, recorded["evaluation"], repeated["evaluation"])
			require.NotEqual(t, recorded["report"], repeated["report"])
			if c.spoil {
				page, err := r.Store.Bytes(t.Context(), repeated["report"], maxCompared)
				require.NoError(t, err)
				repeated["report"] = r.text(string(page)+" and more", artifact.MediaTypeHTML)
			}
			r.record("r", "evaluate", recorded)
			r.record("again", "evaluate", repeated)
			res := r.compare()
			require.Equal(t, c.differs == "", res.Same, res.First)
			require.Contains(t, res.First, c.differs)
			require.Equal(t, 2, res.Outputs)
		})
	}
}

func TestATrainersReportIsNotCompared(t *testing.T) {
	t.Parallel()
	r := newRepetition(t)
	model := r.text("{}", artifact.MediaTypeJSON)
	r.record("r", "fit", metadata.Outputs{"model": model, trainerReport: r.text("<p>Fitted on Monday", artifact.MediaTypeHTML)})
	r.record("again", "fit", metadata.Outputs{"model": model, trainerReport: r.text("<p>Fitted on Tuesday", artifact.MediaTypeHTML)})
	res := r.compare()
	require.True(t, res.Same, res.First)
	require.Equal(t, 1, res.Outputs)
}

func TestAFitOfTheSameScoreAndAnotherModelDiffers(t *testing.T) {
	t.Parallel()
	r := newRepetition(t)
	fit := func(run, digest string) {
		s := metadata.StepRecord{Run: run, Step: "fit", Attempt: 1, Cache: metadata.CacheOff, Started: time.Now()}
		s.Trial = &metadata.Trial{Run: run, Outer: -1, Trial: 3, Fold: 1, Kind: "ridge", Share: 1, Scores: metadata.Values{"rmse": 2}, ModelDigest: digest}
		require.NoError(t, r.DB.SaveStep(t.Context(), s))
	}
	fit("r", "one")
	fit("again", "")
	require.True(t, r.compare().Same, "a build that recorded no digest differs in none")
	fit("again", "two")
	res := r.compare()
	require.False(t, res.Same)
	require.Equal(t, "train, ridge, trial 3, fold 1: model was one and is two", res.First)
	fit("again", "one")
	require.True(t, r.compare().Same)
}
