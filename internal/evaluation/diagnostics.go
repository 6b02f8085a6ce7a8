package evaluation

import (
	"math"
)

// maxDetailed is the most classes whose confusion matrix is kept.
const maxDetailed = 50

// residualBins is how many bins the histogram of residuals has.
const residualBins = 40

// Diagnostics are what a person looks at after the scores.
type Diagnostics struct {
	Confusion   *Confusion `json:"confusion,omitempty"`    // as an endpoint answers; up to 50 classes
	AtThreshold *Confusion `json:"at_threshold,omitempty"` // binary with costs: at the chosen threshold
	Classes     []Class    `json:"classes,omitempty"`
	Calibration []Bin      `json:"calibration,omitempty"`
	Curves      *Curves    `json:"curves,omitempty"`    // binary
	Residuals   *Residuals `json:"residuals,omitempty"` // regression
}

// Bin is one point of a calibration curve. For binary, of an interval of
// probability: scikit-learn's calibration_curve, uniform, empty bins left out; for
// more classes, so of the answered class and whether it was right. For regression, of a tenth of the rows in the order of their predictions. Means
// are weighted as the problem weighs rows.
type Bin struct {
	Predicted float64 `json:"predicted"` // mean probability or prediction
	Actual    float64 `json:"actual"`    // share of positives or of right answers, or mean of the target
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

func diagnose(m *measured) *Diagnostics {
	d := &Diagnostics{}
	if len(m.classes) == 0 {
		d.Residuals, d.Calibration = residuals(m.prepared), tenths(m.prepared)
		return d
	}
	d.Classes = classesOf(m.Y, m.hard, m.weights, m.classes)
	if len(m.classes) <= maxDetailed {
		d.Confusion = confuse(m.Y, m.hard, m.weights, len(m.classes))
	}
	d.Calibration = calibrate(m.prepared)
	if len(m.classes) == 2 {
		d.Curves = m.curves()
		if m.Decision != nil {
			decided := make([]int32, len(m.Y))
			for i := range decided {
				if m.answers(i, m.Decision.Threshold) {
					decided[i] = 1
				}
			}
			d.AtThreshold = confuse(m.Y, decided, m.weights, 2)
		}
	}
	return d
}

func calibrate(p *prepared) []Bin {
	bins := make([]Bin, calibrationBins)
	weights := make([]float64, calibrationBins)
	for i, actual := range p.Y {
		q, w := p.P[i*p.Classes+1], p.weights[i]
		if p.Classes > 2 {
			answer := int(p.hard[i])
			q = p.P[i*p.Classes+answer]
			if int(actual) == answer {
				actual = 1
			} else {
				actual = 0
			}
		}
		b := &bins[bucket(q)]
		b.Predicted += w * q
		b.Actual += w * actual
		b.Rows++
		weights[bucket(q)] += w
	}
	var out []Bin
	for i, b := range bins {
		if weights[i] > 0 {
			out = append(out, Bin{b.Predicted / weights[i], b.Actual / weights[i], b.Rows})
		}
	}
	return out
}

// tenths groups rows by prediction, equal ones in their order.
func tenths(p *prepared) []Bin {
	order := make([]int32, len(p.Y))
	for i := range order {
		order[i] = int32(i)
	}
	sortRows(order, func(i int32) float64 { return p.P[i] })
	var bins []Bin
	for b := range calibrationBins {
		rows := order[len(order)*b/calibrationBins : len(order)*(b+1)/calibrationBins]
		var weight, guess, actual float64
		for _, i := range rows {
			w := p.weights[i]
			weight, guess, actual = weight+w, guess+w*p.P[i], actual+w*p.Y[i]
		}
		if weight > 0 {
			bins = append(bins, Bin{guess / weight, actual / weight, len(rows)})
		}
	}
	return bins
}

// histogram counts sorted values.
func histogram(values []float64) *Histogram {
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
