package bundle

import (
	"context"
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// trees is a predictor with boosted trees of a number of rounds, all grown to their
// depth of 6.
func trees(t testing.TB, rounds float64) *Predictor {
	t.Helper()
	p, train := predictor(t, pipeline.Regression), flights(1, 20_000)
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
		d.Y[i] = math.Mod(float64(i)*0.7548776662, 1) * float64(i%13)
	}
	m, _, err := learner.Fit(context.Background(), d, model.Settings{Params: model.Params{"max_iter": rounds, "max_depth": 6}})
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewPredictor(p.features, p.target, m, p.signature)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What the inputs added, and the expected score, add up to the answer, for a linear
// model and for trees.
func TestContributionsOfTheInputsAddUpToTheAnswer(t *testing.T) {
	for name, p := range map[string]*Predictor{"linear": predictor(t, pipeline.Regression), "trees": trees(t, 20)} {
		f := flights(2, 50)
		width := len(p.signature.Inputs) + 1
		out, why := make([]float64, f.Rows), make([]float64, f.Rows*width)
		if err := p.Predict(f, out); err != nil {
			t.Fatal(err)
		}
		if err := p.Explain(f, why); err != nil {
			t.Fatal(err)
		}
		varied := false
		for i := range out {
			sum := 0.0
			for _, v := range why[i*width : (i+1)*width] {
				sum += v
			}
			if math.Abs(sum-out[i]) > 1e-6*(1+math.Abs(out[i])) {
				t.Fatalf("%s, row %d: %v adds up to %v, not %v", name, i, why[i*width:(i+1)*width], sum, out[i])
			}
			varied = varied || why[i*width] != why[0]
		}
		if !varied {
			t.Errorf("%s: every row has the same reason", name)
		}
	}
}

// A feature made of several inputs is of all of them, and one made of a product is of
// what its factors are.
func TestSourcesOfFeatures(t *testing.T) {
	f := &feature.Fitted{Inputs: []feature.Input{{Name: "a"}, {Name: "b"}, {Name: "c"}}, Chains: []feature.Chain{
		{Name: "b", Column: "b"}, {Name: "sum", Columns: []string{"c", "a"}}, {Name: "b × h", Factors: []string{"b", "h"}}, {Name: "h", Column: "c", Hidden: true},
	}}
	got := f.Sources()
	want := [][]int{{1}, {0, 2}, {1, 2}}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if len(got[i]) != len(want[i]) || got[i][0] != want[i][0] || got[i][len(got[i])-1] != want[i][len(want[i])-1] {
			t.Fatal(got)
		}
	}
}

// A model that cannot be explained says so.
func TestAModelThatOnlyAnswersSaysSo(t *testing.T) {
	p := predictor(t, pipeline.Regression)
	q, err := NewPredictor(p.features, p.target, &model.Constant{Values: []float64{1}}, p.signature)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Explain(&frame.Frame{}, nil); fault.KindOf(err) != fault.RequestInvalid {
		t.Fatal(err)
	}
}

// One row through features and trees allocates nothing.
func TestOneRowOfTreesAllocatesNothing(t *testing.T) {
	p, f := trees(t, 20), flights(2, 1)
	out := make([]float64, 1)
	if n := testing.AllocsPerRun(1000, func() {
		if err := p.Predict(f, out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkTrees answers one row with 100 trees of depth 6: features and trees.
func BenchmarkTrees(b *testing.B) {
	p, f := trees(b, 100), flights(2, 1)
	out := make([]float64, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Predict(f, out); err != nil {
			b.Fatal(err)
		}
	}
}
