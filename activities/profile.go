package activities

import (
	"bytes"
	"context"
	"fmt"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
)

// ProfileParams name the dataset to explore.
type ProfileParams struct {
	Run     Run              `json:"run"`
	Dataset artifact.Ref     `json:"dataset"`
	Problem pipeline.Problem `json:"problem"`
}

// ProfileResult is the exploration of a dataset.
type ProfileResult struct {
	Outcome
	Profile  artifact.Ref `json:"profile"` // JSON
	Report   artifact.Ref `json:"report"`  // HTML
	Warnings int          `json:"warnings"`
}

func (r *ProfileResult) outputs() metadata.Outputs {
	return metadata.Outputs{"profile": r.Profile, "exploration": r.Report}
}

// Profile describes every column of the dataset and draws the exploration
// report.
func (a *Activities) Profile(ctx context.Context, p ProfileParams) (*ProfileResult, error) {
	s := step{
		run: p.Run, name: "profile", version: 1, inputs: []artifact.Ref{p.Dataset},
		params: map[string]any{"target": p.Problem.Target, "task": p.Problem.Task, "pipeline": p.Run.Pipeline},
	}
	return perform(ctx, a, s, &ProfileResult{}, func(ctx context.Context, dir string, res *ProfileResult) error {
		return a.withTable(ctx, dir, p.Dataset, func(e *table.Engine, path string, schema pipeline.Schema) error {
			found, err := profile.Compute(ctx, e, path, schema, p.Problem.Target, p.Problem.Task)
			if err != nil {
				return err
			}
			if res.Profile, err = a.Store.PutJSON(ctx, found); err != nil {
				return err
			}
			var page bytes.Buffer
			if err := found.HTML(&page, "Exploration of "+p.Run.Pipeline, "dataset "+p.Dataset.Short()); err != nil {
				return err
			}
			if res.Report, err = a.Store.PutBytes(ctx, page.Bytes(), artifact.MediaTypeHTML); err != nil {
				return err
			}
			res.Warnings = len(found.Warnings)
			res.Figure = fmt.Sprintf("%d columns, %d warnings", len(found.Columns), res.Warnings)
			return nil
		})
	})
}

// withTable opens an engine on a Parquet artifact.
func (a *Activities) withTable(ctx context.Context, dir string, ref artifact.Ref, f func(e *table.Engine, path string, schema pipeline.Schema) error) error {
	path, release, err := a.Store.File(ctx, ref)
	if err != nil {
		return err
	}
	defer release()
	e, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	schema, err := e.Schema(ctx, path)
	if err != nil {
		return err
	}
	return f(e, path, schema)
}
