package drift

import (
	"errors"
	"math"
	"slices"
)

// Isotonic is a map of probabilities that never falls: between its points it is
// straight, beyond them as at the last. Without points it leaves them as they are.
type Isotonic struct {
	X []float64 `json:"x,omitempty"` // increasing
	Y []float64 `json:"y,omitempty"` // not decreasing, from 0 to 1
}

// FitIsotonic is the rising map nearest to outcomes (0 or 1) in squares, by pooling
// adjacent violators (Ayer and others 1955), as sklearn's IsotonicRegression.
func FitIsotonic(p, outcome []float64) Isotonic {
	type block struct{ low, high, sum, weight float64 }
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if p[i] < p[j] {
			return -1
		} else if p[i] > p[j] {
			return 1
		}
		return i - j
	})
	var blocks []block
	for k := 0; k < len(order); {
		b := block{low: p[order[k]], high: p[order[k]]}
		for ; k < len(order) && p[order[k]] == b.low; k++ {
			b.sum, b.weight = b.sum+outcome[order[k]], b.weight+1
		}
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if last.sum*b.weight < b.sum*last.weight {
				break
			}
			b = block{last.low, b.high, last.sum + b.sum, last.weight + b.weight}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	var m Isotonic
	for _, b := range blocks {
		m.X, m.Y = append(m.X, b.low), append(m.Y, b.sum/b.weight)
		if b.high > b.low {
			m.X, m.Y = append(m.X, b.high), append(m.Y, b.sum/b.weight)
		}
	}
	return m
}

// At maps one probability.
func (m *Isotonic) At(p float64) float64 {
	if len(m.X) == 0 {
		return p
	}
	i, _ := slices.BinarySearch(m.X, p)
	switch {
	case i == 0:
		return m.Y[0]
	case i == len(m.X):
		return m.Y[i-1]
	}
	w := (p - m.X[i-1]) / (m.X[i] - m.X[i-1])
	return m.Y[i-1] + w*(m.Y[i]-m.Y[i-1])
}

func (m *Isotonic) validate() error {
	if len(m.X) != len(m.Y) {
		return errors.New("a map of probabilities has not one value a point")
	}
	for i, y := range m.Y {
		if !(y >= 0 && y <= 1) || m.X[i]-m.X[i] != 0 || i > 0 && (!(m.X[i] > m.X[i-1]) || y < m.Y[i-1]) {
			return errors.New("a map of probabilities falls, or leaves 0 to 1")
		}
	}
	return nil
}

// calibrationBins is how many bins of equal width CalibrationError has, as
// evaluation's "ece".
const calibrationBins = 10

// CalibrationError is the expected calibration error of probabilities of an
// outcome (0 or 1), over ten bins of equal width (Naeini, Cooper and Hauskrecht
// 2015), and what chance makes of it in as many rows where every probability is
// right. NaN without rows.
func CalibrationError(p, outcome []float64) (ece, chance float64) {
	var bins [calibrationBins]struct{ gap, variance, n float64 }
	for i, v := range p {
		b := &bins[min(max(int(v*calibrationBins), 0), calibrationBins-1)]
		b.gap, b.variance, b.n = b.gap+outcome[i]-v, b.variance+v*(1-v), b.n+1
	}
	n := float64(len(p))
	for _, b := range bins {
		ece += math.Abs(b.gap) / n
		chance += math.Sqrt(2*b.variance/math.Pi) / n // E|N(0, σ²)|
	}
	if len(p) == 0 {
		return math.NaN(), math.NaN()
	}
	return ece, chance
}

// Judged are the probabilities whose calibration is told, of rows × classes, and
// whether each came true, 1 or 0: of two classes that of the second, of more that of
// the answered class, the most probable (Guo, Pleiss, Sun and Weinberger 2017).
func Judged(predicted, y []float64, classes int) (p, outcome []float64) {
	p, outcome = make([]float64, len(y)), make([]float64, len(y))
	for i, class := range y {
		row, k := predicted[i*classes:(i+1)*classes], 1
		if classes > 2 {
			k = 0
			for c, v := range row {
				if v > row[k] {
					k = c
				}
			}
		}
		p[i] = row[k]
		if int(class) == k {
			outcome[i] = 1
		}
	}
	return p, outcome
}

// CalibrationDrift is how much worse calibrated a window is than its reference.
type CalibrationDrift struct {
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason,omitempty"`
	Rows      Sides   `json:"rows"`
	Reference float64 `json:"reference"` // expected calibration error
	Window    float64 `json:"window"`
	Chance    float64 `json:"chance"` // what it would be of a window this size if every probability were right
}

// leastECE is by how much the error must grow to count.
const leastECE = 0.02

// CompareCalibration compares the expected calibration error of the labelled rows of
// a window, as Judged gives them, with that of so many rows of the reference. The
// window drifts where its error is above the reference's and above twice what chance
// gives, both by 0.02. Fewer labels on a side than Options.MinRows are insufficient.
func CompareCalibration(reference float64, rows int, p, outcome []float64, o Options) *CalibrationDrift {
	c := &CalibrationDrift{Rows: Sides{int64(rows), int64(len(p))}}
	if least := o.withDefaults().MinRows; min(c.Rows.Reference, c.Rows.Window) < least {
		c.Outcome, c.Reason = Insufficient, tooFew(c.Rows.Reference, c.Rows.Window, least)
		return c
	}
	c.Reference = reference
	c.Window, c.Chance = CalibrationError(p, outcome)
	if c.Outcome = Stable; c.Window-c.Reference >= leastECE && c.Window-2*c.Chance >= leastECE {
		c.Outcome = Drifted
	}
	return c
}
