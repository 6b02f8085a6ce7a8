package drift

import "math"

// JensenShannon is the Jensen-Shannon distance of two lists of counts over the
// same bins: the square root of JensenShannonDivergence, from 0 (alike) to 1
// (nothing in common), as scipy.spatial.distance.jensenshannon(p, q, base=2).
// Evidently's, in natural logarithms, is this times √ln 2. NaN if either is empty.
func JensenShannon(p, q []float64) float64 { return math.Sqrt(JensenShannonDivergence(p, q)) }

// JensenShannonDivergence is ½Σ p·log2(p/m) + ½Σ q·log2(q/m) with m = (p+q)/2
// (Lin 1991), in bits, from 0 to 1. NaN if either is empty.
func JensenShannonDivergence(p, q []float64) float64 {
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
	return math.Max(0, d/2)
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

// FilledPSI is PSI as Evidently defines it: a share of 0 counts as 0.0001, or as a
// millionth of its side's least share where that is not above 0.0001. It is the
// same as PSI where no bin is empty, and jumps where one is; it is here to be
// compared with, and no verdict rests on it. A bin empty on both sides counts.
func FilledPSI(p, q []float64) float64 {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return math.NaN()
	}
	fp, fq := fill(p, sp), fill(q, sq)
	d := 0.0
	for i := range p {
		a, b := p[i]/sp, q[i]/sq
		if a == 0 {
			a = fp
		}
		if b == 0 {
			b = fq
		}
		d += (a - b) * math.Log(a/b)
	}
	return d
}

func fill(counts []float64, total float64) float64 {
	least := math.Inf(1)
	for _, n := range counts {
		if n > 0 {
			least = math.Min(least, n/total)
		}
	}
	if least <= 0.0001 {
		return least / 1e6
	}
	return 0.0001
}

// TotalVariation is half the sum of the differences of shares: the share of rows
// that would have to move to another bin, from 0 to 1.
func TotalVariation(p, q []float64) float64 {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return math.NaN()
	}
	d := 0.0
	for i := range p {
		d += math.Abs(p[i]/sp - q[i]/sq)
	}
	return d / 2
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
