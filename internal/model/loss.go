package model

import "math"

// loss is what one row costs at the scores z.
type loss int

const (
	entropy loss = iota // of the class: binomial (one row of θ) or multinomial
	counts              // exp(z) - y·z, half the Poisson deviance up to a constant
)

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
	switch {
	case o.loss == counts:
		o.poisson(e, lo, n)
	case o.rows == 1:
		o.binomial(e, lo, n)
	default:
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
		o.weigh(r, lo)
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

// weigh multiplies what was computed of the rows from lo on by their weights.
func (o *objective) weigh(v []float64, lo int) {
	if o.weights != nil {
		for i, w := range o.weights[lo : lo+len(v)] {
			v[i] *= w
		}
	}
}

func (o *objective) weight(row int) float64 {
	if o.weights == nil {
		return 1
	}
	return o.weights[row]
}

// binomial adds log(1+exp(z)) - y·z and leaves probabilities.
func (o *objective) binomial(e *evaluation, lo, n int) {
	for i, z := range e.p[:n] {
		e.value += o.weight(lo+i) * (max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - o.y[lo+i]*z)
		e.p[i] = sigmoid(z)
	}
}

// poisson adds exp(z) - y·z and leaves the expected counts.
func (o *objective) poisson(e *evaluation, lo, n int) {
	for i, z := range e.p[:n] {
		e.p[i] = math.Exp(z)
		e.value += o.weight(lo+i) * (e.p[i] - o.y[lo+i]*z)
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
		e.value += o.weight(lo+i) * (softmax(row) - own)
		for k, p := range row {
			e.p[k*tileRows+i] = p
		}
	}
}
