package model

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// The optimum is known by its subgradient: 0 within alpha of what is 0.
func TestShrunkenCoefficientsAreOptimal(t *testing.T) {
	d := random(4, 4000, 6, 2, 10, 0)
	for _, p := range []Params{{"alpha": 0.3}, {"alpha": 0.01}, {"alpha": 1e-5}, {"alpha": 0.3, "l1_ratio": 0.2}, {"alpha": 1e-3, "l1_ratio": 0.9}} {
		kind, ratio := "lasso", 1.0
		if r, ok := p["l1_ratio"]; ok {
			kind, ratio = "elastic_net", r
		}
		m, report := fit(t, kind, d, Params{"alpha": p["alpha"], "tol": 1e-13, "max_iter": 100_000}.and("l1_ratio", p))
		if !report.Converged {
			t.Fatalf("%v: %+v", p, report)
		}
		l, out := m.(*Linear), make([]float64, d.X.Rows)
		m.Predict(d.X, out)
		x := spreadDense(d.X)
		for j, w := range append([]float64{0}, l.Coefficients[0]...) {
			g := 0.0
			for i, y := range d.Y {
				g += (out[i] - y) * x.At(i, j) / float64(d.X.Rows)
			}
			l1 := p["alpha"] * ratio
			if j == 0 {
				l1 = 0
			}
			if off := slope(g+p["alpha"]*(1-ratio)*w, w, l1); math.Abs(off) > 1e-6 {
				t.Errorf("%s %v: the subgradient of column %d is %v", kind, p, j, off)
			}
		}
	}
}

func (p Params) and(name string, from Params) Params {
	if v, ok := from[name]; ok {
		p[name] = v
	}
	return p
}

// A path of trials on the same rows passes over them once, and another target or
// other weights are not confused with the first.
func TestTrialsOnTheSameRowsShareTheirMoments(t *testing.T) {
	d := random(2, 2000, 4, 1, 5, 0)
	other := d
	other.Y = slices.Clone(d.Y)
	other.Y[0]++
	memo := &Memo{}
	passes := 0
	for _, data := range []Data{d, weigh(d), other} {
		passes++
		for _, kind := range []string{"ols", "ridge", "lasso", "elastic_net"} {
			alone, _ := fit(t, kind, data, nil)
			data.Memo = memo
			shared, _ := fit(t, kind, data, nil)
			a, _ := Encode(alone)
			b, _ := Encode(shared)
			if !bytes.Equal(a, b) {
				t.Errorf("%s with a memo is another model", kind)
			}
			data.Memo = nil
		}
		if len(memo.entries) != passes {
			t.Errorf("%d passes over the rows instead of %d", len(memo.entries), passes)
		}
	}
}

func TestALargeAlphaLeavesTheMean(t *testing.T) {
	d := random(2, 500, 3, 1, 4, 0)
	mean, _ := fit(t, "baseline", d, nil)
	for _, kind := range []string{"lasso", "elastic_net"} {
		m, report := fit(t, kind, d, Params{"alpha": 1e6})
		if l := m.(*Linear); !report.Converged || largest(l.Coefficients[0]) != 0 {
			t.Errorf("%s: %+v", kind, l)
		}
		near(t, kind, m.(*Linear).Intercepts, mean.(*Constant).Values, 1e-12)
	}
}

func TestAConstantTargetIsItsOwnModel(t *testing.T) {
	d := random(2, 500, 3, 1, 4, 0)
	for i := range d.Y {
		d.Y[i] = 0.1
	}
	for _, kind := range []string{"ols", "ridge", "lasso", "elastic_net", "poisson"} {
		m, report := fit(t, kind, d, nil)
		out := make([]float64, 500)
		m.Predict(d.X, out)
		near(t, kind, out, d.Y, 1e-12)
		if l := m.(*Linear); !report.Converged || l.Inference != nil {
			t.Errorf("%s: %+v %+v", kind, report, l.Inference)
		}
	}
}

// With no penalty to speak of, two equal columns share the coefficient, and
// columns of very different scales are solved all the same.
func TestRidgeOfCollinearColumnsIsTheShortest(t *testing.T) {
	d := random(3, 400, 3, 1, 3, 0)
	one, _ := fit(t, "ridge", d, Params{"alpha": 0})
	d.X.Features = append(d.X.Features, frame.Feature{Name: "again", Numbers: d.X.Features[0].Numbers}, frame.Feature{Name: "flat", Numbers: slices.Repeat([]float64{7}, 400)})
	for _, alpha := range []float64{0, 1e-12} {
		m, report := fit(t, "ridge", d, Params{"alpha": alpha})
		w, want := m.(*Linear).Coefficients[0], one.(*Linear).Coefficients[0]
		near(t, fmt.Sprintf("halves at alpha %v", alpha), []float64{w[0], w[6]}, []float64{want[0] / 2, want[0] / 2}, 1e-7)
		near(t, "others", w[1:3], want[1:3], 1e-7)
		if strings.Join(report.Dropped, " ") != "flat" {
			t.Errorf("drops %v", report.Dropped)
		}
	}
}

func TestHugeConditionNumbers(t *testing.T) {
	d := random(5, 1000, 4, 0, 0, 0)
	want, _ := fit(t, "ols", d, nil)
	out, expected := make([]float64, 1000), make([]float64, 1000)
	want.Predict(d.X, expected)
	for j, scale := range []float64{1e-8, 1, 1e8, 1e-4} {
		for i := range d.X.Features[j].Numbers {
			d.X.Features[j].Numbers[i] *= scale
		}
	}
	for _, kind := range []string{"ols", "ridge"} { // the condition of the moments is 1e32
		m, report := fit(t, kind, d, Params{"alpha": 0}.only(kind == "ridge"))
		m.Predict(d.X, out)
		if near(t, kind, out, expected, 1e-7); len(report.Dropped) > 0 {
			t.Errorf("%s drops %v", kind, report.Dropped)
		}
	}
	// Powers of nearly the same: the coefficients are of no use, the predictions are.
	for j := range d.X.Features {
		for i := range d.X.Features[j].Numbers {
			d.X.Features[j].Numbers[i] = math.Pow(1+float64(i)/1000, float64(j+1))
		}
	}
	for i := range d.Y {
		d.Y[i] = math.Sin(float64(i) / 500)
	}
	for kind, tolerance := range map[string]float64{"ols": 1e-2, "ridge": 1e-2, "lasso": 1e-2} {
		m, report := fit(t, kind, d, Params{"alpha": 1e-6}.only(kind != "ols"))
		if m.Predict(d.X, out); !report.Converged {
			t.Errorf("%s: %+v", kind, report)
		}
		near(t, kind+" of powers", out, d.Y, tolerance)
	}
}

func (p Params) only(given bool) Params {
	if given {
		return p
	}
	return nil
}

func TestPathsThatDoNotConvergeSaySo(t *testing.T) {
	for _, kind := range []string{"lasso", "elastic_net"} {
		m, report := fit(t, kind, random(1, 500, 5, 1, 6, 0), Params{"alpha": 1e-6, "max_iter": 2, "tol": 1e-12})
		if report.Converged || report.Iterations != 2 || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "did not converge in 2 passes; raise max_iter") {
			t.Errorf("%s: %+v", kind, report)
		}
		if _, err := Encode(m); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatShrinkageCannotDoIsRefused(t *testing.T) {
	for _, kind := range []string{"ridge", "lasso", "elastic_net", "poisson"} {
		learner, err := For(kind)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(err error, want fault.Kind, says string) {
			t.Helper()
			if fault.KindOf(err) != want || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", kind, err)
			}
		}
		refused(learner.Check(2, Settings{}), fault.PipelineInvalid, "use logistic")
		refused(learner.Check(0, Settings{Params: Params{"alpha": -1}}), fault.PipelineInvalid, "alpha of "+kind+" is -1")
		refused(learner.Check(0, Settings{Params: Params{"C": 1}}), fault.PipelineInvalid, `no parameter "C"`)
		refused(learner.Check(0, Settings{Options: Options{Penalty: "l1"}}), fault.PipelineInvalid, `no option "penalty"`)
		ctx := context.Background()
		fitted := func(d Data) error {
			_, _, err := learner.Fit(ctx, d, Settings{})
			return err
		}
		d := counted(random(1, 50, 2, 0, 0, 0))
		refused(fitted(Data{X: &frame.Matrix{}}), fault.DatasetEmpty, "no rows")
		bad := d
		bad.Y = slices.Clone(d.Y)
		bad.Y[3] = math.NaN()
		refused(fitted(bad), fault.TargetInvalid, "missing or infinite")
		bad.Y[3] = math.Inf(1)
		refused(fitted(bad), fault.TargetInvalid, "missing or infinite")
		d.X.Features[0].Numbers[0], d.X.Features[0].Numbers[1] = 1e300, -1e300
		refused(fitted(d), fault.TrainingFailed, "overflow")
		wide := Data{X: &frame.Matrix{Rows: 2, Features: []frame.Feature{{Name: "b", Codes: []int32{0, 1}, Categories: make([]string, 2_000_001)}}}, Y: []float64{1, 2}}
		refused(fitted(wide), fault.ResourceExhausted, "max_categories")
	}
	if err := (logistic{}).Check(2, Settings{Options: Options{Penalty: "l3"}}); fault.KindOf(err) != fault.PipelineInvalid || !strings.Contains(err.Error(), `"l3"`) {
		t.Error(err)
	}
	if err := (logistic{}).Check(2, Settings{Options: Options{ClassWeight: "equal"}}); fault.KindOf(err) != fault.PipelineInvalid || !strings.Contains(err.Error(), "balanced") {
		t.Error(err)
	}
}

func TestALargePenaltyL1LeavesTheFrequencies(t *testing.T) {
	for _, classes := range []int{2, 3} {
		d := random(4, 800, 3, 1, 4, classes)
		m, report := fitBy(t, "logistic", d, Settings{Params: Params{"C": 1e-8}, Options: Options{Penalty: "l1"}})
		out := make([]float64, d.X.Rows*classes)
		m.Predict(d.X, out)
		if l := m.(*Linear); !report.Converged || largest(l.Coefficients[0]) != 0 {
			t.Errorf("%+v", l)
		}
		near(t, "probabilities", out[:classes], frequencies(d), 1e-9)
	}
}
