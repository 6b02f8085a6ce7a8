package model

import (
	"context"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

var poissonParameters = []Parameter{
	{Name: "alpha", Default: 1, Low: 0, High: 1e10, Description: "strength of the penalty, as in scikit-learn's PoissonRegressor: beside half the mean deviance"},
	{Name: "max_iter", Default: 100, Low: 1, High: 100_000, Whole: true, Description: "bound on iterations"},
	{Name: "tol", Default: 1e-6, Low: 1e-12, High: 1, Description: "largest gradient, as a share of the target's mean, at which it has converged"},
}

type poisson struct{}

func (poisson) Kind() string { return "poisson" }

func (poisson) Parameters() []Parameter { return poissonParameters }

func (poisson) Check(classes int, s Settings) error {
	if err := numbersOnly("poisson", classes); err != nil {
		return err
	}
	return check("poisson", s, poissonParameters)
}

// Fit minimises mean (exp(z) - y·z) + ½·alpha·‖w‖² where z = b + x·w, the
// intercept b free and the mean weighted: scikit-learn's PoissonRegressor, for
// counts and other targets of at least 0. The columns are penalised as they are
// given. Newton's method solves up to 1000 weights, L-BFGS more.
//
// It has converged when no component of the gradient, in units of a standard
// deviation of the column and of the target's mean, exceeds tol. If max_iter
// comes first, the model is returned and the report says so. A negative target,
// or one of which every value is 0, is TargetInvalid.
func (g poisson) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	var report Report
	if err := g.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	if err := d.check(); err != nil {
		return nil, report, err
	}
	for _, y := range d.Y {
		if y < 0 {
			return nil, report, fault.New(fault.TargetInvalid, "poisson predicts counts and a training row has the target %v", y).WithRemedy("use another kind of model, or leave such rows out in dataset.sql")
		}
	}
	mean, err := means(ctx, d.X.Rows, [][]float64{d.Y}, d.Weights)
	if err != nil {
		return nil, report, err
	}
	if mean[0] == 0 {
		return nil, report, fault.New(fault.TargetInvalid, "the target of every training row is 0, whose logarithm is not finite").WithRemedy("collect rows with counts over 0")
	}
	if !finite(mean) {
		return nil, report, fault.New(fault.TrainingFailed, "the mean of the target overflows").WithRemedy("scale the target down in dataset.sql")
	}
	weights, _ := d.relative(nil)
	o, err := newObjective(ctx, d, counts, weights, strengths{l2: s.Params.get("alpha", poissonParameters)})
	if err != nil {
		return nil, report, err
	}
	if o.size() > maxLogisticWeights {
		return nil, report, fault.New(fault.ResourceExhausted, "poisson with %d coefficients, over the bound of %d", o.size(), maxLogisticWeights).
			WithRemedy("lower max_categories of the one_hot transforms")
	}
	theta := make([]float64, o.size())
	theta[0] = math.Log(mean[0])
	model, report, err := o.fit(ctx, theta, "poisson", d.X.Names(), int(s.Params.get("max_iter", poissonParameters)), s.Params.get("tol", poissonParameters)*mean[0])
	if err != nil {
		return nil, report, err
	}
	if err := model.validate(); err != nil {
		return nil, report, fault.Wrap(err, fault.TrainingFailed, "the coefficients of poisson are not finite").WithRemedy("raise alpha, which strengthens the penalty, or standardize the features")
	}
	return model, report, nil
}
