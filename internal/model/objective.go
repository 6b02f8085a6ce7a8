package model

import (
	"context"
	"math"
)

// objective is the mean penalised loss
//
//	F(θ) = mean loss + 1/(2·C·n) Σ λ_j w_j²
//
// over weights of standardized columns: θ is rows × stride, each row an
// intercept, then one weight per spread column. Dense columns are standardized
// on the fly, which conditions the problem; λ_j = 1/scale² makes the penalty
// that of the columns as given. Blocks stay as they are, coded.
type objective struct {
	layout
	rows, stride int // of θ
	n            int // rows of the table
	y            []float64
	mean         []float64 // of each dense column
	inverse      []float64 // 1/scale of each dense column, 0 if it is constant
	penalty      []float64 // by spread column: λ_j / (C·n)
}

func newObjective(ctx context.Context, d Data, c float64) (*objective, error) {
	o := &objective{layout: layoutOf(d.X), rows: d.Classes, n: d.X.Rows, y: d.Y}
	if o.rows == 2 {
		o.rows = 1
	}
	o.stride = o.width + 1
	var err error
	if o.mean, err = means(ctx, o.n, o.dense); err != nil {
		return nil, err
	}
	squares, err := reduce(ctx, spansFor(o.n, 8*len(o.dense)),
		func() []float64 { return make([]float64, len(o.dense)) },
		func(into []float64, lo, hi int) {
			for j, column := range o.dense {
				for _, v := range column[lo:hi] {
					into[j] += (v - o.mean[j]) * (v - o.mean[j])
				}
			}
		}, addTo)
	if err != nil {
		return nil, err
	}
	o.penalty, o.inverse = make([]float64, o.width), make([]float64, len(o.dense))
	for j := range o.penalty {
		o.penalty[j] = 1 / (c * float64(o.n))
	}
	for j, s := range squares {
		if variance := s / float64(o.n); !constant(variance, o.mean[j], o.n) {
			o.inverse[j] = 1 / math.Sqrt(variance)
			o.penalty[o.denseAt[j]] /= variance
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
			e := &evaluation{gradient: make([]float64, size), hessian: make([]float64, cells), x: make([]float64, (len(o.dense)+1)*tileRows), p: make([]float64, max(o.rows, 2)*tileRows), h: make([]float64, tileRows)}
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

// tile adds the rows lo … hi-1 to e.
func (o *objective) tile(e *evaluation, theta []float64, lo, hi int) {
	n := hi - lo
	for j, column := range o.dense {
		x, m, inverse := e.x[(j+1)*tileRows:(j+1)*tileRows+n], o.mean[j], o.inverse[j]
		for i, v := range column[lo:hi] {
			x[i] = (v - m) * inverse
		}
	}
	for k := range o.rows {
		o.scores(e.p[k*tileRows:k*tileRows+n], e.x, theta[k*o.stride:(k+1)*o.stride], lo)
	}
	if o.rows == 1 {
		o.binomial(e, lo, n)
	} else {
		o.multinomial(e, lo, n)
	}
	if len(e.hessian) > 0 {
		o.curvature(e, lo, n)
	}
	for k := range o.rows { // from probabilities to residuals
		r := e.p[k*tileRows : k*tileRows+n]
		for i, y := range o.y[lo : lo+n] {
			if o.rows == 1 {
				r[i] -= y
			} else if int(y) == k {
				r[i]--
			}
		}
		gradient := e.gradient[k*o.stride : (k+1)*o.stride]
		gradient[0] += total(r)
		for j, at := range o.denseAt {
			gradient[1+at] += dot(r, e.x[(j+1)*tileRows:(j+1)*tileRows+n])
		}
		for b, codes := range o.codes {
			block := gradient[1+o.codesAt[b]:]
			for i, c := range codes[lo : lo+n] {
				if c >= 0 {
					block[c] += r[i]
				}
			}
		}
	}
}

func (o *objective) scores(z, x, theta []float64, lo int) {
	for i := range z {
		z[i] = theta[0]
	}
	for j, at := range o.denseAt {
		w := theta[1+at]
		for i, v := range x[(j+1)*tileRows : (j+1)*tileRows+len(z)] {
			z[i] += w * v
		}
	}
	for b, codes := range o.codes {
		w := theta[1+o.codesAt[b]:]
		for i, c := range codes[lo : lo+len(z)] {
			if c >= 0 {
				z[i] += w[c]
			}
		}
	}
}

// binomial adds log(1+exp(z)) - y·z and leaves probabilities.
func (o *objective) binomial(e *evaluation, lo, n int) {
	for i, z := range e.p[:n] {
		e.value += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - o.y[lo+i]*z
		e.p[i] = sigmoid(z)
	}
}

// multinomial adds log Σ exp(z) - z_y and leaves probabilities.
func (o *objective) multinomial(e *evaluation, lo, n int) {
	row := make([]float64, o.rows)
	for i := range n {
		for k := range row {
			row[k] = e.p[k*tileRows+i]
		}
		own := row[int(o.y[lo+i])]
		e.value += softmax(row) - own
		for k, p := range row {
			e.p[k*tileRows+i] = p
		}
	}
}

// curvature adds the Hessian: for classes k >= l the weights p_k(δ_kl - p_l)
// times the products of the columns. A block adds to one column a row.
func (o *objective) curvature(e *evaluation, lo, n int) {
	size := o.size()
	for k := range o.rows {
		for l := 0; l <= k; l++ {
			h := e.h[:n]
			for i := range h {
				p := e.p[k*tileRows+i]
				if k == l {
					h[i] = p * (1 - p)
				} else {
					h[i] = -p * e.p[l*tileRows+i]
				}
			}
			o.products(e, h, k*o.stride*size+l*o.stride, lo, k == l)
		}
	}
}

// products adds Σ h·x·xᵀ to the sub-matrix that starts at origin. On the
// diagonal (half) only its lower triangle is needed.
func (o *objective) products(e *evaluation, h []float64, origin, lo int, half bool) {
	n, size := len(h), o.size()
	put := func(i, j int, v float64) { // spread positions, the intercept is 0
		if i < j {
			i, j = j, i
		}
		e.hessian[origin+i*size+j] += v
	}
	if !half {
		put = func(i, j int, v float64) {
			e.hessian[origin+i*size+j] += v
			if i != j {
				e.hessian[origin+j*size+i] += v
			}
		}
	}
	place := func(j int) int { // of dense row j of e.x
		if j == 0 {
			return 0
		}
		return 1 + o.denseAt[j-1]
	}
	var weighted [tileRows]float64
	for j := range len(o.dense) + 1 {
		x := e.x[j*tileRows : j*tileRows+n]
		for i, v := range x {
			weighted[i] = h[i] * v
		}
		w := weighted[:n]
		for i := 0; i <= j; i++ {
			put(place(j), place(i), dot(w, e.x[i*tileRows:i*tileRows+n]))
		}
		for b, codes := range o.codes {
			for i, c := range codes[lo : lo+n] {
				if c >= 0 {
					put(1+o.codesAt[b]+int(c), place(j), w[i])
				}
			}
		}
	}
	for b, codes := range o.codes {
		for i, c := range codes[lo : lo+n] {
			if c < 0 {
				continue
			}
			at := 1 + o.codesAt[b] + int(c)
			put(at, at, h[i])
			for other := range b {
				if d := o.codes[other][lo+i]; d >= 0 {
					put(at, 1+o.codesAt[other]+int(d), h[i])
				}
			}
		}
	}
}
