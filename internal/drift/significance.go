package drift

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Test is the outcome of a test of significance.
type Test struct {
	Statistic float64 `json:"statistic"`
	Degrees   int     `json:"degrees,omitempty"` // of freedom, of a chi-square
	P         float64 `json:"p"`
}

// leastExpected is the count below which a bin of a chi-square joins the others
// like it (Cochran 1954).
const leastExpected = 5

// ChiSquare is Pearson's test of homogeneity of two lists of counts over the same
// bins, as scipy.stats.chi2_contingency(correction=False). Bins empty on both
// sides are left out. Nil if fewer than two bins or either side is empty.
func ChiSquare(p, q []float64) *Test {
	sp, sq := sum(p), sum(q)
	if sp == 0 || sq == 0 {
		return nil
	}
	statistic, bins := 0.0, 0
	for i := range p {
		both := p[i] + q[i]
		if both == 0 {
			continue
		}
		bins++
		a, b := both*sp/(sp+sq), both*sq/(sp+sq)
		statistic += (p[i]-a)*(p[i]-a)/a + (q[i]-b)*(q[i]-b)/b
	}
	if bins < 2 {
		return nil
	}
	return &Test{statistic, bins - 1, chiSquareTail(statistic, bins-1)}
}

// ChiSquareFit is Pearson's test of counts against expected ones, scaled to as
// many rows: scipy.stats.chisquare, which is Evidently's. Nil where a bin with
// rows expects none, which makes the statistic infinite, or there are fewer than
// two bins. Prefer ChiSquare: this takes the reference for certain.
func ChiSquareFit(counts, expected []float64) *Test {
	scale := sum(counts) / sum(expected)
	statistic, bins := 0.0, 0
	for i, n := range counts {
		e := expected[i] * scale
		if e == 0 && n == 0 {
			continue
		}
		if !(e > 0) {
			return nil
		}
		bins++
		statistic += (n - e) * (n - e) / e
	}
	if bins < 2 {
		return nil
	}
	return &Test{statistic, bins - 1, chiSquareTail(statistic, bins-1)}
}

// chiSquareTail is the probability of more than x with k degrees of freedom.
func chiSquareTail(x float64, k int) float64 { return mathext.GammaIncRegComp(float64(k)/2, x/2) }

// pooled puts bins that expect fewer than leastExpected rows on either side into
// one, and that with the smallest other where it still expects fewer, so that the
// chi-square of the rest has its distribution: a single row where the reference has
// none is no evidence.
func pooled(p, q []float64) (a, b []float64) {
	sp, sq := sum(p), sum(q)
	least := min(sp, sq) / (sp + sq)
	var restP, restQ float64
	smallest := -1
	for i := range p {
		if (p[i]+q[i])*least < leastExpected {
			restP, restQ = restP+p[i], restQ+q[i]
			continue
		}
		a, b = append(a, p[i]), append(b, q[i])
		if at := len(a) - 1; smallest < 0 || a[at]+b[at] < a[smallest]+b[smallest] {
			smallest = at
		}
	}
	switch {
	case restP+restQ == 0:
	case (restP+restQ)*least < leastExpected && smallest >= 0:
		a[smallest], b[smallest] = a[smallest]+restP, b[smallest]+restQ
	default:
		a, b = append(a, restP), append(b, restQ)
	}
	return a, b
}

// Proportions is how the share of something has changed.
type Proportions struct {
	Reference float64 `json:"reference"` // share of its rows
	Window    float64 `json:"window"`
	Z         float64 `json:"z"` // window over reference
	P         float64 `json:"p"` // two-sided
}

// TwoProportions tests that n of rows has the same share on both sides, by the z of
// the pooled share: statsmodels' proportions_ztest, Evidently's "z". Where both
// have none or all, z is 0 and p is 1. Nil without rows on a side.
func TwoProportions(n, rows, n2, rows2 int64) *Proportions {
	if rows == 0 || rows2 == 0 {
		return nil
	}
	a, b := float64(n)/float64(rows), float64(n2)/float64(rows2)
	all := float64(n+n2) / float64(rows+rows2)
	p := &Proportions{Reference: a, Window: b, P: 1}
	if all > 0 && all < 1 {
		p.Z = (b - a) / math.Sqrt(all*(1-all)*(1/float64(rows)+1/float64(rows2)))
		p.P = math.Erfc(math.Abs(p.Z) / math.Sqrt2)
	}
	return p
}

// BenjaminiHochberg returns the p-values corrected for their number (Benjamini and
// Hochberg 1995), in the order given, as scipy.stats.false_discovery_control: of
// the columns found by q < α, an expected share of at most α is false. NaN stays
// NaN and does not count.
func BenjaminiHochberg(p []float64) []float64 {
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if p[a] < p[b] {
			return -1
		} else if p[a] > p[b] {
			return 1
		}
		return 0
	})
	q := slices.Clone(p)
	least := 1.0
	for k := len(order) - 1; k >= 0; k-- {
		least = min(least, p[order[k]]*float64(len(order))/float64(k+1))
		q[order[k]] = least
	}
	return q
}
