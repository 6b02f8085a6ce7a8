package tree

import (
	"cmp"
	"slices"
)

// quantileOf returns the least value that at least level of the weight does not
// exceed. It reorders values; w is nil for equal weights.
func quantileOf(values, w []float64, level float64) float64 {
	if w == nil {
		slices.Sort(values)
		at := int(level * float64(len(values)))
		if float64(at) == level*float64(len(values)) && at > 0 {
			at--
		}
		return values[min(at, len(values)-1)]
	}
	type pair struct{ value, weight float64 }
	pairs, total := make([]pair, len(values)), 0.0
	for i, v := range values {
		pairs[i] = pair{v, w[i]}
	}
	// Equal values in order of weight: the sum below has one order only.
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight))
	})
	for _, p := range pairs {
		total += p.weight
	}
	sum := 0.0
	for _, p := range pairs {
		if sum += p.weight; sum >= level*total && p.weight > 0 {
			return p.value
		}
	}
	return pairs[len(pairs)-1].value
}

// renew gives each leaf the quantile of the residuals of its rows, kept within
// the leaf's bounds.
func (g *grower) renew(t *Tree, leaves []*node, y, w []float64, level float64) {
	g.crew.run(len(leaves), func(_, i int) {
		leaf := leaves[i]
		entries := g.entries[leaf.lo:leaf.hi]
		residuals := make([]float64, len(entries))
		var weights []float64
		if w != nil {
			weights = make([]float64, len(entries))
		}
		for i, e := range entries {
			row := e.row()
			if residuals[i] = y[row] - g.scores[row*g.stride+g.offset]; w != nil {
				weights[i] = w[row]
			}
		}
		v := min(max(quantileOf(residuals, weights, level), leaf.in.low), leaf.in.high)
		t.Values[leaf.id] = float32(g.rules.LearningRate * v)
	})
}
