package tuning

import "math/bits"

// sobolBits is how many points the sequence has before it repeats: 2^30.
const sobolBits = 30

// direction holds a primitive polynomial (its degree and inner coefficients) and
// the first direction numbers of one dimension.
type direction struct {
	degree, inner uint32
	first         []uint32
}

// directions of the dimensions from the second on: Joe and Kuo 2008, "Constructing
// Sobol sequences with better two-dimensional projections", new-joe-kuo-6.
var directions = []direction{
	{1, 0, []uint32{1}},
	{2, 1, []uint32{1, 3}},
	{3, 1, []uint32{1, 3, 1}},
	{3, 2, []uint32{1, 1, 1}},
	{4, 1, []uint32{1, 1, 3, 3}},
	{4, 4, []uint32{1, 3, 5, 13}},
	{5, 2, []uint32{1, 1, 5, 5, 17}},
	{5, 4, []uint32{1, 1, 5, 5, 5}},
	{5, 7, []uint32{1, 1, 7, 11, 19}},
	{5, 11, []uint32{1, 1, 5, 1, 1}},
	{5, 13, []uint32{1, 1, 1, 3, 11}},
	{5, 14, []uint32{1, 3, 5, 5, 31}},
	{6, 1, []uint32{1, 3, 3, 9, 7, 49}},
	{6, 13, []uint32{1, 1, 1, 15, 21, 21}},
	{6, 16, []uint32{1, 3, 1, 13, 27, 49}},
	{6, 19, []uint32{1, 1, 1, 15, 7, 5}},
	{6, 22, []uint32{1, 3, 1, 15, 13, 25}},
	{6, 25, []uint32{1, 1, 5, 5, 19, 61}},
	{7, 1, []uint32{1, 3, 7, 11, 23, 15, 103}},
	{7, 4, []uint32{1, 3, 7, 13, 13, 15, 69}},
}

// sobolPoint is point n (from 0) of the Sobol sequence in the given number of
// dimensions, each shifted by its own bits of shift (a digital shift, which keeps
// the points as evenly spread as they are). Dimensions beyond the table repeat it
// with another shift. Coordinates are in [0, 1).
func sobolPoint(n uint32, dimensions int, shift func(dimension int) uint32) []float64 {
	u := make([]float64, dimensions)
	gray := n ^ n>>1
	for d := range u {
		x := shift(d) & (1<<sobolBits - 1)
		for rest := gray; rest != 0; rest &= rest - 1 {
			x ^= directionNumber(d%(len(directions)+1), bits.TrailingZeros32(rest))
		}
		u[d] = float64(x) / (1 << sobolBits)
	}
	return u
}

// directionNumber is the k-th (from 0) direction number of a dimension, as a
// binary fraction of sobolBits bits, by the recurrence of Bratley and Fox 1988.
func directionNumber(dimension, k int) uint32 {
	if dimension == 0 {
		return 1 << (sobolBits - 1 - k)
	}
	p := directions[dimension-1]
	m := make([]uint32, k+1)
	copy(m, p.first)
	for i := int(p.degree); i <= k; i++ {
		s := int(p.degree)
		m[i] = m[i-s] ^ m[i-s]<<s
		for j := 1; j < s; j++ {
			if p.inner>>(s-1-j)&1 == 1 {
				m[i] ^= m[i-j] << j
			}
		}
	}
	return m[k] << (sobolBits - 1 - k)
}
