package model

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestPoissonRefusesWhatHasNoLogarithm(t *testing.T) {
	for says, y := range map[string]float64{"target -1": -1, "is 0": 0} {
		d := random(1, 20, 1, 0, 0, 0)
		d.Y = slices.Repeat([]float64{y}, 20)
		_, _, err := (poisson{}).Fit(context.Background(), d, Settings{})
		if fault.KindOf(err) != fault.TargetInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", y, err)
		}
	}
	d := random(1, 20, 1, 0, 0, 0)
	d.Y = slices.Repeat([]float64{1e308}, 20)
	if _, _, err := (poisson{}).Fit(context.Background(), d, Settings{}); fault.KindOf(err) != fault.TrainingFailed || !strings.Contains(err.Error(), "overflow") {
		t.Error(err)
	}
}

// Without a penalty on the intercept the predictions add up to the counts.
func TestPoissonPredictsAsMuchAsThereIs(t *testing.T) {
	d := counted(random(2, 3000, 3, 1, 5, 0))
	for _, scale := range []float64{1e-9, 1, 1e9} {
		scaled := d
		scaled.Y = slices.Clone(d.Y)
		for i := range scaled.Y {
			scaled.Y[i] *= scale
		}
		m, report := fit(t, "poisson", scaled, Params{"alpha": 0})
		out := make([]float64, d.X.Rows)
		m.Predict(d.X, out)
		if !report.Converged || slices.Min(out) <= 0 {
			t.Fatalf("%v: %+v", scale, report)
		}
		near(t, "sum", []float64{total(out) / scale}, []float64{total(scaled.Y) / scale}, 1e-6)
	}
}

func TestPoissonWithAnEnormousCount(t *testing.T) {
	d := counted(random(2, 1000, 2, 0, 0, 0))
	d.Y[17] = 1e12
	for i, x := range []float64{1e6, -1e6, 3} {
		d.X.Features[0].Numbers[17+i] = x
	}
	m, report := fit(t, "poisson", d, Params{"alpha": 1e-3})
	if _, err := Encode(m); err != nil || !report.Converged {
		t.Fatalf("%v %+v %+v", err, report, m)
	}
	_, report = fit(t, "poisson", d, Params{"alpha": 1e-3, "max_iter": 1})
	if report.Converged || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "max_iter") {
		t.Errorf("%+v", report)
	}
}

func TestTheLogLinkIsTheExponential(t *testing.T) {
	d := random(1, 3, 1, 0, 0, 0)
	l := &Linear{Learner: "poisson", Link: Log, Intercepts: []float64{0.5}, Coefficients: [][]float64{{2}}, Names: []string{"x0"}}
	out := make([]float64, 3)
	l.Predict(d.X, out)
	for i, x := range d.X.Features[0].Numbers {
		if want := math.Exp(0.5 + 2*x); out[i] != want {
			t.Errorf("row %d is %v, want %v", i, out[i], want)
		}
	}
}

// More columns than rows, and counts of 0 that a column tells apart: without a
// penalty no coefficients are best, and what comes back is finite all the same.
func TestPoissonWithoutABestAnswer(t *testing.T) {
	wide := counted(random(3, 6, 12, 0, 0, 0))
	apart := counted(random(3, 200, 2, 1, 4, 0))
	for i, x := range apart.X.Features[0].Numbers {
		if x < apart.X.Features[0].Numbers[0] {
			apart.Y[i] = 0
		} else {
			apart.Y[i]++
		}
	}
	for name, d := range map[string]Data{"wide": wide, "apart": apart} {
		for _, alpha := range []float64{0, 1e-3, 1} {
			m, report := fit(t, "poisson", d, Params{"alpha": alpha})
			if _, err := Encode(m); err != nil || (alpha > 0 && !report.Converged) || report.Converged != (len(report.Warnings) == 0) {
				t.Errorf("%s, alpha %v: %v %+v", name, alpha, err, report)
			}
		}
	}
}

func TestLogisticOfMoreColumnsThanRows(t *testing.T) {
	for _, penalty := range []string{"l1", "l2"} {
		m, report := fitBy(t, "logistic", random(5, 12, 30, 1, 3, 2), Settings{Options: Options{Penalty: penalty}})
		if _, err := Encode(m); err != nil || !report.Converged {
			t.Errorf("%s: %v %+v", penalty, err, report)
		}
	}
}
