package tuning

import (
	"context"

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
	Digest string // of the model: model.Digest
}

// FitFull fits a trial on all rows of f.
func FitFull(ctx context.Context, plan []pipeline.Feature, problem pipeline.Problem, f *frame.Frame, trial Trial) (*Fit, error) {
	p, err := PrepareAll(plan, problem, f, nil)
	if err != nil {
		return nil, err
	}
	return p.Fit(ctx, trial, 0, nil)
}

// FitFold fits a trial on the rows train of f, features included, and scores it
// on the rows held.
func FitFold(ctx context.Context, plan []pipeline.Feature, problem pipeline.Problem, f *frame.Frame, train, held []int32, trial Trial) (*FoldFit, error) {
	p, err := Prepare(plan, problem, f, train, held)
	if err != nil {
		return nil, err
	}
	return p.FitScored(ctx, trial, 0, nil)
}

// FitScored fits a trial and scores it on the rows held out.
func (p *Prepared) FitScored(ctx context.Context, trial Trial, seed int64, watch *model.Watch) (*FoldFit, error) {
	fit, err := p.Fit(ctx, trial, seed, watch)
	if err != nil {
		return nil, err
	}
	scores, err := p.Score(fit.Model)
	if err != nil {
		return nil, err
	}
	digest, err := model.Digest(fit.Model)
	return &FoldFit{Scores: scores, Report: fit.Report, Digest: digest}, err
}
