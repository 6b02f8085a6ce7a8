package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// maxDetailed is the most classes whose confusion matrix is kept.
const maxDetailed = 50

// Bins of the histograms and calibration curves.
const (
	residualBins    = 40
	calibrationBins = 10
)

// Diagnostics are what a person looks at after the scores.
type Diagnostics struct {
	Confusion   *Confusion `json:"confusion,omitempty"` // up to 50 classes
	Classes     []Class    `json:"classes,omitempty"`
	Calibration []Bin      `json:"calibration,omitempty"` // binary and regression
	Residuals   *Histogram `json:"residuals,omitempty"`   // regression: actual - predicted
}

// Bin is one point of a calibration curve. For binary, of an interval of
// probability: scikit-learn's calibration_curve, uniform, empty bins left out.
// For regression, of a tenth of the rows in the order of their predictions.
type Bin struct {
	Predicted float64 `json:"predicted"` // mean probability or prediction
	Actual    float64 `json:"actual"`    // share of positives, or mean of the target
	Rows      int     `json:"rows"`
}

// Histogram counts values in bins of one width. The outermost 0.5 % on each side
// are counted in the first and last bin, so that one outlier does not flatten
// the rest.
type Histogram struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Counts []int   `json:"counts"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func diagnose(y, p []float64, classes []string) *Diagnostics {
	d := &Diagnostics{}
	if len(classes) == 0 {
		residuals := make([]float64, len(y))
		for i := range y {
			residuals[i] = y[i] - p[i]
		}
		d.Residuals, d.Calibration = histogram(residuals), tenths(y, p)
		return d
	}
	c := Confuse(y, p, len(classes))
	for k, name := range classes {
		one := c.class(k)
		one.Name = name
		d.Classes = append(d.Classes, one)
	}
	if len(classes) <= maxDetailed {
		d.Confusion = c
	}
	if len(classes) == 2 {
		d.Calibration = calibrate(y, p)
	}
	return d
}

func calibrate(y, p []float64) []Bin {
	bins := make([]Bin, calibrationBins)
	for i, actual := range y {
		b := &bins[min(int(p[2*i+1]*calibrationBins), calibrationBins-1)]
		b.Predicted += p[2*i+1]
		b.Actual += actual
		b.Rows++
	}
	bins = slices.DeleteFunc(bins, func(b Bin) bool { return b.Rows == 0 })
	for i := range bins {
		bins[i].Predicted /= float64(bins[i].Rows)
		bins[i].Actual /= float64(bins[i].Rows)
	}
	return bins
}

// tenths groups rows by prediction, equal ones in their order.
func tenths(y, p []float64) []Bin {
	order := make([]int, len(y))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var bins []Bin
	for b := range calibrationBins {
		rows := order[len(order)*b/calibrationBins : len(order)*(b+1)/calibrationBins]
		if n := len(rows); n > 0 {
			bins = append(bins, Bin{
				Predicted: average(n, func(i int) float64 { return p[rows[i]] }),
				Actual:    average(n, func(i int) float64 { return y[rows[i]] }), Rows: n,
			})
		}
	}
	return bins
}

// histogram reorders values.
func histogram(values []float64) *Histogram {
	slices.Sort(values)
	n := len(values)
	h := &Histogram{Low: values[n/200], High: values[n-1-n/200], Counts: make([]int, residualBins), Min: values[0], Median: values[n/2], Max: values[n-1]}
	width := (h.High - h.Low) / residualBins
	for _, v := range values {
		at := 0
		if width > 0 && !math.IsInf(width, 0) {
			at = min(max(int((v-h.Low)/width), 0), residualBins-1)
		}
		h.Counts[at]++
	}
	return h
}
