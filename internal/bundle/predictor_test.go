package bundle

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestOneRowAnswersAsAmongMany(t *testing.T) {
	eachTask(t, func(t *testing.T, task pipeline.Task) {
		p, f := predictor(t, task), flights(5, 2*blockRows+17)
		all, k := answers(t, p, f), p.Outputs()
		var wait sync.WaitGroup
		for w := range 4 {
			wait.Go(func() {
				out := make([]float64, k)
				for _, row := range []int{w, blockRows - 1, blockRows, blockRows + w, 2*blockRows + 16} {
					if err := p.Predict(f.Take([]int32{int32(row)}), out); err != nil || !slices.Equal(out, all[row*k:(row+1)*k]) {
						t.Errorf("row %d: %v alone, %v among many, %v", row, out, all[row*k:(row+1)*k], err)
					}
				}
			})
		}
		wait.Wait()
	})
}

func TestARequestAllocatesLittle(t *testing.T) {
	p, f := predictor(t, pipeline.Multiclass), flights(5, 1)
	out := make([]float64, p.Outputs())
	if n := testing.AllocsPerRun(200, func() {
		if err := p.Predict(f, out); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // a garbage collection may empty the pool
		t.Fatalf("%v allocations a request", n)
	}
}

func TestLabelsFollowTheGreatestProbability(t *testing.T) {
	p := predictor(t, pipeline.Multiclass)
	for want, probabilities := range map[string][]float64{"early": {0.4, 0.4, 0.2}, "late": {0.1, 0.5, 0.4}, "on time": {0.2, 0.3, 0.5}} {
		if got := p.Label(probabilities); got != want {
			t.Fatalf("%v is %q", probabilities, got)
		}
	}
	if got := predictor(t, pipeline.Regression).Label([]float64{3}); got != "" {
		t.Fatalf("a regression says %q", got)
	}
	if p.Task() != pipeline.Multiclass || len(p.Classes()) != 3 || len(p.Signature().Outputs) != 2 {
		t.Fatalf("%v %v %v", p.Task(), p.Classes(), p.Signature().Outputs)
	}
}

func TestWhatCannotBeAnsweredSaysWhy(t *testing.T) {
	p, f := predictor(t, pipeline.Regression), flights(5, 3)
	if err := p.Predict(f, make([]float64, 2)); fault.KindOf(err) != fault.Internal {
		t.Fatalf("short buffer: %v", err)
	}
	out := make([]float64, 3)
	missing := &frame.Frame{Rows: 3, Columns: f.Columns[:3]}
	if err := p.Predict(missing, out); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatalf("missing column: %v", err)
	}
	f.Columns[3].Numbers[1] = math.Inf(1)
	if err := p.Predict(f, out); fault.KindOf(err) != fault.FeatureInvalid {
		t.Fatalf("infinity: %v", err)
	}
	huge := &model.Linear{Learner: "ols", Link: model.Identity, Names: []string{"x"}, Intercepts: []float64{0}, Coefficients: [][]float64{{1e300}}}
	zero := 0.0
	fitted := &feature.Fitted{Version: 1, Inputs: []feature.Input{{Name: "x", Kind: "number"}}, Chains: []feature.Chain{
		{Name: "x", Column: "x", Steps: []feature.Step{{Impute: &feature.ImputeState{Number: &zero}}}},
	}}
	q, err := NewPredictor(fitted, p.target, huge, Signature{Inputs: []Input{{Name: "x", Kind: "number", Nullable: true}}})
	if err != nil {
		t.Fatal(err)
	}
	err = q.Predict(&frame.Frame{Rows: 2, Columns: []frame.Column{{Name: "x", Numbers: []float64{1, 1e100}}}}, out[:2])
	if fault.KindOf(err) != fault.RequestInvalid || !strings.Contains(err.Error(), "row 1") {
		t.Fatalf("overflow: %v", err)
	}
}
