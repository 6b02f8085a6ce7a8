package activities

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// EngineerParams name the training rows and what to make of their columns.
type EngineerParams struct {
	Run      Run               `json:"run"`
	Train    artifact.Ref      `json:"train"`
	Features pipeline.Features `json:"features"`
	Problem  pipeline.Problem  `json:"problem"`
	Dataset  pipeline.Dataset  `json:"dataset"` // its key and event time are no features by themselves
}

// EngineerResult is the plan of the features and its fit on the training rows, on
// some of them where they are too many to describe: see feature.MaxDescribed.
type EngineerResult struct {
	Outcome
	Plan     artifact.Ref `json:"plan"`     // []pipeline.Feature (JSON): what auto picked, or the file's list
	Features artifact.Ref `json:"features"` // feature.Fitted (JSON)
	Summary  artifact.Ref `json:"summary"`  // feature.Summary (JSON)
	Report   artifact.Ref `json:"report"`   // the same as a page (HTML)
}

func (r *EngineerResult) outputs() metadata.Outputs {
	return metadata.Outputs{"plan": r.Plan, "features": r.Features, "summary": r.Summary, "report": r.Report}
}

// Engineer decides the transforms, fits them on the training rows and describes
// these before and after. Fits of models, those of cross-validation too, fit the
// same plan again, on all of their own rows.
func (a *Activities) Engineer(ctx context.Context, p EngineerParams) (*EngineerResult, error) {
	s := step{
		run: p.Run, name: "engineer", version: 4, inputs: []artifact.Ref{p.Train},
		params: map[string]any{"features": p.Features, "problem": fitProblem(p.Problem), "identifying": p.Dataset.Identifying(), "pipeline": p.Run.Pipeline},
	}
	return perform(ctx, a, s, &EngineerResult{}, func(ctx context.Context, dir string, res *EngineerResult) error {
		plan, choices, err := a.plan(ctx, p)
		if err != nil {
			return err
		}
		if res.Plan, err = a.Store.PutJSON(ctx, plan); err != nil {
			return err
		}
		return a.fitFeatures(ctx, p, plan, choices, res)
	})
}

// plan resolves the features; auto looks at the training rows first.
func (a *Activities) plan(ctx context.Context, p EngineerParams) ([]pipeline.Feature, []feature.Choice, error) {
	schema, err := a.schema(ctx, p.Train)
	if err != nil {
		return nil, nil, err
	}
	skip := p.Dataset.Identifying()
	var facts feature.Facts
	if p.Features.Auto || slices.ContainsFunc(p.Features.List, func(f pipeline.Feature) bool { return f.Auto != nil }) {
		rows, _, err := a.described(ctx, p.Train, feature.Columns(p.Features, p.Problem, schema, skip...))
		if err != nil {
			return nil, nil, err
		}
		facts = feature.FactsOf(rows)
	}
	return feature.Plan(p.Features, p.Problem, schema, facts, skip...)
}

func (a *Activities) fitFeatures(ctx context.Context, p EngineerParams, plan []pipeline.Feature, choices []feature.Choice, res *EngineerResult) error {
	train, rows, err := a.described(ctx, p.Train, tuning.Columns(plan, p.Problem))
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
	fitted, made, err := feature.FitApply(plan, train, feature.Supervised(target, y))
	if err != nil {
		return err
	}
	body, err := fitted.Encode()
	if err != nil {
		return err
	}
	if res.Features, err = a.Store.PutBytes(ctx, body, artifact.MediaTypeJSON); err != nil {
		return err
	}
	summary := feature.Summarize(fitted, train, made, choices)
	if int64(train.Rows) < rows {
		summary.Of = rows
	}
	if res.Summary, err = a.Store.PutJSON(ctx, summary); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := summary.HTML(&page, "Features of "+p.Run.Pipeline, "training rows "+p.Train.Short()+", features "+res.Features.Short()); err != nil {
		return err
	}
	if res.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML); err != nil {
		return err
	}
	res.Figure = fmt.Sprintf("%d features from %d columns", len(made.Features), len(fitted.Inputs))
	if summary.Of > 0 {
		res.Figure += fmt.Sprintf(", described by %s of %s rows", count(int64(train.Rows)), count(rows))
	}
	return nil
}

// described reads the training rows that features are planned on and described by,
// and says how many there are in all. Where these are they, the fits share them.
func (a *Activities) described(ctx context.Context, ref artifact.Ref, columns []string) (f *frame.Frame, rows int64, err error) {
	err = a.onFile(ctx, a.ScratchDir, ref, func(e *table.Engine, path string) error {
		row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(path))
		if err != nil {
			return err
		}
		long, err := e.RowBytes(ctx, path, columns)
		if err != nil {
			return err
		}
		most := feature.RowsDescribed(a.maxDescribed, len(columns), long)
		if rows = row[0].(int64); rows > most {
			f, rows, err = e.ReadSome(ctx, path, columns, most)
		} else {
			f, err = a.read(ctx, ref, columns)
		}
		return err
	})
	return f, rows, err
}
