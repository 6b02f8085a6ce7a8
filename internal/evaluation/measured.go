package evaluation

import (
	"context"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// measured is a Result with what it was computed from.
type measured struct {
	Result
	*prepared
	classes []string
}

func measure(ctx context.Context, problem pipeline.Problem, c Contender, f *frame.Frame, d *Decision) (*measured, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	column := f.Column(problem.Target)
	if column == nil {
		return nil, fault.New(fault.ColumnMissing, "the rows to evaluate on have no column %q, the target", problem.Target).WithRemedy("select it in dataset.sql")
	}
	if c.Predictor.Task() != problem.Task {
		return nil, fault.New(fault.TargetInvalid, "%s answers a %s problem, not %s", c.Name, c.Predictor.Task(), problem.Task)
	}
	target := feature.Target{Column: problem.Target, Kind: column.Kind.String(), Task: problem.Task, Classes: c.Predictor.Classes()}
	y, err := target.Values(column)
	if err != nil {
		return nil, err
	}
	weights, err := weightsOf(problem, f)
	if err != nil {
		return nil, err
	}
	predictions := make([]float64, f.Rows*c.Predictor.Outputs())
	if err := c.Predictor.Predict(f, predictions); err != nil {
		return nil, err
	}
	p, err := prepare(Sample{Task: problem.Task, Classes: len(target.Classes), Y: y, P: predictions, Weights: weights, Decision: d})
	if err != nil {
		return nil, err
	}
	s, err := p.point()
	if err != nil {
		return nil, err
	}
	return &measured{Result: Result{Name: c.Name, Settings: c.Settings, Kind: c.Kind, Rows: f.Rows, Scores: s.Values, Undefined: s.Undefined}, prepared: p, classes: target.Classes}, nil
}

// weightsOf reads problem.weight, nil if there is none.
func weightsOf(problem pipeline.Problem, f *frame.Frame) ([]float64, error) {
	if problem.Weight == "" {
		return nil, nil
	}
	column := f.Column(problem.Weight)
	switch {
	case column == nil:
		return nil, fault.New(fault.ColumnMissing, "the rows to evaluate on have no column %q, their weight", problem.Weight).WithRemedy("select it in dataset.sql")
	case column.Kind != frame.Number:
		return nil, fault.New(fault.TypeMismatch, "the weight %q is a %s", problem.Weight, column.Kind).WithRemedy("cast it to DOUBLE in dataset.sql")
	}
	return column.Numbers, nil
}
