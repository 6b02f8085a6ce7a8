package window_test

import (
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

// answer is one of version 1 with its label.
func answer(features, outputs, label string) metadata.Answer {
	return metadata.Answer{Label: []byte(label), Prediction: metadata.Prediction{ModelName: "m", ModelVersion: 1, At: begins, Status: 200, Features: []byte(features), Outputs: []byte(outputs)}}
}

func nobody(window.Model) ([]*drift.Summary, error) { return nil, nil }

// thirds are answers "a" of a probability from a half on, right less often than that
// by so much, and the classes there were.
func thirds(n int, less float64) (p, y []float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for range n {
		q, class := .5+r.Float64()/2, 0.
		if r.Float64() >= q-less {
			class = 1 + float64(r.IntN(2))
		}
		p, y = append(p, q, (1-q)/2, (1-q)/2), append(y, class)
	}
	return p, y
}

func TestCalibrationOfManyClassesIsThatOfTheAnswered(t *testing.T) {
	names := []string{"a", "b", "c"}
	p, y := thirds(2000, 0)
	f := &frame.Frame{Rows: 2000, Columns: []frame.Column{{Name: "x", Kind: frame.Number, Numbers: make([]float64, 2000)}}}
	target := &feature.Target{Column: "y", Kind: "text", Task: pipeline.Multiclass, Classes: names}
	sig := bundle.Signature{Inputs: []bundle.Input{{Name: "x", Kind: "number"}}}
	baseline, err := bundle.BaselineOf(f, sig, target, p)
	require.NoError(t, err)
	estimator, err := drift.FitCalibration(p, y, 3)
	require.NoError(t, err)
	measure := func(e *drift.Estimator, n int, less float64) *window.Measures {
		m := window.Model{Name: "m", Version: 1, Bundle: &bundle.Bundle{Contents: bundle.Contents{Signature: sig, Target: target, Baseline: baseline, Estimator: e}}}
		c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m, nil })
		p, y := thirds(n, less)
		for i, class := range y {
			a := fmt.Appendf(nil, `{"label":"a","probabilities":{"a":%g,"b":%g,"c":%g}}`, p[3*i], p[3*i+1], p[3*i+2])
			require.NoError(t, c.Add(answer(`{"x":0}`, string(a), fmt.Sprintf("%q", names[int(class)]))))
		}
		out, _, err := c.Measure(t.Context(), window.Options{MinRows: 500, Previous: nobody})
		require.NoError(t, err)
		return out
	}
	bound := .1
	on := pipeline.MonitorAlert{On: pipeline.OnCalibration, Max: &bound}
	for less, want := range map[float64]alert.Verdict{0: alert.Within, .3: alert.Breached} {
		m := measure(estimator, 3000, less)
		got := one(t, m, on)
		require.Equal(t, want, got.Verdict, got.Message)
		require.InDelta(t, less, float64(got.Value), .04)
		require.Equal(t, "the validation rows", got.Against)
		require.Contains(t, got.Message, "on the validation rows ("+string(m.Models[0].Calibration.Drift.Outcome)+")")
		require.Equal(t, map[bool]drift.Outcome{true: drift.Drifted, false: drift.Stable}[less > 0], m.Models[0].Calibration.Drift.Outcome)
		var page strings.Builder
		require.NoError(t, m.Write(&page, nil))
		require.Contains(t, page.String(), "on the validation rows; chance alone makes")
		require.Equal(t, less > 0, strings.Contains(page.String(), "Calibration lost:"))
	}
	few := one(t, measure(estimator, 100, 0), on)
	require.Equal(t, alert.Unknown, few.Verdict)
	require.Equal(t, "insufficient data: calibration needs 500 labelled answers; there are 100", few.Message)

	older := *estimator
	older.ECE = nil
	for _, e := range []*drift.Estimator{&older, nil} {
		m := measure(e, 3000, 0)
		require.Nil(t, m.Models[0].Calibration.Drift)
		require.Empty(t, one(t, m, on).Against)
		var page strings.Builder
		require.NoError(t, m.Write(&page, nil))
		require.Contains(t, page.String(), "over 3000 labelled answers; chance alone makes")
	}
}

func TestCalibrationIsNotDefinedForARegression(t *testing.T) {
	f := &frame.Frame{Rows: 2, Columns: []frame.Column{{Name: "x", Kind: frame.Number, Numbers: []float64{1, 2}}}}
	target := &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	sig := bundle.Signature{Inputs: []bundle.Input{{Name: "x", Kind: "number"}}}
	baseline, err := bundle.BaselineOf(f, sig, target, []float64{1, 2})
	require.NoError(t, err)
	m := window.Model{Name: "m", Version: 1, Bundle: &bundle.Bundle{Contents: bundle.Contents{Signature: sig, Target: target, Baseline: baseline}}}
	c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m, nil })
	for range 600 {
		require.NoError(t, c.Add(answer(`{"x":1}`, `{"prediction":1}`, `2`)))
	}
	out, _, err := c.Measure(t.Context(), window.Options{MinRows: 500, Previous: nobody})
	require.NoError(t, err)
	bound := .1
	got := one(t, out, pipeline.MonitorAlert{On: pipeline.OnCalibration, Max: &bound})
	require.Equal(t, alert.Unknown, got.Verdict)
	require.Contains(t, got.Message, "not defined for a regression")
}
