package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// IntegrateParams turn snapshots into one dataset.
type IntegrateParams struct {
	Run       Run               `json:"run"`
	Pipeline  pipeline.Pipeline `json:"pipeline"`
	Snapshots []SnapshotResult  `json:"snapshots"` // in order of name
}

// DatasetResult is the integrated table.
type DatasetResult struct {
	Outcome
	Dataset artifact.Ref `json:"dataset"` // Parquet, in total order
	Rows    int64        `json:"rows"`
	Columns int          `json:"columns"`
}

func (r *DatasetResult) outputs() metadata.Outputs { return metadata.Outputs{"dataset": r.Dataset} }

// Integrate runs the dataset's SQL over the snapshots. It is the first step to
// know the columns, so it refuses here whatever in the pipeline does not fit
// them.
func (a *Activities) Integrate(ctx context.Context, p IntegrateParams) (*DatasetResult, error) {
	s := step{run: p.Run, name: "integrate", version: 1}
	names := make([]string, len(p.Snapshots))
	for i, snap := range p.Snapshots {
		names[i] = fmt.Sprintf("%s:%d", snap.Name, len(snap.Parts))
		s.inputs = append(s.inputs, snap.Parts...)
	}
	s.params = map[string]any{"dataset": p.Pipeline.Dataset, "sources": names}
	res, err := perform(ctx, a, s, &DatasetResult{}, func(ctx context.Context, dir string, res *DatasetResult) error {
		return a.integrate(ctx, dir, p, res)
	})
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	schema, err := a.checkColumns(ctx, p, res)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	columns, err := json.Marshal(schema)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, a.recorded(ctx, s, a.DB.RecordDataset(ctx, metadata.Dataset{Run: p.Run.ID, Artifact: res.Dataset, Rows: res.Rows, Schema: columns, Created: begun}))
}

func (a *Activities) integrate(ctx context.Context, dir string, p IntegrateParams, res *DatasetResult) error {
	tables := map[string][]string{}
	for _, snap := range p.Snapshots {
		for _, part := range snap.Parts {
			path, release, err := a.Store.File(ctx, part)
			if err != nil {
				return err
			}
			defer release()
			tables[snap.Name] = append(tables[snap.Name], path)
		}
	}
	e, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	out := filepath.Join(dir, "dataset.parquet")
	info, err := e.Integrate(ctx, tables, p.Pipeline.Dataset.SQL, p.Pipeline.Dataset.Key, out)
	if err != nil {
		return err
	}
	if info.Rows == 0 {
		return fault.New(fault.DatasetEmpty, "the dataset has no rows").WithRemedy("check dataset.sql (a join or WHERE that matches nothing?) and the sources")
	}
	res.Rows, res.Columns = info.Rows, len(info.Schema)
	res.Figure = fmt.Sprintf("%s rows × %d columns", count(info.Rows), len(info.Schema))
	res.Dataset, err = a.Store.PutFile(ctx, out, artifact.MediaTypeParquet)
	return err
}

func (a *Activities) checkColumns(ctx context.Context, p IntegrateParams, res *DatasetResult) (pipeline.Schema, error) {
	schema, err := a.schema(ctx, res.Dataset)
	if err != nil {
		return nil, err
	}
	if err := pipeline.Check(&p.Pipeline, schema); err != nil {
		return nil, err
	}
	_, err = feature.Resolve(p.Pipeline.Features, p.Pipeline.Problem, schema, p.Pipeline.Dataset.Identifying()...)
	return schema, err
}

// schema describes a Parquet artifact.
func (a *Activities) schema(ctx context.Context, ref artifact.Ref) (pipeline.Schema, error) {
	path, release, err := a.Store.File(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer release()
	e, err := a.engine(a.ScratchDir)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.Schema(ctx, path)
}
