package model

import (
	"context"
	"fmt"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxMomentsWidth bounds what is learnt from second moments: 2000 columns are
// 32 MB of them, and for ols a regression of 4002 points.
const maxMomentsWidth = 2000

// moments are the first two moments of the spread columns and the target, which
// comes last: Mean[width+1], and Cov, the (width+1)² second central moments
// (divided by the number of rows, or weighted by the share of each row in all
// weights), row by row.
type moments struct {
	size     int
	mean     []float64
	cov      []float64
	rows     int
	mass     float64 // the sum of the weights
	weighing int     // rows with a weight over 0

	y, weights []float64 // what they are of, kept so that their addresses stay theirs
}

func (m *moments) set(i, j int, v float64) { m.cov[i*m.size+j], m.cov[j*m.size+i] = v, v }
func (m *moments) at(i, j int) float64     { return m.cov[i*m.size+j] }

// constant reports whether a column, or the target, has no variance.
func (m *moments) constant(j int) bool { return constant(m.at(j, j), m.mean[j], m.rows) }

// momentsOf checks the data of a learner of the kind and returns their moments; it
// refuses more than maxMomentsWidth columns. Of fits that share a memo, a target
// and weights only the first passes over the rows.
func momentsOf(ctx context.Context, kind string, l layout, d Data) (*moments, error) {
	if l.width > maxMomentsWidth {
		return nil, fault.New(fault.ResourceExhausted, "%s on %d columns, over the bound of %d", kind, l.width, maxMomentsWidth).WithRemedy("lower max_categories of the one_hot transforms")
	}
	m, err := d.Memo.Do(fmt.Sprintf("moments with %p weighted by %p", d.Y, d.Weights), func() (any, error) {
		if err := d.check(); err != nil {
			return nil, err
		}
		return computeMoments(ctx, l, d)
	})
	if err != nil {
		return nil, err
	}
	return m.(*moments), nil
}

// computeMoments passes over the rows twice: means, then products centred on
// them (Chan, Golub and LeVeque 1983, the two-pass algorithm with correction).
// Blocks are never spread: a row adds to one category, not to all. What it needs
// of memory depends on the columns alone.
func computeMoments(ctx context.Context, l layout, data Data) (*moments, error) {
	dense := append(append(make([][]float64, 0, len(l.dense)+1), l.dense...), data.Y)
	d, rows := len(dense), data.X.Rows
	centre, err := means(ctx, rows, dense, data.Weights)
	if err != nil {
		return nil, err
	}
	mass := data.mass()
	s, err := reduce(ctx, spansFor(rows, 8*(d*d+d*l.blocked+l.blocked*l.blocked)),
		func() *sums { return newSums(d, l.blocked, data.Weights != nil) },
		func(into *sums, lo, hi int) {
			if data.Weights != nil {
				into.weightedTile(l, dense, centre, data.Weights, mass, float64(rows), lo, hi)
			} else {
				into.tile(l, dense, centre, lo, hi)
			}
		},
		(*sums).add)
	if err != nil {
		return nil, err
	}
	m, err := s.moments(l, rows, centre)
	if err != nil {
		return nil, err
	}
	m.rows, m.mass, m.weighing, m.y, m.weights = rows, mass, data.weighing(), data.Y, data.Weights
	return m, nil
}

// constant reports whether a variance is no more than the rounding of its mean,
// scikit-learn's _is_constant_feature.
func constant(variance, mean float64, rows int) bool {
	const eps = 0x1p-52
	n := float64(rows)
	return variance <= n*eps*variance+(n*mean*eps)*(n*mean*eps)
}
