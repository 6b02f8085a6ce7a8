package evaluation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// BenchmarkEvaluate judges on as many rows as the 3,000,000 flights have for the
// test: a live model beside it, twelve inputs, a declared slice of fifty values.
func BenchmarkEvaluate(b *testing.B) {
	for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary} {
		b.Run(string(task), func(b *testing.B) {
			o := many(450_000, task)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := evaluation.Evaluate(context.Background(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// many are options over n rows with a number, states, a time and more numbers.
func many(n int, task pipeline.Task) evaluation.Options {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float64, n), make([]float64, n)
	states, dict := make([]int32, n), make([]string, 50)
	times := make([]int64, n)
	for i := range dict {
		dict[i] = string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
	}
	f := &frame.Frame{Rows: n}
	for i := range n {
		x[i], states[i], times[i] = r.Float64(), int32(r.IntN(50)), int64(i)*60e6
		y[i] = 2*x[i] + r.NormFloat64()
		if task == pipeline.Binary {
			y[i] = 0
			if r.Float64() < x[i] {
				y[i] = 1
			}
		}
	}
	f.Columns = []frame.Column{
		{Name: "x", Numbers: x}, {Name: "y", Numbers: y}, {Name: "state", Kind: frame.Text, Codes: states, Dict: dict}, {Name: "at", Kind: frame.Time, Times: times},
	}
	inputs := []string{"x", "state", "at"}
	for j := range 9 {
		more := make([]float64, n)
		for i := range more {
			more[i] = math.Floor(r.Float64() * 1000)
		}
		name := "z" + string(rune('0'+j))
		inputs = append(inputs, name)
		f.Columns = append(f.Columns, frame.Column{Name: name, Numbers: more})
	}
	o := evaluation.Options{
		Problem: pipeline.Problem{Task: task, Target: "y", Metric: pipeline.Metrics(task)[0]}, Test: f, Validation: f, EventTime: "at",
		Evaluate: pipeline.Evaluate{Slices: []pipeline.SliceEntry{{"state"}}, Fairness: []string{"state"}},
	}
	var classes []string
	slope := 2.0
	if task == pipeline.Binary {
		classes, slope = []string{"0", "1"}, 1
		o.Problem.Costs = &pipeline.Costs{FalsePositive: 1, FalseNegative: 4}
	}
	o.Contenders = []evaluation.Contender{
		{Name: "baseline", Kind: "baseline", Predictor: line{classes: classes}},
		{Name: "good", Kind: "ols", Inputs: inputs, Predictor: line{slope: slope, classes: classes}},
	}
	o.Champion = &evaluation.Contender{Name: "old@1", Kind: "champion", Predictor: line{slope: slope * 0.9, classes: classes}}
	return o
}
