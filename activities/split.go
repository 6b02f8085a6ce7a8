package activities

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
)

// SplitParams name the rows to deal.
type SplitParams struct {
	Run     Run              `json:"run"`
	Valid   artifact.Ref     `json:"valid"`
	Split   pipeline.Split   `json:"split"`
	Dataset pipeline.Dataset `json:"dataset"`
}

// SplitResult names the three parts.
type SplitResult struct {
	Outcome
	Train          artifact.Ref `json:"train"`
	Validation     artifact.Ref `json:"validation"`
	Test           artifact.Ref `json:"test"`
	TrainRows      int64        `json:"train_rows"`
	ValidationRows int64        `json:"validation_rows"`
	TestRows       int64        `json:"test_rows"`
}

func (r *SplitResult) outputs() metadata.Outputs {
	return metadata.Outputs{"train": r.Train, "validation": r.Validation, "test": r.Test}
}

// Split deals the valid rows to train, validation and test.
func (a *Activities) Split(ctx context.Context, p SplitParams) (*SplitResult, error) {
	s := step{
		run: p.Run, name: "split", version: 1, inputs: []artifact.Ref{p.Valid},
		params: map[string]any{"split": p.Split, "key": p.Dataset.Key, "event_time": p.Dataset.EventTime},
	}
	res, err := perform(ctx, a, s, &SplitResult{}, func(ctx context.Context, dir string, res *SplitResult) error {
		return a.withTable(ctx, dir, p.Valid, func(e *table.Engine, path string, schema pipeline.Schema) error {
			return a.split(ctx, dir, e, path, schema, p, res)
		})
	})
	if err != nil {
		return nil, err
	}
	return res, a.recorded(ctx, s, a.DB.RecordSplits(ctx, p.Run.ID, []metadata.Split{
		{Split: "train", Artifact: res.Train, Rows: res.TrainRows},
		{Split: "validation", Artifact: res.Validation, Rows: res.ValidationRows},
		{Split: "test", Artifact: res.Test, Rows: res.TestRows},
	}))
}

func (a *Activities) split(ctx context.Context, dir string, e *table.Engine, path string, schema pipeline.Schema, p SplitParams, res *SplitResult) error {
	out := split.Paths{
		Train: filepath.Join(dir, "train.parquet"), Validation: filepath.Join(dir, "validation.parquet"), Test: filepath.Join(dir, "test.parquet"),
	}
	dealt, err := split.Apply(ctx, e, path, schema, p.Split, p.Dataset.Key, p.Dataset.EventTime, out)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		path string
		ref  *artifact.Ref
	}{{out.Train, &res.Train}, {out.Validation, &res.Validation}, {out.Test, &res.Test}} {
		if *part.ref, err = a.Store.PutFile(ctx, part.path, artifact.MediaTypeParquet); err != nil {
			return err
		}
	}
	res.TrainRows, res.ValidationRows, res.TestRows = dealt.Train.Rows, dealt.Validation.Rows, dealt.Test.Rows
	res.Figure = fmt.Sprintf("%s / %s / %s rows", count(res.TrainRows), count(res.ValidationRows), count(res.TestRows))
	return nil
}
