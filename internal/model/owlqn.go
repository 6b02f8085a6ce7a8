package model

import (
	"context"
	"math"
)

// owlqn minimises o with its sparse penalty from theta, in place, by
// orthant-wise L-BFGS (Andrew and Gao, "Scalable Training of L1-Regularized
// Log-Linear Models", 2007): the direction is that of the subgradient nearest to
// 0, and no step crosses 0 but stops there.
func owlqn(ctx context.Context, o *objective, theta []float64, most int, tol float64) (Report, error) {
	var report Report
	e, err := o.evaluate(ctx, theta, false)
	if err != nil {
		return report, err
	}
	l1, diagonal := o.l1(), o.diagonal()
	cost := absolute(l1, theta)
	o.reached(e.value + cost)
	var known trail
	slopes, trial := make([]float64, len(theta)), make([]float64, len(theta))
	for {
		for i, g := range e.gradient {
			slopes[i] = slope(g, theta[i], l1[i])
		}
		if report.Converged = largest(slopes) <= tol; report.Converged || report.Iterations == most {
			return report, nil
		}
		report.Iterations++
		next, taken, value := (*evaluation)(nil), false, 0.0
		for !taken {
			direction := downhill(slopes, known.direction(slopes, diagonal), l1)
			for t := 1.0; t > 1e-10 && !taken; t /= 2 {
				decrease := 0.0
				for i := range theta {
					trial[i] = within(theta[i]-t*direction[i], theta[i], slopes[i], l1[i])
					decrease += slopes[i] * (theta[i] - trial[i])
				}
				if next, err = o.evaluate(ctx, trial, false); err != nil {
					return report, err
				}
				value = absolute(l1, trial)
				taken = next.value+value <= e.value+cost-1e-4*decrease+slack*math.Abs(e.value+cost)
			}
			if !taken && known.steps == nil {
				return report, nil
			}
			if !taken { // start again along the slopes
				known = trail{}
			}
		}
		known.add(theta, trial, e.gradient, next.gradient)
		copy(theta, trial)
		e, cost = next, value
		o.reached(e.value + cost)
	}
}

// downhill drops the components of a direction that go against the slopes.
func downhill(slopes, direction, l1 []float64) []float64 {
	for i, d := range direction {
		if l1[i] > 0 && d*slopes[i] <= 0 {
			direction[i] = 0
		}
	}
	return direction
}

// within returns v, or 0 if it left the orthant of theta or, at 0, of the slope's.
func within(v, theta, slope, l1 float64) float64 {
	orthant := theta
	if theta == 0 {
		orthant = -slope
	}
	if l1 > 0 && v*orthant <= 0 {
		return 0
	}
	return v
}
