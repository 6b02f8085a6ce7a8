package parity_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/bundle/parity"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Every transform that ONNX can express answers alike on held-out rows and on
// those made to break it.
func TestEveryTransformAgreesOnAdversaries(t *testing.T) {
	indicated := pipeline.Transform{Impute: &pipeline.Impute{Strategy: "most_frequent", Indicator: true}}
	scaled := pipeline.Transform{Standardize: &struct{}{}}
	number := func(apply ...pipeline.Transform) pipeline.Feature {
		return pipeline.Feature{Columns: []string{"distance"}, Apply: apply}
	}
	text := func(apply ...pipeline.Transform) pipeline.Feature {
		return pipeline.Feature{Columns: []string{"origin"}, Apply: apply}
	}
	for name, entry := range map[string]pipeline.Feature{
		"indicator":     number(indicated),
		"min_max":       number(pipeline.Transform{MinMax: &pipeline.MinMax{Clip: true}}),
		"robust":        number(pipeline.Transform{Robust: &pipeline.Robust{}}),
		"power":         number(pipeline.Transform{Power: &pipeline.Power{}}),
		"clip":          number(pipeline.Transform{Clip: &pipeline.Clip{Lower: new(0.1), Max: new(900.0)}}, scaled),
		"bins":          number(pipeline.Transform{Bin: &pipeline.Bin{Bins: 8}}),
		"bin numbers":   number(pipeline.Transform{Bin: &pipeline.Bin{Strategy: "uniform", Encode: "ordinal"}}),
		"polynomial":    number(scaled, pipeline.Transform{Polynomial: &pipeline.Polynomial{}}),
		"expr":          number(pipeline.Transform{Expr: &pipeline.Expr{Name: "e", Formula: "if(distance > 500 and distance < 1e6, log(distance), 1 / distance)"}}, indicated),
		"ignored":       text(pipeline.Transform{OneHot: &pipeline.OneHot{MaxCategories: 3, Unknown: "ignore"}}),
		"ordinal":       text(pipeline.Transform{Ordinal: &pipeline.Ordinal{}}),
		"frequency":     text(indicated, pipeline.Transform{Frequency: &pipeline.Frequency{}}),
		"target_encode": text(pipeline.Transform{TargetEncode: &pipeline.TargetEncode{}}, scaled),
		"cyclical":      {Columns: []string{"departs"}, Apply: []pipeline.Transform{{DateParts: &pipeline.DateParts{Cyclical: []string{"month", "hour"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := heldOut(500)
			target, y := &feature.Target{Column: "delay", Kind: "number", Task: pipeline.Regression}, make([]float64, f.Rows)
			r := rand.New(rand.NewPCG(6, 1))
			for i := range y {
				y[i] = r.NormFloat64()
			}
			fitted, err := feature.Fit([]pipeline.Feature{entry}, f, feature.Supervised(target, y))
			if err != nil {
				t.Fatal(err)
			}
			m := &model.Linear{Learner: "ols", Link: model.Identity, Names: fitted.Names(), Intercepts: []float64{1}, Coefficients: [][]float64{nil}}
			for range m.Names {
				m.Coefficients[0] = append(m.Coefficients[0], r.NormFloat64())
			}
			got, err := parity.Check(context.Background(), predictor(t, fitted, target, m), export(t, fitted, target, m), heldOut(2000), 1e-9)
			if err != nil {
				t.Fatal(err)
			}
			if got.Adversarial < 20 || got.Rows < 2000 {
				t.Fatalf("got %+v", got)
			}
		})
	}
}
