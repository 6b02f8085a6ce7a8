package bundle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// flights is a random table with a column of each kind, some values missing.
func flights(seed uint64, rows int) *frame.Frame {
	r := rand.New(rand.NewPCG(seed, 1))
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "unused", Numbers: make([]float64, rows)},
		{Name: "origin", Kind: frame.Text, Codes: make([]int32, rows), Dict: []string{"SFO", "JFK", "", "GRU"}},
		{Name: "departs", Kind: frame.Time, Times: make([]int64, rows)},
		{Name: "distance", Numbers: make([]float64, rows)},
	}}
	for i := range rows {
		f.Columns[1].Codes[i] = int32(r.IntN(5)) - 1
		f.Columns[2].Times[i] = 1_700_000_000_000_000 + r.Int64N(1e14)
		f.Columns[3].Numbers[i] = math.Round(r.Float64() * 3000)
		if r.IntN(10) == 0 {
			f.Columns[2].Times[i] = frame.MissingTime
		}
		if r.IntN(10) == 0 {
			f.Columns[3].Numbers[i] = math.NaN()
		}
	}
	return f
}

// parts fits features on flights and makes a model over them for the task.
func parts(t testing.TB, task pipeline.Task) (*feature.Fitted, *feature.Target, model.Model) {
	t.Helper()
	fitted, err := feature.Fit([]pipeline.Feature{
		{Columns: []string{"distance"}, Apply: []pipeline.Transform{{Log1p: &struct{}{}}, {Impute: &pipeline.Impute{}}, {Standardize: &struct{}{}}}},
		{Columns: []string{"origin"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{}}}},
		{Columns: []string{"departs"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Parts: []string{"hour"}, AsCategories: []string{"month"}}}, {Impute: &pipeline.Impute{}}}},
	}, flights(1, 300))
	if err != nil {
		t.Fatal(err)
	}
	x, err := fitted.Apply(flights(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	target := &feature.Target{Column: "delay", Kind: "number", Task: task}
	m := &model.Linear{Learner: "ols", Link: model.Identity, Names: x.Names()}
	rows := 1
	switch task {
	case pipeline.Binary:
		target.Kind, target.Classes = "text", []string{"on time", "late"}
		m.Learner, m.Link = "logistic", model.Logistic
	case pipeline.Multiclass:
		target.Kind, target.Classes = "text", []string{"early", "late", "on time"}
		m.Learner, m.Link, rows = "logistic", model.Softmax, 3
	}
	r := rand.New(rand.NewPCG(2, 3))
	for range rows {
		w := make([]float64, x.Width())
		for i := range w {
			w[i] = r.NormFloat64()
		}
		m.Intercepts, m.Coefficients = append(m.Intercepts, r.NormFloat64()), append(m.Coefficients, w)
	}
	return fitted, target, m
}

func predictor(t testing.TB, task pipeline.Task) *Predictor {
	t.Helper()
	fitted, target, m := parts(t, task)
	sig, err := SignatureOf(flights(1, 300), fitted, target)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPredictor(fitted, target, m, sig)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// contents is everything a run would package.
func contents(t testing.TB, task pipeline.Task) Contents {
	t.Helper()
	p, train := predictor(t, task), flights(1, 300)
	predictions := make([]float64, train.Rows*p.Outputs())
	if err := p.Predict(train, predictions); err != nil {
		t.Fatal(err)
	}
	baseline, err := BaselineOf(train, p.signature, p.target, predictions)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := Golden(p, flights(2, 50), 5)
	if err != nil {
		t.Fatal(err)
	}
	return Contents{
		Name: "flights", Run: "flights/run/2026-11-23T03-00Z-7c1f",
		Signature: p.signature, Features: p.features, Target: p.target, Model: p.model, ONNX: []byte("a graph"), PMML: []byte("a document"),
		Baseline: baseline, Golden: golden,
		Metrics: Metrics{Metric: "rmse", Test: map[string]float64{"rmse": 31.25, "mae": 20}, Baseline: map[string]float64{"rmse": 40}},
		Lineage: Lineage{Run: "r", Pipeline: "aa", Dataset: "bb", Splits: map[string]string{"train": "cc", "test": "dd"}},
		Card:    "# Model card\n",
	}
}

func build(t testing.TB, c Contents) []byte {
	t.Helper()
	data, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func answers(t testing.TB, p *Predictor, f *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, f.Rows*p.Outputs())
	if err := p.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	return out
}

var tasks = []pipeline.Task{pipeline.Regression, pipeline.Binary, pipeline.Multiclass}

func eachTask(t *testing.T, f func(t *testing.T, task pipeline.Task)) {
	for _, task := range tasks {
		t.Run(fmt.Sprint(task), func(t *testing.T) { f(t, task) })
	}
}
