package drift

import "math"

// JensenShannon is the Jensen-Shannon distance of two lists of counts over the
// same bins: the square root of the divergence in base 2, from 0 (alike) to 1
// (nothing in common), as scipy.spatial.distance.jensenshannon(p, q, base=2). NaN
// if either is empty.
func JensenShannon(p, q []float64) float64 {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return math.NaN()
	}
	d := 0.0
	for i := range p {
		a, b := p[i]/sp, q[i]/sq
		m := (a + b) / 2
		d += term(a, m) + term(b, m)
	}
	return math.Sqrt(math.Max(0, d/2))
}

func term(a, m float64) float64 {
	if a == 0 {
		return 0
	}
	return a * math.Log2(a/m)
}

// PSI is the population stability index of two lists of counts over the same
// bins: Σ (p−q)·ln(p/q). A share of 0 counts as half a row of its side, so that an
// empty bin does not make it infinite. Below 0.1 is usually called stable, above
// 0.25 shifted.
func PSI(p, q []float64) float64 {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return math.NaN()
	}
	d := 0.0
	for i := range p {
		if p[i] == 0 && q[i] == 0 {
			continue
		}
		a, b := math.Max(p[i], .5)/sp, math.Max(q[i], .5)/sq
		d += (a - b) * math.Log(a/b)
	}
	return d
}

// LInf is the largest difference between two shares.
func LInf(p, q []float64) float64 {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return math.NaN()
	}
	d := 0.0
	for i := range p {
		d = math.Max(d, math.Abs(p[i]/sp-q[i]/sq))
	}
	return d
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}
