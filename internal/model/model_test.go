package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// random makes a table of dense columns and blocks, and a target that depends on
// them: a number, or a class if classes > 0.
func random(seed uint64, rows, dense, blocks, categories, classes int) Data {
	r := rand.New(rand.NewPCG(seed, 7))
	d := Data{X: &frame.Matrix{Rows: rows}, Y: make([]float64, rows), Classes: classes}
	score := make([]float64, rows)
	for j := range dense {
		f := frame.Feature{Name: fmt.Sprintf("x%d", j), Numbers: make([]float64, rows)}
		offset, scale := r.NormFloat64()*10, math.Exp(r.NormFloat64())
		for i := range f.Numbers {
			z := r.NormFloat64()
			f.Numbers[i] = offset + scale*z
			score[i] += z / float64(j+1)
		}
		d.X.Features = append(d.X.Features, f)
	}
	for j := range blocks {
		f := frame.Feature{Name: fmt.Sprintf("b%d", j), Codes: make([]int32, rows), Categories: make([]string, categories)}
		for c := range f.Categories {
			f.Categories[c] = fmt.Sprint(c)
		}
		for i := range f.Codes {
			f.Codes[i] = int32(min(r.IntN(categories+1), r.IntN(categories+1))) - 1 // missing too
			score[i] += math.Sin(float64(f.Codes[i]))
		}
		d.X.Features = append(d.X.Features, f)
	}
	for i := range d.Y {
		d.Y[i] = score[i] + r.NormFloat64()
		if classes > 0 {
			d.Y[i] = float64(min(classes-1, max(0, int(math.Floor(d.Y[i]))+classes/2)))
		}
	}
	return d
}

func fit(t *testing.T, kind string, d Data, p Params) (Model, Report) {
	t.Helper()
	return fitBy(t, kind, d, Settings{Params: p})
}

func fitBy(t *testing.T, kind string, d Data, s Settings) (Model, Report) {
	t.Helper()
	learner, err := For(kind)
	if err != nil {
		t.Fatal(err)
	}
	m, report, err := learner.Fit(context.Background(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

func spreadDense(m *frame.Matrix) *mat.Dense {
	x := mat.NewDense(m.Rows, m.Width()+1, nil)
	for i := range m.Rows {
		x.Set(i, 0, 1)
		column := 1
		for _, f := range m.Features {
			if !f.Block() {
				x.Set(i, column, f.Numbers[i])
			} else if f.Codes[i] >= 0 {
				x.Set(i, column+int(f.Codes[i]), 1)
			}
			column += f.Width()
		}
	}
	return x
}

func TestOLSIsThatOfAllRows(t *testing.T) {
	for seed := range uint64(6) {
		d := random(seed, 3000, 4, 2, 5, 0)
		for i := range d.X.Features[0].Numbers {
			d.X.Features[0].Numbers[i] += 1e5 // a mean far from 0
		}
		m, report := fit(t, "ols", d, nil)
		var want mat.VecDense
		if err := want.SolveVec(spreadDense(d.X), mat.NewVecDense(len(d.Y), d.Y)); err != nil {
			t.Fatal(err)
		}
		l := m.(*Linear)
		if len(report.Dropped) > 0 || l.Width() != 14 {
			t.Fatalf("%+v", report)
		}
		near(t, "coefficients", l.Coefficients[0], want.RawVector().Data[1:], 1e-9)
		near(t, "intercept", l.Intercepts, want.RawVector().Data[:1], 1e-9)
	}
}

func TestColumnsWithoutInformationAreDroppedAndNamed(t *testing.T) {
	d := random(1, 500, 3, 1, 4, 0)
	twice, flat := make([]float64, 500), make([]float64, 500)
	for i := range twice {
		twice[i] = 3*d.X.Features[0].Numbers[i] - d.X.Features[1].Numbers[i] + 4
		flat[i] = 0.1
	}
	for i, c := range d.X.Features[3].Codes {
		d.X.Features[3].Codes[i] = max(c, 0) // complete: its columns add up to 1
	}
	full, _ := fit(t, "ols", d, nil)
	d.X.Features = append(d.X.Features, frame.Feature{Name: "twice", Numbers: twice}, frame.Feature{Name: "flat", Numbers: flat},
		frame.Feature{Name: "none", Codes: make([]int32, 500), Categories: []string{}})
	for i := range d.X.Features[6].Codes {
		d.X.Features[6].Codes[i] = frame.MissingCode
	}
	m, report := fit(t, "ols", d, nil)
	if len(report.Dropped) != 3 || !strings.Contains(strings.Join(report.Dropped, " "), "flat") || !strings.Contains(strings.Join(report.Dropped, " "), "b0=") {
		t.Fatalf("dropped %v", report.Dropped)
	}
	got, want := make([]float64, 500), make([]float64, 500)
	m.Predict(d.X, got)
	full.Predict(&frame.Matrix{Rows: 500, Features: d.X.Features[:4]}, want)
	near(t, "predictions", got, want, 1e-9)

	d.X.Features = d.X.Features[5:6]
	m, report = fit(t, "ols", d, nil)
	if len(report.Warnings) != 1 || m.(*Linear).Coefficients[0][0] != 0 {
		t.Fatalf("%+v %+v", m, report)
	}
}

func TestOLSOnFewerRowsThanColumnsFitsThemExactly(t *testing.T) {
	d := random(2, 5, 9, 0, 0, 0)
	m, report := fit(t, "ols", d, nil)
	if len(report.Dropped) != 5 {
		t.Fatalf("dropped %v", report.Dropped)
	}
	got := make([]float64, 5)
	m.Predict(d.X, got)
	near(t, "predictions", got, d.Y, 1e-7)
}

func TestTheSameBytesWithAnyNumberOfThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	l1 := Settings{Options: Options{Penalty: "l1"}}
	few := Settings{Params: Params{"max_iter": 8}}
	for name, c := range map[string]struct {
		kind string
		data Data
		s    Settings
	}{
		"ols":               {"ols", random(1, 40_000, 5, 2, 20, 0), Settings{}},
		"wide ols":          {"ols", random(1, 5_000, 3, 2, 80, 0), Settings{}},
		"weighted ols":      {"ols", weigh(random(1, 40_000, 5, 2, 20, 0)), Settings{}},
		"ridge":             {"ridge", weigh(random(1, 40_000, 5, 2, 20, 0)), Settings{}},
		"lasso":             {"lasso", random(1, 40_000, 5, 2, 20, 0), Settings{Params: Params{"alpha": 0.01}}},
		"elastic net":       {"elastic_net", random(1, 40_000, 5, 2, 20, 0), Settings{Params: Params{"alpha": 0.01}}},
		"poisson":           {"poisson", weigh(counted(random(1, 40_000, 3, 1, 20, 0))), Settings{}},
		"poisson by L-BFGS": {"poisson", counted(random(4, 20_000, 2, 2, 600, 0)), few},
		"binary":            {"logistic", random(2, 40_000, 4, 2, 10, 2), Settings{}},
		"weighted binary":   {"logistic", weigh(random(2, 40_000, 4, 2, 10, 2)), Settings{Options: Options{ClassWeight: "balanced"}}},
		"sparse binary":     {"logistic", random(2, 40_000, 4, 2, 10, 2), l1},
		"sparse by OWL-QN":  {"logistic", random(4, 20_000, 2, 2, 600, 2), Settings{Params: few.Params, Options: l1.Options}},
		"multinomial":       {"logistic", random(3, 20_000, 3, 1, 10, 3), Settings{}},
		"binary by L-BFGS":  {"logistic", random(4, 20_000, 2, 2, 600, 2), few},
		"classes by L-BFGS": {"logistic", random(5, 10_000, 2, 1, 120, 9), few},
		"baseline":          {"baseline", weigh(random(6, 40_000, 1, 0, 0, 0)), Settings{}},
	} {
		var want []byte
		for _, threads := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(threads)
			m, _ := fitBy(t, c.kind, c.data, c.s)
			got, err := Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: %d threads give another model", name, threads)
			}
		}
	}
}

func TestARowIsPredictedAloneAsAmongOthers(t *testing.T) {
	for kind, classes := range map[string]int{"ols": 0, "poisson": 0, "elastic_net": 0, "logistic": 2, "logistic of 3": 3} {
		kind, _, _ = strings.Cut(kind, " ")
		d := random(3, 20_000, 3, 1, 6, classes)
		if kind == "poisson" {
			d = counted(d)
		}
		m, _ := fit(t, kind, d, nil)
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := Decode(data)
		if err != nil || !reflect.DeepEqual(decoded, m) {
			t.Fatalf("%v: decoded %+v", err, decoded)
		}
		all, one := make([]float64, d.X.Rows*m.Outputs()), make([]float64, m.Outputs())
		m.Predict(d.X, all)
		for i := 0; i < d.X.Rows; i += 7 {
			row := d.X.Take([]int32{int32(i)})
			decoded.Predict(row, one)
			sum := 0.0
			for k, v := range one {
				if sum += v; math.Float64bits(v) != math.Float64bits(all[i*len(one)+k]) {
					t.Fatalf("row %d alone is %v, among others %v", i, one, all[i*len(one):(i+1)*len(one)])
				}
			}
			if classes > 0 && math.Abs(sum-1) > 1e-15*4 {
				t.Fatalf("probabilities of row %d add up to %v", i, sum)
			}
		}
		row := d.X.Take([]int32{0})
		if n := testing.AllocsPerRun(50, func() { m.Predict(row, one) }); n != 0 {
			t.Fatalf("%v allocations a prediction", n)
		}
	}
}

func TestTheBaselineIsTheMeanOrTheFrequencies(t *testing.T) {
	x := &frame.Matrix{Rows: 4}
	m, _ := fit(t, "baseline", Data{X: x, Y: []float64{1, 2, 3, 6}}, nil)
	out := make([]float64, 4)
	if m.Predict(x, out); !reflect.DeepEqual(out, []float64{3, 3, 3, 3}) {
		t.Fatal(out)
	}
	m, _ = fit(t, "baseline", Data{X: x, Y: []float64{0, 2, 2, 2}, Classes: 3}, nil)
	out = make([]float64, 12)
	if m.Predict(x, out); !reflect.DeepEqual(out[9:], []float64{0.25, 0, 0.75}) {
		t.Fatal(out)
	}
}

func TestSeparableClassesConverge(t *testing.T) {
	d := Data{X: &frame.Matrix{Rows: 40, Features: []frame.Feature{{Name: "x", Numbers: make([]float64, 40)}}}, Y: make([]float64, 40), Classes: 2}
	for i := range 40 {
		d.X.Features[0].Numbers[i] = float64(i)
		d.Y[i] = float64(i / 20)
	}
	for _, c := range []float64{1e-6, 1, 1e6} {
		if m, report := fit(t, "logistic", d, Params{"C": c}); !report.Converged || !finite(m.(*Linear).Coefficients[0]) {
			t.Fatalf("C=%v: %+v", c, report)
		}
	}
}

func TestWhatDidNotConvergeSaysSo(t *testing.T) {
	_, report := fit(t, "logistic", random(1, 2000, 3, 1, 5, 2), Params{"max_iter": 1})
	if report.Converged || report.Iterations != 1 || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "max_iter") {
		t.Fatalf("%+v", report)
	}
}

func TestImpossibleFitsAreRefused(t *testing.T) {
	refused := func(err error, kind fault.Kind, words ...string) {
		t.Helper()
		if fault.KindOf(err) != kind {
			t.Fatalf("%v is not %s", err, kind)
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	_, err := For("forest")
	refused(err, fault.PipelineInvalid, "forest", strings.Join(Kinds(), ", "))
	refused(logistic{}.Check(2, Settings{Params: Params{"C": 0}}), fault.PipelineInvalid, "C of logistic is 0", "from 1e-10 to 1e+10")
	refused(logistic{}.Check(2, Settings{Params: Params{"C": math.NaN()}}), fault.PipelineInvalid, "NaN")
	refused(logistic{}.Check(2, Settings{Params: Params{"max_iter": 2.5}}), fault.PipelineInvalid, "whole number")
	refused(logistic{}.Check(2, Settings{Params: Params{"c": 1}}), fault.PipelineInvalid, `"c"`, "C, max_iter")
	refused(logistic{}.Check(0, Settings{}), fault.PipelineInvalid, "use ols")
	refused(ols{}.Check(3, Settings{}), fault.PipelineInvalid, "use logistic")
	refused(ols{}.Check(0, Settings{Params: Params{"C": 1}}), fault.PipelineInvalid, "no parameters")

	ctx := context.Background()
	x := &frame.Matrix{Rows: 2, Features: []frame.Feature{{Name: "x", Numbers: []float64{1, 2}}}}
	_, _, err = logistic{}.Fit(ctx, Data{X: x, Y: []float64{0, 2}, Classes: 3}, Settings{})
	refused(err, fault.TrainingFailed, "class 1 of 3", "fewer folds")
	_, _, err = ols{}.Fit(ctx, Data{X: &frame.Matrix{}}, Settings{})
	refused(err, fault.DatasetEmpty)
	_, _, err = ols{}.Fit(ctx, Data{X: x, Y: []float64{1, math.Inf(1)}}, Settings{})
	refused(err, fault.TargetInvalid)
	_, _, err = ols{}.Fit(ctx, Data{X: x, Y: []float64{1}}, Settings{})
	refused(err, fault.Internal)
	_, _, err = logistic{}.Fit(ctx, Data{X: x, Y: []float64{0, 0.5}, Classes: 2}, Settings{})
	refused(err, fault.Internal, "0.5")
	x.Features[0].Numbers[1] = math.NaN()
	_, _, err = ols{}.Fit(ctx, Data{X: x, Y: []float64{1, 2}}, Settings{})
	refused(err, fault.TrainingFailed, `"x"`)
	x.Features[0].Numbers = []float64{-1e300, 1e300}
	_, _, err = ols{}.Fit(ctx, Data{X: x, Y: []float64{1, 2}}, Settings{})
	refused(err, fault.TrainingFailed, "overflow")
	wide := &frame.Matrix{Rows: 2, Features: []frame.Feature{{Name: "b", Codes: []int32{0, 1}, Categories: make([]string, 2001)}}}
	_, _, err = ols{}.Fit(ctx, Data{X: wide, Y: []float64{1, 2}}, Settings{})
	refused(err, fault.ResourceExhausted, "2000", "max_categories")

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for kind, classes := range map[string]int{"ols": 0, "ridge": 0, "lasso": 0, "elastic_net": 0, "poisson": 0, "logistic": 2, "baseline": 0, "boosted_trees": 0} {
		learner, _ := For(kind)
		if _, _, err := learner.Fit(cancelled, counted(random(1, 100, 1, 0, 0, classes)), Settings{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: %v", kind, err)
		}
	}
}

func TestAMissingValueIsFoundWhereverItIs(t *testing.T) {
	x := make([]float64, 3*parallelRows+7)
	if !finite(x) {
		t.Fatal("zeros are finite")
	}
	for _, at := range []int{0, parallelRows, len(x) - 1} {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if x[at] = v; finite(x) {
				t.Errorf("%v at %d is not found", v, at)
			}
			if x[at] = math.MaxFloat64; !finite(x) {
				t.Errorf("the largest number is not finite")
			}
		}
	}
}
