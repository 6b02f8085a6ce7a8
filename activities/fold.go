package activities

import (
	"context"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// prepare returns the rows of a fit, ready to be learnt from; fits on the same
// rows share them.
func (a *Activities) prepare(ctx context.Context, p FitParams) (*tuning.Prepared, error) {
	key, err := artifact.Canonical(map[string]any{"rows": p.rows(), "train": p.Train.Digest, "plan": p.Plan.Digest, "watch": p.Watch})
	if err != nil {
		return nil, err
	}
	return a.prepared.get(ctx, string(key), func() (*tuning.Prepared, error) {
		var plan []pipeline.Feature
		if err := a.Store.JSON(ctx, p.Plan, &plan); err != nil {
			return nil, err
		}
		columns := tuning.Columns(plan, p.Problem)
		train, err := a.read(ctx, p.Train, columns)
		if err != nil {
			return nil, err
		}
		if p.Folds > 0 {
			fold, err := p.fold(train)
			if err != nil {
				return nil, err
			}
			return tuning.Prepare(plan, p.Problem, train, fold.Train, fold.Held)
		}
		var watched *frame.Frame
		if p.Watch != nil {
			if watched, err = a.read(ctx, *p.Watch, columns); err != nil {
				return nil, err
			}
		}
		return tuning.PrepareAll(plan, p.Problem, train, watched)
	})
}

// fold is the rows of the fit's fold: within its outer fold, dealt anew for each
// repeat, and only a share of those to learn from if it has one.
func (p FitParams) fold(train *frame.Frame) (split.Fold, error) {
	var rows []int32 // all
	if p.Outer != nil {
		outer, err := split.FoldsOf(train, p.Outer.Folds, p.Seed+outerSeed, p.Split)
		if err != nil {
			return split.Fold{}, err
		}
		if p.Folds == 1 { // the search is over: its winner is judged on what it never saw
			return outer[p.Outer.Fold], nil
		}
		rows = outer[p.Outer.Fold].Train
	}
	folds, err := split.FoldsWithin(train, rows, p.Folds, p.Seed+int64(p.Fold/p.Folds), p.Split)
	if err != nil {
		return split.Fold{}, err
	}
	fold := folds[p.Fold%p.Folds]
	if p.Share > 0 {
		fold.Train, err = split.Sample(train, fold.Train, p.Share)
	}
	return fold, err
}

// outerSeed deals outer folds unlike any repeat of the inner ones.
const outerSeed = 1 << 32
