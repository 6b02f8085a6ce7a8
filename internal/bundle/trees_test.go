package bundle

import (
	"context"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Trees are served as they were trained, and only on the features they know.
func TestTreesReadTheFeaturesTheyWereFittedOn(t *testing.T) {
	p, train := predictor(t, pipeline.Regression), flights(1, 300)
	x, err := p.features.Apply(train)
	if err != nil {
		t.Fatal(err)
	}
	learner, err := model.For("boosted_trees")
	if err != nil {
		t.Fatal(err)
	}
	d := model.Data{X: x, Y: make([]float64, x.Rows)}
	for i := range d.Y {
		d.Y[i] = float64(i % 7)
	}
	m, _, err := learner.Fit(context.Background(), d, model.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewPredictor(p.features, p.target, m, p.signature)
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([]float64, train.Rows), make([]float64, train.Rows)
	if err := q.Predict(train, got); err != nil {
		t.Fatal(err)
	}
	m.Predict(x, want)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("row %d is %v, the model says %v", i, got[i], want[i])
		}
	}
	x.Features[0].Name += "_other"
	other, _, err := learner.Fit(context.Background(), d, model.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPredictor(p.features, p.target, other, p.signature); fault.KindOf(err) != fault.BundleInvalid {
		t.Fatal(err)
	}
}
