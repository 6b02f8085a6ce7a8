package model

import (
	"context"
	"math"
)

// remembered is how many steps L-BFGS knows of.
const remembered = 10

// trail is what the last steps of θ did to the gradient: what L-BFGS knows of the
// Hessian.
type trail struct{ steps, changes [][]float64 }

// add remembers a step from theta to next, if it tells anything.
func (t *trail) add(theta, next, gradient, after []float64) {
	step, change := make([]float64, len(theta)), make([]float64, len(theta))
	for i := range theta {
		step[i], change[i] = next[i]-theta[i], after[i]-gradient[i]
	}
	if !(dot(step, change) > 1e-300) {
		return
	}
	t.steps, t.changes = append(t.steps, step), append(t.changes, change)
	if len(t.steps) > remembered {
		t.steps, t.changes = t.steps[1:], t.changes[1:]
	}
}

// lbfgs minimises o from theta, in place, by limited-memory BFGS with the
// two-loop recursion (Nocedal and Wright, Numerical Optimization, algorithm 7.4)
// and backtracking. The first guess at the Hessian is its diagonal's bound, so
// that rare categories move as fast as common ones.
func lbfgs(ctx context.Context, o *objective, theta []float64, most int, tol float64) (Report, error) {
	var report Report
	e, err := o.evaluate(ctx, theta, false)
	if err != nil {
		return report, err
	}
	o.reached(e.value)
	diagonal := o.diagonal()
	var known trail
	trial := make([]float64, len(theta))
	for {
		if report.Converged = largest(e.gradient) <= tol; report.Converged || report.Iterations == most {
			return report, nil
		}
		report.Iterations++
		direction := known.direction(e.gradient, diagonal)
		slope := dot(e.gradient, direction)
		if !(slope > 0) { // rounding: start again along the gradient
			known = trail{}
			direction = known.direction(e.gradient, diagonal)
			slope = dot(e.gradient, direction)
		}
		next, taken := (*evaluation)(nil), false
		for t := 1.0; t > 1e-10 && !taken; t /= 2 {
			for i := range theta {
				trial[i] = theta[i] - t*direction[i]
			}
			if next, err = o.evaluate(ctx, trial, false); err != nil {
				return report, err
			}
			taken = next.value <= e.value-1e-4*t*slope+slack*math.Abs(e.value)
		}
		if !taken {
			return report, nil
		}
		known.add(theta, trial, e.gradient, next.gradient)
		copy(theta, trial)
		e = next
		o.reached(e.value)
	}
}

// direction returns the inverse Hessian's guess times the gradient, by two loops over
// the steps.
func (t *trail) direction(gradient, diagonal []float64) []float64 {
	steps, changes := t.steps, t.changes
	q := append([]float64{}, gradient...)
	alpha := make([]float64, len(steps))
	for i := len(steps) - 1; i >= 0; i-- {
		alpha[i] = dot(steps[i], q) / dot(steps[i], changes[i])
		for j := range q {
			q[j] -= alpha[i] * changes[i][j]
		}
	}
	gamma := 1.0
	if last := len(steps) - 1; last >= 0 {
		scaled := 0.0
		for j, v := range changes[last] {
			scaled += v * v / diagonal[j]
		}
		gamma = dot(steps[last], changes[last]) / scaled
	}
	for j := range q {
		q[j] *= gamma / diagonal[j]
	}
	for i := range steps {
		beta := dot(changes[i], q) / dot(steps[i], changes[i])
		for j := range q {
			q[j] += (alpha[i] - beta) * steps[i][j]
		}
	}
	return q
}

// diagonal bounds the diagonal of the Hessian, or guesses at it: p(1-p) <= 1/4,
// of counts their mean, times the mean square of each standardized column, plus
// the penalty.
func (o *objective) diagonal() []float64 {
	curvature := 0.25
	if o.loss == counts {
		curvature = 0
		for i, y := range o.y {
			curvature += o.weight(i) * y / float64(o.n)
		}
	}
	d := make([]float64, o.stride)
	d[0] = curvature
	for j, lambda := range o.penalty {
		d[1+j] = curvature + lambda
	}
	for b := range o.codes {
		for c := range o.widths[b] {
			at := o.codesAt[b] + c
			d[1+at] = curvature*o.share[o.blockAt[b]+c] + o.penalty[at]
			if o.sparse != nil {
				d[1+at] = max(d[1+at], 1e-12*curvature) // of a category without rows
			}
		}
	}
	all := make([]float64, 0, o.size())
	for range o.rows {
		all = append(all, d...)
	}
	return all
}
