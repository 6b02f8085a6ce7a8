package model

import (
	"fmt"

	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/tree"
)

// Bytes is about how much memory the rows take, those held out included.
func (d Data) Bytes() int64 {
	bytes := int64(d.X.Rows) * 8 // the target
	if d.Weights != nil {
		bytes *= 2
	}
	for i := range d.X.Features {
		f := &d.X.Features[i]
		switch {
		case f.Block():
			bytes += int64(d.X.Rows) * 4
		case f.Raw != nil:
			bytes += int64(d.X.Rows) * 16
		default:
			bytes += int64(d.X.Rows) * 8
		}
	}
	if d.Held != nil {
		bytes += d.Held.Bytes()
	}
	return bytes
}

// Footprint is how many bytes a fit holds at most, about: the rows, those held out
// included, what the learner keeps beside them (Need), and the answers to the rows held
// out. It is computed from their sizes, not measured: fits of one process share its heap,
// and rows and bins are shared by all fits on a fold, each of which counts them.
func Footprint(l Learner, d Data, s Settings) int64 {
	need := d.Bytes() + l.Need(d, s)
	if d.Held != nil {
		need += 8 * int64(d.Held.X.Rows) * int64(max(1, d.Classes))
	}
	return need
}

// Affordable refuses a fit whose Footprint is more than this process may have. Errors
// are ResourceExhausted, before anything is computed.
func Affordable(l Learner, d Data, s Settings) error {
	need := Footprint(l, d, s)
	if err := memory.Affordable(fmt.Sprintf("%s on %d rows of %d columns", l.Kind(), d.X.Rows, d.X.Width()), need); err != nil {
		return err.WithRemedy("sample the rows in dataset.sql, lower max_categories of the one_hot transforms, or raise GOMEMLIMIT")
	}
	return nil
}

// Need is 0: a mean needs no memory.
func (baseline) Need(Data, Settings) int64 { return 0 }

// Need is that of the moments and of the regression of 2(q+1) points, whose matrix is
// (2(q+1))².
func (ols) Need(d Data, _ Settings) int64 {
	q := int64(d.X.Width() + 1)
	return momentsNeed(d) + 8*9*q*q
}

// Need is that of the moments, of the matrix that is solved and its factor, and of its
// eigenvectors.
func (ridge) Need(d Data, _ Settings) int64 {
	q := int64(d.X.Width() + 1)
	return momentsNeed(d) + 8*4*q*q
}

// Need is that of the moments and of the matrix that is descended on.
func (shrinkage) Need(d Data, _ Settings) int64 {
	q := int64(d.X.Width() + 1)
	return momentsNeed(d) + 8*2*q*q
}

// Need is that of the gradients, and of the Hessians where they are small enough for
// Newton's method.
func (logistic) Need(d Data, s Settings) int64 { return objectiveNeed(d, s) }

// Need is that of the gradients, and of the Hessians where they are small enough for
// Newton's method.
func (poisson) Need(d Data, s Settings) int64 { return objectiveNeed(d, s) }

// Need is what package tree estimates.
func (boosted) Need(d Data, s Settings) int64 {
	settings, held := boostedSettings(d, s), 0
	if d.Held != nil {
		held = d.Held.X.Rows
	}
	return tree.Estimate(d.X.Rows, held, len(d.X.Features), d.Weights != nil || s.Options.ClassWeight != "", &settings)
}

// momentsNeed is what computeMoments holds at once: the sums of each span of rows, and
// the moments. It depends on the columns alone.
func momentsNeed(d Data) int64 {
	l := layoutOf(d.X)
	dense, blocked, q := int64(len(l.dense)+1), int64(l.blocked), int64(l.width+1)
	if q > maxMomentsWidth+1 {
		return 0 // refused for its width, whatever memory there is
	}
	sums := 8 * (dense*(dense+tileRows) + blocked*dense + blocked*blocked)
	return sums*int64(1+len(spansFor(d.X.Rows, int(sums)))) + 8*q*q
}

// objectiveNeed is what minimising an objective holds at once: an evaluation for each
// span of rows, the one before it, and what the method remembers.
func objectiveNeed(d Data, s Settings) int64 {
	l := layoutOf(d.X)
	rows := d.Classes
	if rows <= 2 {
		rows = 1
	}
	size := int64(rows) * int64(l.width+1)
	bytes := int64(0)
	if s.Options.ClassWeight != "" {
		bytes += 8 * int64(d.X.Rows)
	}
	if size <= newtonWeights {
		one := 8 * (size + size*size)
		return bytes + one*int64(2+len(spansFor(d.X.Rows, int(one)))) + 8*2*size*size
	}
	return bytes + 8*size*int64(2+len(spansFor(d.X.Rows, int(8*size)))+2*remembered+4)
}
