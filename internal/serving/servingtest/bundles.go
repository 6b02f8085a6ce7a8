package servingtest

import (
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Regression is a real bundle whose answer is offset plus the distance plus,
// for JFK, 0.5: the answer tells which bundle gave it.
func Regression(t testing.TB, offset float64) []byte {
	t.Helper()
	f := &frame.Frame{Rows: 4, Columns: []frame.Column{
		{Name: "distance", Kind: frame.Number, Numbers: []float64{100, 200, 300, 400}},
		{Name: "origin", Kind: frame.Text, Codes: []int32{0, 1, 0, 1}, Dict: []string{"JFK", "LAX"}},
		{Name: "departs", Kind: frame.Time, Times: []int64{1e15, 1.1e15, 1.2e15, 1.3e15}},
		{Name: "delay", Kind: frame.Number, Numbers: []float64{1, 2, 3, 4}},
	}}
	return build(t, f, pipeline.Problem{Task: pipeline.Regression, Target: "delay"}, func(names []string) *model.Linear {
		m := &model.Linear{Learner: "ols", Link: model.Identity, Intercepts: []float64{offset}, Coefficients: [][]float64{make([]float64, len(names))}, Names: names}
		for i, n := range names {
			switch n {
			case "distance":
				m.Coefficients[0][i] = 1
			case "origin=JFK":
				m.Coefficients[0][i] = 0.5
			}
		}
		return m
	})
}

// Multiclass is a real bundle that answers with one of three classes.
func Multiclass(t testing.TB) []byte {
	t.Helper()
	f := &frame.Frame{Rows: 3, Columns: []frame.Column{
		{Name: "distance", Kind: frame.Number, Numbers: []float64{100, 200, 300}},
		{Name: "species", Kind: frame.Text, Codes: []int32{0, 1, 2}, Dict: []string{"a", "b \"q\"", "c<é>"}},
	}}
	return build(t, f, pipeline.Problem{Task: pipeline.Multiclass, Target: "species"}, func(names []string) *model.Linear {
		return &model.Linear{Learner: "logistic", Link: model.Softmax, Intercepts: []float64{0, 1, 0}, Coefficients: [][]float64{{0}, {0}, {0.01}}, Names: names}
	})
}

func build(t testing.TB, f *frame.Frame, problem pipeline.Problem, linear func(names []string) *model.Linear) []byte {
	t.Helper()
	median := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "median"}}
	list := []pipeline.Feature{{Columns: []string{"distance"}, Apply: []pipeline.Transform{median}}}
	if f.Column("origin") != nil {
		list = append(list,
			pipeline.Feature{Columns: []string{"origin"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{MaxCategories: 10, MinCount: 1}}}},
			pipeline.Feature{Columns: []string{"departs"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"hour"}}}, median}})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fitted, err := feature.Fit(list, f)
	must(err)
	target, err := feature.FitTarget(problem, f.Column(problem.Target))
	must(err)
	x, err := fitted.Apply(f)
	must(err)
	m := linear(x.Names())
	sig, err := bundle.SignatureOf(f, fitted, target)
	must(err)
	p, err := bundle.NewPredictor(fitted, target, m, sig)
	must(err)
	golden, err := bundle.Golden(p, f, 3)
	must(err)
	out := make([]float64, f.Rows*p.Outputs())
	must(p.Predict(f, out))
	baseline, err := bundle.BaselineOf(f, sig, target, out)
	must(err)
	data, err := bundle.Build(bundle.Contents{
		Name: "flights", Signature: sig, Features: fitted, Target: target, Model: m, Baseline: baseline, Golden: golden, Card: "# card",
		Lineage: bundle.Lineage{Pipeline: strings.Repeat("a", 64), Dataset: strings.Repeat("b", 64)},
	})
	must(err)
	return data
}
