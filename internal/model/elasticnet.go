package model

import (
	"context"
	"fmt"
	"math"
)

var (
	alphaParameter   = Parameter{Name: "alpha", Default: 1, Low: 1e-12, High: 1e10, Description: "strength of the penalty, as in scikit-learn: beside half the mean squared error"}
	l1RatioParameter = Parameter{Name: "l1_ratio", Default: 0.5, Low: 0.01, High: 1, Description: "share of the absolute values in the penalty, the rest is squares; for none use ridge"}
	passesParameter  = Parameter{Name: "max_iter", Default: 1000, Low: 1, High: 1_000_000, Whole: true, Description: "bound on the passes over the columns"}
	dualGapParameter = Parameter{Name: "tol", Default: 1e-6, Low: 1e-15, High: 1, Description: "duality gap at which it has converged, as a share of the mean square of the centred target"}
	lasso            = shrinkage{"lasso", []Parameter{alphaParameter, passesParameter, dualGapParameter}}
	elasticNet       = shrinkage{"elastic_net", []Parameter{alphaParameter, l1RatioParameter, passesParameter, dualGapParameter}}
)

// shrinkage is the lasso and the elastic net.
type shrinkage struct {
	kind       string
	parameters []Parameter
}

func (s shrinkage) Kind() string { return s.kind }

func (s shrinkage) Parameters() []Parameter { return s.parameters }

func (s shrinkage) Check(classes int, by Settings) error {
	if err := numbersOnly(s.kind, classes); err != nil {
		return err
	}
	return check(s.kind, by, s.parameters)
}

// Fit minimises
//
//	½ mean (y - b - x·w)² + alpha·(l1_ratio·‖w‖₁ + ½(1-l1_ratio)·‖w‖²)
//
// with the intercept b free and the mean weighted: scikit-learn's ElasticNet,
// and with l1_ratio 1 its Lasso. The columns are penalised as they are given:
// standardize them for a penalty that does not depend on their units. It is
// solved from the second moments, by coordinate descent along a path of falling
// alphas that begins where every coefficient is 0.
//
// It has converged when the duality gap is at most tol times the mean square of
// the centred target, as in scikit-learn. If max_iter passes come first, the
// model is returned and the report says so. Constant columns are named in
// Report.Dropped.
func (s shrinkage) Fit(ctx context.Context, d Data, by Settings) (Model, Report, error) {
	var report Report
	if err := s.Check(d.Classes, by); err != nil {
		return nil, report, err
	}
	m, err := momentsOf(ctx, s.kind, layoutOf(d.X), d)
	if err != nil {
		return nil, report, err
	}
	varying, ratio := m.varying(), 1.0
	if find(s.parameters, "l1_ratio") != nil {
		ratio = by.Params.get("l1_ratio", s.parameters)
	}
	p := newPenalised(m, varying)
	p.errors = []float64{p.target}
	report.Iterations, report.Converged, err = p.path(ctx, by.Params.get("alpha", s.parameters), ratio, int(by.Params.get("max_iter", s.parameters)), by.Params.get("tol", s.parameters))
	if err != nil {
		return nil, report, err
	}
	report.Curve = descentOf(p.errors)
	if !report.Converged {
		report.Warnings = append(report.Warnings, fmt.Sprintf("did not converge in %d passes; raise max_iter or alpha, or standardize the features", report.Iterations))
	}
	model, err := m.linear(s.kind, d.X.Names(), varying, p.theta, &report)
	return model, report, err
}

// penalised is the least squares problem of some columns in moments.
type penalised struct {
	descent
	target float64   // variance of the target
	errors []float64 // mean squared error along the path
}

func newPenalised(m *moments, columns []int) *penalised {
	n, last := len(columns), m.size-1
	p := &penalised{descent: descent{n: n, gram: make([]float64, n*n), q: make([]float64, n), l1: make([]float64, n), theta: make([]float64, n), rest: make([]float64, n)}}
	if m.constant(last) {
		return p
	}
	p.target = m.at(last, last)
	for i, column := range columns {
		for k, other := range columns {
			p.gram[i*n+k] = m.at(column, other)
		}
		p.q[i] = m.at(column, last)
	}
	return p
}

const (
	pathRatio = 0.6  // of an alpha to the one before it
	pathTol   = 1e-2 // of the points before the last
	pathShare = 8    // what part of the passes left such a point may use
)

// path solves for falling alphas, each from the solution before. The last, which
// alone must converge, has the most passes.
func (p *penalised) path(ctx context.Context, alpha, ratio float64, most int, tol float64) (passes int, converged bool, err error) {
	for at := max(alpha, pathRatio*largest(p.q)/ratio); ; at = max(alpha, at*pathRatio) {
		for j := range p.l1 {
			p.l1[j] = at * ratio
		}
		p.l2 = at * (1 - ratio)
		goal, left := tol, most-passes
		if at > alpha {
			goal, left = max(tol, pathTol), left/pathShare
		}
		n, ok, err := p.minimise(ctx, left, func() bool { return p.gap(at*ratio) <= goal*p.target })
		p.errors = append(p.errors, p.residual())
		if passes += n; err != nil || at == alpha {
			return passes, ok, err
		}
	}
}

// residual is the mean squared error. It needs rest exact.
func (p *penalised) residual() float64 {
	error := p.target
	for j, w := range p.theta {
		error -= w * (p.q[j] + p.rest[j]) // wᵀGw - 2wᵀq
	}
	return error
}

// gap is the duality gap where every l1 is alpha, as in scikit-learn's
// enet_coordinate_descent_gram, with means for sums. It needs rest exact.
func (p *penalised) gap(alpha float64) float64 {
	dual, norm1, norm2, fitted, product := 0.0, 0.0, 0.0, 0.0, 0.0
	for j, w := range p.theta {
		dual = max(dual, math.Abs(p.rest[j]-p.l2*w))
		norm1 += math.Abs(w)
		norm2 += w * w
		fitted += w * (p.q[j] - p.rest[j]) // wᵀGw
		product += w * p.q[j]
	}
	residual := p.target + fitted - 2*product
	scale, gap := 1.0, residual
	if dual > alpha {
		scale = alpha / dual
		gap = (residual + residual*scale*scale) / 2
	}
	return gap + alpha*norm1 - scale*(p.target-product) + p.l2/2*(1+scale*scale)*norm2
}
