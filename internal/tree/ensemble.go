package tree

import (
	"math"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Ensemble is fitted trees: tree i adds to the raw score i % len(Base), which
// starts at Base. It is immutable and safe for concurrent use once Fit or
// Seal has returned.
type Ensemble struct {
	Loss     Loss      `json:"loss"`
	Base     []float64 `json:"base"` // raw scores: one, or one a class for Softmax
	Features []Feature `json:"features"`
	Trees    []*Tree   `json:"trees"`

	layout

	expected []float64 // raw scores under the covers
}

// Feature is what the ensemble knows of a feature of its matrix.
type Feature struct {
	Name       string   `json:"name"`
	Categories []string `json:"categories,omitzero"` // of a block, in code order; nil for a number
}

// Outputs is the number of values predicted for a row.
func (e *Ensemble) Outputs() int {
	if e.Loss == Logistic {
		return 2
	}
	return len(e.Base)
}

// Seal lays out for prediction trees that Validate has accepted, once.
func (e *Ensemble) Seal() {
	if e.expected == nil {
		e.layout = newLayout(e.Features, e.Trees)
		e.expected = e.mean()
	}
}

// Names returns those of the columns of the ensemble's matrix, every block spread:
// what frame.Matrix.Names returns for a matrix it can read.
func (e *Ensemble) Names() []string {
	m := frame.Matrix{Features: make([]frame.Feature, len(e.Features))}
	for i, f := range e.Features {
		m.Features[i] = frame.Feature{Name: f.Name, Categories: f.Categories}
	}
	return m.Names()
}

// Importance is what a feature has done in all trees.
type Importance struct {
	Gain   float64 // loss saved by its splits
	Splits int
}

// Importances returns one for each feature.
func (e *Ensemble) Importances() []Importance {
	out := make([]Importance, len(e.Features))
	for _, t := range e.Trees {
		for id, left := range t.Lefts {
			if left != 0 {
				out[t.Features[id]].Gain += float64(t.Gains[id])
				out[t.Features[id]].Splits++
			}
		}
	}
	return out
}

// link turns the raw scores of a row, in out[:len(Base)], into its outputs.
func (e *Ensemble) link(out []float64) {
	switch e.Loss {
	case Poisson:
		out[0] = math.Exp(out[0])
	case Logistic:
		z := out[0]
		out[0], out[1] = sigmoid(-z), sigmoid(z) // not 1-p, which loses the small ones
	case Softmax:
		top, total := out[0], 0.0
		for _, v := range out {
			top = max(top, v)
		}
		for k, v := range out {
			out[k] = math.Exp(v - top)
			total += out[k]
		}
		for k := range out {
			out[k] /= total
		}
	}
}

// sigmoid is 1/(1+exp(-z)) without overflow.
func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}
