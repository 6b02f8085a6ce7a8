package tuning_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// A random key of two rows each, encoded by the target, teaches a fold nothing: on
// the rows held out the model is as good as the mean, on its own rows not better
// than chance allows. Encodings that saw their own rows would make it far worse on
// the former, for it would trust them.
func TestARandomKeyTeachesAFoldNothing(t *testing.T) {
	const rows = 6000
	r := rand.New(rand.NewPCG(2, 3))
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "key", Kind: frame.Text, Codes: make([]int32, rows)}, {Name: "y", Numbers: make([]float64, rows)},
	}}
	for k := range rows / 2 {
		f.Columns[0].Dict = append(f.Columns[0].Dict, fmt.Sprint("key ", k))
	}
	var train, held []int32
	for i := range rows {
		f.Columns[0].Codes[i], f.Columns[1].Numbers[i] = int32(r.IntN(rows/2)), r.NormFloat64()
		if i%3 == 0 {
			held = append(held, int32(i))
		} else {
			train = append(train, int32(i))
		}
	}
	problem := pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}
	rmse := func(kind string, smoothing *float64) float64 {
		plan := []pipeline.Feature{{Columns: []string{"key"}, Apply: []pipeline.Transform{{TargetEncode: &pipeline.TargetEncode{Smoothing: smoothing}}}}}
		got, err := tuning.FitFold(t.Context(), plan, problem, f, train, held, tuning.Trial{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return got.Scores["rmse"]
	}
	for _, smoothing := range []*float64{nil, new(0.0), new(1.0)} {
		baseline, model := rmse("baseline", smoothing), rmse("ols", smoothing)
		if model > 1.01*baseline || model < 0.99*baseline {
			t.Errorf("rmse %.4f where the mean has %.4f", model, baseline)
		}
	}
}
