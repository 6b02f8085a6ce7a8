package tree

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// sampledLeafWise turns on all that draws or orders.
func sampledLeafWise(s Settings) Settings {
	s.LeafWise, s.MaxLeaves, s.MaxDepth = true, 20, 12
	s.Subsample, s.ColsampleByTree, s.ColsampleByNode = 0.7, 0.8, 0.7
	return s
}

func TestTheSameTreesWithAnyNumberOfThreads(t *testing.T) {
	const rows = 150_000 // more than one task of every kind
	for _, l := range losses {
		d, s := of(l, 1, rows), settings(l)
		s.Rounds = 3
		if l == Logistic || l == Absolute {
			d.Weights = weights(rows)
			s = sampledLeafWise(s)
		}
		var want string
		for _, threads := range []int{1, 2, 8} {
			withThreads(t, threads)
			e, report := fitted(t, d, s)
			got := encoded(t, e) + fmt.Sprint(report.Train)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: %d threads grow other trees than 1", l, threads)
			}
		}
	}
}

func TestAFitThatWasCutOffEndsWithTheSameBytes(t *testing.T) {
	for _, l := range losses {
		for _, sampled := range []bool{false, true} {
			d, other, s := of(l, 2, 3000), of(l, 3, 500), settings(l)
			if s.EarlyStopping = 6; sampled {
				s = sampledLeafWise(s)
			}
			b := binned(t, d, s)
			saved := map[int][]byte{}
			step := func(done, of int, save func() ([]byte, error)) {
				data, err := save()
				if err != nil || of != s.Rounds {
					t.Fatal(of, err)
				}
				saved[done] = data
			}
			e, report, err := Fit(context.Background(), d, &other, b, s, nil, step)
			if err != nil {
				t.Fatal(err)
			}
			want := encoded(t, e) + fmt.Sprint(report)
			for _, round := range []int{1, 4, 7} {
				e, report, err := Fit(context.Background(), d, &other, b, s, saved[round], nil)
				if err != nil {
					t.Fatal(err)
				}
				if encoded(t, e)+fmt.Sprint(report) != want {
					t.Errorf("%s, sampled %t: resumed after round %d it ends otherwise", l, sampled, round)
				}
			}
		}
	}
}

func TestACheckpointOfAnotherFitIsRefused(t *testing.T) {
	d, s := of(Squared, 2, 500), settings(Squared)
	var saved []byte
	if _, _, err := Fit(context.Background(), d, nil, binned(t, d, s), s, nil, func(_, _ int, save func() ([]byte, error)) { saved, _ = save() }); err != nil {
		t.Fatal(err)
	}
	other := of(Squared, 5, 500)
	for name, data := range map[string][]byte{"of other data": saved, "broken": saved[:len(saved)/2], "empty": {}} {
		if _, _, err := Fit(context.Background(), other, nil, binned(t, other, s), s, data, nil); fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALossFallsWithEveryRound(t *testing.T) {
	for _, l := range losses {
		_, report := fitted(t, of(l, 4, 4000), settings(l))
		for i := 1; i < len(report.Train); i++ {
			if !(report.Train[i] < report.Train[i-1]) {
				t.Errorf("%s: round %d has %v after %v", l, i+1, report.Train[i], report.Train[i-1])
			}
		}
		if first, last := report.Train[0], report.Train[len(report.Train)-1]; len(report.Train) != 12 || l != Poisson && last > 0.85*first {
			t.Errorf("%s: %v to %v in %d rounds", l, first, last, len(report.Train))
		}
	}
}

func TestGradientsAreThoseOfTheLoss(t *testing.T) {
	for _, l := range losses {
		s := settings(l)
		f, outputs := lossOf(&s, 3), 1
		if l == Softmax {
			outputs = 3
		}
		for _, y := range []float64{0, 1} {
			for k := range outputs {
				z := []float64{0.3, -0.8, 1.7}[:outputs]
				g, h := []float64{0}, []float64{1}
				at := func(d float64) float64 {
					moved := append([]float64{}, z...)
					moved[k] += d
					return f.gradients(moved, []float64{y}, nil, 0, 0, g, h)
				}
				const step = 1e-5
				slope := (at(step) - at(-step)) / (2 * step)
				at(0)
				f.gradients(z, []float64{y}, nil, 0, k, g, h)
				factor := map[Loss]float64{Squared: 2, Absolute: 2}[l] // how they are reported
				if factor == 0 {
					factor = 1
				}
				if math.Abs(g[0]*factor-slope) > 1e-6 {
					t.Errorf("%s of %v: gradient %v, slope %v", l, y, g[0]*factor, slope)
				}
			}
		}
	}
}

func TestEarlyStoppingKeepsTheBestRound(t *testing.T) {
	d, held, s := of(Squared, 6, 300), of(Squared, 7, 300), settings(Squared)
	s.Rounds, s.EarlyStopping, s.MinSamplesLeaf, s.LearningRate = 400, 15, 1, 0.5
	e, report, err := Fit(context.Background(), d, &held, binned(t, d, s), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Stopped || len(report.Held) != report.Rounds+15 || len(e.Trees) != report.Rounds || len(report.Train) != len(report.Held) {
		t.Fatalf("%d rounds of %d kept, %d trees", report.Rounds, len(report.Held), len(e.Trees))
	}
	for i, v := range report.Held {
		if v < report.Held[report.Rounds-1] {
			t.Fatalf("round %d is better than %d", i+1, report.Rounds)
		}
	}
	out, sum := make([]float64, held.X.Rows), 0.0
	e.Predict(held.X, out)
	for i, y := range held.Y {
		sum += (out[i] - y) * (out[i] - y)
	}
	if mse := sum / float64(len(out)); math.Abs(mse-report.Held[report.Rounds-1]) > 1e-9*mse {
		t.Fatalf("predicts with %v what was watched at %v", mse, report.Held[report.Rounds-1])
	}
}

func TestAFitEndsWithItsContext(t *testing.T) {
	d, s := of(Squared, 1, 20_000), settings(Squared)
	b := binned(t, d, s)
	ctx, cancel := context.WithCancel(context.Background())
	s.Rounds = 10_000
	rounds := 0
	_, _, err := Fit(ctx, d, nil, b, s, nil, func(done, _ int, _ func() ([]byte, error)) {
		if rounds = done; done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || rounds != 2 {
		t.Fatalf("after %d rounds: %v", rounds, err)
	}
	if _, err := NewBins(ctx, d.X, 255); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g := newGrower(newCrew(ctx), b, &s, false, make([]float64, d.X.Rows), 1)
	g.rules.packing = newPacking(d.X.Rows, 1, 1, 1, 1)
	g.build([]*node{{hi: d.X.Rows, sums: sums{rows: int64(d.X.Rows), hessian: int64(d.X.Rows)}}})
	if g.scratch[0].first[0] != [slots]int64{} {
		t.Fatal("a histogram was built after the end")
	}
}

// Whatever is odd about a table, a fit answers: with finite predictions, or with
// an error that says why not.
func TestOddTables(t *testing.T) {
	number := func(values ...float64) *frame.Matrix {
		return &frame.Matrix{Rows: len(values), Features: []frame.Feature{{Name: "x", Numbers: values}}}
	}
	nan := math.NaN()
	wide := &frame.Matrix{Rows: 3}
	for range 300 {
		wide.Features = append(wide.Features, frame.Feature{Name: "w", Numbers: []float64{1, 2, 3}})
	}
	for name, c := range map[string]struct {
		x     *frame.Matrix
		y     []float64
		loss  Loss
		trees int // least
		kind  fault.Kind
	}{
		"one row":                 {number(1), []float64{3}, Squared, 0, ""},
		"no features":             {&frame.Matrix{Rows: 2}, []float64{1, 2}, Squared, 0, ""},
		"a constant target":       {number(1, 2, 3, 4), []float64{0.1, 0.1, 0.1, 0.1}, Squared, 0, ""},
		"all missing":             {number(nan, nan), []float64{1, 2}, Squared, 0, ""},
		"missing says it all":     {number(nan, nan, 5, 5), []float64{1, 1, 9, 9}, Squared, 1, ""},
		"more columns than rows":  {wide, []float64{1, 2, 4}, Squared, 1, ""},
		"a class without rows":    {number(1, 2, 3, 4), []float64{0, 0, 1, 1}, Softmax, 3, ""},
		"one class only":          {number(1, 2, 3, 4), []float64{1, 1, 1, 1}, Logistic, 0, ""},
		"huge values":             {number(-1e300, 1e300, 1e-300, -1e-300), []float64{1, 2, 3, 4}, Squared, 1, ""},
		"targets that overflow":   {number(1, 2, 3, 4), []float64{-1e300, 1e300, 1e300, -1e300}, Squared, 0, fault.TrainingFailed},
		"targets beyond float32":  {number(1, 2, 3, 4), []float64{-1e60, 1e60, 1e60, 1e60}, Squared, 0, fault.TrainingFailed},
		"negative counts":         {number(1, 2), []float64{-1, 2}, Poisson, 0, fault.TargetInvalid},
		"no counts":               {number(1, 2), []float64{0, 0}, Poisson, 0, fault.TargetInvalid},
		"tiny targets":            {number(1, 2, 3, 4), []float64{1e-30, 1e-30, 2e-30, 2e-30}, Squared, 1, ""},
		"an absolute constant":    {number(1, 2, 3, 4), []float64{5, 5, 5, 5}, Absolute, 0, ""},
		"an outlier of the class": {number(1, 2, 3, 1e9), []float64{0, 0, 0, 1}, Logistic, 1, ""},
	} {
		s := settings(c.loss)
		s.MinSamplesLeaf, s.L2 = 1, 0
		d := Table{X: c.x, Y: c.y}
		e, _, err := Fit(context.Background(), d, nil, binned(t, d, s), s, nil, nil)
		if fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		out := make([]float64, c.x.Rows*e.Outputs())
		e.Predict(c.x, out)
		for _, v := range out {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: predicts %v", name, out)
				break
			}
		}
		if len(e.Trees) < c.trees || c.trees == 0 && len(e.Trees) != 0 && e.Trees[0].Leaves() > 1 {
			t.Errorf("%s: %d trees", name, len(e.Trees))
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	e, _ := fitted(t, Table{X: number(1, 2, 3, 4), Y: []float64{0, 0, 1, 1}}, settings(Softmax))
	out := make([]float64, 12)
	e.Predict(number(1, 2, 3, 4), out)
	if out[2] > 1e-12 || out[5] > 1e-12 {
		t.Errorf("a class without rows has %v", out)
	}
}

func TestWeightsCountAsRows(t *testing.T) {
	d, s := of(Squared, 8, 800), settings(Squared)
	s.MinSamplesLeaf, s.CatSmooth = 1, 0
	d.X.Features = d.X.Features[:6] // rows of a category are counted, not weighed
	twice := Table{X: &frame.Matrix{}}
	var rows []int32
	for i := range d.X.Rows {
		for range 1 + i%3 {
			rows = append(rows, int32(i))
		}
	}
	twice.X = d.X.Take(rows)
	for _, r := range rows {
		twice.Y = append(twice.Y, d.Y[r])
	}
	d.Weights = make([]float64, d.X.Rows)
	for i := range d.Weights {
		d.Weights[i] = float64(1 + i%3)
	}
	for _, l := range []Loss{Squared, Absolute} {
		s.Loss, s.MaxBins = l, 40
		b := binned(t, d, s)
		a, _, err := Fit(context.Background(), d, nil, b, s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := Fit(context.Background(), twice, nil, b.like(newCrew(context.Background()), twice.X).standing(), s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		x, y := make([]float64, d.X.Rows), make([]float64, d.X.Rows)
		a.Predict(d.X, x)
		c.Predict(d.X, y)
		for i := range x {
			if math.Abs(x[i]-y[i]) > 1e-3*max(1, math.Abs(x[i])) {
				t.Fatalf("%s: row %d is %v by weight and %v by rows", l, i, x[i], y[i])
			}
		}
	}
}

// standing adds the columns that growing reads.
func (b *Bins) standing() *Bins {
	for j := range b.columns {
		b.tall = append(b.tall, make([]uint8, b.Rows))
		for i := range b.Rows {
			b.tall[j][i] = b.wide[i*len(b.columns)+j]
		}
	}
	return b
}
