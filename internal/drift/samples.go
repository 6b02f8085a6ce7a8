package drift

import "math"

// Sorted returns the finite values of a column in increasing order; NaN and
// infinities, which belong to other bins, are left out. It sorts by the bits of
// the values, eleven at a time, in time linear in their number.
func Sorted(values []float64) []float64 {
	const bits, size = 11, 1 << 11
	keys := make([]uint64, 0, len(values))
	var counts [6][size]int32
	for _, x := range values {
		if x-x != 0 {
			continue
		}
		k := math.Float64bits(x + 0) // no negative zero
		k ^= uint64(int64(k)>>63) | 1<<63
		keys = append(keys, k)
		for p := range counts {
			counts[p][k>>(bits*p)&(size-1)]++
		}
	}
	other := make([]uint64, len(keys))
	for p := range counts {
		c := &counts[p]
		if len(keys) == 0 || int(c[keys[0]>>(bits*p)&(size-1)]) == len(keys) {
			continue // all alike in these bits
		}
		at := int32(0)
		for d, n := range c {
			c[d] = at
			at += n
		}
		for _, k := range keys {
			d := k >> (bits * p) & (size - 1)
			other[c[d]] = k
			c[d]++
		}
		keys, other = other, keys
	}
	out := make([]float64, len(keys))
	for i, k := range keys {
		out[i] = math.Float64frombits(k ^ (uint64(int64(^k)>>63) | 1<<63))
	}
	return out
}

// Wasserstein is the first Wasserstein distance of sorted finite values, in their
// unit: the area between their distribution functions, as
// scipy.stats.wasserstein_distance. NaN if a side is empty.
func Wasserstein(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	n, m := float64(len(a)), float64(len(b))
	var area compensated
	last := min(a[0], b[0])
	for i, j := 0, 0; i < len(a) || j < len(b); {
		x := math.Inf(1)
		if i < len(a) {
			x = a[i]
		}
		if j < len(b) {
			x = min(x, b[j])
		}
		area.add(math.Abs(float64(i)/n-float64(j)/m) * (x - last))
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		last = x
	}
	return area.sum + area.rest
}

// leastDeviation is what Evidently norms a Wasserstein distance by at least.
const leastDeviation = 0.001

// NormedWasserstein is Wasserstein over the population standard deviation of the
// reference a, at least 0.001, as Evidently norms it.
func NormedWasserstein(a, b []float64) float64 {
	return Wasserstein(a, b) / max(deviation(a), leastDeviation)
}

// deviation is the population standard deviation.
func deviation(x []float64) float64 {
	var total, squares compensated
	for _, v := range x {
		total.add(v)
	}
	mean := total.value() / float64(len(x))
	for _, v := range x {
		squares.add((v - mean) * (v - mean))
	}
	return math.Sqrt(squares.value() / float64(len(x)))
}

// compensated is a sum with the rounding errors kept (Neumaier 1974).
type compensated struct{ sum, rest float64 }

func (c *compensated) add(x float64) {
	t := c.sum + x
	if math.Abs(c.sum) >= math.Abs(x) {
		c.rest += c.sum - t + x
	} else {
		c.rest += x - t + c.sum
	}
	c.sum = t
}

func (c *compensated) value() float64 { return c.sum + c.rest }

// SturgesEdges cuts the range of both samples, sorted and finite, into equal
// intervals by Sturges' rule, as numpy.histogram_bin_edges does for Evidently.
func SturgesEdges(a, b []float64) []float64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range [][]float64{a, b} {
		if len(s) > 0 {
			low, high = min(low, s[0]), max(high, s[len(s)-1])
		}
	}
	bins := 1
	if width := (high - low) / (math.Log2(float64(len(a)+len(b))) + 1); width > 0 {
		bins = int(math.Ceil((high - low) / width))
	} else {
		low, high = low-.5, high+.5
	}
	edges := make([]float64, bins+1)
	step := (high - low) / float64(bins)
	for i := range edges {
		edges[i] = float64(i)*step + low
	}
	edges[bins] = high
	return edges
}

// Counts counts sorted values in [edges[i], edges[i+1]), the last interval closed,
// as numpy.histogram.
func Counts(sorted, edges []float64) []float64 {
	counts := make([]float64, max(0, len(edges)-1))
	i := 0
	for i < len(sorted) && sorted[i] < edges[0] {
		i++
	}
	for k := range counts {
		for i < len(sorted) && (sorted[i] < edges[k+1] || k == len(counts)-1 && sorted[i] == edges[k+1]) {
			counts[k]++
			i++
		}
	}
	return counts
}
