package evaluation

import (
	"math"
	"slices"
)

// regression adds scikit-learn's root_mean_squared_error, mean_absolute_error,
// r2_score, mean_absolute_percentage_error and median_absolute_error.
func regression(s *Scores, y, p []float64) {
	n := len(y)
	errors := make([]float64, n)
	for i := range y {
		errors[i] = math.Abs(y[i] - p[i])
	}
	squares := sum(n, func(i int) float64 { return errors[i] * errors[i] })
	s.Values["rmse"] = math.Sqrt(squares / float64(n))
	s.Values["mae"] = average(n, func(i int) float64 { return errors[i] })
	if slices.Contains(y, 0) { // where scikit-learn divides by its epsilon, and says 1e15
		s.undefined("the target is 0 in a row, and no share of it can be taken", "mape")
	} else {
		s.Values["mape"] = average(n, func(i int) float64 { return errors[i] / math.Abs(y[i]) })
	}
	mean := average(n, func(i int) float64 { return y[i] })
	if spread := sum(n, func(i int) float64 { return (y[i] - mean) * (y[i] - mean) }); spread > 0 {
		s.Values["r2"] = 1 - squares/spread
	} else {
		s.undefined("the target is constant on these rows", "r2")
	}
	slices.Sort(errors)
	s.Values["median_absolute_error"] = (errors[(n-1)/2] + errors[n/2]) / 2
}
