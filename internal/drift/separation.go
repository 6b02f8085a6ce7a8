package drift

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/tree"
)

// Separation is how well boosted trees tell rows of the window from rows of the
// reference, on rows they have not learned from: drift of all columns together,
// which each of them alone may not show.
type Separation struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	Rows    Sides   `json:"rows"` // drawn

	// AUC is 0.5 where the two cannot be told apart, 1 where every row can; Low and
	// High its interval of 95 % (DeLong, DeLong and Clarke-Pearson 1988).
	AUC  float64 `json:"auc"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`

	Features []Share  `json:"features,omitempty"` // what told them apart, most first
	LeftOut  []string `json:"left_out,omitempty"` // times
}

// Share is the part of the gain of all splits that one feature has.
type Share struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
}

// SeparationOptions bound the work. The zero value is the defaults.
type SeparationOptions struct {
	MinRows   int     // on either side, 500
	Rows      int     // drawn of either side at most, 10,000
	Seed      int64   // of the draw and the folds
	Threshold float64 // of the AUC, with Low above 0.5; 0.55
}

const (
	separationFolds  = 3
	separationRounds = 40
	shownFeatures    = 10
)

// Separate fits the trees, in three folds. Columns of the reference are looked for
// in the window by name. The same rows and seed give the same result, whatever
// the number of threads. Errors are those of tree.Fit.
func Separate(ctx context.Context, reference, window *frame.Frame, o SeparationOptions) (*Separation, error) {
	o.MinRows, o.Rows, o.Threshold = cmp.Or(o.MinRows, 500), cmp.Or(o.Rows, 10_000), cmp.Or(o.Threshold, .55)
	s := &Separation{Rows: Sides{int64(min(reference.Rows, o.Rows)), int64(min(window.Rows, o.Rows))}, AUC: .5, High: 1}
	if min(reference.Rows, window.Rows) < o.MinRows {
		s.Outcome, s.Reason = Insufficient, tooFew(int64(reference.Rows), int64(window.Rows), int64(o.MinRows))
		return s, nil
	}
	a, b := drawn(reference, o.Rows, o.Seed), drawn(window, o.Rows, o.Seed+1)
	encoders, left := encodersOf(a, b)
	s.LeftOut = left
	if len(encoders) == 0 {
		s.Outcome, s.Reason = Failed, "there are no numbers or texts to tell rows apart by"
		return s, nil
	}
	x := stacked(matrixOf(encoders, a), matrixOf(encoders, b))
	y := make([]float64, x.Rows)
	for i := a.Rows; i < len(y); i++ {
		y[i] = 1
	}
	scores, gains, err := crossFitted(ctx, x, y, o.Seed)
	if err != nil {
		return nil, err
	}
	s.AUC, s.Low, s.High = areaOf(scores[:a.Rows], scores[a.Rows:])
	s.Features = shares(encoders, gains)
	if s.Outcome = Stable; s.Low > .5 && s.AUC >= o.Threshold {
		s.Outcome = Drifted
	}
	return s, nil
}

func stacked(a, b *frame.Matrix) *frame.Matrix {
	x := &frame.Matrix{Rows: a.Rows + b.Rows, Features: slices.Clone(a.Features)}
	for j := range x.Features {
		f, o := &x.Features[j], &b.Features[j]
		f.Numbers, f.Codes = append(f.Numbers, o.Numbers...), append(f.Codes, o.Codes...)
	}
	return x
}

// crossFitted returns the score of every row by trees that have not seen it, and
// the gain of each feature over all folds.
func crossFitted(ctx context.Context, x *frame.Matrix, y []float64, seed int64) (scores, gains []float64, err error) {
	scores, gains = make([]float64, x.Rows), make([]float64, len(x.Features))
	settings := small(tree.Logistic, separationRounds, seed)
	for fold := range separationFolds {
		var in, out []int32
		for i := range x.Rows {
			if mix(uint64(seed)+uint64(i))%separationFolds == uint64(fold) {
				out = append(out, int32(i))
			} else {
				in = append(in, int32(i))
			}
		}
		d := tree.Table{X: x.Take(in), Y: make([]float64, len(in))}
		for k, i := range in {
			d.Y[k] = y[i]
		}
		bins, err := tree.NewBins(ctx, d.X, settings.MaxBins)
		if err != nil {
			return nil, nil, err
		}
		trees, _, err := tree.Fit(ctx, d, nil, bins, settings, nil, nil)
		if err != nil {
			return nil, nil, err
		}
		p := make([]float64, 2*len(out))
		trees.Predict(x.Take(out), p)
		for k, i := range out {
			scores[i] = p[2*k+1]
		}
		for j, of := range trees.Importances() {
			gains[j] += of.Gain
		}
	}
	return scores, gains, nil
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func shares(encoders []Encoder, gains []float64) []Share {
	total := sum(gains)
	var out []Share
	for j, g := range gains {
		if g > 0 {
			out = append(out, Share{encoders[j].Name, g / total})
		}
	}
	slices.SortStableFunc(out, func(a, b Share) int { return cmp.Compare(b.Share, a.Share) })
	return out[:min(shownFeatures, len(out))]
}

// areaOf is the probability that a score of b is above one of a, ties counting
// half, with its interval of 95 %.
func areaOf(a, b []float64) (auc, low, high float64) {
	n, m := float64(len(a)), float64(len(b))
	all := midranks(append(slices.Clone(a), b...))
	ofA, ofB := midranks(a), midranks(b)
	var va, vb []float64 // the share of the other side that each score beats, or is beaten by
	for i := range a {
		va = append(va, 1-(all[i]-ofA[i])/m)
	}
	for i := range b {
		vb = append(vb, (all[len(a)+i]-ofB[i])/n)
	}
	auc = sum(vb) / m
	se := math.Sqrt(variance(va)/n + variance(vb)/m)
	return auc, max(0, auc-1.959964*se), min(1, auc+1.959964*se)
}

// midranks are the ranks of values from 1, equal ones sharing theirs.
func midranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	ranks := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			ranks[i] = float64(lo+hi+1) / 2
		}
		lo = hi
	}
	return ranks
}

// variance is that of a sample.
func variance(x []float64) float64 {
	mean, squares := sum(x)/float64(len(x)), 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return squares / max(1, float64(len(x)-1))
}
