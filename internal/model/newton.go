package model

import (
	"context"
	"math"
)

// slack is the relative rounding of F: a step that raises it by less is not
// turned back.
const slack = 1e-13

// newton minimises o from theta, in place, by Newton's method with a
// backtracking line search (Armijo). The last step, taken where the gradient is
// already within tol, costs nothing and brings the error to its square.
func newton(ctx context.Context, o *objective, theta []float64, most int, tol float64) (Report, error) {
	var report Report
	e, err := o.evaluate(ctx, theta, true)
	if err != nil {
		return report, err
	}
	o.reached(e.value)
	trial := make([]float64, len(theta))
	for {
		step := solve(e.hessian, e.gradient)
		report.Converged = largest(e.gradient) <= tol
		if report.Converged {
			for i := range theta {
				theta[i] -= step[i]
			}
			return report, nil
		}
		if report.Iterations == most {
			return report, nil
		}
		report.Iterations++
		slope := dot(e.gradient, step)
		next, taken := (*evaluation)(nil), false
		for t := 1.0; t > 1e-10 && !taken; t /= 2 {
			for i := range theta {
				trial[i] = theta[i] - t*step[i]
			}
			if next, err = o.evaluate(ctx, trial, true); err != nil {
				return report, err
			}
			taken = next.value <= e.value-1e-4*t*slope+slack*math.Abs(e.value)
		}
		if !taken {
			return report, nil
		}
		copy(theta, trial)
		e = next
		o.reached(e.value)
	}
}

// solve returns the solution of h·s = g for a symmetric positive definite h, of
// which the lower triangle is given, by Cholesky factorisation. A matrix that
// rounding has left indefinite gets a ridge, ten times larger at each try.
func solve(h, g []float64) []float64 {
	n := len(g)
	trace := 0.0
	for i := range n {
		trace += h[i*n+i]
	}
	l := make([]float64, n*n)
	for ridge := 0.0; ; ridge = max(10*ridge, 1e-14*max(trace, 1e-300)) {
		if cholesky(l, h, n, ridge) || math.IsInf(ridge, 0) || math.IsNaN(trace) {
			return substitute(l, g)
		}
	}
}

// substitute returns the solution of l·lᵀ·s = g for a lower triangular l.
func substitute(l, g []float64) []float64 {
	n := len(g)
	s := make([]float64, n)
	for i := range n {
		s[i] = (g[i] - dot(l[i*n:i*n+i], s[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		v := s[i]
		for k := i + 1; k < n; k++ {
			v -= l[k*n+i] * s[k]
		}
		s[i] = v / l[i*n+i]
	}
	return s
}

func cholesky(l, h []float64, n int, ridge float64) bool {
	for i := range n {
		for j := 0; j <= i; j++ {
			v := h[i*n+j] - dot(l[i*n:i*n+j], l[j*n:j*n+j])
			if i != j {
				l[i*n+j] = v / l[j*n+j]
				continue
			}
			if v += ridge; !(v > 1e-15*h[i*n+i]) {
				return false
			}
			l[i*n+i] = math.Sqrt(v)
		}
	}
	return true
}

// largest returns the largest magnitude.
func largest(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, math.Abs(v)) // NaN stays NaN
	}
	return m
}
