package model

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/tree"
)

func boost(t *testing.T, d Data, s Settings) (*Boosted, Report) {
	t.Helper()
	m, report, err := boosted{}.Fit(context.Background(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Boosted), report
}

func TestTreesLearnWhatALineCannot(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d, held := random(3, 4000, 3, 2, 9, classes), random(4, 2000, 3, 2, 9, classes)
		for i, x := range d.X.Features[0].Numbers {
			if classes == 0 {
				d.Y[i] += 5 * math.Abs(x)
			}
		}
		for i, x := range held.X.Features[0].Numbers {
			if classes == 0 {
				held.Y[i] += 5 * math.Abs(x)
			}
		}
		d.Held = &held
		m, report := boost(t, d, Settings{Params: Params{"max_iter": 300, "learning_rate": 0.03, "max_depth": 4}})
		if m.Kind() != "boosted_trees" || m.Outputs() != max(1, classes) || !report.Converged || report.Iterations != 300 || len(report.Curve) != 150 {
			t.Fatalf("%+v", report)
		}
		first, last := report.Curve[0], report.Curve[149]
		if last.Round != 300 || !(last.Train < first.Train) || last.Held == nil || !(*last.Held < *first.Held) {
			t.Errorf("%d classes: from %+v to %+v", classes, first, last)
		}
		if classes == 0 && last.Train > 2 {
			t.Errorf("a mean squared error of %v", last.Train)
		}
	}
}

func TestTreesReadBackTheSame(t *testing.T) {
	for _, classes := range []int{0, 2, 4} {
		d := random(5, 1500, 3, 2, 70, classes)
		d.X.Features[1].Numbers[3] = math.NaN()
		m, _ := boost(t, d, Settings{Params: Params{"max_iter": 8, "min_samples_leaf": 3}, Options: Options{Growth: "leaf"}})
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := Encode(again)
		if err != nil || !bytes.Equal(data, twice) {
			t.Fatalf("%d classes: other bytes the second time: %v", classes, err)
		}
		a, b := make([]float64, d.X.Rows*m.Outputs()), make([]float64, d.X.Rows*m.Outputs())
		m.Predict(d.X, a)
		again.Predict(d.X, b)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%d classes: other predictions", classes)
		}
		for _, breaks := range [][2]string{{`"lefts"`, `"rights"`}, {`"loss": "`, `"loss": "x`}, {`"trees": {`, `"constant": {"values": [1]}, "trees": {`}} {
			if _, err := Decode(bytes.Replace(data, []byte(breaks[0]), []byte(breaks[1]), 1)); fault.KindOf(err) != fault.BundleInvalid {
				t.Errorf("%s for %s: %v", breaks[1], breaks[0], err)
			}
		}
	}
}

func TestSettingsOfTreesAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		classes int
		s       Settings
	}{
		"parameter out of range": {0, Settings{Params: Params{"learning_rate": 2}}},
		"no whole number":        {0, Settings{Params: Params{"max_depth": 2.5}}},
		"too many bins":          {0, Settings{Params: Params{"max_bins": 256}}},
		"NaN":                    {0, Settings{Params: Params{"l2": math.NaN()}}},
		"unknown parameter":      {0, Settings{Params: Params{"eta": 0.1}}},
		"unknown loss":           {0, Settings{Options: Options{Loss: "hinge"}}},
		"loss of classes":        {2, Settings{Options: Options{Loss: "squared"}}},
		"unknown growth":         {0, Settings{Options: Options{Growth: "wide"}}},
		"classes of numbers":     {0, Settings{Options: Options{ClassWeight: "balanced"}}},
		"unknown class weight":   {2, Settings{Options: Options{ClassWeight: "even"}}},
		"penalty":                {2, Settings{Options: Options{Penalty: "l1"}}},
		"monotone classes":       {3, Settings{Options: Options{Monotone: map[string]int{"x0": 1}}}},
		"monotone by 2":          {0, Settings{Options: Options{Monotone: map[string]int{"x0": 2}}}},
		"one class":              {1, Settings{}},
	} {
		var e *fault.Error
		if err := (boosted{}).Check(c.classes, c.s); !errors.As(err, &e) || e.Kind != fault.PipelineInvalid || e.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := (boosted{}).Fit(context.Background(), Data{Classes: c.classes}, c.s); fault.KindOf(err) != fault.PipelineInvalid {
			t.Errorf("%s: fitted: %v", name, err)
		}
	}
	full := Settings{Params: Params{}, Options: Options{Loss: "huber", Growth: "leaf", Monotone: map[string]int{"x0": -1}}}
	for _, p := range boostedParameters {
		full.Params[p.Name] = p.Default
	}
	if err := (boosted{}).Check(0, full); err != nil {
		t.Error(err)
	}
}

func TestDataThatTreesCannotRead(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *Data, s *Settings)
		kind   fault.Kind
		says   string
	}{
		"no rows":           {func(d *Data, _ *Settings) { *d = Data{X: d.X.Take(nil)} }, fault.DatasetEmpty, ""},
		"infinite feature":  {func(d *Data, _ *Settings) { d.X.Features[1].Numbers[7] = math.Inf(-1) }, fault.TrainingFailed, `"x1"`},
		"infinite target":   {func(d *Data, _ *Settings) { d.Y[7] = math.Inf(1) }, fault.TargetInvalid, ""},
		"huge target":       {func(d *Data, _ *Settings) { d.Y[7], d.Y[8] = 1e300, -1e300 }, fault.TrainingFailed, "finite"},
		"negative weight":   {func(d *Data, _ *Settings) { d.Weights = make([]float64, 100); d.Weights[1] = -1 }, fault.TrainingFailed, "weight"},
		"weights of 0":      {func(d *Data, _ *Settings) { d.Weights = make([]float64, 100) }, fault.TrainingFailed, "weights"},
		"few weights":       {func(d *Data, _ *Settings) { d.Weights = []float64{1} }, fault.Internal, "weights"},
		"held out":          {func(d *Data, _ *Settings) { h := *d; h.Y = h.Y[:5]; d.Held = &h }, fault.Internal, ""},
		"monotone stranger": {func(_ *Data, s *Settings) { s.Options.Monotone = map[string]int{"y": 1} }, fault.FeatureInvalid, `"y"`},
		"monotone block":    {func(_ *Data, s *Settings) { s.Options.Monotone = map[string]int{"b0": 1} }, fault.FeatureInvalid, `"b0"`},
	} {
		d, s := random(1, 100, 2, 1, 4, 0), Settings{}
		c.change(&d, &s)
		_, _, err := boosted{}.Fit(context.Background(), d, s)
		if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAFitOfTreesWarnsOf(t *testing.T) {
	d := random(1, 100, 2, 1, 4, 0)
	_, report := boost(t, d, Settings{Params: Params{"early_stopping_rounds": 5, "max_iter": 3}})
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "early_stopping_rounds") || report.Iterations != 3 {
		t.Errorf("%+v", report)
	}
	for i := range d.Y {
		d.Y[i] = 0.1
	}
	m, report := boost(t, d, Settings{})
	out := make([]float64, 100)
	m.Predict(d.X, out)
	if len(report.Warnings) == 0 || report.Iterations != 0 || math.Abs(out[5]-0.1) > 1e-15 {
		t.Errorf("%+v predicts %v", report, out[5])
	}
}

func TestBalancedClassesWeighTheSame(t *testing.T) {
	d := random(2, 3000, 2, 0, 0, 2)
	for i, y := range d.Y {
		if y == 1 && i%10 > 0 {
			d.Y[i] = 0
		}
	}
	share := func(s Settings) float64 {
		s.Params = Params{"max_iter": 20, "max_depth": 3}
		m, _ := boost(t, d, s)
		out, sum := make([]float64, 6000), 0.0
		m.Predict(d.X, out)
		for i := 1; i < len(out); i += 2 {
			sum += out[i] / 3000
		}
		return sum
	}
	plain, balanced := share(Settings{}), share(Settings{Options: Options{ClassWeight: "balanced"}})
	if plain > 0.15 || balanced < 2*plain {
		t.Fatalf("mean probability of the rare class %v, balanced %v", plain, balanced)
	}
	w := weightsOf(d, Settings{Options: Options{ClassWeight: "balanced"}})
	var of [2]float64
	for i, v := range w {
		of[int(d.Y[i])] += v
	}
	if math.Abs(of[0]-1500) > 1e-6 || math.Abs(of[1]-1500) > 1e-6 {
		t.Fatalf("classes weigh %v", of)
	}
}

func TestBinsAreMadeOnceAMatrix(t *testing.T) {
	d := random(1, 500, 3, 1, 4, 0)
	d.Memo = new(Memo)
	first, _ := boost(t, d, Settings{Params: Params{"max_iter": 3}})
	if _, err := d.Memo.Do("bins/255", func() (any, error) { t.Error("the bins are not kept"); return nil, nil }); err != nil {
		t.Fatal(err)
	}
	again, _ := boost(t, d, Settings{Params: Params{"max_iter": 3}})
	a, _ := Encode(first)
	b, _ := Encode(again)
	if !bytes.Equal(a, b) {
		t.Fatal("another model from bins that were kept")
	}
}

func TestAFitOfTreesIsWatchedAndGoesOn(t *testing.T) {
	d, s := random(1, 500, 3, 1, 4, 0), Settings{Params: Params{"max_iter": 9}}
	whole, _ := boost(t, d, s)
	var saved []byte
	ctx, cancel := context.WithCancel(context.Background())
	d.Watch = &Watch{Step: func(done, of int, save func() ([]byte, error)) {
		if done == 4 && of == 9 {
			saved, _ = save()
			cancel()
		}
	}}
	if _, _, err := (boosted{}).Fit(ctx, d, s); !errors.Is(err, context.Canceled) || saved == nil {
		t.Fatal(err)
	}
	steps := 0
	d.Watch = &Watch{Resume: saved, Step: func(int, int, func() ([]byte, error)) { steps++ }}
	again, _ := boost(t, d, s)
	a, _ := Encode(whole)
	b, _ := Encode(again)
	if !bytes.Equal(a, b) || steps != 5 {
		t.Fatalf("another model after %d more steps", steps)
	}
}

func TestTheCurveIsThinned(t *testing.T) {
	for _, rounds := range []int{0, 1, 199, 200, 201, 1234, 10_000} {
		train := make([]float64, rounds)
		points := curve(train, train)
		if len(points) > 200 || rounds > 0 && (points[len(points)-1].Round != rounds || points[len(points)-1].Held == nil) || rounds <= 200 && len(points) != rounds {
			t.Errorf("%d rounds: %d points, %+v", rounds, len(points), points)
		}
	}
}

func TestTreesExplainThemselves(t *testing.T) {
	d := random(1, 300, 2, 1, 4, 2)
	m, _ := boost(t, d, Settings{Params: Params{"max_iter": 5}})
	out, p := make([]float64, 300*2*4), make([]float64, 600)
	var e Explainer = m
	e.Explain(d.X, out)
	m.Predict(d.X, p)
	for i := range 300 {
		z := out[i*8+4] + out[i*8+5] + out[i*8+6] + out[i*8+7]
		if math.Abs(sigmoid(z)-p[2*i+1]) > 1e-12 || out[i*8+1] != -out[i*8+5] {
			t.Fatalf("row %d: log-odds %v, probability %v", i, z, p[2*i+1])
		}
	}
	if m.Trees.Loss != tree.Logistic {
		t.Fatal(m.Trees.Loss)
	}
}
