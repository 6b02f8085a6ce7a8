package model

import (
	"context"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Constant predicts the same for every row: the baseline. Values is the mean of
// the target (regression), or the frequency of each class: as probabilities,
// so that the class it favours is the majority and its log loss is the entropy
// of the target.
type Constant struct {
	Values []float64 `json:"values"`
}

var _ Model = (*Constant)(nil)

// Kind returns "baseline".
func (*Constant) Kind() string { return "baseline" }

// Outputs returns 1, or the number of classes.
func (c *Constant) Outputs() int { return len(c.Values) }

// Predict writes Values for every row.
func (c *Constant) Predict(m *frame.Matrix, out []float64) {
	for i := range m.Rows {
		copy(out[i*len(c.Values):], c.Values)
	}
}

type baseline struct{}

func (baseline) Kind() string { return "baseline" }

func (baseline) Parameters() []Parameter { return nil }

func (baseline) Check(classes int, s Settings) error {
	if classes < 0 || classes == 1 {
		return fault.New(fault.PipelineInvalid, "baseline of %d classes", classes).WithRemedy("train on at least 2 classes")
	}
	return check("baseline", s, nil)
}

// Fit takes the mean of the target or the frequencies of its classes, each row
// by its weight; a class without rows has frequency 0.
func (b baseline) Fit(ctx context.Context, d Data, s Settings) (Model, Report, error) {
	report := Report{Converged: true}
	if err := b.Check(d.Classes, s); err != nil {
		return nil, report, err
	}
	if err := d.check(); err != nil {
		return nil, report, err
	}
	if d.Classes == 0 {
		values, err := means(ctx, d.X.Rows, [][]float64{d.Y}, d.Weights)
		if err == nil && !finite(values) {
			err = fault.New(fault.TrainingFailed, "the mean of the target overflows").WithRemedy("scale the target down in dataset.sql")
		}
		return &Constant{Values: values}, report, err
	}
	return &Constant{Values: frequencies(d)}, report, nil
}

// frequencies returns the share of each class, each row by its weight.
func frequencies(d Data) []float64 {
	shares, mass := make([]float64, d.Classes), d.mass()
	for i, y := range d.Y {
		if d.Weights == nil {
			shares[int(y)]++
		} else {
			shares[int(y)] += d.Weights[i]
		}
	}
	for k := range shares {
		shares[k] /= mass
	}
	return shares
}
