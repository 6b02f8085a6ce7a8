package evaluation

import (
	"math"
	"slices"
)

// maxCurvePoints is how many points of a curve are kept.
const maxCurvePoints = 100

// leastShare of the rows is where precision and lift begin.
const leastShare = 0.005

// Curves tell how a binary model ranks the rows: all are walks down the rows by
// falling probability. Points are the first, the last, and evenly spaced ones.
type Curves struct {
	ROC  []Point `json:"roc"`  // X false positive rate, Y true positive rate
	PR   []Point `json:"pr"`   // X recall, Y precision
	Gain []Point `json:"gain"` // X share of the rows, Y share of the positives among them
	Lift []Point `json:"lift"` // X share of the rows, Y their share of positives over that of all
}

// Point is one point of a curve.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// curves returns nil where one class alone occurs.
func (p *prepared) curves() *Curves {
	weight := sumOf(p.weights)
	positives := total(p.weights, func(i int) float64 { return p.Y[i] })
	negatives := weight - positives
	if positives <= 0 || negatives <= 0 {
		return nil
	}
	type step struct{ tp, fp float64 }
	var steps []step
	var at step
	for k, i := range p.order {
		if p.Y[i] == 1 {
			at.tp += p.weights[i]
		} else {
			at.fp += p.weights[i]
		}
		if (k+1 == len(p.order) || p.above[k+1]) && at.tp+at.fp > 0 {
			steps = append(steps, at)
		}
	}
	c := &Curves{ROC: []Point{{}}, Gain: []Point{{}}}
	// Steps of equal share of the rows, so that the ends are as fine as the middle.
	kept := -1
	for i, s := range steps {
		share := (s.tp + s.fp) / weight
		if slot := int(share * maxCurvePoints); slot == kept && i != len(steps)-1 && i != 0 {
			continue
		} else {
			kept = slot
		}
		c.ROC = append(c.ROC, Point{s.fp / negatives, s.tp / positives})
		c.Gain = append(c.Gain, Point{share, s.tp / positives})
		if share < leastShare && i != len(steps)-1 {
			continue // a share of a handful of rows says nothing
		}
		c.PR = append(c.PR, Point{s.tp / positives, s.tp / (s.tp + s.fp)})
		c.Lift = append(c.Lift, Point{share, s.tp / positives / share})
	}
	return c
}

// residualQuantiles are drawn as lines over the predictions.
var residualQuantiles = [...]float64{0.1, 0.5, 0.9}

// Residuals tell how the errors of a regression, actual - predicted, are spread.
// Rows count once, whatever they weigh.
type Residuals struct {
	Histogram Histogram `json:"histogram"`
	// ByPrediction has, for up to 20 parts of equal rows in order of their
	// predictions, the mean prediction and the 10, 50 and 90 % quantiles of the
	// residuals.
	ByPrediction []ResidualBin `json:"by_prediction"`
	// Normal has quantiles of the residuals against those of the normal
	// distribution of their mean and deviation: X normal, Y residual.
	Normal []Point `json:"normal,omitempty"`
}

// ResidualBin is the residuals of rows predicted alike.
type ResidualBin struct {
	Predicted float64                         `json:"predicted"`
	Quantiles [len(residualQuantiles)]float64 `json:"quantiles"`
	Rows      int                             `json:"rows"`
}

func residuals(p *prepared) *Residuals {
	n := len(p.Y)
	order := make([]int32, n)
	values := make([]float64, n)
	for i := range order {
		order[i], values[i] = int32(i), p.Y[i]-p.P[i]
	}
	r := &Residuals{}
	sortRows(order, func(i int32) float64 { return p.P[i] })
	bins := min(20, max(1, n/20))
	for b := range bins {
		rows := order[n*b/bins : n*(b+1)/bins]
		part := make([]float64, len(rows))
		for i, row := range rows {
			part[i] = values[row]
		}
		slices.Sort(part)
		bin := ResidualBin{Predicted: average(len(rows), func(i int) float64 { return p.P[rows[i]] }), Rows: len(rows)}
		for q, at := range residualQuantiles {
			bin.Quantiles[q] = quantile(part, at)
		}
		r.ByPrediction = append(r.ByPrediction, bin)
	}
	mean := average(n, func(i int) float64 { return values[i] })
	deviation := math.Sqrt(average(n, func(i int) float64 { return (values[i] - mean) * (values[i] - mean) }))
	slices.Sort(values)
	r.Histogram = *histogram(values)
	if deviation > 0 && n >= 20 {
		points := min(n, 61)
		for k := range points {
			q := (float64(k) + 0.5) / float64(points)
			r.Normal = append(r.Normal, Point{mean + deviation*math.Sqrt2*math.Erfinv(2*q-1), quantile(values, q)})
		}
	}
	return r
}
