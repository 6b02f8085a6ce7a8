package model

import (
	"context"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model interface {
	// Kind names the learner that made it: "ols", "logistic", "boosted_trees",
	// "baseline".
	Kind() string
	// Outputs is the number of values predicted for a row: 1 for regression, the
	// number of classes otherwise (their probabilities, in the target's order).
	Outputs() int
	// Predict writes m.Rows × Outputs values, row by row, into out.
	Predict(m *frame.Matrix, out []float64)
}

// Explainer is a model that can say what each feature added to a prediction.
type Explainer interface {
	Model
	// Explain writes m.Rows × Outputs × (len(m.Features)+1) values into out: for
	// each row and output the contribution of every feature, a block being one,
	// and last the expected value. They add up to the model's raw score: the
	// value, or the log-odds, or the logits, before the link.
	Explain(m *frame.Matrix, out []float64)
}

// Data is what a learner is fitted on.
type Data struct {
	X       *frame.Matrix
	Y       []float64 // the value (regression) or the class index 0…Classes-1
	Weights []float64 // of each row, finite, not negative, not all 0; nil: 1 each
	Classes int       // 0 for regression
	Held    *Data     // rows that are not learnt from, for early stopping; nil if there are none
	Memo    *Memo     // keeps what depends on X alone for later fits on it; nil: nothing is kept
	Watch   *Watch    // is told how a long fit goes; nil: nobody
}

// Watch follows a long fit, and lets one that was cut off go on.
type Watch struct {
	// Resume is what save returned last in an earlier attempt; nil begins anew. A
	// fit that resumes ends with the same bytes as one that was never cut off.
	Resume []byte
	// Step is called after each unit of work, of of them at most; save encodes
	// what Resume needs and costs nothing unless it is called.
	Step func(done, of int, save func() ([]byte, error))
}

// Params are hyperparameters by name; a missing one takes the learner's default.
type Params map[string]float64

// Settings are all that decides a fit besides its data.
type Settings struct {
	Params  Params  `json:"params,omitempty"`
	Options Options `json:"options,omitzero"`
	Seed    int64   `json:"seed,omitempty"` // of everything drawn at random
}

// Options are the choices of a candidate that are not numbers. Each learner
// refuses those it does not know.
type Options struct {
	Loss        string         `json:"loss,omitempty" yaml:"loss,omitempty" jsonschema:"enum=squared,enum=absolute,enum=huber,enum=quantile,enum=poisson" jsonschema_description:"boosted_trees, regression: what is minimised; default squared."`
	Growth      string         `json:"growth,omitempty" yaml:"growth,omitempty" jsonschema:"enum=depth,enum=leaf" jsonschema_description:"boosted_trees: level by level (default), or the best leaf first."`
	Penalty     string         `json:"penalty,omitempty" yaml:"penalty,omitempty" jsonschema:"enum=l1,enum=l2" jsonschema_description:"logistic: what keeps coefficients small; default l2."`
	ClassWeight string         `json:"class_weight,omitempty" yaml:"class_weight,omitempty" jsonschema:"enum=balanced" jsonschema_description:"balanced: classes weigh the same together, however many rows they have."`
	Monotone    map[string]int `json:"monotone,omitempty" yaml:"monotone,omitempty" jsonschema_description:"boosted_trees: by feature, 1 if the prediction may only rise with it, -1 if only fall."`
}

// Report is what a fit says about itself; it goes to the trial, not the model.
type Report struct {
	Iterations int      `json:"iterations,omitempty"`
	Converged  bool     `json:"converged"`
	Dropped    []string `json:"dropped,omitempty"` // columns without information of their own: constant or collinear
	Warnings   []string `json:"warnings,omitempty"`
	// Claimed are the metrics that a trainer elsewhere says its model has.
	Claimed map[string]float64 `json:"claimed,omitempty"`
	// Curve tells how the fit got there, thinned to 200 points. Of boosted trees: the
	// mean loss after each round on the rows learnt from and, if there are any, on
	// those held out. Of logistic and poisson: what is minimised, the mean loss plus
	// the penalty, at the start (round 0) and after each iteration. Of lasso and
	// elastic net: the mean squared error of each model of the path, whose alphas
	// fall to that of the trial; round 0 is the mean.
	Curve []Point `json:"curve,omitempty"`
}

// Point is one point of a learning curve.
type Point struct {
	Round int      `json:"round"`
	Train float64  `json:"train"`
	Held  *float64 `json:"held,omitempty"`
}

// Parameter is a hyperparameter: its default and its inclusive range.
type Parameter struct {
	Name        string
	Default     float64
	Low, High   float64
	Whole       bool
	Description string
}

// Learner fits models of one kind.
type Learner interface {
	Kind() string
	// Parameters are the hyperparameters it accepts, by name.
	Parameters() []Parameter
	// Check refuses unknown or out-of-range settings, and a task it cannot do.
	Check(classes int, s Settings) error
	// Need is about how many bytes Fit takes at most besides the data. It computes
	// nothing of the rows.
	Need(d Data, s Settings) int64
	Fit(ctx context.Context, d Data, s Settings) (Model, Report, error)
}
