package model

import (
	"context"
	"fmt"
	"math"
	"testing"
)

// Newton's method and L-BFGS, and their twins for the penalty l1.
func TestBothSolversFindTheSameOptimum(t *testing.T) {
	ctx := context.Background()
	for _, by := range []strengths{{l2: 1e-3}, {l1: 1e-3}} {
		for _, classes := range []int{0, 2, 4} {
			d, l, from := random(uint64(classes), 4000, 3, 1, 8, classes), entropy, []float64(nil)
			for i := range d.X.Features[0].Numbers {
				d.X.Features[0].Numbers[i] *= 1000 // badly scaled
			}
			if d = weigh(d); classes == 0 {
				d, l, from = counted(d), counts, make([]float64, 12)
			}
			weights, _ := d.relative(nil)
			o, err := newObjective(ctx, d, l, weights, by)
			if err != nil {
				t.Fatal(err)
			}
			if classes > 0 {
				from = o.start(frequencies(d))
			}
			minimise := []func(context.Context, *objective, []float64, int, float64) (Report, error){newton, lbfgs}
			if by.l1 > 0 {
				minimise = []func(context.Context, *objective, []float64, int, float64) (Report, error){proximal, owlqn}
			}
			a, b := append([]float64{}, from...), append([]float64{}, from...)
			for k, theta := range [][]float64{a, b} {
				if report, err := minimise[k](ctx, o, theta, 3000, 1e-9); err != nil || !report.Converged {
					t.Fatalf("%v, %d classes, solver %d: %+v %v", by, classes, k, report, err)
				}
			}
			if classes == 4 && by.l1 > 0 { // an even number of classes leaves their shift free
				a, b = o.contrasts(a), o.contrasts(b)
			}
			near(t, fmt.Sprintf("weights of %v, %d classes", by, classes), b, a, 1e-6)
		}
	}
}

// contrasts returns the weights of every class less those of the first.
func (o *objective) contrasts(theta []float64) []float64 {
	out := append([]float64{}, theta...)
	for i := range out {
		out[i] -= theta[i%o.stride]
	}
	return out
}

// The derivatives are those of the value, by central differences.
func TestDerivativesOfTheObjective(t *testing.T) {
	ctx, h := context.Background(), 1e-5
	for _, weighted := range []bool{false, true} {
		for _, classes := range []int{0, 2, 3} {
			d, l := random(9, 300, 2, 2, 3, classes), entropy
			if classes == 0 {
				d, l = counted(d), counts
			}
			if weighted {
				d = weigh(d)
			}
			weights, _ := d.relative(nil)
			o, err := newObjective(ctx, d, l, weights, strengths{l2: 1 / (2. * 300)})
			if err != nil {
				t.Fatal(err)
			}
			theta := make([]float64, o.size())
			if classes > 0 {
				theta = o.start(frequencies(d))
			}
			for i := range theta {
				if i%o.stride > 0 {
					theta[i] = math.Sin(float64(i))
				}
			}
			e, err := o.evaluate(ctx, theta, true)
			if err != nil {
				t.Fatal(err)
			}
			for i := range theta {
				up, down := append([]float64{}, theta...), append([]float64{}, theta...)
				up[i] += h
				down[i] -= h
				eu, _ := o.evaluate(ctx, up, true)
				ed, _ := o.evaluate(ctx, down, true)
				near(t, "gradient", []float64{e.gradient[i]}, []float64{(eu.value - ed.value) / (2 * h)}, 1e-8)
				for j := range i + 1 {
					want := (eu.gradient[j] - ed.gradient[j]) / (2 * h)
					if classes > 2 && i%o.stride == 0 && j%o.stride == 0 {
						want++ // the square of the sum of the intercepts
					}
					near(t, fmt.Sprintf("hessian %d %d", i, j), []float64{e.hessian[i*o.size()+j]}, []float64{want}, 1e-8)
				}
			}
		}
	}
}
