package profile

import (
	"math"
	"slices"
)

// Power is how well a column alone predicts the target in rows it was not learnt
// from: the sample, in the order of hashes, is dealt to two halves by chance, each
// predicts the other by a histogram of the column, its most frequent class or its mean,
// bin by bin.
type Power struct {
	// Measure is "errors" (classes: the share of errors that is spared, against the
	// most frequent class) or "r2" (numbers: the share of the variance that is
	// explained). 1 predicts without fail; below 0 is worse than nothing.
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
}

const (
	powerBins = 256 // of numbers
	powerRows = 100 // fewer prove nothing
)

// answer is the target in the sample: numbers, or codes below classes.
type answer struct {
	values  []float64
	codes   []int32
	classes int
}

func (y *answer) known(i int) bool {
	if y.values != nil {
		return y.values[i] == y.values[i]
	}
	return int(y.codes[i]) < y.classes
}

func (y *answer) powerOf(x *vector) *Power {
	bins, n := binsOf(x), 0
	for i := range bins.codes {
		if y.known(i) {
			n++
		}
	}
	if n < powerRows {
		return nil
	}
	missed, without := 0.0, 0.0 // errors, or squares of them, with the column and without
	for half := range 2 {
		var a, b float64
		if y.values != nil {
			a, b = y.squares(&bins, half)
		} else {
			a, b = y.errors(&bins, half)
		}
		missed, without = missed+a, without+b
	}
	if without == 0 {
		return nil
	}
	measure := "r2"
	if y.values == nil {
		measure = "errors"
	}
	return &Power{Measure: measure, Value: round(math.Max(-1, 1-missed/without))}
}

// errors are those in one half by what the other has seen.
func (y *answer) errors(x *vector, half int) (with, without float64) {
	counts, all := make([]int32, x.classes*y.classes), make([]int32, y.classes)
	for i := 1 - half; i < len(x.codes); i += 2 {
		if y.known(i) {
			counts[int(x.codes[i])*y.classes+int(y.codes[i])]++
			all[y.codes[i]]++
		}
	}
	usual := most(all)
	best := make([]int32, x.classes)
	for k := range best {
		if best[k] = most(counts[k*y.classes : (k+1)*y.classes]); counts[k*y.classes+int(best[k])] == 0 {
			best[k] = usual
		}
	}
	for i := half; i < len(x.codes); i += 2 {
		if !y.known(i) {
			continue
		}
		if y.codes[i] != best[x.codes[i]] {
			with++
		}
		if y.codes[i] != usual {
			without++
		}
	}
	return with, without
}

func most(counts []int32) int32 {
	best := 0
	for k, n := range counts {
		if n > counts[best] {
			best = k
		}
	}
	return int32(best)
}

// squares are those of the errors in one half by the means of the other.
func (y *answer) squares(x *vector, half int) (with, without float64) {
	sums, counts := make([]float64, x.classes), make([]float64, x.classes)
	sum, n := 0.0, 0.0
	for i := 1 - half; i < len(x.codes); i += 2 {
		if y.known(i) {
			sums[x.codes[i]] += y.values[i]
			counts[x.codes[i]]++
			sum, n = sum+y.values[i], n+1
		}
	}
	mean := sum / n
	for i := half; i < len(x.codes); i += 2 {
		if !y.known(i) {
			continue
		}
		said := mean
		if k := x.codes[i]; counts[k] > 0 {
			said = sums[k] / counts[k]
		}
		d, e := y.values[i]-said, y.values[i]-mean
		with, without = with+d*d, without+e*e
	}
	return with, without
}

// binsOf cuts numbers into bins of about equal rows, or takes each value for a bin if
// they are few; missing values are the last.
func binsOf(c *vector) vector {
	out := vector{codes: slices.Clone(c.codes), classes: c.classes}
	if c.codes == nil {
		known := c.sorted()
		edges := slices.Compact(slices.Clone(known))
		if len(edges) > powerBins {
			edges = quantileEdges(known, powerBins)
		}
		out.codes, out.classes = c.between(edges), len(edges)+1
	}
	for i, k := range out.codes {
		if k < 0 {
			out.codes[i] = int32(out.classes)
		}
	}
	out.classes++
	return out
}
