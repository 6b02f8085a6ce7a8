package activities

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// FitParams name one fit: a trial on the rows of one fold, or on all of them.
type FitParams struct {
	Run     Run              `json:"run"`
	Problem pipeline.Problem `json:"problem"`
	Train   artifact.Ref     `json:"train"`
	Plan    artifact.Ref     `json:"plan"`
	Trial   tuning.Trial     `json:"trial"`
	Fold    int              `json:"fold"`  // 0…Folds-1
	Folds   int              `json:"folds"` // 0: no folds, fit on all rows
	Seed    int64            `json:"seed"`
	Split   pipeline.Split   `json:"split"` // how the rows were dealt: folds follow it
}

func (p FitParams) step(name string) step {
	s := step{
		run: p.Run, name: "train", part: fmt.Sprintf("%03d/%s", p.Trial.ID, name), version: 2, inputs: []artifact.Ref{p.Train, p.Plan},
		params: map[string]any{"problem": fitProblem(p.Problem), "kind": p.Trial.Kind, "params": p.Trial.Params, "fold": p.Fold, "folds": p.Folds, "seed": p.Seed},
	}
	if p.Split.Method == "time" {
		s.params.(map[string]any)["gap"] = "by time, " + p.Split.Gap
	}
	return s
}

// fitProblem is the part of a problem that decides a fit: another statement or
// owner is no reason to train again.
func fitProblem(p pipeline.Problem) map[string]any {
	return map[string]any{"task": p.Task, "target": p.Target, "positive": p.Positive, "baseline": p.Baseline, "metric": p.Metric}
}

// FoldResult is how one trial did on one fold.
type FoldResult struct {
	Outcome
	Trial  int             `json:"trial"`
	Fold   int             `json:"fold"`
	Scores metadata.Values `json:"scores"`
	Report model.Report    `json:"report"`
	Rows   int             `json:"rows"` // held out
}

func (r *FoldResult) outputs() metadata.Outputs { return nil }

// FitFold fits a trial on the training rows of one fold, features included, and
// scores it on the rows held out.
func (a *Activities) FitFold(ctx context.Context, p FitParams) (*FoldResult, error) {
	begun := time.Now()
	s := p.step(fmt.Sprintf("fold-%d", p.Fold))
	res, err := perform(ctx, a, s, &FoldResult{Trial: p.Trial.ID, Fold: p.Fold}, func(ctx context.Context, dir string, res *FoldResult) error {
		plan, train, err := a.training(ctx, p)
		if err != nil {
			return err
		}
		folds, err := split.FoldsOf(train, p.Folds, p.Seed, p.Split)
		if err != nil {
			return err
		}
		fit, err := tuning.FitFold(ctx, plan, p.Problem, train, folds[p.Fold].Train, folds[p.Fold].Held, p.Trial)
		if err != nil {
			return err
		}
		res.Scores, res.Report, res.Rows = metadata.Values(fit.Scores), fit.Report, len(folds[p.Fold].Held)
		res.Figure = fmt.Sprintf("%s %s", p.Problem.Metric, number(fit.Scores[p.Problem.Metric]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Trial = p.Trial.ID // a hit may come from a grid that numbered it otherwise
	return res, a.recorded(ctx, s, a.DB.RecordTrial(ctx, metadata.Trial{
		Run: p.Run.ID, Trial: p.Trial.ID, Fold: p.Fold, Kind: p.Trial.Kind, Params: metadata.Values(p.Trial.Params),
		Scores: res.Scores, Seconds: time.Since(begun).Seconds(), Worker: hostname(),
	}))
}

// FittedResult names a fitted model and what it needs to read raw columns.
type FittedResult struct {
	Outcome
	Trial    tuning.Trial `json:"trial"`
	Features artifact.Ref `json:"features"`
	Target   artifact.Ref `json:"target"`
	Model    artifact.Ref `json:"model"`
	Report   model.Report `json:"report"`
}

func (r *FittedResult) outputs() metadata.Outputs {
	return metadata.Outputs{"features": r.Features, "target": r.Target, "model": r.Model}
}

// Fit fits a trial on all training rows.
func (a *Activities) Fit(ctx context.Context, p FitParams) (*FittedResult, error) {
	begun := time.Now()
	s := p.step("all")
	res, err := perform(ctx, a, s, &FittedResult{Trial: p.Trial}, func(ctx context.Context, dir string, res *FittedResult) error {
		plan, train, err := a.training(ctx, p)
		if err != nil {
			return err
		}
		fit, err := tuning.FitFull(ctx, plan, p.Problem, train, p.Trial)
		if err != nil {
			return err
		}
		res.Report = fit.Report
		res.Figure = p.Trial.Kind + " on " + count(int64(train.Rows)) + " rows"
		return a.putFit(ctx, fit, res)
	})
	if err != nil {
		return nil, err
	}
	res.Trial = p.Trial
	return res, a.recorded(ctx, s, a.DB.RecordTrial(ctx, metadata.Trial{
		Run: p.Run.ID, Trial: p.Trial.ID, Fold: -1, Kind: p.Trial.Kind, Params: metadata.Values(p.Trial.Params),
		Seconds: time.Since(begun).Seconds(), Worker: hostname(), ModelDigest: res.Model.Digest,
	}))
}

func (a *Activities) putFit(ctx context.Context, fit *tuning.Fit, res *FittedResult) error {
	for _, part := range []struct {
		encode func() ([]byte, error)
		ref    *artifact.Ref
	}{
		{fit.Features.Encode, &res.Features},
		{fit.Target.Encode, &res.Target},
		{func() ([]byte, error) { return model.Encode(fit.Model) }, &res.Model},
	} {
		body, err := part.encode()
		if err != nil {
			return err
		}
		if *part.ref, err = a.Store.PutBytes(ctx, body, artifact.MediaTypeJSON); err != nil {
			return err
		}
	}
	return nil
}

// training reads the plan and the training rows it needs.
func (a *Activities) training(ctx context.Context, p FitParams) ([]pipeline.Feature, *frame.Frame, error) {
	var plan []pipeline.Feature
	if err := a.Store.JSON(ctx, p.Plan, &plan); err != nil {
		return nil, nil, err
	}
	train, err := a.read(ctx, p.Train, trainingColumns(plan, p.Problem))
	return plan, train, err
}

// trainingColumns lists what a fit reads: the plan's columns, the target and
// what the folds are dealt by, each once.
func trainingColumns(plan []pipeline.Feature, problem pipeline.Problem) []string {
	var columns []string
	for _, f := range plan {
		columns = append(columns, f.Columns...)
	}
	columns = append(columns, problem.Target, split.RowColumn)
	slices.Sort(columns)
	return slices.Compact(columns)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
