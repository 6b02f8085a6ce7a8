package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// SnapshotParams name what the portions of a source gave.
type SnapshotParams struct {
	SourceParams
	Look    LookResult     `json:"look"`
	Records []artifact.Ref `json:"records"` // of CollectResult, in order of portions
	// Settled says that the columns that mixed types were read as text already.
	Settled bool `json:"settled,omitempty"`
}

// SnapshotResult is what one source gave at one time, or what must be done
// before there is one.
type SnapshotResult struct {
	Outcome
	Name     string       `json:"name"`
	Manifest artifact.Ref `json:"manifest"` // Snapshot (JSON)
	Rows     int64        `json:"rows"`

	// Recast are portions to collect again with the columns Texts read as text:
	// the values of different parts have no other type in common.
	Recast []int        `json:"recast,omitempty"`
	Texts  artifact.Ref `json:"texts,omitzero"` // []string (JSON)
	// Stale: another run appended to the source meanwhile; look at it again.
	Stale bool `json:"stale,omitempty"`
}

func (r *SnapshotResult) outputs() metadata.Outputs {
	return metadata.Outputs{"manifest": r.Manifest}
}

// Snapshot is the manifest of a snapshot.
type Snapshot struct {
	Source   string            `json:"source"`
	Kind     string            `json:"kind"` // file, s3, http, postgres, predictions
	Files    []SourceFile      `json:"files"`
	Checksum string            `json:"checksum"` // over the digests of all files
	Size     int64             `json:"size"`     // of all files, bytes
	Rows     int64             `json:"rows"`
	Schema   pipeline.Schema   `json:"schema"`
	Parts    []SnapshotPart    `json:"parts"`
	Layouts  []pipeline.Schema `json:"layouts"` // of the parts; each once
}

// SnapshotPart is one Parquet part.
type SnapshotPart struct {
	Data   artifact.Ref `json:"data"`
	Rows   int64        `json:"rows"`
	Layout int          `json:"layout"` // index of its columns
}

// Snapshot makes one table of the parts of a source. For an incremental source
// it first appends them to those collected before: parts and watermark in one
// transaction, once per run, however often it is tried.
func (a *Activities) Snapshot(ctx context.Context, p SnapshotParams) (*SnapshotResult, error) {
	s := step{run: p.Run, name: "collect", part: p.Name + "/snapshot", version: 2}
	begun := time.Now()
	res := &SnapshotResult{Name: p.Name}
	var manifest Snapshot
	err := a.assemble(ctx, p, &manifest, res)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	if len(res.Recast) > 0 || res.Stale {
		return res, nil
	}
	s.params = manifest // whose names may differ while the bytes do not
	for _, part := range manifest.Parts {
		s.inputs = append(s.inputs, part.Data)
	}
	res, err = perform(ctx, a, s, res, func(ctx context.Context, _ string, res *SnapshotResult) (err error) {
		res.Rows, res.Figure = manifest.Rows, count(manifest.Rows)+" rows"
		if n := len(manifest.Files); n > 1 {
			res.Figure += fmt.Sprintf(" of %s parts", count(int64(n)))
		}
		res.Manifest, err = a.Store.PutJSON(ctx, manifest)
		return err
	})
	if err != nil {
		return nil, err
	}
	files := make([]metadata.SourceFile, len(manifest.Files))
	for i, f := range manifest.Files {
		files[i] = metadata.SourceFile{Path: f.Name, Checksum: f.Digest, Size: f.Size}
	}
	return res, a.recorded(ctx, s, a.DB.RecordSnapshot(ctx, metadata.Snapshot{
		Run: p.Run.ID, Source: p.Name, Artifact: res.Manifest, Checksum: manifest.Checksum, Files: files, Rows: res.Rows, Taken: begun,
	}))
}

// assemble fills the manifest, or res where there is something to do first.
func (a *Activities) assemble(ctx context.Context, p SnapshotParams, m *Snapshot, res *SnapshotResult) error {
	refs, records, portions, err := a.records(ctx, p.Records)
	if err != nil {
		return err
	}
	if p.Source.Format == "csv" && !p.Settled {
		if again, err := a.recast(ctx, records, portions, res); err != nil || again {
			return err
		}
	}
	if p.Source.Incremental != nil {
		if refs, err = a.append(ctx, p, refs, records, res); err != nil || res.Stale {
			return err
		}
		if records, err = a.recordsOf(ctx, refs); err != nil {
			return err
		}
	}
	m.Source, m.Kind = p.Name, p.Source.Kind()
	m.fill(records)
	return nil
}

// records reads the records of all portions, and which portion each is of.
func (a *Activities) records(ctx context.Context, lists []artifact.Ref) (refs []artifact.Ref, records []record, portions []int, err error) {
	for i, list := range lists {
		var some []artifact.Ref
		if err := a.Store.JSON(ctx, list, &some); err != nil {
			return nil, nil, nil, err
		}
		refs = append(refs, some...)
		for range some {
			portions = append(portions, i)
		}
	}
	records, err = a.recordsOf(ctx, refs)
	return refs, records, portions, err
}

func (a *Activities) recordsOf(ctx context.Context, refs []artifact.Ref) ([]record, error) {
	records := make([]record, len(refs))
	for i, ref := range refs {
		if err := a.Store.JSON(ctx, ref, &records[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// recast finds the columns whose values are text in one part and something else
// in another: 007 read as a number has lost what it was.
func (a *Activities) recast(ctx context.Context, records []record, portions []int, res *SnapshotResult) (again bool, err error) {
	_, mixed := table.Unify(layoutsOf(records))
	if len(mixed) == 0 {
		return false, nil
	}
	for i, r := range records {
		for _, name := range mixed {
			c := r.Layout.Schema.Column(name)
			if c != nil && c.SQL != "VARCHAR" && !slices.Contains(res.Recast, portions[i]) {
				res.Recast = append(res.Recast, portions[i])
			}
		}
	}
	if len(res.Recast) == 0 {
		return false, nil
	}
	res.Texts, err = a.Store.PutJSON(ctx, mixed)
	return true, err
}

func layoutsOf(records []record) []table.Info {
	out := make([]table.Info, len(records))
	for i, r := range records {
		out[i] = r.Layout
	}
	return out
}

// append commits the new parts and returns the records of all.
func (a *Activities) append(ctx context.Context, p SnapshotParams, refs []artifact.Ref, records []record, res *SnapshotResult) ([]artifact.Ref, error) {
	definition, err := definitionOf(p.Source)
	if err != nil {
		return nil, err
	}
	in := metadata.Increment{Pipeline: p.Run.Pipeline, Source: p.Name, Definition: definition, From: p.Look.Position, Run: p.Run.ID}
	var marks []string
	for i, r := range records {
		// A part without rows is kept only where nothing else tells the columns.
		if r.Layout.Rows == 0 && (p.Look.Position.Ordinal > 0 || len(in.Records) > 0) {
			continue
		}
		in.Records = append(in.Records, refs[i])
		in.Rows += r.Layout.Rows
		if r.Watermark != "" {
			marks = append(marks, r.Watermark)
		}
	}
	if in.Watermark, err = table.Latest(marks); err != nil {
		return nil, err
	}
	all, ok, err := a.DB.AppendIncrement(ctx, in)
	res.Stale = !ok
	return all, err
}

func (m *Snapshot) fill(records []record) {
	m.Schema, _ = table.Unify(layoutsOf(records))
	var digests strings.Builder
	for _, r := range records {
		m.Files = append(m.Files, r.File)
		m.Size += r.File.Size
		digests.WriteString(r.File.Digest)
		at := slices.IndexFunc(m.Layouts, func(l pipeline.Schema) bool { return slices.Equal(l, r.Layout.Schema) })
		if at < 0 {
			at = len(m.Layouts)
			m.Layouts = append(m.Layouts, r.Layout.Schema)
		}
		m.Rows += r.Layout.Rows
		m.Parts = append(m.Parts, SnapshotPart{Data: r.Data, Rows: r.Layout.Rows, Layout: at})
	}
	m.Checksum = artifact.DigestOf([]byte(digests.String()))
}

// table lays the parts out for the engine; path gives the file of each.
func (m *Snapshot) table(path func(artifact.Ref) (string, error)) (table.Table, error) {
	t := table.Table{Schema: m.Schema}
	for i, part := range m.Parts {
		file, err := path(part.Data)
		if err != nil {
			return t, err
		}
		if i == 0 || part.Layout != m.Parts[i-1].Layout {
			t.Groups = append(t.Groups, table.Group{Schema: m.Layouts[part.Layout]})
		}
		last := &t.Groups[len(t.Groups)-1]
		last.Paths = append(last.Paths, file)
	}
	return t, nil
}
