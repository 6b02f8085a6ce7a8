package drift

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

func TestEstimatesWithoutLabelsAsNannyMLMakesThem(t *testing.T) {
	data, err := os.ReadFile("testdata/performance.json")
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]struct {
		Predicted, Calibrated []float64
		Metrics               map[string]float64
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	for name, classes := range map[string]int{"binary": 2, "multiclass": 3} {
		c := r[name]
		got, err := Confidence{Classes: classes, Predicted: c.Predicted, Calibrated: c.Calibrated}.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		for metric, want := range c.Metrics {
			e := got[metric]
			// NannyML rounds cumulated counts to five decimals before it ranks.
			tolerance := 1e-9
			if metric == "roc_auc" || metric == "average_precision" || metric == "macro_roc_auc" {
				tolerance = 1e-5
			}
			if !(math.Abs(e.Value-want) <= tolerance) {
				t.Errorf("%s %s is %v, want %v", name, metric, e.Value, want)
			}
			if !(e.Low < e.Value && e.Value < e.High && e.High-e.Low < .25) {
				t.Errorf("%s %s has interval %+v", name, metric, e)
			}
		}
	}
}

func TestIntervalsOfEstimatesHoldTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	const trials, rows = 60, 500
	for trial := range trials {
		p, right := make([]float64, 0, 2*rows), 0
		for range rows {
			q := r.Float64()
			p = append(p, 1-q, q)
			if (r.Float64() < q) == (q > .5) {
				right++
			}
		}
		e, err := Confidence{Classes: 2, Predicted: p, Seed: int64(trial)}.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		if a := e["accuracy"]; a.Low <= float64(right)/rows && float64(right)/rows <= a.High {
			held++
		}
	}
	if held < 52 { // of 57 expected
		t.Errorf("%d of %d intervals hold the measured accuracy", held, trials)
	}
}

func TestEstimatesRefuseWhatIsNoProbability(t *testing.T) {
	for want, c := range map[fault.Kind]Confidence{
		fault.DatasetEmpty:   {Classes: 2},
		fault.Internal:       {Classes: 2, Predicted: []float64{1, 0, 1}},
		fault.RequestInvalid: {Classes: 2, Predicted: []float64{math.NaN(), 1}},
	} {
		if _, err := c.Metrics(); fault.KindOf(err) != want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	one, err := Confidence{Classes: 2, Predicted: []float64{.2, .8}}.Metrics()
	if err != nil || one["accuracy"].Value != .8 {
		t.Errorf("one row: %+v, %v", one, err)
	}
	sure, err := Confidence{Classes: 2, Predicted: []float64{1, 0, 1, 0}}.Metrics()
	if _, has := sure["roc_auc"]; err != nil || has || sure["accuracy"].Value != 1 {
		t.Errorf("one class for certain: %+v, %v", sure, err)
	}
}

func TestIsotonicAsSklearnFitsIt(t *testing.T) {
	r := readReference(t).Isotonic
	m := FitIsotonic(r.X, r.Y)
	if err := m.validate(); err != nil {
		t.Fatal(err)
	}
	for i, x := range r.At {
		near(t, "isotonic", m.At(x), r.Values[i])
	}
}

func TestCalibrationIsLearnedAndDriftsAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	draw := func(rows int, truth func(p float64) float64) (predicted, y []float64) {
		for range rows {
			p, class := r.Float64(), 0.0
			if r.Float64() < truth(p) {
				class = 1
			}
			predicted, y = append(predicted, 1-p, p), append(y, class)
		}
		return predicted, y
	}
	halved := func(p float64) float64 { return p / 2 }
	same := func(p float64) float64 { return p }
	predicted, y := draw(4000, halved)
	e, err := FitCalibration(predicted, y, 2)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = DecodeEstimator(data, 2); err != nil {
		t.Fatal(err)
	}
	later, truth := draw(4000, halved)
	right := 0.0
	for i, class := range truth {
		if (later[2*i+1] > .5) == (class == 1) {
			right++
		}
	}
	raw, err := Confidence{Classes: 2, Predicted: later}.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	calibrated, err := Confidence{Classes: 2, Predicted: later, Calibrated: e.Calibrated(later)}.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if off, near := math.Abs(raw["accuracy"].Value-right/4000), math.Abs(calibrated["accuracy"].Value-right/4000); near > .03 || off < .05 {
		t.Errorf("accuracy is %v, estimated as %v, without calibration as %v", right/4000, calibrated["accuracy"].Value, raw["accuracy"].Value)
	}
	positive := func(p []float64) (out []float64) {
		for i := 1; i < len(p); i += 2 {
			out = append(out, p[i])
		}
		return out
	}
	p, good := draw(3000, same)
	p2, good2 := draw(3000, same)
	reference, _ := CalibrationError(positive(p), good)
	if c := CompareCalibration(reference, 3000, positive(p2), good2, Options{}); c.Outcome != Stable || c.Window > .05 || c.Reference != reference {
		t.Errorf("well calibrated twice: %+v", c)
	}
	if c := CompareCalibration(reference, 3000, positive(predicted), y, Options{}); c.Outcome != Drifted || c.Window < .1 {
		t.Errorf("calibration lost: %+v", c)
	}
	for labels, want := range map[int]Outcome{10: Insufficient, 400: Stable} {
		if c := CompareCalibration(reference, 3000, positive(p2[:2*labels]), good2[:labels], Options{MinRows: 400}); c.Outcome != want {
			t.Errorf("%d labels: %+v", labels, c)
		}
	}
	if ece, _ := CalibrationError(positive(predicted), y); e.ECE == nil || *e.ECE != ece {
		t.Errorf("the estimator keeps %v, the error of what it learned from is %v", e.ECE, ece)
	}
	for _, wrong := range []float64{-.1, 1.1} {
		e := *e
		if e.ECE = &wrong; e.Validate(2) == nil {
			t.Errorf("a calibration error of %v is believed", wrong)
		}
	}
	if few, err := FitCalibration(predicted[:20], y[:10], 2); few != nil || err != nil {
		t.Errorf("ten rows teach %v, %v", few, err)
	}
}

// The top label's probability and whether it was right, by hand (Guo and others 2017);
// of two classes the second's.
func TestCalibrationIsToldOfTheAnsweredClass(t *testing.T) {
	p, outcome := Judged([]float64{.5, .3, .2, .1, .2, .7, .1, .7, .2, .05, .9, .05}, []float64{0, 1, 1, 2}, 3)
	if !reflect.DeepEqual(p, []float64{.5, .7, .7, .9}) || !reflect.DeepEqual(outcome, []float64{1, 0, 1, 0}) {
		t.Errorf("three classes: %v, %v", p, outcome)
	}
	// |1-.5| + |0-.7 + 1-.7| + |0-.9|, a fourth of it
	if ece, _ := CalibrationError(p, outcome); math.Abs(ece-(.5+.4+.9)/4) > 1e-12 {
		t.Errorf("the expected calibration error is %v", ece)
	}
	p, outcome = Judged([]float64{.9, .1, .4, .6}, []float64{0, 1}, 2)
	if !reflect.DeepEqual(p, []float64{.1, .6}) || !reflect.DeepEqual(outcome, []float64{0, 1}) {
		t.Errorf("two classes: %v, %v", p, outcome)
	}
}

// noisy are rows whose answer is 0 and whose error grows with n, and is twice as
// large for the text "b".
func noisy(seed uint64, rows int, spread float64) (f *frame.Frame, predicted, y []float64) {
	r := rand.New(rand.NewPCG(seed, 9))
	f = &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: "n", Numbers: make([]float64, rows)}, {Name: "s", Kind: frame.Text, Dict: []string{"a", "b"}, Codes: make([]int32, rows)}}}
	predicted, y = make([]float64, rows), make([]float64, rows)
	for i := range rows {
		n, s := r.Float64()*spread, int32(r.IntN(2))
		f.Columns[0].Numbers[i], f.Columns[1].Codes[i] = n, s
		if r.IntN(50) == 0 {
			f.Columns[0].Numbers[i] = math.Inf(1)
		}
		y[i] = r.NormFloat64() * (1 + n) * float64(1+s)
	}
	return f, predicted, y
}

func TestLossIsEstimatedWithoutLabels(t *testing.T) {
	f, predicted, y := noisy(1, 6000, 2)
	e, err := FitLoss(context.Background(), f, predicted, y, 7)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.GOMAXPROCS(1)
	again, err := FitLoss(context.Background(), f, predicted, y, 7)
	runtime.GOMAXPROCS(before)
	if err != nil {
		t.Fatal(err)
	}
	if other, _ := again.Encode(); !bytes.Equal(data, other) {
		t.Error("one thread gives another model")
	}
	if len(data) > 200_000 {
		t.Errorf("the model takes %d bytes", len(data))
	}
	if e, err = DecodeEstimator(data, 0); err != nil {
		t.Fatal(err)
	}
	// All of the harder text, and of the upper half of n: about twice the loss.
	g, _, truth := noisy(2, 8000, 2)
	var rows []int32
	var mae, mse float64
	for i := range g.Rows {
		if g.Columns[0].Numbers[i] > 1 && g.Columns[1].Codes[i] == 1 {
			rows = append(rows, int32(i))
			mae, mse = mae+math.Abs(truth[i]), mse+truth[i]*truth[i]
		}
	}
	hard := g.Take(rows)
	got, err := e.Loss.Metrics(hard, make([]float64, hard.Rows))
	if err != nil {
		t.Fatal(err)
	}
	mae, mse = mae/float64(hard.Rows), mse/float64(hard.Rows)
	if math.Abs(got["mae"].Value/mae-1) > .1 || math.Abs(got["rmse"].Value/math.Sqrt(mse)-1) > .1 || got["mae"].Value < 1.4*e.Loss.Expected[0] {
		t.Errorf("mae %v, mse %v; estimated %+v, usual %v", mae, mse, got, e.Loss.Expected)
	}
	if _, err := e.Loss.Metrics(&frame.Frame{}, nil); fault.KindOf(err) != fault.DatasetEmpty {
		t.Errorf("no rows: %v", err)
	}
	if few, err := FitLoss(context.Background(), part(f, 0, 10), predicted[:10], y[:10], 1); few != nil || err != nil {
		t.Errorf("ten rows teach %v, %v", few, err)
	}
	for _, change := range [][2]string{{`"version":1`, `"version":2`}, {`"loss":"squared"`, `"loss":"softmax"`}, {`"name":"n"`, `"name":"m"`}, {`"absolute":{`, `"absolute":null,"x":{`}} {
		if _, err := DecodeEstimator(bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1), 0); fault.KindOf(err) != fault.BundleInvalid {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	if _, err := DecodeEstimator(data, 2); fault.KindOf(err) != fault.BundleInvalid {
		t.Errorf("of classes: %v", err)
	}
}

func TestTreesTellAWindowApart(t *testing.T) {
	separate := func(a, b *frame.Frame) *Separation {
		t.Helper()
		s, err := Separate(context.Background(), a, b, SeparationOptions{Rows: 3000, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, _ := rowsOf(1, 4000, 0)
	same, _ := rowsOf(2, 3000, 0)
	far, _ := rowsOf(3, 3000, 1)
	if s := separate(a, same); s.Outcome != Stable || s.AUC > .53 || s.AUC < .47 || s.Low > .5 || s.LeftOut[0] != "t" {
		t.Errorf("alike: %+v", s)
	}
	s := separate(a, far)
	if s.Outcome != Drifted || s.AUC < .7 || s.Low < .68 || s.High > .8 || s.Features[0].Name != "n" || s.Features[0].Share < .8 {
		t.Errorf("apart: %+v", s)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if again := separate(a, far); !reflect.DeepEqual(again, s) {
		t.Errorf("one thread gives %+v", again)
	}
	// Each column as before, but not together.
	joint := func(seed uint64, together bool) *frame.Frame {
		r := rand.New(rand.NewPCG(seed, 1))
		f := &frame.Frame{Rows: 2000, Columns: []frame.Column{{Name: "x", Numbers: make([]float64, 2000)}, {Name: "y", Numbers: make([]float64, 2000)}}}
		for i := range 2000 {
			x, y := r.NormFloat64(), r.NormFloat64()
			if together {
				y = .9*x + math.Sqrt(1-.81)*y
			}
			f.Columns[0].Numbers[i], f.Columns[1].Numbers[i] = x, y
		}
		return f
	}
	if r := against(t, joint(1, false), joint(2, true)); r.Outcome != Stable {
		t.Errorf("one column alone: %+v", r)
	}
	if s := separate(joint(1, false), joint(2, true)); s.Outcome != Drifted {
		t.Errorf("columns together: %+v", s)
	}
	for name, c := range map[string]struct {
		a, b *frame.Frame
		want Outcome
	}{
		"no rows":       {a, part(far, 0, 0), Insufficient},
		"one row":       {a, part(far, 0, 1), Insufficient},
		"only times":    {&frame.Frame{Rows: 600, Columns: a.Columns[3:]}, &frame.Frame{Rows: 600, Columns: far.Columns[3:]}, Failed},
		"all null":      {numbers("n", repeated(600, math.NaN())...), numbers("n", repeated(600, math.NaN())...), Stable},
		"became null":   {numbers("n", repeated(600, 1, 2)...), numbers("n", repeated(600, math.NaN())...), Drifted},
		"constants":     {numbers("n", repeated(600, 1)...), numbers("n", repeated(600, 1)...), Stable},
		"infinities":    {numbers("n", repeated(600, 1)...), numbers("n", repeated(600, math.Inf(1))...), Drifted},
		"column gone":   {numbers("n", repeated(600, 1)...), numbers("m", repeated(600, 1)...), Drifted},
		"texts missing": {texts("s", repeatedText(600, "")...), texts("s", repeatedText(600, "")...), Stable},
	} {
		if s := separate(c.a, c.b); s.Outcome != c.want || (s.Reason == "") != (c.want == Stable || c.want == Drifted) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
