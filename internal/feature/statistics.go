package feature

import (
	"cmp"
	"math"
	"slices"
)

// present returns the values that are not NaN, in order, in buffer.
func present(values, buffer []float64) []float64 {
	buffer = buffer[:0]
	for _, v := range values {
		if v == v {
			buffer = append(buffer, v)
		}
	}
	return buffer
}

// sum adds f(x) over x by pairs of halves down to blocks of 128: the order is
// fixed by the length alone and the error grows with its logarithm (Higham,
// Accuracy and Stability of Numerical Algorithms, 4.2).
func sum(x []float64, f func(float64) float64) float64 {
	if len(x) <= 128 {
		s := 0.0
		for _, v := range x {
			s += f(v)
		}
		return s
	}
	half := len(x) / 2 &^ 127
	half = max(half, 128)
	return sum(x[:half], f) + sum(x[half:], f)
}

func mean(x []float64) float64 {
	return sum(x, func(v float64) float64 { return v }) / float64(len(x))
}

// meanScale returns the mean and the population standard deviation, 1 where the
// values are constant up to rounding (scikit-learn's StandardScaler and its
// _is_constant_feature). The second moment is centred and corrected (Chan, Golub
// and LeVeque 1983).
func meanScale(x []float64) (m, scale float64) {
	if len(x) == 0 {
		return 0, 1
	}
	n := float64(len(x))
	m = mean(x)
	drift := sum(x, func(v float64) float64 { return v - m })
	variance := (sum(x, func(v float64) float64 { return (v - m) * (v - m) }) - drift*drift/n) / n
	const eps = 0x1p-52
	if variance <= n*eps*variance+(n*m*eps)*(n*m*eps) {
		return m, 1
	}
	return m, math.Sqrt(variance)
}

// median returns the exact median, the mean of the two middle values when they
// are two. It reorders x.
func median(x []float64) float64 {
	k := len(x) / 2
	high := nth(x, k)
	if len(x)%2 == 1 {
		return high
	}
	low := slices.Max(x[:k])
	if m := (low + high) / 2; !math.IsInf(m, 0) {
		return m
	}
	return low/2 + high/2
}

// nth returns the k-th smallest value, leaving smaller ones before index k:
// Hoare's quickselect with the median of three, falling back to sorting when
// the pivots are bad.
func nth(x []float64, k int) float64 {
	lo, hi := 0, len(x)-1
	for budget := 64; hi-lo > 16; budget-- {
		if budget == 0 {
			break
		}
		a, b, c := x[lo], x[(lo+hi)/2], x[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return x[k]
		}
	}
	slices.Sort(x[lo : hi+1])
	return x[k]
}

// mode returns the most frequent value, the smallest of those. It sorts x.
func mode(x []float64) float64 {
	slices.Sort(x)
	best, bestCount := x[0], 0
	for i := 0; i < len(x); {
		j := i
		for j < len(x) && x[j] == x[i] {
			j++
		}
		if j-i > bestCount {
			best, bestCount = x[i], j-i
		}
		i = j
	}
	return best
}

// counted is a category and its rows.
type counted struct {
	text string
	rows int
}

// byCount orders categories by rows, most first, then by name.
func byCount(categories []counted) {
	slices.SortFunc(categories, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.text, b.text))
	})
}

// quantiles returns the exact quantiles of x at shares qs, in increasing order,
// with numpy's linear interpolation. It reorders x.
func quantiles(x []float64, qs ...float64) []float64 {
	if len(qs) > 12 {
		slices.Sort(x)
	}
	out := make([]float64, len(qs))
	from := 0 // everything before is smaller than everything after
	for i, q := range qs {
		at := q * float64(len(x)-1)
		k := int(at)
		t := at - float64(k)
		low := x[k]
		if len(qs) <= 12 {
			low = nth(x[from:], k-from)
		}
		out[i] = low
		if t > 0 {
			high := x[k+1]
			if len(qs) <= 12 {
				high = slices.Min(x[k+1:])
			}
			if out[i] = low + float64((high-low)*t); t >= 0.5 { // numpy's lerp
				out[i] = high - float64((high-low)*(1-t))
			}
		}
		from = k
	}
	return out
}
