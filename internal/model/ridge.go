package model

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/esteira-ml/esteira/internal/fault"
)

var ridgeParameters = []Parameter{
	{Name: "alpha", Default: 1, Low: 0, High: 1e10, Description: "strength of the penalty, as in scikit-learn's Ridge: beside the sum of squared errors, not their mean"},
}

type ridge struct{}

func (ridge) Kind() string { return "ridge" }

func (ridge) Parameters() []Parameter { return ridgeParameters }

func (ridge) Check(classes int, s Settings) error {
	if err := numbersOnly("ridge", classes); err != nil {
		return err
	}
	return check("ridge", s, ridgeParameters)
}

// Fit minimises Σ weight·(y - b - x·w)² + alpha·‖w‖² with the intercept b free:
// scikit-learn's Ridge. The columns are penalised as they are given: standardize
// them for a penalty that does not depend on their units. It is solved from the
// second moments. Constant columns get the coefficient 0 and are named in
// Report.Dropped; where alpha is too small to tell collinear columns apart, the
// shortest w is taken.
func (r ridge) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	report := Report{Converged: true}
	if err := r.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	m, err := momentsOf(ctx, "ridge", layoutOf(d.X), d)
	if err != nil {
		return nil, report, err
	}
	varying := m.varying()
	n := len(varying)
	a, b := make([]float64, n*n), make([]float64, n)
	lambda := s.Params.get("alpha", ridgeParameters) / m.mass
	for i, column := range varying {
		for k, other := range varying[:i+1] {
			a[i*n+k] = m.at(column, other)
		}
		a[i*n+i] += lambda
		b[i] = m.at(column, m.size-1)
	}
	w, err := shortest(a, b)
	if err != nil {
		return nil, report, err
	}
	model, err := m.linear("ridge", d.X.Names(), varying, w, &report)
	return model, report, err
}

// shortest returns the solution of a·w = b for a symmetric positive semidefinite
// a, of which the lower triangle is given: by Cholesky factorisation, or if
// rounding leaves it indefinite the shortest of all, by its eigenvectors.
func shortest(a, b []float64) ([]float64, error) {
	n := len(b)
	noise := float64(10*n) * 0x1p-52 // of a factorisation, relative
	if l := make([]float64, n*n); cholesky(l, a, n, 0) && pivots(l, a, n) > noise {
		return substitute(l, b), nil
	}
	symmetric := mat.NewSymDense(n, nil)
	for i := range n {
		for k := range i + 1 {
			symmetric.SetSym(i, k, a[i*n+k])
		}
	}
	var e mat.EigenSym
	if !e.Factorize(symmetric, true) {
		return nil, fault.New(fault.TrainingFailed, "the eigenvalues of %d columns do not converge", n).WithRemedy("standardize the features, or raise alpha")
	}
	values, w := e.Values(nil), make([]float64, n)
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	for k, value := range values {
		if value <= noise*values[n-1] {
			continue
		}
		share := 0.0
		for i := range n {
			share += vectors.At(i, k) * b[i]
		}
		for i := range n {
			w[i] += share / value * vectors.At(i, k)
		}
	}
	return w, nil
}

// pivots returns the least share of a diagonal element of a that the factorisation
// into l left.
func pivots(l, a []float64, n int) float64 {
	least := 1.0
	for i := range n {
		least = min(least, l[i*n+i]*l[i*n+i]/a[i*n+i])
	}
	return least
}

// varying returns the spread columns that are not constant.
func (m *moments) varying() []int {
	var columns []int
	for j := range m.size - 1 {
		if !m.constant(j) {
			columns = append(columns, j)
		}
	}
	return columns
}

// linear returns the model with the coefficients w of the columns given, 0 of
// the others, which it names as dropped, and the intercept that goes with them.
func (m *moments) linear(learner string, names []string, columns []int, w []float64, report *Report) (*Linear, error) {
	p := m.size - 1
	l := &Linear{Learner: learner, Link: Identity, Names: names, Intercepts: []float64{m.mean[p]}, Coefficients: [][]float64{make([]float64, p)}, Means: slices.Clone(m.mean[:p])}
	kept := make([]bool, p)
	for k, j := range columns {
		l.Coefficients[0][j], kept[j] = w[k], true
		l.Intercepts[0] -= w[k] * m.mean[j]
	}
	for j, name := range names {
		if !kept[j] {
			report.Dropped = append(report.Dropped, name)
		}
	}
	if len(columns) == 0 {
		report.Warnings = append(report.Warnings, "no column varies: the model is the mean of the target")
	}
	if !finite(l.Coefficients[0]) || math.IsNaN(l.Intercepts[0]) || math.IsInf(l.Intercepts[0], 0) {
		return nil, fault.New(fault.TrainingFailed, "the coefficients of %s are not finite", learner).WithRemedy("standardize the features")
	}
	return l, nil
}
