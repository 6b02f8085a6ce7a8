package tuning

import (
	"math"
	"math/bits"
)

// Blend returns the weights, not negative and adding up to 1, with which the mean
// of several models' predictions does best on rows none of them has seen (Breiman
// 1996, "Stacked Regressions"): in squared error where classes is 0, in likelihood
// otherwise. predictions holds one slice a model, len(y) × max(1, classes) values,
// row by row; weights those of the rows, nil for 1 each.
func Blend(y, weights []float64, predictions [][]float64, classes int) []float64 {
	if classes == 0 {
		return blendSquares(y, weights, predictions)
	}
	return blendLikelihood(y, weights, predictions, classes)
}

// blendSquares tries every set of models: on the best one the weights solve the
// normal equations under the sum of 1, and none is negative. There are few models.
func blendSquares(y, weights []float64, predictions [][]float64) []float64 {
	k := len(predictions)
	// errors of the models against each other: with weights that add up to 1 the
	// squared error of the mean is wᵀ·E·w.
	e := make([][]float64, k)
	for a := range k {
		e[a] = make([]float64, k)
		for b := range a + 1 {
			sum := 0.0
			for i := range y {
				sum += weightOf(weights, i) * (y[i] - predictions[a][i]) * (y[i] - predictions[b][i])
			}
			e[a][b], e[b][a] = sum, sum
		}
	}
	best, out := math.Inf(1), make([]float64, k)
	for set := 1; set < 1<<k; set++ {
		w := alone(e, set)
		if w == nil {
			continue
		}
		loss := 0.0
		for a := range k {
			for b := range k {
				loss += w[a] * w[b] * e[a][b]
			}
		}
		if loss < best*(1-1e-12) {
			best, out = loss, w
		}
	}
	return out
}

// alone minimises wᵀ·E·w over the models in set with weights adding up to 1: w is
// E⁻¹·1, scaled. nil if a weight is negative or E has no inverse there.
func alone(e [][]float64, set int) []float64 {
	n := bits.OnesCount(uint(set))
	var at []int
	for a := range e {
		if set>>a&1 == 1 {
			at = append(at, a)
		}
	}
	w := make([]float64, len(e))
	if n == 1 { // also one without any error, which no equation describes
		w[at[0]] = 1
		return w
	}
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for j := range n {
			m[i][j] = e[at[i]][at[j]]
		}
		m[i][n] = 1
	}
	x := eliminate(m)
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	if x == nil || !(math.Abs(sum) > 0) || math.IsInf(sum, 0) {
		return nil
	}
	for i, v := range x {
		if w[at[i]] = v / sum; !(w[at[i]] >= 0) {
			return nil
		}
	}
	return w
}

// eliminate solves n equations by Gauss with pivoting; nil where they have no one
// solution. m is overwritten.
func eliminate(m [][]float64) []float64 {
	n := len(m)
	largest := 0.0
	for _, row := range m {
		for _, v := range row[:n] {
			largest = max(largest, math.Abs(v))
		}
	}
	for c := range n {
		pivot := c
		for r := c + 1; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		if !(math.Abs(m[pivot][c]) > 1e-12*largest) {
			return nil
		}
		m[c], m[pivot] = m[pivot], m[c]
		for r := range n {
			if r == c {
				continue
			}
			f := m[r][c] / m[c][c]
			for j := c; j <= n; j++ {
				m[r][j] -= f * m[c][j]
			}
		}
	}
	x := make([]float64, n)
	for c := range n {
		x[c] = m[c][n] / m[c][c]
	}
	return x
}

// blendLikelihood is the EM algorithm for the weights of a mixture (Dempster,
// Laird and Rubin 1977), whose likelihood has one maximum.
func blendLikelihood(y, weights []float64, predictions [][]float64, classes int) []float64 {
	k := len(predictions)
	w := make([]float64, k)
	for a := range w {
		w[a] = 1 / float64(k)
	}
	for range 1000 {
		next, total := make([]float64, k), 0.0
		for i, class := range y {
			sum := 0.0
			for a := range k {
				sum += w[a] * predictions[a][i*classes+int(class)]
			}
			if !(sum > 0) {
				continue // no model thinks it possible: it says nothing about their weights
			}
			for a := range k {
				next[a] += weightOf(weights, i) * w[a] * predictions[a][i*classes+int(class)] / sum
			}
			total += weightOf(weights, i)
		}
		if !(total > 0) {
			return w
		}
		moved := 0.0
		for a := range w {
			next[a] /= total
			moved = max(moved, math.Abs(next[a]-w[a]))
		}
		if w = next; moved < 1e-10 {
			break
		}
	}
	return w
}

func weightOf(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}
