package model

import (
	"context"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// objective is the weighted mean loss and its penalties
//
//	F(θ) = mean loss + ½ Σ penalty_j w_j² (+ Σ sparse_j |w_j|)
//
// over weights of standardized columns: θ is rows × stride, each row an
// intercept, then one weight per spread column. Dense columns are standardized
// on the fly, which conditions the problem; what they are divided by is made up
// for in the penalties, which are those of the columns as given. Blocks stay as
// they are, coded. What is evaluated leaves the sparse penalty out: it has no
// derivative, and belongs to those who minimise it.
type objective struct {
	layout
	loss         loss
	rows, stride int // of θ
	n            int // rows of the table
	y            []float64
	weights      []float64 // of each row, of mean 1; nil: 1 each
	mean         []float64 // of each dense column
	inverse      []float64 // 1/scale of each dense column, 0 if it is constant
	share        []float64 // mean of each column of the blocks
	penalty      []float64 // by spread column
	sparse       []float64 // by spread column; nil: none
	values       []float64 // of the objective, the sparse penalty with it, at the start and after each iteration
}

// reached notes the value of the objective, once an iteration.
func (o *objective) reached(value float64) { o.values = append(o.values, value) }

// strengths are the factors of ½‖w‖² and ‖w‖₁ beside the mean loss.
type strengths struct{ l2, l1 float64 }

func newObjective(ctx context.Context, d Data, l loss, weights []float64, by strengths) (*objective, error) {
	o := &objective{layout: layoutOf(d.X), loss: l, rows: max(1, d.Classes), n: d.X.Rows, y: d.Y, weights: weights}
	if o.rows == 2 {
		o.rows = 1
	}
	o.stride = o.width + 1
	var err error
	if o.mean, err = means(ctx, o.n, o.dense, o.weights); err != nil {
		return nil, err
	}
	squares, err := reduce(ctx, spansFor(o.n, 8*len(o.dense)),
		func() []float64 { return make([]float64, len(o.dense)) },
		func(into []float64, lo, hi int) {
			for j, column := range o.dense {
				for i, v := range column[lo:hi] {
					square := (v - o.mean[j]) * (v - o.mean[j])
					if o.weights != nil {
						square *= o.weights[lo+i]
					}
					into[j] += square
				}
			}
		}, addTo)
	if err != nil {
		return nil, err
	}
	if !finite(squares) {
		return nil, fault.New(fault.TrainingFailed, "the second moments of the features overflow").WithRemedy("standardize the features")
	}
	o.share = o.shares(o.n, o.weights)
	o.penalty, o.inverse = make([]float64, o.width), make([]float64, len(o.dense))
	for j := range o.penalty {
		o.penalty[j] = by.l2
	}
	if by.l1 > 0 {
		o.sparse = make([]float64, o.width)
		for j := range o.sparse {
			o.sparse[j] = by.l1
		}
	}
	for j, s := range squares {
		if variance := s / float64(o.n); !constant(variance, o.mean[j], o.n) {
			o.inverse[j] = 1 / math.Sqrt(variance)
			o.penalty[o.denseAt[j]] /= variance
			if o.sparse != nil {
				o.sparse[o.denseAt[j]] *= o.inverse[j]
			}
		}
	}
	return o, nil
}

func (o *objective) size() int { return o.rows * o.stride }

// evaluation is F and its derivatives at a point. Until it is finished, a
// partial sum over some rows.
type evaluation struct {
	value    float64
	gradient []float64
	hessian  []float64 // size × size, lower triangle, or nil
	x        []float64 // standardized tile, (1 + dense) × tileRows; the first row is 1
	p        []float64 // rows × tileRows: scores, then residuals
	h        []float64 // tileRows: weights of one pair of classes
	row      []float64 // 1 + dense: products of one column with those before it
}

// evaluate computes F, its gradient and, if asked, its Hessian at θ.
func (o *objective) evaluate(ctx context.Context, theta []float64, hessian bool) (*evaluation, error) {
	size := o.size()
	cells := 0
	if hessian {
		cells = size * size
	}
	e, err := reduce(ctx, spansFor(o.n, 8*(size+cells)),
		func() *evaluation {
			e := &evaluation{gradient: make([]float64, size), hessian: make([]float64, cells), x: make([]float64, (len(o.dense)+1)*tileRows), p: make([]float64, max(o.rows, 2)*tileRows), h: make([]float64, tileRows), row: make([]float64, len(o.dense)+1)}
			for i := range tileRows {
				e.x[i] = 1
			}
			return e
		},
		func(into *evaluation, lo, hi int) { o.tile(into, theta, lo, hi) },
		func(into, from *evaluation) {
			into.value += from.value
			addTo(into.gradient, from.gradient)
			addTo(into.hessian, from.hessian)
		})
	if err != nil {
		return nil, err
	}
	o.finish(e, theta)
	return e, nil
}

// finish divides by n and adds the penalty. Of softmax, whose intercepts are
// free up to a shift, the Hessian gets the square of their sum, which is 0 at
// every θ that Newton's method visits and so changes neither F nor its gradient.
func (o *objective) finish(e *evaluation, theta []float64) {
	n := float64(o.n)
	e.value /= n
	for i := range e.gradient {
		e.gradient[i] /= n
	}
	for i := range e.hessian {
		e.hessian[i] /= n
	}
	size := o.size()
	for k := range o.rows {
		for j, lambda := range o.penalty {
			at := k*o.stride + 1 + j
			e.value += lambda / 2 * theta[at] * theta[at]
			e.gradient[at] += lambda * theta[at]
			if len(e.hessian) > 0 {
				e.hessian[at*size+at] += lambda
			}
		}
		for l := 0; l <= k && o.rows > 1 && len(e.hessian) > 0; l++ {
			e.hessian[k*o.stride*size+l*o.stride]++
		}
	}
}
