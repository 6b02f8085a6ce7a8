package activities

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/label/labeltable"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// PullLabelsParams name the source of an endpoint's labels.
type PullLabelsParams struct {
	Pipeline string          `json:"pipeline"`
	Endpoint string          `json:"endpoint"`
	Source   pipeline.Source `json:"source"`
	BaseDir  string          `json:"base_dir"`
}

// PullLabelsResult is what became of the labels that the source has now.
type PullLabelsResult struct {
	label.Counts
}

// PullLabels reads the source of an endpoint's labels and keeps them. Labels that
// were there already are the same labels, so that it may be tried again.
func (a *Activities) PullLabels(ctx context.Context, p PullLabelsParams) (*PullLabelsResult, error) {
	res := &PullLabelsResult{}
	if err := a.pullLabels(ctx, p, &res.Counts); err != nil {
		return nil, applicationError(ctx, err)
	}
	return res, nil
}

func (a *Activities) pullLabels(ctx context.Context, p PullLabelsParams, counts *label.Counts) error {
	target, err := a.labelTarget(ctx, p.Endpoint)
	if err != nil {
		return err
	}
	from, err := a.open(SourceParams{Run: Run{Pipeline: p.Pipeline}, Name: "labels", Source: p.Source, BaseDir: p.BaseDir}, "")
	if err != nil {
		return err
	}
	parts, err := from.List(ctx)
	if err != nil {
		return fmt.Errorf("look at monitor.labels: %w", err)
	}
	dir, err := os.MkdirTemp(a.ScratchDir, "labels-")
	if err != nil {
		return scratchFault(err, a.ScratchDir)
	}
	defer os.RemoveAll(dir)
	engine, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	for i, part := range parts {
		own := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(own, 0o700); err != nil {
			return scratchFault(err, own)
		}
		if part, err = from.Look(ctx, part); err != nil {
			return fmt.Errorf("look at monitor.labels: %w", err)
		}
		got, err := from.Fetch(ctx, part, own)
		if err != nil {
			return fmt.Errorf("read monitor.labels: %w", err)
		}
		source := table.Source{Paths: []string{got.Path}, Format: got.Format, CSV: p.Source.CSV, Columns: got.Columns}
		kept, err := labeltable.Keep(ctx, a.DB, engine, target, metadata.AddLabels{Endpoint: p.Endpoint, Source: "monitor.labels: " + part.Name}, source, filepath.Join(own, "labels.parquet"))
		if err != nil {
			return named(err, got.Path, part.Name)
		}
		if err := got.Check(ctx); err != nil {
			return err
		}
		counts.Merge(kept)
	}
	return nil
}

// labelTarget is what the endpoint's live model predicts.
func (a *Activities) labelTarget(ctx context.Context, endpoint string) (label.Target, error) {
	e, err := a.DB.Endpoint(ctx, endpoint)
	if err != nil || e.Live == nil {
		return label.Target{}, err
	}
	b, err := a.bundle(ctx, e.Live.Bundle)
	if err != nil {
		return label.Target{}, err
	}
	return label.TargetOf(&b.Signature), nil
}
