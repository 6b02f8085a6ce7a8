package model

import (
	"context"
	"math"
)

// innerPasses bounds the coordinate descent within one step.
const innerPasses = 10_000

// l1 returns the sparse penalty of each component of θ; intercepts have none.
func (o *objective) l1() []float64 {
	l1 := make([]float64, 0, o.size())
	for range o.rows {
		l1 = append(append(l1, 0), o.sparse...)
	}
	return l1
}

// proximal minimises o with its sparse penalty from theta, in place, by Newton's
// method where each step minimises the quadratic model plus the penalty by
// coordinate descent (Lee, Sun and Saunders, "Proximal Newton-Type Methods for
// Minimizing Composite Functions", 2014). As in newton, the last step is free.
func proximal(ctx context.Context, o *objective, theta []float64, most int, tol float64) (Report, error) {
	var report Report
	e, err := o.evaluate(ctx, theta, true)
	if err != nil {
		return report, err
	}
	l1, trial := o.l1(), make([]float64, len(theta))
	cost := absolute(l1, theta)
	o.reached(e.value + cost)
	for {
		off := violation(e.gradient, theta, l1)
		report.Converged = off <= tol
		if !report.Converged && report.Iterations == most {
			return report, nil
		}
		goal, err := quadratic(ctx, e, theta, l1, 1e-2*max(off, 1e-2*tol)) // as exact as the step is worth
		if err != nil {
			return report, err
		}
		if report.Converged {
			if violation(e.gradient, theta, l1) > 0 {
				copy(theta, goal)
			}
			return report, nil
		}
		report.Iterations++
		step := make([]float64, len(theta))
		for i := range theta {
			step[i] = theta[i] - goal[i]
		}
		decrease := dot(e.gradient, step) + cost - absolute(l1, goal)
		next, taken, value := (*evaluation)(nil), false, 0.0
		for t := 1.0; t > 1e-10 && !taken; t /= 2 {
			for i := range theta {
				trial[i] = theta[i] - t*step[i]
				if t == 1 {
					trial[i] = goal[i] // an exact 0
				}
			}
			if next, err = o.evaluate(ctx, trial, true); err != nil {
				return report, err
			}
			value = absolute(l1, trial)
			taken = next.value+value <= e.value+cost-1e-4*t*decrease+slack*math.Abs(e.value+cost)
		}
		if !taken {
			return report, nil
		}
		copy(theta, trial)
		e, cost = next, value
		o.reached(e.value + cost)
	}
}

// quadratic returns the minimum of the quadratic model at theta plus the penalty.
func quadratic(ctx context.Context, e *evaluation, theta, l1 []float64, tol float64) ([]float64, error) {
	n := len(theta)
	d := &descent{n: n, gram: make([]float64, n*n), q: make([]float64, n), l1: l1, theta: append([]float64{}, theta...), rest: make([]float64, n)}
	for i := range n {
		for j := range i + 1 {
			d.gram[i*n+j], d.gram[j*n+i] = e.hessian[i*n+j], e.hessian[i*n+j]
		}
	}
	for i := range n {
		d.q[i] = dot(d.gram[i*n:(i+1)*n], theta) - e.gradient[i]
	}
	g := make([]float64, n)
	_, _, err := d.minimise(ctx, innerPasses, func() bool {
		for i, r := range d.rest {
			g[i] = -r
		}
		return violation(g, d.theta, l1) <= tol
	})
	return d.theta, err
}

// violation is the largest component of the smallest subgradient.
func violation(gradient, theta, l1 []float64) float64 {
	largest := 0.0
	for i, g := range gradient {
		largest = max(largest, math.Abs(slope(g, theta[i], l1[i])))
	}
	return largest
}

// absolute is Σ l1_i |θ_i|.
func absolute(l1, theta []float64) float64 {
	sum := 0.0
	for i, l := range l1 {
		sum += l * math.Abs(theta[i])
	}
	return sum
}
