package model

import (
	"context"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model interface {
	// Kind names the learner that made it: "ols", "logistic", "baseline".
	Kind() string
	// Outputs is the number of values predicted for a row: 1 for regression, the
	// number of classes otherwise (their probabilities, in the target's order).
	Outputs() int
	// Predict writes m.Rows × Outputs values, row by row, into out.
	Predict(m *frame.Matrix, out []float64)
}

// Data is what a learner is fitted on.
type Data struct {
	X       *frame.Matrix
	Y       []float64 // the value (regression) or the class index 0…Classes-1
	Classes int       // 0 for regression
}

// Params are hyperparameters by name; a missing one takes the learner's default.
type Params map[string]float64

// Report is what a fit says about itself; it goes to the trial, not the model.
type Report struct {
	Iterations int      `json:"iterations,omitempty"`
	Converged  bool     `json:"converged"`
	Dropped    []string `json:"dropped,omitempty"` // columns without information of their own: constant or collinear
	Warnings   []string `json:"warnings,omitempty"`
}

// Learner fits models of one kind.
type Learner interface {
	Kind() string
	// Check refuses unknown or out-of-range parameters, and a task it cannot do.
	Check(classes int, p Params) error
	Fit(ctx context.Context, d Data, p Params) (Model, Report, error)
}
