package activities

import (
	"bytes"
	"context"
	"fmt"
	"time"

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

	// What the exploration knows beside the rows.
	Key       []string `json:"key,omitempty"`
	EventTime string   `json:"event_time,omitempty"`
	Split     string   `json:"split,omitempty"`
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
	begun := time.Now()
	s := step{
		run: p.Run, name: "profile", version: 6, inputs: []artifact.Ref{p.Dataset},
		params: map[string]any{
			"target": p.Problem.Target, "task": p.Problem.Task, "pipeline": p.Run.Pipeline,
			"key": p.Key, "event_time": p.EventTime, "split": p.Split,
		},
	}
	o := profile.Options{Target: p.Problem.Target, Task: p.Problem.Task, Key: p.Key, EventTime: p.EventTime, Split: p.Split}
	if err := a.previousProfile(ctx, &s, p.Dataset, &o); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return perform(ctx, a, s, &ProfileResult{}, func(ctx context.Context, dir string, res *ProfileResult) error {
		return a.withTable(ctx, dir, p.Dataset, func(e *table.Engine, path string, schema pipeline.Schema) error {
			found, err := profile.Compute(ctx, e, path, schema, o)
			if err != nil {
				return err
			}
			if res.Profile, err = a.Store.PutJSON(ctx, found); err != nil {
				return err
			}
			var page bytes.Buffer
			footer := "dataset " + p.Dataset.Short()
			if o.PreviousRun != "" {
				footer += ", compared with run " + o.PreviousRun
			}
			if err := found.HTML(&page, "Exploration of "+p.Run.Pipeline, footer); err != nil {
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

// previousProfile finds what the latest completed run of the pipeline said of
// another dataset, so that the exploration can tell what has changed. Its profile
// is an input of the step; one that is gone, or of another form, is none.
func (a *Activities) previousProfile(ctx context.Context, s *step, dataset artifact.Ref, o *profile.Options) error {
	run, outputs, ok, err := a.DB.EarlierOutput(ctx, s.run.Pipeline, s.run.asOf(), "profile", "profile")
	if err != nil || !ok {
		return err
	}
	earlier, err := a.DB.Dataset(ctx, run)
	if err != nil || earlier.Artifact.Digest == dataset.Digest {
		return err
	}
	there, err := a.Store.Exists(ctx, outputs["profile"])
	if err != nil || !there {
		return err
	}
	var previous profile.Profile
	if err := a.Store.JSON(ctx, outputs["profile"], &previous); err != nil {
		return err
	}
	if previous.Version != profile.Version {
		return nil
	}
	o.Previous, o.PreviousRun = &previous, run
	s.inputs = append(s.inputs, outputs["profile"])
	return nil
}

// withTable opens an engine on a Parquet artifact and describes it.
func (a *Activities) withTable(ctx context.Context, dir string, ref artifact.Ref, f func(e *table.Engine, path string, schema pipeline.Schema) error) error {
	return a.onFile(ctx, dir, ref, func(e *table.Engine, path string) error {
		schema, err := e.Schema(ctx, path)
		if err != nil {
			return err
		}
		return f(e, path, schema)
	})
}

// onFile opens an engine on a Parquet artifact.
func (a *Activities) onFile(ctx context.Context, dir string, ref artifact.Ref, f func(e *table.Engine, path string) error) error {
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
	return f(e, path)
}
