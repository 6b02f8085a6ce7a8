package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

// IntegrateParams turn snapshots into one dataset.
type IntegrateParams struct {
	Run       Run               `json:"run"`
	Pipeline  pipeline.Pipeline `json:"pipeline"`
	Snapshots []SnapshotResult  `json:"snapshots"`     // in order of name
	From      time.Time         `json:"from,omitzero"` // rows before it, by event time, are left out; zero: none are
}

// DatasetResult is the integrated table.
type DatasetResult struct {
	Outcome
	Dataset artifact.Ref `json:"dataset"` // Parquet, in total order
	Rows    int64        `json:"rows"`
	Columns int          `json:"columns"`
	// FanOut says that joins multiplied rows, with counts; "" if none did.
	FanOut string `json:"fan_out,omitempty"`
	// Violation is FanOut where dataset.fan_out is stop: the run ends, rejected.
	Violation string `json:"violation,omitempty"`
}

func (r *DatasetResult) outputs() metadata.Outputs { return metadata.Outputs{"dataset": r.Dataset} }

// Integrate runs the dataset's SQL over the snapshots. It is the first step to
// know the columns, so it refuses here whatever in the pipeline does not fit
// them.
func (a *Activities) Integrate(ctx context.Context, p IntegrateParams) (*DatasetResult, error) {
	s := step{run: p.Run, name: "integrate", version: 3}
	begun := time.Now()
	snapshots := make([]Snapshot, len(p.Snapshots))
	names := make([]string, len(p.Snapshots))
	for i, snap := range p.Snapshots {
		if err := a.Store.JSON(ctx, snap.Manifest, &snapshots[i]); err != nil {
			return nil, a.fail(ctx, s, begun, err)
		}
		names[i] = fmt.Sprintf("%s:%d", snap.Name, len(snapshots[i].Parts))
		for _, part := range snapshots[i].Parts {
			s.inputs = append(s.inputs, part.Data)
		}
	}
	params := map[string]any{"dataset": p.Pipeline.Dataset, "sources": names}
	if !p.From.IsZero() {
		params["from"] = p.From
	}
	s.params = params
	res, err := perform(ctx, a, s, &DatasetResult{}, func(ctx context.Context, dir string, res *DatasetResult) error {
		return a.integrate(ctx, dir, p, snapshots, res)
	})
	if err != nil {
		return nil, err
	}
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

func (a *Activities) integrate(ctx context.Context, dir string, p IntegrateParams, snapshots []Snapshot, res *DatasetResult) error {
	tables := map[string]table.Table{}
	var releases []func()
	defer func() {
		for _, release := range releases {
			release()
		}
	}()
	for i := range snapshots {
		t, err := snapshots[i].table(func(part artifact.Ref) (string, error) {
			path, release, err := a.Store.File(ctx, part)
			if err == nil {
				releases = append(releases, release)
			}
			return path, err
		})
		if err != nil {
			return err
		}
		tables[snapshots[i].Source] = t
	}
	e, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	out := filepath.Join(dir, "dataset.parquet")
	info, err := bounded(ctx, p.Pipeline.Dataset.Timeout, func(ctx context.Context) (table.Info, error) {
		return e.IntegrateSince(ctx, tables, p.Pipeline.Dataset.SQL, p.Pipeline.Dataset.Key, table.Since{Column: p.Pipeline.Dataset.EventTime, At: p.From}, out)
	})
	if err != nil {
		return err
	}
	if info.Rows == 0 {
		return fault.New(fault.DatasetEmpty, "the dataset has no rows").WithRemedy("check dataset.sql (a join or WHERE that matches nothing?) and the sources")
	}
	res.Rows, res.Columns = info.Rows, len(info.Schema)
	res.Figure = fmt.Sprintf("%s rows × %d columns", count(info.Rows), len(info.Schema))
	if err := fanOut(ctx, e, out, p.Pipeline.Dataset, tables, snapshots, res); err != nil {
		return err
	}
	res.Dataset, err = a.Store.PutFile(ctx, out, artifact.MediaTypeParquet)
	return err
}

// bounded runs the user's SQL within dataset.timeout.
func bounded(ctx context.Context, timeout string, f func(context.Context) (table.Info, error)) (table.Info, error) {
	limit, err := time.ParseDuration(timeout)
	if err != nil { // a pipeline that did not come from a file
		limit, _ = time.ParseDuration(pipeline.DefaultTimeout)
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	info, err := f(within)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return info, fault.New(fault.ResourceExhausted, "dataset.sql ran longer than dataset.timeout, %s", limit).
			WithRemedy("check it for a join without its condition, or raise dataset.timeout")
	}
	return info, err
}

func (a *Activities) checkColumns(ctx context.Context, p IntegrateParams, res *DatasetResult) (pipeline.Schema, error) {
	var schema pipeline.Schema
	err := a.onFile(ctx, a.ScratchDir, res.Dataset, func(e *table.Engine, path string) (err error) {
		if schema, err = e.Schema(ctx, path); err != nil {
			return err
		}
		if err := pipeline.Check(&p.Pipeline, schema); err != nil {
			return err
		}
		return quality.Try(ctx, e, &p.Pipeline, schema)
	})
	if err != nil {
		return nil, err
	}
	_, err = feature.Resolve(p.Pipeline.Features, p.Pipeline.Problem, pipeline.Repaired(schema, p.Pipeline.Validation), p.Pipeline.Dataset.Identifying()...)
	return schema, err
}

// schema describes a Parquet artifact.
func (a *Activities) schema(ctx context.Context, ref artifact.Ref) (schema pipeline.Schema, err error) {
	err = a.onFile(ctx, a.ScratchDir, ref, func(e *table.Engine, path string) (err error) {
		schema, err = e.Schema(ctx, path)
		return err
	})
	return schema, err
}
