package report

import "math"

// scale maps values to coordinates of the drawing.
type scale struct {
	low, high float64 // values
	from, to  float64 // coordinates
}

func (s scale) at(x float64) float64 {
	if s.high == s.low {
		return (s.from + s.to) / 2
	}
	// Halves, because the difference of two doubles may be infinite.
	return s.from + (x/2-s.low/2)/(s.high/2-s.low/2)*(s.to-s.from)
}

// ticks returns about n round values within [low, high].
func ticks(low, high float64, n int) []float64 {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) {
		return []float64{low}
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if span/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var out []float64
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9 && len(out) < 4*n; i++ {
		out = append(out, i*step+0) // +0: no negative zero
	}
	if len(out) == 0 {
		return []float64{low}
	}
	return out
}

// extent returns the least and greatest finite value.
func extent(lists ...[]float64) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, list := range lists {
		for _, x := range list {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				low, high = math.Min(low, x), math.Max(high, x)
			}
		}
	}
	return low, high, low <= high
}
