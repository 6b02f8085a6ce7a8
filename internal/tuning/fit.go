package tuning

import (
	"context"
	"slices"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Fit is a fitted model with all that it needs to read raw columns.
type Fit struct {
	Features *feature.Fitted
	Target   *feature.Target
	Model    model.Model
	Report   model.Report
}

// FoldFit is how a trial did on rows it did not see.
type FoldFit struct {
	Scores map[string]float64 // every metric of the task that the rows define; always problem.Metric
	Report model.Report
}

// FitFull fits a trial on all rows of f.
func FitFull(ctx context.Context, plan []pipeline.Feature, problem pipeline.Problem, f *frame.Frame, trial Trial) (*Fit, error) {
	target, y, err := targetOf(problem, f)
	if err != nil {
		return nil, err
	}
	return fit(ctx, plan, target, f, y, trial)
}

// FitFold fits a trial on the rows train of f, features included, and scores it
// on the rows held. The classes of the target are those of all rows: they belong
// to the problem, not to the fold.
func FitFold(ctx context.Context, plan []pipeline.Feature, problem pipeline.Problem, f *frame.Frame, train, held []int32, trial Trial) (*FoldFit, error) {
	target, y, err := targetOf(problem, f)
	if err != nil {
		return nil, err
	}
	seen := pick(y, train)
	if len(seen) > 0 && problem.Task == pipeline.Regression && slices.Min(seen) == slices.Max(seen) {
		return nil, fault.New(fault.TrainingFailed, "target %q is %v in every training row of a fold", problem.Target, seen[0]).WithRemedy("use fewer folds, or collect more rows")
	}
	fitted, err := fit(ctx, plan, target, f.Take(train), seen, trial)
	if err != nil {
		return nil, err
	}
	x, err := fitted.Features.Apply(f.Take(held))
	if err != nil {
		return nil, err
	}
	predictions := make([]float64, len(held)*fitted.Model.Outputs())
	fitted.Model.Predict(x, predictions)
	scores, err := evaluation.Score(problem.Task, pick(y, held), predictions, len(target.Classes))
	if err != nil {
		return nil, err
	}
	if why, missing := scores.Undefined[problem.Metric]; missing {
		return nil, fault.New(fault.TrainingFailed, "%s cannot be computed on a fold: %s", problem.Metric, why).
			WithRemedy("use fewer folds or another problem.metric, or collect more rows")
	}
	return &FoldFit{Scores: scores.Values, Report: fitted.Report}, nil
}

func targetOf(problem pipeline.Problem, f *frame.Frame) (*feature.Target, []float64, error) {
	column := f.Column(problem.Target)
	if column == nil {
		return nil, nil, fault.New(fault.ColumnMissing, "the training rows have no column %q, the target", problem.Target)
	}
	target, err := feature.FitTarget(problem, column)
	if err != nil {
		return nil, nil, err
	}
	y, err := target.Values(column)
	return target, y, err
}

func fit(ctx context.Context, plan []pipeline.Feature, target *feature.Target, f *frame.Frame, y []float64, trial Trial) (*Fit, error) {
	learner, err := model.For(trial.Kind)
	if err != nil {
		return nil, err
	}
	features, x, err := feature.FitApply(plan, f, feature.Supervised(target, y))
	if err != nil {
		return nil, err
	}
	m, report, err := learner.Fit(ctx, model.Data{X: x, Y: y, Classes: len(target.Classes)}, model.Settings{Params: trial.Params, Options: trial.Options})
	if err != nil {
		return nil, err
	}
	return &Fit{Features: features, Target: target, Model: m, Report: report}, nil
}

func pick(y []float64, rows []int32) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = y[r]
	}
	return out
}
