package tree

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

// made is a table of numbers, some missing, some of few values, and blocks, one
// of more categories than bins; y depends on all of them.
func made(seed uint64, rows, classes int) Table {
	r := rand.New(rand.NewPCG(seed, 3))
	d := Table{X: &frame.Matrix{Rows: rows}, Y: make([]float64, rows)}
	score := make([]float64, rows)
	for j := range 5 {
		f := frame.Feature{Name: fmt.Sprintf("x%d", j), Numbers: make([]float64, rows)}
		for i := range rows {
			x := r.NormFloat64()
			if j == 3 {
				x = math.Floor(x * 2)
			}
			if score[i] += math.Sin(x) * float64(j+1); j > 1 && r.IntN(5) == 0 {
				score[i], x = score[i]-2, math.NaN()
			}
			f.Numbers[i] = x
		}
		d.X.Features = append(d.X.Features, f)
	}
	for j, categories := range []int{3, 12, 400} {
		f := frame.Feature{Name: fmt.Sprintf("b%d", j), Codes: make([]int32, rows), Categories: make([]string, categories)}
		for c := range f.Categories {
			f.Categories[c] = fmt.Sprint(c)
		}
		for i := range rows {
			c := min(r.IntN(categories+1), r.IntN(categories+1)) - 1
			f.Codes[i] = int32(c)
			score[i] += 2 * math.Cos(float64(c*c))
		}
		d.X.Features = append(d.X.Features, f)
	}
	for i := range rows {
		d.Y[i] = score[i] + r.NormFloat64()
		if classes > 0 {
			d.Y[i] = float64(min(classes-1, max(0, int(math.Floor(d.Y[i]/4))+classes/2)))
		}
	}
	return d
}

func settings(l Loss) Settings {
	s := Settings{
		CatL2: 10, CatSmooth: 10, ColsampleByNode: 1, ColsampleByTree: 1, HuberDelta: 1, L2: 1, LearningRate: 0.2, Loss: l, MaxBins: MaxBins,
		MaxCatThreshold: 32, MaxDepth: 5, MaxLeaves: math.MaxInt, MinChildWeight: 1e-3, MinSamplesLeaf: 5, Quantile: 0.8, Rounds: 12, Seed: 9, Subsample: 1,
	}
	switch l {
	case Logistic:
		s.Classes = 2
	case Softmax:
		s.Classes = 3
	}
	return s
}

var losses = []Loss{Squared, Absolute, Huber, Quantile, Poisson, Logistic, Softmax}

// of is a table whose target a loss can be of.
func of(l Loss, seed uint64, rows int) Table {
	d := made(seed, rows, map[Loss]int{Logistic: 2, Softmax: 3}[l])
	if l == Poisson {
		for i, y := range d.Y {
			d.Y[i] = math.Floor(math.Abs(y))
		}
	}
	return d
}

func binned(t testing.TB, d Table, s Settings) *Bins {
	t.Helper()
	b, err := NewBins(context.Background(), d.X, s.MaxBins)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fitted(t testing.TB, d Table, s Settings) (*Ensemble, Report) {
	t.Helper()
	e, report, err := Fit(context.Background(), d, nil, binned(t, d, s), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e, report
}

func encoded(t testing.TB, e *Ensemble) string {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func withThreads(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func weights(rows int) []float64 {
	w := make([]float64, rows)
	for i := range w {
		w[i] = float64(i%4) * 0.7
	}
	return w
}
