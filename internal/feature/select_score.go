package feature

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// miBins is the most quantile bins a number is cut into to measure mutual
// information, and miRows the rows each pair of bins should have on average: few
// rows in many cells would look like information. The estimate over bins needs no
// random numbers, unlike the nearest-neighbour one, and is the same on every
// machine.
const (
	miBins = 16
	miRows = 10
)

// mutualInformation is that of the feature and the target, in nats; of several
// outputs, the largest.
func (fit *fitting) mutualInformation(m *made) float64 {
	y, ny := fit.labels.groups()
	most := 0.0
	for i := range m.features {
		x, nx := groups(&m.features[i])
		most = max(most, information(x, nx, y, ny))
	}
	return most
}

// groups codes the values of a feature from 0.
func groups(f *frame.Feature) (codes []int32, n int) {
	if f.Block() {
		codes = make([]int32, len(f.Codes))
		for i, c := range f.Codes {
			codes[i] = c + 1 // all zeros is a group of its own
		}
		return codes, len(f.Categories) + 1
	}
	return binned(f.Numbers)
}

// binned cuts numbers at their quantiles.
func binned(x []float64) (codes []int32, n int) {
	bins := max(2, min(miBins, int(math.Sqrt(float64(len(x)/miRows)))))
	at := make([]float64, bins-1)
	for i := range at {
		at[i] = float64(i+1) / float64(bins)
	}
	b := BinState{Edges: slices.Compact(quantiles(slices.Clone(x), at...))}
	codes = make([]int32, len(x))
	for i, v := range x {
		codes[i] = b.code(v)
	}
	return codes, len(b.Edges) + 1
}

func (l *labels) groups() (codes []int32, n int) {
	if l.count == 0 {
		return binned(l.values)
	}
	codes = make([]int32, len(l.values))
	for i, v := range l.values {
		codes[i] = int32(v)
	}
	return codes, l.count
}

// information is the mutual information of two codings in nats, with the
// correction of Miller (1955) for cells that hold rows by chance.
func information(x []int32, nx int, y []int32, ny int) float64 {
	both, px, py := make([]float64, nx*ny), make([]float64, nx), make([]float64, ny)
	for i := range x {
		both[int(x[i])*ny+int(y[i])]++
		px[x[i]]++
		py[y[i]]++
	}
	total, n, cells := 0.0, float64(len(x)), 1.0
	for i := range nx {
		for j := range ny {
			if k := both[i*ny+j]; k > 0 {
				cells++
				total += k / n * math.Log(k*n/(px[i]*py[j]))
			}
		}
	}
	for _, p := range slices.Concat(px, py) {
		if p > 0 {
			cells--
		}
	}
	return max(0, total-cells/(2*n))
}

// explained is the share of the target's variance (of all its classes together)
// that a straight line through the feature explains, adjusted for the number of
// its columns; for a block, the share between its groups.
func (fit *fitting) explained(m *made) float64 {
	classes := 1
	if fit.labels.count > 2 {
		classes = fit.labels.count
	}
	best := 0.0
	for i := range m.features {
		f := &m.features[i]
		within, total, columns := 0.0, 0.0, 1
		for class := range classes {
			y := fit.labels.of(class)
			v := varianceOf(y)
			total += v
			if f.Block() {
				share, groups := between(f, y)
				within += v * share
				columns = groups - 1
			} else {
				r := correlation(f.Numbers, y)
				within += v * r * r
			}
		}
		if total == 0 {
			continue
		}
		n := float64(len(fit.labels.values))
		adjusted := within / total
		if free := n - float64(columns) - 1; free > 0 {
			adjusted = 1 - (1-adjusted)*(n-1)/free
		}
		if i == 0 {
			best = adjusted
		}
		best = max(best, adjusted)
	}
	return best
}

// between is the share of y's variance that lies between the groups of a block,
// and how many of them have rows.
func between(f *frame.Feature, y []float64) (share float64, present int) {
	n := len(f.Categories) + 1
	sums, counts := make([]float64, n), make([]float64, n)
	m := mean(y)
	total := 0.0
	for i, c := range f.Codes {
		d := y[i] - m
		sums[c+1] += d
		counts[c+1]++
		total += float64(d * d)
	}
	for c := range sums {
		if counts[c] > 0 {
			share += sums[c] * sums[c] / counts[c]
			present++
		}
	}
	if total == 0 {
		return 0, present
	}
	return share / total, present
}
