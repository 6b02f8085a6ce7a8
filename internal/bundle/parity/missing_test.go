package parity_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/bundle/parity"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Trees learn from what is missing where the plan says nothing about it, alone and
// in an ensemble beside a model that is given the median; ONNX answers the same.
func TestTreesReadWhatIsMissing(t *testing.T) {
	f := heldOut(3000)
	distance := f.Column("distance")
	for i := range distance.Numbers {
		if i%3 == 0 {
			distance.Numbers[i] = math.NaN()
		}
	}
	target, y := &feature.Target{Column: "delay", Kind: "number", Task: pipeline.Regression}, make([]float64, f.Rows)
	for i, v := range distance.Numbers {
		if y[i] = 10; !math.IsNaN(v) {
			y[i] = math.Sin(v / 300)
		}
	}
	plan := []pipeline.Feature{
		{Columns: []string{"distance"}},
		{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Expr: &pipeline.Expr{Name: "half", Formula: "distance / 2"}}, {Polynomial: &pipeline.Polynomial{}}}},
	}
	fitted, x, err := feature.FitApply(plan, f, feature.Supervised(target, y))
	require.NoError(t, err)
	fit := func(kind string) model.Model {
		learner, err := model.For(kind)
		require.NoError(t, err)
		m, _, err := learner.Fit(context.Background(), model.Data{X: x, Y: y}, model.Settings{})
		require.NoError(t, err)
		return m
	}
	trees := fit("boosted_trees")
	for name, m := range map[string]model.Model{
		"trees":    trees,
		"ensemble": &model.Ensemble{Members: []model.Member{{Weight: 0.75, Model: trees}, {Weight: 0.25, Model: fit("ridge")}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := predictor(t, fitted, target, m)
			got, err := parity.Check(context.Background(), p, export(t, fitted, target, m), heldOut(2000), 1e-9)
			require.NoError(t, err)
			require.Greater(t, got.Rows, 1999)
			one := &frame.Frame{Rows: 2, Columns: []frame.Column{{Name: "distance", Numbers: []float64{math.NaN(), 600}}}}
			answers := make([]float64, 2)
			require.NoError(t, p.Predict(one, answers))
			require.Greater(t, answers[0], answers[1]+5, "missing is not the median")
		})
	}
}
