package model

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Inference is what the classical theory of least squares says about a fit: that
// of independent normal errors of equal variance or, with weights, of a variance
// inversely proportional to the weight. Rows with the weight 0 do not count.
type Inference struct {
	Rows             int        `json:"rows"`
	DegreesOfFreedom int        `json:"degrees_of_freedom"`      // rows less coefficients and intercept
	ResidualError    float64    `json:"residual_standard_error"` // √(Σ weight·residual² / degrees of freedom)
	RSquared         float64    `json:"r_squared"`
	AdjustedRSquared float64    `json:"adjusted_r_squared"`
	F                float64    `json:"f"`   // of all coefficients against none
	FP               float64    `json:"f_p"` // its p value
	Intercept        Estimate   `json:"intercept"`
	Coefficients     []Estimate `json:"coefficients"` // of the columns not dropped, in the model's order
}

// Estimate is one coefficient and its uncertainty.
type Estimate struct {
	Name  string  `json:"name,omitempty"` // of the column; empty for the intercept
	Value float64 `json:"value"`
	Error float64 `json:"standard_error"`
	T     float64 `json:"t"`
	P     float64 `json:"p"`   // two-sided, of a coefficient of 0
	Low   float64 `json:"low"` // of the 95 % confidence interval
	High  float64 `json:"high"`
}

// exactResidual is the share of the target's variance under which the residual
// of the factorisation is rounding in part, and the rows are passed over again.
const exactResidual = 1e-6

// infer returns the inference of the least squares model l with the columns
// chosen, in pivot order, and their factor: nil if it has no column, no degree of
// freedom or no residual.
func infer(ctx context.Context, d Data, at layout, m *moments, l *Linear, chosen []int, factor []float64) (*Inference, error) {
	k, p := len(chosen), m.size-1
	q, free := k+1, m.weighing-k-1
	if k == 0 || free < 1 || m.constant(p) {
		return nil, nil
	}
	share := factor[q*q-1] * factor[q*q-1]
	if share < exactResidual {
		squares, err := residual(ctx, d, at, l, chosen, m.mass)
		if err != nil {
			return nil, err
		}
		share = squares / m.at(p, p)
	}
	variance := share * m.at(p, p) * m.mass / float64(free)
	i := &Inference{
		Rows: m.weighing, DegreesOfFreedom: free, ResidualError: math.Sqrt(variance), RSquared: 1 - share,
		AdjustedRSquared: 1 - share*float64(m.weighing-1)/float64(free),
		F:                (1 - share) / float64(k) / (share / float64(free)),
	}
	i.FP = tail(float64(free), float64(k), i.F)
	critical := distuv.StudentsT{Sigma: 1, Nu: float64(free)}.Quantile(0.975)
	estimate := func(name string, value, unit float64) Estimate {
		e := Estimate{Name: name, Value: value, Error: math.Sqrt(variance / m.mass * unit)}
		e.T = value / e.Error
		e.P = tail(float64(free), 1, e.T*e.T)
		e.Low, e.High = value-critical*e.Error, value+critical*e.Error
		return e
	}
	spread, centre := inverse(factor, q), make([]float64, k)
	units := make(map[int]float64, k)
	for c, j := range chosen {
		centre[c] = m.mean[j] / scaleOf(m, j)
		units[j] = spread[c] / m.at(j, j)
	}
	i.Intercept = estimate("", l.Intercepts[0], 1+distance(factor, q, centre))
	for j, name := range l.Names {
		if unit, ok := units[j]; ok {
			i.Coefficients = append(i.Coefficients, estimate(name, l.Coefficients[0][j], unit))
		}
	}
	if i.validate(l.Names) != nil { // no residual, or one too small to divide by
		return nil, nil
	}
	return i, nil
}

// tail is the probability that an F of k and free degrees of freedom is larger
// than f: of one, that |t| is larger than √f.
func tail(free, k, f float64) float64 {
	if math.IsNaN(f) || f < 0 {
		return math.NaN()
	}
	return mathext.RegIncBeta(free/2, k/2, free/(free+k*f))
}

// inverse returns the diagonal of (L·Lᵀ)⁻¹ for the first q-1 rows of a factor.
func inverse(factor []float64, q int) []float64 {
	diagonal := make([]float64, q-1)
	inParallel(q-1, func(j int) {
		e := make([]float64, q-1)
		e[j] = 1
		diagonal[j] = distanceFrom(j, factor, q, e)
	})
	return diagonal
}

// distance returns vᵀ(L·Lᵀ)⁻¹v for the first q-1 rows of a factor.
func distance(factor []float64, q int, v []float64) float64 {
	return distanceFrom(0, factor, q, slices.Clone(v))
}

// distanceFrom is distance of a v that is 0 before from; v is lost.
func distanceFrom(from int, factor []float64, q int, v []float64) float64 {
	for i := from; i < q-1; i++ {
		row := factor[i*q : (i+1)*q]
		v[i] = (v[i] - dot(row[from:i], v[from:i])) / row[i]
	}
	return dot(v[from:], v[from:])
}

// residual returns the weighted mean square of the residuals of l, in a pass over
// the rows.
func residual(ctx context.Context, d Data, at layout, l *Linear, chosen []int, mass float64) (float64, error) {
	type partial struct {
		buffer  [tileRows]float64
		squares float64
	}
	w := l.Coefficients[0]
	sum, err := reduce(ctx, spansFor(d.X.Rows, 8*tileRows), func() *partial { return &partial{} },
		func(into *partial, lo, hi int) {
			r := into.buffer[:hi-lo]
			for i, y := range d.Y[lo:hi] {
				r[i] = y - l.Intercepts[0]
			}
			for j, column := range at.dense {
				for i, x := range column[lo:hi] {
					r[i] -= w[at.denseAt[j]] * x
				}
			}
			for b, codes := range at.codes {
				for i, c := range codes[lo:hi] {
					if c >= 0 {
						r[i] -= w[at.codesAt[b]+int(c)]
					}
				}
			}
			for i, v := range r {
				share := 1 / mass
				if d.Weights != nil {
					share = d.Weights[lo+i] / mass
				}
				into.squares += v * v * share
			}
		},
		func(into, from *partial) { into.squares += from.squares })
	if err != nil {
		return 0, err
	}
	return sum.squares, nil
}

// validate refuses what infer cannot have written of a model with these columns.
func (i *Inference) validate(names []string) error {
	figures := []float64{i.ResidualError, i.RSquared, i.AdjustedRSquared, i.F, i.FP}
	at := 0
	for k, e := range append([]Estimate{i.Intercept}, i.Coefficients...) {
		figures = append(figures, e.Value, e.Error, e.T, e.P, e.Low, e.High)
		if !(e.Error > 0 && e.P >= 0 && e.P <= 1 && e.Low <= e.Value && e.Value <= e.High) {
			return fmt.Errorf("estimate %d of the inference is not one", k)
		}
		if k == 0 {
			if e.Name != "" {
				return fmt.Errorf("the inference names the intercept %q", e.Name)
			}
			continue
		}
		for at < len(names) && names[at] != e.Name {
			at++
		}
		if at == len(names) {
			return fmt.Errorf("the inference has no column %q, or not in its place", e.Name)
		}
		at++
	}
	k := len(i.Coefficients)
	if !finite(figures) || k == 0 || i.DegreesOfFreedom < 1 || i.Rows != i.DegreesOfFreedom+k+1 || !(i.ResidualError > 0 && i.FP >= 0 && i.FP <= 1 && i.RSquared <= 1 && i.F >= 0) {
		return fmt.Errorf("the inference of %d rows, %d coefficients and %d degrees of freedom is not one", i.Rows, k, i.DegreesOfFreedom)
	}
	return nil
}
