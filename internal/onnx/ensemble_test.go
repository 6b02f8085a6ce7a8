package onnx_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
)

// A mean of a linear model and trees, which look at the same features in different
// ways, agrees as each does alone.
func TestEnsemblesAgreeOverEveryTransform(t *testing.T) {
	for name, list := range transforms {
		fitted := fit(t, list, 3)
		train, err := fitted.Apply(table(4, 3000))
		if err != nil {
			t.Fatal(name, err)
		}
		for classes, target := range map[int]*feature.Target{0: regression, 2: binary, 4: multiclass} {
			m := &model.Ensemble{Members: []model.Member{
				{Weight: 0.3, Model: linearOn(t, train, classes)},
				{Weight: 0.7, Model: boosted(t, train, classes, model.Settings{Params: model.Params{"max_iter": 15, "min_samples_leaf": 5}})},
			}}
			graph := export(t, fitted, target, m)
			f := table(5, 2000)
			x, err := fitted.Apply(f)
			if err != nil {
				t.Fatal(name, err)
			}
			compare(t, graph, m, f, x, fmt.Sprintf("%s, %d classes", name, classes))
		}
	}
}

func linearOn(t *testing.T, x *frame.Matrix, classes int) model.Model {
	t.Helper()
	kind := "logistic"
	if classes == 0 {
		kind = "ols"
	}
	learner, err := model.For(kind)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, x.Rows)
	for i := range y {
		y[i] = float64(i % max(2, classes))
	}
	m, _, err := learner.Fit(context.Background(), model.Data{X: x, Y: y, Classes: classes}, model.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
