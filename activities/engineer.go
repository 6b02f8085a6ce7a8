package activities

import (
	"context"
	"fmt"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// EngineerParams name the training rows and what to make of their columns.
type EngineerParams struct {
	Run      Run               `json:"run"`
	Train    artifact.Ref      `json:"train"`
	Features pipeline.Features `json:"features"`
	Problem  pipeline.Problem  `json:"problem"`
	Dataset  pipeline.Dataset  `json:"dataset"` // its key and event time are no features by themselves
}

// EngineerResult is the plan of the features and its fit on all training rows.
type EngineerResult struct {
	Outcome
	Plan     artifact.Ref `json:"plan"`     // []pipeline.Feature (JSON): what auto picked, or the file's list
	Features artifact.Ref `json:"features"` // feature.Fitted (JSON)
}

func (r *EngineerResult) outputs() metadata.Outputs {
	return metadata.Outputs{"plan": r.Plan, "features": r.Features}
}

// Engineer decides the transforms and fits them on the training rows. Folds of
// cross-validation fit the same plan again, on their own rows.
func (a *Activities) Engineer(ctx context.Context, p EngineerParams) (*EngineerResult, error) {
	s := step{
		run: p.Run, name: "engineer", version: 1, inputs: []artifact.Ref{p.Train},
		params: map[string]any{"features": p.Features, "target": p.Problem.Target, "identifying": p.Dataset.Identifying()},
	}
	return perform(ctx, a, s, &EngineerResult{}, func(ctx context.Context, dir string, res *EngineerResult) error {
		schema, err := a.schema(ctx, p.Train)
		if err != nil {
			return err
		}
		plan, err := feature.Resolve(p.Features, p.Problem, schema, p.Dataset.Identifying()...)
		if err != nil {
			return err
		}
		train, err := a.read(ctx, p.Train, trainingColumns(plan, p.Problem))
		if err != nil {
			return err
		}
		target, err := feature.FitTarget(p.Problem, train.Column(p.Problem.Target))
		if err != nil {
			return err
		}
		y, err := target.Values(train.Column(p.Problem.Target))
		if err != nil {
			return err
		}
		fitted, err := feature.Fit(plan, train, feature.Supervised(target, y))
		if err != nil {
			return err
		}
		if res.Plan, err = a.Store.PutJSON(ctx, plan); err != nil {
			return err
		}
		body, err := fitted.Encode()
		if err != nil {
			return err
		}
		if res.Features, err = a.Store.PutBytes(ctx, body, artifact.MediaTypeJSON); err != nil {
			return err
		}
		res.Figure = fmt.Sprintf("%d features from %d columns", len(fitted.Chains), len(fitted.Inputs))
		return nil
	})
}
