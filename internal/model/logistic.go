package model

import (
	"context"
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxLogisticWeights bounds the coefficients of all classes together;
// newtonWeights is how many of them Newton's method solves for.
const (
	maxLogisticWeights = 1_000_000
	newtonWeights      = 1000
)

var logisticParameters = []Parameter{
	{Name: "C", Default: 1, Low: 1e-10, High: 1e10, Description: "inverse of the penalty, as in scikit-learn"},
	{Name: "max_iter", Default: 100, Low: 1, High: 100_000, Whole: true, Description: "bound on iterations"},
	{Name: "tol", Default: 1e-6, Low: 1e-12, High: 1, Description: "largest gradient at which it has converged"},
}

type logistic struct{}

func (logistic) Kind() string { return "logistic" }

func (logistic) Parameters() []Parameter { return logisticParameters }

func (logistic) Check(classes int, s Settings) error {
	if classes < 2 {
		return fault.New(fault.PipelineInvalid, "logistic predicts classes, not numbers").WithRemedy("use ols for regression problems")
	}
	if err := oneOf("logistic", "penalty", s.Options.Penalty, "l1", "l2"); err != nil {
		return err
	}
	if err := oneOf("logistic", "class_weight", s.Options.ClassWeight, "balanced"); err != nil {
		return err
	}
	return check("logistic", s, logisticParameters, "penalty", "class_weight")
}

// Fit minimises ½‖w‖² + C·Σ loss over all coefficients w, the intercepts left
// free: scikit-learn's LogisticRegression with the L2 penalty; with the penalty
// l1, ‖w‖₁ + C·Σ loss, whose optimum has coefficients that are exactly 0. A row's
// loss is multiplied by its weight, and with class weights by n/(k·n_c). The loss
// is binomial for two classes (one row of coefficients), multinomial for more
// (one row a class). Newton's method solves up to 1000 weights, L-BFGS more; of
// l1, proximal Newton and OWL-QN.
//
// It has converged when no component of the gradient of the mean objective, in
// units of a standard deviation of the column, exceeds tol; of l1, of its
// smallest subgradient. If max_iter comes first, the model is returned and the
// report says so. A class without rows, or without weight, has no finite optimum
// and is TrainingFailed.
func (g logistic) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	var report Report
	if err := g.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	if err := d.check(); err != nil {
		return nil, report, err
	}
	shares := frequencies(d)
	for k, share := range shares {
		if share == 0 {
			return nil, report, fault.New(fault.TrainingFailed, "class %d of %d has no training row here, so its intercept has no finite value", k, d.Classes).
				WithRemedy("use fewer folds, or merge rare classes in dataset.sql")
		}
	}
	var byClass []float64
	if s.Options.ClassWeight == "balanced" {
		byClass = balanced(shares)
		for k := range shares {
			shares[k] = 1 / float64(d.Classes)
		}
	}
	weights, mass := d.relative(byClass)
	by := strengths{l2: 1 / (s.Params.get("C", logisticParameters) * mass)}
	if s.Options.Penalty == "l1" {
		by = strengths{l1: by.l2}
	}
	o, err := newObjective(ctx, d, entropy, weights, by)
	if err != nil {
		return nil, report, err
	}
	if o.size() > maxLogisticWeights {
		return nil, report, fault.New(fault.ResourceExhausted, "logistic with %d coefficients, over the bound of %d", o.size(), maxLogisticWeights).
			WithRemedy("lower max_categories of the one_hot transforms, or merge classes")
	}
	model, report, err := o.fit(ctx, o.start(shares), "logistic", d.X.Names(), int(s.Params.get("max_iter", logisticParameters)), s.Params.get("tol", logisticParameters))
	if err != nil {
		return nil, report, err
	}
	if err := model.validate(); err != nil {
		return nil, report, fault.Wrap(err, fault.TrainingFailed, "the coefficients of logistic are not finite").WithRemedy("lower C, which strengthens the penalty")
	}
	return model, report, nil
}

// fit minimises o from theta by the method of its size and penalty.
func (o *objective) fit(ctx context.Context, theta []float64, learner string, names []string, most int, tol float64) (*Linear, Report, error) {
	minimise := newton
	switch small := o.size() <= newtonWeights; {
	case o.sparse != nil && small:
		minimise = proximal
	case o.sparse != nil:
		minimise = owlqn
	case !small:
		minimise = lbfgs
	}
	report, err := minimise(ctx, o, theta, most, tol)
	if err != nil {
		return nil, report, err
	}
	report.Curve = descentOf(o.values)
	if !report.Converged {
		report.Warnings = append(report.Warnings, fmt.Sprintf("did not converge in %d iterations; raise max_iter or standardize the features", report.Iterations))
	}
	for j, inverse := range o.inverse {
		if inverse == 0 {
			report.Dropped = append(report.Dropped, names[o.denseAt[j]])
		}
	}
	return o.model(theta, learner, names), report, nil
}

// start is the model of the class frequencies.
func (o *objective) start(shares []float64) []float64 {
	theta := make([]float64, o.size())
	if o.rows == 1 {
		theta[0] = math.Log(shares[1] / shares[0])
		return theta
	}
	centre := 0.0
	for _, s := range shares {
		centre += math.Log(s) / float64(len(shares))
	}
	for k, s := range shares {
		theta[k*o.stride] = math.Log(s) - centre
	}
	return theta
}

// model turns weights of standardized columns into those of the columns given.
func (o *objective) model(theta []float64, learner string, names []string) *Linear {
	l := &Linear{Learner: learner, Link: Logistic, Names: names, Means: make([]float64, o.width)}
	switch {
	case o.loss == counts:
		l.Link = Log
	case o.rows > 1:
		l.Link = Softmax
	}
	for j, at := range o.denseAt {
		l.Means[at] = o.mean[j]
	}
	for b, at := range o.codesAt {
		copy(l.Means[at:at+o.widths[b]], o.share[o.blockAt[b]:])
	}
	for k := range o.rows {
		w := append([]float64{}, theta[k*o.stride+1:(k+1)*o.stride]...)
		intercept := theta[k*o.stride]
		for j, at := range o.denseAt {
			w[at] *= o.inverse[j]
			intercept -= w[at] * o.mean[j]
		}
		l.Intercepts, l.Coefficients = append(l.Intercepts, intercept), append(l.Coefficients, w)
	}
	if o.sparse != nil && o.rows > 1 { // free up to a shift; with l2 they add up to 0 by themselves
		centre := total(l.Intercepts) / float64(o.rows)
		for k := range l.Intercepts {
			l.Intercepts[k] -= centre
		}
	}
	return l
}
