package tuning

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/esteira-ml/esteira/internal/model"
)

// What Bergstra et al. 2011, and Optuna after them, begin with and draw from.
const (
	tpeStartup    = 10 // trials of a kind before anything can be learnt of them
	tpeCandidates = 24 // points drawn from the good ones, of which the most promising is tried
	tpeMostGood   = 25
)

// seen is a point that was tried, with a loss: less is better. A trial that
// failed has an infinite loss; one that is under way counts as bad, so that the
// trials of one batch do not all try the same.
type seen struct {
	params model.Params
	loss   float64
}

// propose is the next point to try: the tree-structured Parzen estimator
// (Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for Hyper-Parameter
// Optimization"). The best tenth of what was seen makes one density, the rest
// another; of some points drawn from the first, the one where the two differ most
// is tried. Dimensions are taken to be independent.
func (s space) propose(r *rand.Rand, points []seen) model.Params {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b seen) int {
		switch {
		case a.loss < b.loss:
			return -1
		case a.loss > b.loss:
			return 1
		}
		return 0
	})
	n := min((len(points)+9)/10, tpeMostGood)
	good, bad := points[:n], points[n:]
	out := make(model.Params, len(s.dimensions))
	best := math.Inf(-1)
	densities := make([][2]density, len(s.dimensions))
	for i, d := range s.dimensions {
		densities[i] = [2]density{d.density(good), d.density(bad)}
	}
	for range tpeCandidates {
		point, gain := make(model.Params, len(s.dimensions)), 0.0
		for i, d := range s.dimensions {
			v := densities[i][0].draw(r)
			gain += densities[i][0].log(v) - densities[i][1].log(v)
			if d.choices == nil {
				low, high := d.bounds()
				v = d.at((v - low) / (high - low))
			} else {
				v = d.choices[int(v)]
			}
			point[d.name] = v
		}
		if gain > best {
			best, out = gain, point
		}
	}
	return out
}

// density is a mixture of normal distributions cut to [low, high], one about each
// point and a wide one about the middle; or, of choices, their smoothed shares.
type density struct {
	low, high   float64
	mean, width []float64
	mass        []float64 // width times how much of the component is inside
	shares      []float64
}

func (d dimension) density(points []seen) density {
	if d.choices != nil {
		shares := make([]float64, len(d.choices))
		for k, c := range d.choices {
			shares[k] = 1
			for _, p := range points {
				if p.params[d.name] == c {
					shares[k]++
				}
			}
			shares[k] /= float64(len(points) + len(d.choices))
		}
		return density{shares: shares}
	}
	low, high := d.bounds()
	m := density{low: low, high: high, mean: []float64{(low + high) / 2}}
	for _, p := range points {
		m.mean = append(m.mean, d.on(p.params[d.name]))
	}
	slices.Sort(m.mean)
	m.width = make([]float64, len(m.mean))
	narrow := (high - low) / math.Min(100, float64(len(m.mean))+1)
	for i, at := range m.mean {
		before, after := low, high
		if i > 0 {
			before = m.mean[i-1]
		}
		if i+1 < len(m.mean) {
			after = m.mean[i+1]
		}
		m.width[i] = min(max(at-before, after-at, narrow), high-low)
		m.mass = append(m.mass, m.width[i]*(phi((high-at)/m.width[i])-phi((low-at)/m.width[i])))
	}
	return m
}

// draw returns a number on the scale of the dimension, or the index of a choice.
func (m density) draw(r *rand.Rand) float64 {
	if m.shares != nil {
		u := r.Float64()
		for k, share := range m.shares {
			if u -= share; u < 0 {
				return float64(k)
			}
		}
		return float64(len(m.shares) - 1)
	}
	k := r.IntN(len(m.mean))
	for range 100 {
		if v := m.mean[k] + m.width[k]*r.NormFloat64(); v >= m.low && v < m.high {
			return v
		}
	}
	return m.mean[k]
}

func (m density) log(v float64) float64 {
	if m.shares != nil {
		return math.Log(m.shares[int(v)])
	}
	sum := 0.0
	for k, at := range m.mean {
		z := (v - at) / m.width[k]
		sum += math.Exp(-z*z/2) / m.mass[k]
	}
	return math.Log(sum / float64(len(m.mean)))
}

// phi is the standard normal distribution function.
func phi(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
