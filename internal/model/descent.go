package model

import (
	"context"
	"math"
)

// descent minimises ½θᵀGθ - qᵀθ + Σ l1_j|θ_j| + ½·l2‖θ‖² by coordinate descent
// (Friedman, Hastie and Tibshirani, "Regularization Paths for Generalized Linear
// Models via Coordinate Descent", 2010, with covariance updates). Between passes
// over all coordinates it passes over those that are not 0, and where collinear
// ones make that slow, jumps. A coordinate whose G_jj is 0 is left alone.
type descent struct {
	n     int
	gram  []float64 // n × n, symmetric
	q     []float64
	l1    []float64
	l2    float64
	theta []float64
	rest  []float64 // q - Gθ
}

// minimise passes until done says so, asked with rest exact, or most passes are
// over, or what moves is only rounding.
func (d *descent) minimise(ctx context.Context, most int, done func() bool) (passes int, converged bool, err error) {
	all, moving := make([]int, 0, d.n), make([]int, 0, d.n)
	for j := range d.n {
		if d.gram[j*d.n+j] > 0 {
			all = append(all, j)
		}
	}
	for {
		d.refresh()
		if done() {
			return passes, true, nil
		}
		if passes == most {
			return passes, false, nil
		}
		first := d.pass(all)
		passes++
		if first <= rounding*d.energy() {
			d.refresh()
			return passes, done(), nil
		}
		moving = moving[:0]
		for _, j := range all {
			if d.theta[j] != 0 {
				moving = append(moving, j)
			}
		}
		before := passes
		for last := first; last > 1e-6*first && passes < min(most, before+slowPasses); passes++ {
			if err := ctx.Err(); err != nil {
				return passes, false, err
			}
			last = d.pass(moving)
		}
		if passes == before+slowPasses && len(moving) <= jumpWeights {
			d.jump(moving)
		}
		if err := ctx.Err(); err != nil {
			return passes, false, err
		}
	}
}

// rounding is the square of a relative step that is none.
const rounding = 1e-31

// energy is the largest share of a coordinate in the quadratic.
func (d *descent) energy() float64 {
	largest := 0.0
	for j, t := range d.theta {
		largest = max(largest, t*t*(d.gram[j*d.n+j]+d.l2))
	}
	return largest
}

// slowPasses is how many passes over the coordinates that are not 0 come before
// a jump, and jumpWeights how many coordinates may.
const (
	slowPasses  = 20
	jumpWeights = 500
)

// jump goes to the optimum of the coordinates given with their signs kept, and
// where one becomes 0 on the way, from there on without it: never uphill, as the
// objective is convex and, within the signs, quadratic.
func (d *descent) jump(coordinates []int) {
	for stopped := true; stopped; {
		var free []int
		for _, j := range coordinates {
			if d.theta[j] != 0 || d.l1[j] == 0 {
				free = append(free, j)
			}
		}
		n := len(free)
		a, b, l := make([]float64, n*n), make([]float64, n), make([]float64, n*n)
		for i, j := range free {
			for k, other := range free[:i+1] {
				a[i*n+k] = d.gram[j*d.n+other]
			}
			a[i*n+i] += d.l2
			b[i] = d.q[j] - math.Copysign(d.l1[j], d.theta[j])
		}
		if !cholesky(l, a, n, 0) {
			return
		}
		stopped = d.toward(free, substitute(l, b))
	}
}

// toward moves the coordinates to their goals, or as far as the first that
// becomes 0, and says whether one did.
func (d *descent) toward(coordinates []int, goals []float64) (stopped bool) {
	far, stop := 1.0, -1
	for i, j := range coordinates {
		if t := d.theta[j]; d.l1[j] > 0 && goals[i]*t <= 0 && (stop < 0 || t/(t-goals[i]) < far) {
			far, stop = t/(t-goals[i]), j
		}
	}
	for i, j := range coordinates {
		switch {
		case stop < 0:
			d.theta[j] = goals[i]
		case j == stop:
			d.theta[j] = 0
		default:
			d.theta[j] += far * (goals[i] - d.theta[j])
		}
	}
	d.refresh()
	return stop >= 0
}

// pass moves each coordinate to its optimum, the others fixed, and returns the
// largest decrease of the quadratic along one of them, doubled.
func (d *descent) pass(coordinates []int) float64 {
	largest := 0.0
	for _, j := range coordinates {
		row := d.gram[j*d.n : (j+1)*d.n]
		curvature, old := row[j]+d.l2, d.theta[j]
		d.theta[j] = shrink(d.rest[j]+row[j]*old, d.l1[j]) / curvature
		if step := d.theta[j] - old; step != 0 {
			for k, g := range row {
				d.rest[k] -= step * g
			}
			largest = max(largest, step*step*curvature)
		}
	}
	return largest
}

func (d *descent) refresh() {
	copy(d.rest, d.q)
	for j, v := range d.theta {
		if v != 0 {
			for k, g := range d.gram[j*d.n : (j+1)*d.n] {
				d.rest[k] -= v * g
			}
		}
	}
}

// shrink is the soft threshold.
func shrink(z, by float64) float64 {
	switch {
	case z > by:
		return z - by
	case z < -by:
		return z + by
	}
	return 0
}

// slope is the component nearest to 0 of the subgradient of a smooth function
// with derivative g, plus l1·|θ|, at θ.
func slope(g, theta, l1 float64) float64 {
	if theta == 0 {
		return shrink(g, l1)
	}
	return g + math.Copysign(l1, theta)
}
