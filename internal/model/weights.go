package model

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// checkWeights refuses weights that have no mean.
func (d *Data) checkWeights() error {
	if d.Weights == nil {
		return nil
	}
	if len(d.Weights) != d.X.Rows {
		return fault.New(fault.Internal, "%d weights for %d rows", len(d.Weights), d.X.Rows)
	}
	for _, w := range d.Weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return fault.New(fault.TrainingFailed, "the weight of a training row is %v", w).WithRemedy("let every weight be a finite number of at least 0")
		}
	}
	if sum := d.mass(); sum == 0 || math.IsInf(sum, 1) {
		return fault.New(fault.TrainingFailed, "the weights of the training rows add up to %v", sum).WithRemedy("scale the weights so that their sum is finite and over 0")
	}
	return nil
}

// mass is the sum of the weights: the number of rows if there are none.
func (d *Data) mass() float64 {
	if d.Weights == nil {
		return float64(d.X.Rows)
	}
	return total(d.Weights)
}

// weighing returns the number of rows that are not left out by a weight of 0.
func (d *Data) weighing() int {
	if d.Weights == nil {
		return d.X.Rows
	}
	n := 0
	for _, w := range d.Weights {
		if w > 0 {
			n++
		}
	}
	return n
}

// relative returns the weights, each times what byClass says of the row's class
// unless that is nil, scaled to a mean of 1, and the sum they had before: a sum
// of weighted terms divided by the number of rows is their weighted mean.
// Nil weights are 1 each; without byClass they stay nil.
func (d *Data) relative(byClass []float64) (weights []float64, sum float64) {
	if d.Weights == nil && byClass == nil {
		return nil, d.mass()
	}
	mass, rows := d.mass(), float64(d.X.Rows)
	weights = make([]float64, d.X.Rows)
	for i := range weights { // divided before anything is multiplied: no weight is too large or too small for that
		weights[i] = 1 / mass
		if d.Weights != nil {
			weights[i] = d.Weights[i] / mass
		}
		if byClass != nil {
			weights[i] *= byClass[int(d.Y[i])]
		}
	}
	share := total(weights)
	for i := range weights {
		weights[i] = weights[i] / share * rows
	}
	return weights, mass * share
}

// balanced returns what makes every class weigh the same together, n/(k·n_c) of
// weighted counts n_c: scikit-learn's class_weight="balanced".
func balanced(shares []float64) []float64 {
	byClass := make([]float64, len(shares))
	for k, share := range shares {
		byClass[k] = 1 / (float64(len(shares)) * share)
	}
	return byClass
}
