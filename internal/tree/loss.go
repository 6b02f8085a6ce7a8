package tree

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// loss is one loss over raw scores. Gradients and hessians are with respect to
// the raw score; y and w are the targets and weights of all rows, w nil for 1.
type loss interface {
	// base returns the raw scores that minimise the loss without any tree.
	base(y, w []float64) ([]float64, error)
	// gradients writes those of output k for the rows lo … lo+len(g)-1, without
	// weights, into g and, unless nil, h, and returns the sum of their weighted
	// losses (output 0 only).
	gradients(scores, y, w []float64, lo, k int, g, h []float64) float64
	// bound is the greatest a gradient and a hessian can be; infinite if unknown.
	bound() (gradient, hessian float64)
	// flat reports whether every hessian is 1.
	flat() bool
	// renews returns the quantile of residuals that leaves take as their value,
	// or NaN.
	renews() float64
}

// lossOf returns the loss of a table of that many scores.
func lossOf(s *Settings, scores int) loss {
	switch s.Loss {
	case Absolute:
		return quantile{0.5}
	case Quantile:
		return quantile{s.Quantile}
	case Huber:
		return huber{s.HuberDelta}
	case Poisson:
		return poisson{}
	case Logistic:
		return logistic{}
	case Softmax:
		return &softmax{classes: s.Classes, probabilities: make([]float32, scores)}
	}
	return squared{}
}

func weightOf(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

// mean is the weighted mean, without overflow where the sum would.
func mean(y, w []float64) float64 {
	total, m := 0.0, 0.0
	for i, v := range y {
		if weight := weightOf(w, i); weight > 0 {
			total += weight
			m += (v - m) * (weight / total)
		}
	}
	return m
}

// squared is ½(y-s)², reported as (y-s)².
type squared struct{}

func (squared) base(y, w []float64) ([]float64, error) { return []float64{mean(y, w)}, nil }
func (squared) bound() (float64, float64)              { return math.Inf(1), 1 }
func (squared) flat() bool                             { return true }
func (squared) renews() float64                        { return math.NaN() }

func (squared) gradients(scores, y, w []float64, lo, _ int, g, _ []float64) float64 {
	sum := 0.0
	scores, y = scores[lo:lo+len(g)], y[lo:lo+len(g)]
	if w == nil {
		for i := range g {
			d := scores[i] - y[i]
			g[i] = d
			sum += d * d
		}
		return sum
	}
	for i := range g {
		d := scores[i] - y[i]
		g[i] = d
		sum += w[lo+i] * d * d
	}
	return sum
}

// quantile is the pinball loss: α(y-s) above, (1-α)(s-y) below. At ½ it is
// reported as |y-s|, the absolute error.
type quantile struct{ level float64 }

func (q quantile) base(y, w []float64) ([]float64, error) {
	return []float64{quantileOf(append([]float64{}, y...), w, q.level)}, nil
}
func (q quantile) bound() (float64, float64) { return max(q.level, 1-q.level), 1 }
func (q quantile) flat() bool                { return true }
func (q quantile) renews() float64           { return q.level }

func (q quantile) gradients(scores, y, w []float64, lo, _ int, g, _ []float64) float64 {
	sum, unit := 0.0, 1.0
	if q.level == 0.5 {
		unit = 2
	}
	for i := range g {
		d := y[lo+i] - scores[lo+i]
		if d > 0 {
			g[i] = -q.level
		} else {
			g[i] = 1 - q.level
		}
		sum -= weightOf(w, lo+i) * g[i] * d * unit
	}
	return sum
}

// huber is ½d² up to |d| = δ and δ(|d|-½δ) beyond.
type huber struct{ delta float64 }

func (huber) base(y, w []float64) ([]float64, error) { return []float64{mean(y, w)}, nil }
func (l huber) bound() (float64, float64)            { return l.delta, 1 }
func (huber) flat() bool                             { return true }
func (huber) renews() float64                        { return math.NaN() }

func (l huber) gradients(scores, y, w []float64, lo, _ int, g, _ []float64) float64 {
	sum := 0.0
	for i := range g {
		d := scores[lo+i] - y[lo+i]
		g[i] = min(max(d, -l.delta), l.delta)
		sum += weightOf(w, lo+i) * g[i] * (d - g[i]/2)
	}
	return sum
}

// poisson is exp(s) - ys: the negative log-likelihood of a count with mean
// exp(s), less what does not depend on s.
type poisson struct{}

// careful multiplies the hessian of poisson so that steps stay small where the
// curvature grows (poisson_max_delta_step 0.7 of LightGBM and XGBoost).
var careful = math.Exp(0.7)

func (poisson) base(y, w []float64) ([]float64, error) {
	for _, v := range y {
		if v < 0 {
			return nil, fault.New(fault.TargetInvalid, "the target is %v in a training row, and the loss poisson is of counts", v).
				WithRemedy("use another loss, or leave such rows out in dataset.sql")
		}
	}
	m := mean(y, w)
	if m == 0 {
		return nil, fault.New(fault.TargetInvalid, "the target is 0 in every training row, and the loss poisson has no logarithm of 0").
			WithRemedy("use the loss squared")
	}
	return []float64{math.Log(m)}, nil
}
func (poisson) bound() (float64, float64) { return math.Inf(1), math.Inf(1) }
func (poisson) flat() bool                { return false }
func (poisson) renews() float64           { return math.NaN() }

func (poisson) gradients(scores, y, w []float64, lo, _ int, g, h []float64) float64 {
	sum := 0.0
	for i := range g {
		s, v := scores[lo+i], y[lo+i]
		e := math.Exp(s)
		g[i] = e - v
		if h != nil {
			h[i] = e * careful
		}
		sum += weightOf(w, lo+i) * (e - v*s)
	}
	return sum
}

// leastShare keeps the logarithm of the share of a class without rows finite.
const leastShare = 1e-15

// logistic is the log loss of the class 1 with log-odds s.
type logistic struct{}

func (logistic) base(y, w []float64) ([]float64, error) {
	p := min(max(mean(y, w), leastShare), 1-leastShare)
	return []float64{math.Log(p / (1 - p))}, nil
}
func (logistic) bound() (float64, float64) { return 1, 0.25 }
func (logistic) flat() bool                { return false }
func (logistic) renews() float64           { return math.NaN() }

func (logistic) gradients(scores, y, w []float64, lo, _ int, g, h []float64) float64 {
	sum := 0.0
	scores, y, h = scores[lo:lo+len(g)], y[lo:lo+len(g)], h[:len(g)]
	for i := range g {
		s := scores[i]
		e := math.Exp(-math.Abs(s))
		p, q := 1/(1+e), e/(1+e) // of the likelier class, and the other
		h[i] = p * q
		if s < 0 {
			p, q = q, p
		}
		// log(1+e) as the logarithm of the likelier class: exact enough for a curve
		l := math.Log(1 + e)
		if y[i] != 0 {
			g[i] = -q
			l -= min(s, 0)
		} else {
			g[i] = p
			l += max(s, 0)
		}
		sum += weightOf(w, lo+i) * l
	}
	return sum
}

// softmax is the log loss of several classes, one score each. Hessians are
// 2p(1-p), as in XGBoost.
type softmax struct {
	classes       int
	probabilities []float32 // at the start of the round, row by row
}

func (l *softmax) base(y, w []float64) ([]float64, error) {
	shares, total := make([]float64, l.classes), 0.0
	for i, v := range y {
		shares[int(v)] += weightOf(w, i)
		total += weightOf(w, i)
	}
	for k, share := range shares {
		shares[k] = math.Log(max(share/total, leastShare))
	}
	return shares, nil
}
func (l *softmax) bound() (float64, float64) { return 1, 0.5 }
func (l *softmax) flat() bool                { return false }
func (l *softmax) renews() float64           { return math.NaN() }

func (l *softmax) gradients(scores, y, w []float64, lo, k int, g, h []float64) float64 {
	sum := 0.0
	for i := range g {
		p := l.probabilities[(lo+i)*l.classes : (lo+i+1)*l.classes]
		if k == 0 {
			z := scores[(lo+i)*l.classes : (lo+i+1)*l.classes]
			top := z[0]
			for _, v := range z {
				top = max(top, v)
			}
			total := 0.0
			for c, v := range z {
				e := math.Exp(v - top)
				total += e
				p[c] = float32(e)
			}
			for c := range p {
				p[c] = float32(float64(p[c]) / total)
			}
			sum += weightOf(w, lo+i) * (top + math.Log(total) - z[int(y[lo+i])])
		}
		v := float64(p[k])
		if h != nil {
			h[i] = max(2*v*(1-v), 1e-16)
		}
		if g[i] = v; int(y[lo+i]) == k {
			g[i] = v - 1
		}
	}
	return sum
}
