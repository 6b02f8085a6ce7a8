package feature

import "math"

// fitPower finds the exponent of greatest likelihood, as scikit-learn's
// PowerTransformer does: Brent's method from a bracket that starts at -2 and 2.
// A constant column keeps its values (lambda 1).
func fitPower(method string, x []float64) float64 {
	if len(x) == 0 {
		return 1
	}
	if _, scale := meanScale(x); scale == 1 && constant(x) {
		return 1
	}
	// The logarithms are taken once: what changes with lambda is expm1 alone.
	logs, y := make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		switch {
		case method == "box_cox":
			logs[i] = math.Log(v)
		case v < 0:
			logs[i] = -math.Log1p(-v)
		default:
			logs[i] = math.Log1p(v)
		}
	}
	slope := sum(logs, func(v float64) float64 { return v })
	n := float64(len(x))
	loss := func(lambda float64) float64 {
		for i, log := range logs {
			if method != "box_cox" && log < 0 {
				y[i] = -power(-log, 2-lambda)
			} else {
				y[i] = power(log, lambda)
			}
		}
		m := mean(y)
		variance := sum(y, func(v float64) float64 { return (v - m) * (v - m) }) / n
		if !(variance >= 0x1p-1022) || math.IsInf(variance, 0) {
			return math.Inf(1)
		}
		return n/2*math.Log(variance) - (lambda-1)*slope
	}
	lambda := brent(loss, -2, 2)
	if loss(lambda) > loss(1) { // no minimum was found: leave the values as they are
		return 1
	}
	return lambda
}

func constant(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

// brent minimises f from a bracket grown from a and b: Brent, Algorithms for
// Minimization without Derivatives (1973), chapter 5, with the constants and
// tolerance of scipy.optimize.brent.
func brent(f func(float64) float64, a, b float64) float64 {
	const golden, tolerance, least = 0.3819660, 1.48e-8, 1e-11
	a, x, b := bracket(f, a, b)
	if a > b {
		a, b = b, a
	}
	w, v := x, x
	fx := f(x)
	fw, fv := fx, fx
	step, before := 0.0, 0.0
	for range 500 {
		near := tolerance*math.Abs(x) + least
		middle := (a + b) / 2
		if math.Abs(x-middle) < 2*near-(b-a)/2 {
			break
		}
		parabola := false
		if math.Abs(before) > near {
			p, q := (x-w)*(fx-fv), (x-v)*(fx-fw)
			r := (x-v)*q - (x-w)*p
			q = 2 * (q - p)
			if q > 0 {
				r = -r
			}
			q = math.Abs(q)
			last := before
			before = step
			if r > q*(a-x) && r < q*(b-x) && math.Abs(r) < math.Abs(q*last/2) {
				parabola = true
				step = r / q
				if u := x + step; u-a < 2*near || b-u < 2*near {
					step = math.Copysign(near, middle-x)
				}
			}
		}
		if !parabola {
			if before = b - x; x >= middle {
				before = a - x
			}
			step = golden * before
		}
		u := x + step
		if math.Abs(step) < near {
			u = x + math.Copysign(near, step)
		}
		fu := f(u)
		if fu > fx || fu != fu {
			if u < x {
				a = u
			} else {
				b = u
			}
			if fu <= fw || w == x {
				v, w, fv, fw = w, u, fw, fu
			} else if fu <= fv || v == x || v == w {
				v, fv = u, fu
			}
			continue
		}
		if u >= x {
			a = x
		} else {
			b = x
		}
		v, w, x, fv, fw, fx = w, x, u, fw, fx, fu
	}
	return x
}

// bracket grows the interval downhill by the golden section until f rises again.
func bracket(f func(float64) float64, a, b float64) (low, middle, high float64) {
	fa, fb := f(a), f(b)
	if fa < fb {
		a, b, fa, fb = b, a, fb, fa
	}
	c := b + 1.618034*(b-a)
	fc := f(c)
	for i := 0; fc < fb && i < 50; i++ {
		a, b, fb = b, c, fc
		c = b + 1.618034*(b-a)
		fc = f(c)
	}
	return a, b, c
}
