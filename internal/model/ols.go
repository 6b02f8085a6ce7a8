package model

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/sajari/regression"

	"github.com/esteira-ml/esteira/internal/fault"
)

// collinear is the share of a column's variance, unexplained by the columns
// chosen before it, at or under which it has no information of its own.
const collinear = 1e-10

type ols struct{}

func (ols) Kind() string { return "ols" }

func (ols) Parameters() []Parameter { return nil }

func (ols) Check(classes int, s Settings) error {
	if err := numbersOnly("ols", classes); err != nil {
		return err
	}
	return check("ols", s, nil)
}

// Fit fits ordinary least squares. The rows are reduced to their first two
// moments, those to 2(q+1) points that have the same ones, and these points are
// given to github.com/sajari/regression: least squares depends on the rows
// through nothing else, so the coefficients are those of all rows, and the
// regression's n×n matrix stays small.
//
// Errors are weighted by the rows' weights. Constant columns, and columns that the others explain to within 1e-10 of
// their variance (one category of every complete block, for one), get the
// coefficient 0 and are named in Report.Dropped.
func (o ols) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	report := Report{Converged: true}
	if err := o.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	l := layoutOf(d.X)
	m, err := momentsOf(ctx, "ols", l, d)
	if err != nil {
		return nil, report, err
	}
	chosen, factor := factorize(m)
	var beta []float64
	if len(chosen) > 0 {
		if beta, err = regress(factor, len(chosen)+1); err != nil {
			return nil, report, err
		}
	}
	scaleY := scaleOf(m, l.width)
	for k, j := range chosen {
		beta[k] = beta[k] * scaleY / math.Sqrt(m.at(j, j)) // in this order: another changes the last digits
	}
	model, err := m.linear("ols", d.X.Names(), chosen, beta, &report)
	if err != nil {
		return nil, report, err
	}
	model.Inference, err = infer(ctx, d, l, m, model, chosen, factor)
	return model, report, err
}

// factorize chooses the columns that have information of their own by Cholesky
// factorisation with pivoting of their correlations (Higham, Accuracy and
// Stability of Numerical Algorithms, 10.3), and returns them in pivot order with
// the factor L, lower triangular and row by row, of the correlations of the
// chosen columns and, last, the target. Ties go to the first column.
func factorize(m *moments) (chosen []int, factor []float64) {
	p := m.size - 1
	var varying []int
	scale := make([]float64, m.size)
	for j := range m.size {
		scale[j] = scaleOf(m, j)
		if j < p && !m.constant(j) {
			varying = append(varying, j)
		}
	}
	residual := make([]float64, m.size)
	for j := range residual {
		residual[j] = 1
	}
	columns := make([][]float64, 0, len(varying)+1) // columns of L, over all variables
	eliminate := func(pivot int) {
		c, root := make([]float64, m.size), math.Sqrt(residual[pivot])
		for _, i := range append(varying, p) {
			v := m.at(i, pivot) / scale[i] / scale[pivot]
			for _, done := range columns {
				v -= done[i] * done[pivot]
			}
			c[i] = v / root
			residual[i] -= c[i] * c[i]
		}
		c[pivot] = root
		columns = append(columns, c)
	}
	for len(chosen) < len(varying) {
		best := -1
		for _, j := range varying {
			if !slices.Contains(chosen, j) && (best < 0 || residual[j] > residual[best]) {
				best = j
			}
		}
		if residual[best] <= collinear {
			break
		}
		chosen = append(chosen, best)
		eliminate(best)
	}
	q := len(chosen) + 1
	last := make([]float64, m.size)
	last[p] = math.Sqrt(max(residual[p], 0))
	columns = append(columns, last)
	factor = make([]float64, q*q)
	for row, variable := range append(slices.Clone(chosen), p) {
		for k := 0; k <= row; k++ {
			factor[row*q+k] = columns[k][variable]
		}
	}
	return chosen, factor
}

// regress returns the coefficients of the target, the last of the q variables,
// on the others. The points ±√q·L[:,k] have mean 0 and second moments L·Lᵀ.
func regress(factor []float64, q int) ([]float64, error) {
	r := new(regression.Regression)
	root := math.Sqrt(float64(q))
	for k := range q {
		for _, sign := range []float64{root, -root} {
			point := make([]float64, q-1)
			for i := range point {
				point[i] = sign * factor[i*q+k]
			}
			r.Train(regression.DataPoint(sign*factor[(q-1)*q+k], point))
		}
	}
	if err := r.Run(); err != nil {
		return nil, fault.Wrap(err, fault.TrainingFailed, "ols on %d columns", q-1)
	}
	beta := make([]float64, q-1)
	for k := range beta {
		beta[k] = r.Coeff(k + 1)
	}
	if !finite(beta) {
		return nil, fault.New(fault.Internal, "ols on %d independent columns has no finite solution", q-1)
	}
	return beta, nil
}

func scaleOf(m *moments, j int) float64 {
	if v := m.at(j, j); v > 0 {
		return math.Sqrt(v)
	}
	return 1
}

// finite reports whether no value is missing or infinite: those have every bit of
// the exponent set.
func finite(x []float64) bool {
	const exponent = 0x7ff << 52
	var found atomic.Bool
	look := func(lo, hi int) {
		for _, v := range x[lo:hi] {
			if math.Float64bits(v)&exponent == exponent {
				found.Store(true)
				return
			}
		}
	}
	if len(x) < parallelRows {
		look(0, len(x))
	} else {
		spans := spread(len(x), 16)
		inParallel(len(spans), func(i int) { look(spans[i].lo, spans[i].hi) })
	}
	return !found.Load()
}

// check refuses data no learner can read.
func (d *Data) check() error {
	if err := d.checkWithGaps(); err != nil {
		return err
	}
	for i := range d.X.Features {
		if f := &d.X.Features[i]; !finite(f.Numbers) {
			return unfit(f.Name, "missing or infinite", "impute it")
		}
	}
	return nil
}

// checkWithGaps is check for a learner that makes do with missing features.
func (d *Data) checkWithGaps() error {
	if d.X.Rows == 0 {
		return fault.New(fault.DatasetEmpty, "no rows to train on").WithRemedy("check the split's shares and the dataset's row count")
	}
	if len(d.Y) != d.X.Rows {
		return fault.New(fault.Internal, "%d targets for %d rows", len(d.Y), d.X.Rows)
	}
	if !finite(d.Y) {
		return fault.New(fault.TargetInvalid, "the target is missing or infinite in a training row").WithRemedy("leave such rows out in dataset.sql")
	}
	for i := range d.X.Features {
		f := &d.X.Features[i]
		for _, v := range f.Numbers {
			if math.IsInf(v, 0) {
				return unfit(f.Name, "infinite", "clip it")
			}
		}
	}
	for _, y := range d.Y {
		if k := int(y); d.Classes > 0 && (float64(k) != y || k < 0 || k >= d.Classes) {
			return fault.New(fault.Internal, "class index %s of %d classes", fmt.Sprint(y), d.Classes)
		}
	}
	return d.checkWeights()
}

func unfit(feature, how, remedy string) error {
	return fault.New(fault.TrainingFailed, "feature %q is %s in a training row", feature, how).WithRemedy("%s, or leave such rows out in dataset.sql", remedy)
}
