package feature

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// keepRaw notes rows lo to hi of out as they are before the implicit imputer of
// chain i. Raw begins with the first missing value: most columns have none, and
// then cost nothing.
func (s *Scratch) keepRaw(i int, out *frame.Feature, lo, hi int) {
	x := out.Numbers[lo:hi]
	if out.Raw == nil {
		if !slices.ContainsFunc(x, math.IsNaN) {
			return
		}
		s.raws[i] = grow(s.raws[i], len(out.Numbers))
		out.Raw = s.raws[i]
		copy(out.Raw, out.Numbers[:lo])
	}
	copy(out.Raw[lo:hi], x)
}

// rawOf is a copy of values if any of them is missing, else nil.
func rawOf(values []float64) []float64 {
	if slices.ContainsFunc(values, math.IsNaN) {
		return slices.Clone(values)
	}
	return nil
}
