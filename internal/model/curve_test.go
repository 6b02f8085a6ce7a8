package model

import (
	"context"
	"math"
	"testing"
)

func TestWhatWasReachedIsThinnedWithItsEnds(t *testing.T) {
	for _, steps := range []int{0, 1, 2, 198, 199, 200, 201, 1234, 100_000} {
		reached := make([]float64, steps+1)
		for i := range reached {
			reached[i] = float64(-i)
		}
		points := descentOf(reached)
		first, last := points[0], points[len(points)-1]
		if len(points) > curvePoints || first.Round != 0 || last.Round != steps || last.Train != float64(-steps) || steps < curvePoints && len(points) != steps+1 {
			t.Errorf("%d steps: %d points, %+v to %+v", steps, len(points), first, last)
		}
	}
}

// Every method tells the objective it began with, never goes up, and ends at the
// objective of the model it returns.
func TestLearnersThatIterateTellHow(t *testing.T) {
	ctx := context.Background()
	for _, by := range []strengths{{l2: 1e-3}, {l1: 1e-3}} {
		for _, classes := range []int{0, 2, 3} {
			d, l := random(uint64(classes)+3, 3000, 3, 1, 8, classes), entropy
			if classes == 0 {
				d, l = counted(d), counts
			}
			minimise := []func(context.Context, *objective, []float64, int, float64) (Report, error){newton, lbfgs}
			if by.l1 > 0 {
				minimise = []func(context.Context, *objective, []float64, int, float64) (Report, error){proximal, owlqn}
			}
			for k, by2 := range minimise {
				o, err := newObjective(ctx, d, l, nil, by)
				if err != nil {
					t.Fatal(err)
				}
				theta := make([]float64, o.size())
				if classes > 0 {
					theta = o.start(frequencies(d))
				}
				begun, err := o.evaluate(ctx, theta, false)
				if err != nil {
					t.Fatal(err)
				}
				report, err := by2(ctx, o, theta, 1000, 1e-7)
				if err != nil || !report.Converged {
					t.Fatalf("%v, %d classes, method %d: %+v %v", by, classes, k, report, err)
				}
				ended, err := o.evaluate(ctx, theta, false)
				if err != nil {
					t.Fatal(err)
				}
				want := ended.value
				if by.l1 > 0 {
					want += absolute(o.l1(), theta)
				}
				v := o.values
				if len(v) != report.Iterations+1 || v[0] != begun.value || math.Abs(v[len(v)-1]-want) > 1e-9*math.Abs(want) || v[0]-want < 1e-3 {
					t.Errorf("%v, %d classes, method %d: %d values in %d iterations, from %v (%v) to %v (%v)", by, classes, k, len(v), report.Iterations, v[0], begun.value, v[len(v)-1], want)
				}
				for i := range v[1:] {
					if v[i+1] > v[i]+1e-10*math.Abs(v[i]) {
						t.Errorf("%v, %d classes, method %d goes up at iteration %d: %v, %v", by, classes, k, i+1, v[i], v[i+1])
					}
				}
			}
		}
	}
}

// The curve of a fit is in its report; that of a path ends at the error of its model.
func TestTheCurveOfAFitIsInItsReport(t *testing.T) {
	ctx := context.Background()
	_, report, err := logistic{}.Fit(ctx, random(1, 500, 3, 1, 4, 3), Settings{})
	if err != nil || len(report.Curve) != report.Iterations+1 || len(report.Curve) < 3 {
		t.Fatalf("%+v %v", report, err)
	}
	d := random(2, 500, 4, 1, 4, 0)
	mean, square := 0.0, 0.0
	for _, y := range d.Y {
		mean += y / 500
	}
	for _, y := range d.Y {
		square += (y - mean) * (y - mean) / 500
	}
	for _, learner := range []shrinkage{lasso, elasticNet} {
		m, report, err := learner.Fit(ctx, d, Settings{Params: Params{"alpha": 1e-3}})
		if err != nil || len(report.Curve) < 5 || len(report.Curve) > curvePoints {
			t.Fatalf("%s: %+v %v", learner.kind, report, err)
		}
		p, off := make([]float64, 500), 0.0
		m.Predict(d.X, p)
		for i, y := range d.Y {
			off += (y - p[i]) * (y - p[i]) / 500
		}
		first, last := report.Curve[0], report.Curve[len(report.Curve)-1]
		if math.Abs(first.Train-square) > 1e-9*square || math.Abs(last.Train-off) > 1e-9*square || first.Held != nil {
			t.Errorf("%s: from %v (%v) to %v (%v)", learner.kind, first, square, last, off)
		}
		for i := range report.Curve[1:] {
			if report.Curve[i+1].Train > report.Curve[i].Train+1e-9*square {
				t.Errorf("%s goes up at %d", learner.kind, i+1)
			}
		}
	}
}
