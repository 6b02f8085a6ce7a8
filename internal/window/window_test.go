package window_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

var begins = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// classifier answers P(late) = x, and is right: of rows with x so many are late.
func classifier(t *testing.T) window.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	const rows = 2000
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: "x", Kind: frame.Number}}}
	var p, y []float64
	for range rows {
		x := r.Float64()
		f.Columns[0].Numbers, p = append(f.Columns[0].Numbers, x), append(p, 1-x, x)
		late := 0.
		if r.Float64() < x {
			late = 1
		}
		y = append(y, late)
	}
	target := &feature.Target{Column: "y", Kind: "text", Task: pipeline.Binary, Classes: []string{"on time", "late"}}
	sig := bundle.Signature{Inputs: []bundle.Input{{Name: "x", Kind: "number"}}}
	baseline, err := bundle.BaselineOf(f, sig, target, p)
	require.NoError(t, err)
	estimator, err := drift.FitCalibration(p, y, 2)
	require.NoError(t, err)
	return window.Model{Name: "m", Version: 3, Bundle: &bundle.Bundle{Contents: bundle.Contents{
		Signature: sig, Target: target, Baseline: baseline, Estimator: estimator, Metrics: bundle.Metrics{Metric: "log_loss", Test: map[string]float64{"log_loss": .5, "accuracy": .75}},
	}}}
}

// measured is a window of n answers, late as often as the model says plus more.
func measured(t *testing.T, n int, length time.Duration, more float64, o window.Options) (*window.Measures, []metadata.WindowSummary) {
	t.Helper()
	m := classifier(t)
	c := window.Collect(begins, begins.Add(length), func(string, int) (window.Model, error) { return m, nil })
	r := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		x := r.Float64()
		class := "on time"
		if r.Float64() < x+more {
			class = "late"
		}
		label, err := json.Marshal(class)
		require.NoError(t, err)
		require.NoError(t, c.Add(metadata.Answer{Label: label, Prediction: metadata.Prediction{
			ModelName: "m", ModelVersion: 3, At: begins.Add(length * time.Duration(i) / time.Duration(n)), Status: 200, LatencyUS: 2000,
			Features: fmt.Appendf(nil, `{"x":%g}`, x), Outputs: fmt.Appendf(nil, `{"label":"late","probabilities":{"on time":%g,"late":%g}}`, 1-x, x),
		}}))
	}
	o.Endpoint, o.MinRows = "e", 500
	if o.Previous == nil {
		o.Previous = func(window.Model) ([]*drift.Summary, error) { return nil, nil }
	}
	out, summaries, err := c.Measure(t.Context(), o)
	require.NoError(t, err)
	return out, summaries
}

func one(t *testing.T, m *window.Measures, a pipeline.MonitorAlert) alert.Finding {
	t.Helper()
	got := window.Findings(m, []pipeline.MonitorAlert{a})
	require.Len(t, got, 1)
	require.NotEmpty(t, got[0].Message)
	return got[0]
}

func TestAClassifierIsScoredEstimatedAndItsCalibrationTold(t *testing.T) {
	as, _ := measured(t, 3000, time.Hour, 0, window.Options{})
	worse, _ := measured(t, 3000, time.Hour, .5, window.Options{})
	tenth := .1
	for _, kind := range []string{pipeline.OnPerformance, pipeline.OnCalibration, pipeline.OnEstimatedPerformance} {
		a := pipeline.MonitorAlert{On: kind, Metric: "accuracy", Severity: "critical"}
		if kind == pipeline.OnCalibration {
			a.Max = &tenth
		} else {
			a.MaxLoss = &tenth
		}
		require.Equal(t, alert.Within, one(t, as, a).Verdict, kind)
		want := alert.Breached
		if kind == pipeline.OnEstimatedPerformance { // it knows the requests alone, which are as they were
			want = alert.Within
		}
		f := one(t, worse, a)
		require.Equal(t, want, f.Verdict, "%s: %s", kind, f.Message)
	}
	for bound, want := range map[float64]alert.Verdict{.5: alert.Within, .9: alert.Breached} {
		require.Equal(t, want, one(t, as, pipeline.MonitorAlert{On: pipeline.OnPerformance, Metric: "accuracy", Min: &bound}).Verdict)
	}
	for bound, want := range map[float64]alert.Verdict{1: alert.Breached, 5: alert.Within} {
		require.Equal(t, want, one(t, as, pipeline.MonitorAlert{On: pipeline.OnLatency, Max: &bound}).Verdict)
	}
	var page strings.Builder
	require.NoError(t, as.Write(&page, nil))
	require.Contains(t, page.String(), "m@3")
}

func TestWhatIsNotMeasuredIsUnknownAndSaid(t *testing.T) {
	m, _ := measured(t, 3000, time.Hour, 0, window.Options{Features: []string{"y"}})
	bound := .5
	for _, a := range []pipeline.MonitorAlert{
		{On: pipeline.OnMultivariateDrift, Max: &bound}, {On: pipeline.OnPerformance, Metric: "accuracy", Min: &bound, Slice: map[string]string{"x": "1"}},
		{On: pipeline.OnDataDrift, Measure: "psi", Max: &bound}, {On: pipeline.OnDataDrift, Measure: "psi", Max: &bound, Against: "previous"}, {On: pipeline.OnPerformance, Metric: "no", MaxLoss: &bound},
	} {
		require.Equal(t, alert.Unknown, one(t, m, a).Verdict, a)
	}
	few, _ := measured(t, 100, time.Hour, 0, window.Options{})
	require.Equal(t, window.Insufficient, few.State)
	f := one(t, few, pipeline.MonitorAlert{On: pipeline.OnPerformance, Metric: "accuracy", Min: &bound})
	require.Equal(t, alert.Unknown, f.Verdict)
	require.Contains(t, f.Message, "insufficient data")
	require.Contains(t, f.Message, "scores need 500 labelled answers; there are 100")
}

// Few requests tell of failures only where chance cannot be it.
func TestFewRequestsTellOfMassFailure(t *testing.T) {
	bound := .01
	for failed, want := range map[int]alert.Verdict{0: alert.Unknown, 1: alert.Breached, 20: alert.Breached} {
		c := window.Collect(begins, begins.Add(time.Hour), nil)
		for i := range 20 {
			status := 200
			if i < failed {
				status = 500
			}
			require.NoError(t, c.Add(metadata.Answer{Prediction: metadata.Prediction{Status: status, LatencyUS: 5}}))
		}
		m, _, err := c.Measure(t.Context(), window.Options{MinRows: 500})
		require.NoError(t, err)
		if failed == 1 { // one of twenty: Wilson's lower end is 0.9 %
			want = alert.Unknown
		}
		require.Equal(t, want, one(t, m, pipeline.MonitorAlert{On: pipeline.OnErrors, Max: &bound}).Verdict, failed)
	}
}

// A long window is kept by the hour, and is what its hours merge to.
func TestALongWindowIsKeptByTheHour(t *testing.T) {
	m, summaries := measured(t, 3000, 3*time.Hour, 0, window.Options{})
	require.Len(t, summaries, 3)
	layout := &classifier(t).Bundle.Baseline.Layout
	var parts []*drift.Summary
	for i, s := range summaries {
		require.Equal(t, begins.Add(time.Duration(i)*time.Hour), s.Begins)
		part, err := drift.Decode(s.Summary, layout)
		require.NoError(t, err)
		require.EqualValues(t, 1000, part.Rows)
		parts = append(parts, part)
	}
	whole, err := drift.Merge(layout, parts...)
	require.NoError(t, err)
	_, once := measured(t, 3000, time.Hour, 0, window.Options{})
	text, err := whole.Encode()
	require.NoError(t, err)
	require.Equal(t, string(once[0].Summary), string(text), "however the rows are dealt to hours")
	again, _ := measured(t, 3000, 3*time.Hour, 0, window.Options{})
	require.Equal(t, m, again)
	before, _ := measured(t, 3000, time.Hour, 0, window.Options{Previous: func(window.Model) ([]*drift.Summary, error) { return parts, nil }})
	bound := .2
	require.Equal(t, alert.Within, one(t, before, pipeline.MonitorAlert{On: pipeline.OnDataDrift, Measure: "psi", Against: "previous", Max: &bound, Significance: .01}).Verdict)
}

func TestALabelThatTheModelCannotAnswerIsCounted(t *testing.T) {
	m := classifier(t)
	c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m, nil })
	for _, a := range []struct{ features, outputs, label string }{
		{`{"x":0.5}`, `{"probabilities":{"on time":0.5,"late":0.5}}`, `"cancelled"`},
		{`{"x":0.5}`, `{"prediction":1}`, `"late"`},
		{`[]`, `{"probabilities":{"on time":0.5,"late":0.5}}`, `"late"`},
	} {
		require.NoError(t, c.Add(metadata.Answer{Label: []byte(a.label), Prediction: metadata.Prediction{ModelName: "m", ModelVersion: 3, At: begins, Status: 200, Features: []byte(a.features), Outputs: []byte(a.outputs)}}))
	}
	out, _, err := c.Measure(t.Context(), window.Options{MinRows: 500, Previous: func(window.Model) ([]*drift.Summary, error) { return nil, nil }})
	require.NoError(t, err)
	require.EqualValues(t, 3, out.Models[0].Rows)
	require.EqualValues(t, 2, out.Models[0].Broken)
	require.EqualValues(t, 1, out.Models[0].Unknown)
	require.Contains(t, strings.Join(out.Models[0].Notes, "; "), "1 labels are nothing this model can answer")
}
