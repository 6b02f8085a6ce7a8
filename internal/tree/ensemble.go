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

	steps  []step    // all trees, one after the other
	values []float32 // of each step that is a leaf
	roots  []int32   // where each tree begins
	depths []int32   // how many splits are on its longest path
	sets   []uint64
	used   []int32 // the features that some tree looks at

	expected []float64 // raw scores under the covers
}

// Feature is what the ensemble knows of a feature of its matrix.
type Feature struct {
	Name       string   `json:"name"`
	Categories []string `json:"categories,omitzero"` // of a block, in code order; nil for a number
}

// step is a node in the form that predictions read: 16 bytes, a tree's in a row.
// A leaf leads to itself, wherever a row's values point.
type step struct {
	threshold float32 // of a number; of a block how many categories it has
	column    uint16  // in used
	flags     uint8
	next      int32 // the left child
	set       int32 // the first word of the set's codes in sets
}

const (
	missingRight = 1 << iota
	isSet
)

var inf32 = float32(math.Inf(1))

// Outputs is the number of values predicted for a row.
func (e *Ensemble) Outputs() int {
	if e.Loss == Logistic {
		return 2
	}
	return len(e.Base)
}

// Seal lays out for prediction trees that Validate has accepted, once.
func (e *Ensemble) Seal() {
	if e.expected != nil {
		return
	}
	place := make([]int32, len(e.Features))
	for i := range place {
		place[i] = -1
	}
	for _, t := range e.Trees {
		for id, left := range t.Lefts {
			if j := t.Features[id]; left != 0 && place[j] < 0 {
				place[j] = 0
			}
		}
	}
	for j := range place {
		if place[j] == 0 {
			place[j] = int32(len(e.used))
			e.used = append(e.used, int32(j))
		}
	}
	for _, t := range e.Trees {
		root := int32(len(e.steps))
		e.roots = append(e.roots, root)
		e.depths = append(e.depths, t.depth())
		sets := t.Sets
		for id, left := range t.Lefts {
			s := step{threshold: inf32, next: root + int32(id)}
			if left != 0 {
				s = step{threshold: t.Thresholds[id], column: uint16(place[t.Features[id]]), next: root + left}
				if !t.MissingLeft[id] {
					s.flags |= missingRight
				}
				if categories := len(e.Features[t.Features[id]].Categories); categories > 0 {
					s.flags |= isSet
					s.threshold, s.set = float32(categories), int32(len(e.sets))
					e.sets = append(e.sets, make([]uint64, (categories+63)/64)...)
					for _, code := range sets[0].Codes {
						e.sets[int(s.set)+int(code>>6)] |= 1 << (code & 63)
					}
					sets = sets[1:]
				}
			}
			e.steps, e.values = append(e.steps, s), append(e.values, t.Values[id])
		}
	}
	e.expected = e.mean()
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

// right returns 1 if a value goes right at the step, 0 if left. Codes are whole
// numbers; missing and unknown ones are NaN.
func (e *Ensemble) right(s *step, x float32) int32 {
	if s.flags&isSet != 0 {
		return e.outside(s, x)
	}
	if x != x {
		return int32(s.flags & missingRight)
	}
	return toInt(x > s.threshold)
}

// outside is right for a set of categories.
func (e *Ensemble) outside(s *step, x float32) int32 {
	if !(x >= 0 && x < s.threshold) {
		return int32(s.flags & missingRight)
	}
	code := int32(x)
	return int32(^e.sets[s.set+code>>6] >> (code & 63) & 1)
}

// toInt is compiled without a branch, which no processor could predict.
func toInt(b bool) int32 {
	var i int32
	if b {
		i = 1
	}
	return i
}

// value returns what a tree adds to the score of a row of the used features.
func (e *Ensemble) value(tree int, row []float32) float64 {
	at := e.roots[tree]
	for {
		s := &e.steps[at]
		if s.next == at {
			return float64(e.values[at])
		}
		at = s.next + e.right(s, row[s.column])
	}
}

// four adds what a tree adds to four rows, step by step together: while one
// waits for memory, the others go on.
func (e *Ensemble) four(tree int, rows []float32, width int, out []float64, stride int) {
	steps := e.steps
	a := e.roots[tree]
	b, c, d := a, a, a
	r0, r1, r2, r3 := rows[:width], rows[width:2*width], rows[2*width:3*width], rows[3*width:4*width]
	for range e.depths[tree] {
		s := &steps[a]
		a = s.next + e.right(s, r0[s.column])
		s = &steps[b]
		b = s.next + e.right(s, r1[s.column])
		s = &steps[c]
		c = s.next + e.right(s, r2[s.column])
		s = &steps[d]
		d = s.next + e.right(s, r3[s.column])
	}
	out[0] += float64(e.values[a])
	out[stride] += float64(e.values[b])
	out[2*stride] += float64(e.values[c])
	out[3*stride] += float64(e.values[d])
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
