package activities

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// CollectParams name one source of a run.
type CollectParams struct {
	Run     Run             `json:"run"`
	Name    string          `json:"name"`
	Source  pipeline.Source `json:"source"`
	BaseDir string          `json:"base_dir"` // where relative paths start
}

// SnapshotResult is what one source gave at one time.
type SnapshotResult struct {
	Outcome
	Name     string         `json:"name"`
	Manifest artifact.Ref   `json:"manifest"` // Snapshot (JSON)
	Parts    []artifact.Ref `json:"parts"`    // Parquet
	Rows     int64          `json:"rows"`
}

func (r *SnapshotResult) outputs() metadata.Outputs {
	out := metadata.Outputs{"manifest": r.Manifest}
	for i, part := range r.Parts {
		out[fmt.Sprintf("part-%05d", i)] = part
	}
	return out
}

// Snapshot is the manifest of a snapshot.
type Snapshot struct {
	Source string          `json:"source"`
	Format string          `json:"format"`
	Files  []SourceFile    `json:"files"`
	Schema pipeline.Schema `json:"schema"`
	Rows   int64           `json:"rows"`
	Parts  []artifact.Ref  `json:"parts"`
}

// Collect looks at a source and copies it into the store as Parquet, unless the
// same bytes are there already.
func (a *Activities) Collect(ctx context.Context, p CollectParams) (*SnapshotResult, error) {
	look := step{run: p.Run, name: "collect", part: p.Name}
	var found *sourceFiles
	begun := time.Now()
	err := a.inScratch(ctx, look, func(ctx context.Context, dir string) (err error) {
		found, err = a.look(ctx, p.Source, p.BaseDir, a.ScratchDir)
		return err
	})
	if err != nil {
		return nil, a.fail(ctx, look, begun, err)
	}
	defer found.release()
	s := look
	s.version, s.params, s.inputs = 1, map[string]string{"format": p.Source.Format, "source": p.Name}, found.refs()
	res, err := perform(ctx, a, s, &SnapshotResult{Name: p.Name}, func(ctx context.Context, dir string, res *SnapshotResult) error {
		return a.snapshot(ctx, dir, p, found, res)
	})
	if err != nil {
		return nil, err
	}
	return res, a.recorded(ctx, s, a.DB.RecordSnapshot(ctx, metadata.Snapshot{
		Run: p.Run.ID, Source: p.Name, Artifact: res.Manifest, Checksum: found.checksum(), Files: found.metadata(), Rows: res.Rows, Taken: begun,
	}))
}

func (a *Activities) snapshot(ctx context.Context, dir string, p CollectParams, found *sourceFiles, res *SnapshotResult) error {
	e, err := a.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	source := table.Source{Paths: found.local(), Format: p.Source.Format}
	info := table.Info{}
	parts := source.Paths
	if p.Source.Format == "parquet" {
		// Parquet is taken as it is: the part's digest is then the file's own.
		info, err = e.Inspect(ctx, source)
	} else {
		parts = []string{filepath.Join(dir, "part.parquet")}
		info, err = e.Convert(ctx, source, parts[0])
	}
	if err != nil {
		return err
	}
	for _, part := range parts {
		ref, err := a.Store.PutFile(ctx, part, artifact.MediaTypeParquet)
		if err != nil {
			return err
		}
		res.Parts = append(res.Parts, ref)
	}
	res.Rows = info.Rows
	res.Figure = fmt.Sprintf("%s rows", count(info.Rows))
	res.Manifest, err = a.Store.PutJSON(ctx, Snapshot{
		Source: p.Name, Format: p.Source.Format, Files: found.Files, Schema: info.Schema, Rows: info.Rows, Parts: res.Parts,
	})
	return err
}
