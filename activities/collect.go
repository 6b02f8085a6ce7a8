package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/source"
	"github.com/esteira-ml/esteira/internal/table"
)

// CollectParams name a portion of a source's parts.
type CollectParams struct {
	SourceParams
	Look    LookResult   `json:"look"`
	Portion int          `json:"portion"`
	Texts   artifact.Ref `json:"texts,omitzero"` // []string (JSON): columns to be read as text
}

// CollectResult is what a portion gave.
type CollectResult struct {
	Outcome
	Records artifact.Ref `json:"records"` // []artifact.Ref (JSON): the records of its parts, in order
	Rows    int64        `json:"rows"`
}

// SourceFile is one part of a source as it was collected.
type SourceFile struct {
	Name   string `json:"name"` // relative to the pipeline file, or an address
	Digest string `json:"sha256"`
	Size   int64  `json:"size"`
	// Answer is the digest of what postgres.changed_by said, where it was asked.
	Answer string `json:"answer,omitempty"`
}

// record is what is kept of a part: where it came from, its rows as Parquet and
// how they are laid out.
type record struct {
	File      SourceFile   `json:"file"`
	Data      artifact.Ref `json:"data"`
	Layout    table.Info   `json:"layout"`
	Watermark string       `json:"watermark,omitempty"` // of an incremental source
}

// partResult is the cached result of one part.
type partResult struct {
	Outcome
	Record artifact.Ref `json:"record"` // record (JSON)
	Data   artifact.Ref `json:"data"`   // Parquet
	File   SourceFile   `json:"file"`
	Rows   int64        `json:"rows"`
}

func (r *partResult) outputs() metadata.Outputs {
	return metadata.Outputs{"record": r.Record, "data": r.Data}
}

// read names the bytes of the source: the way from a prediction back to a
// source's checksum starts here.
func (r *partResult) read() []artifact.Ref {
	return []artifact.Ref{source.Fetched{Digest: r.File.Digest, Size: r.File.Size}.Ref()}
}

// Collect copies a portion of a source into the store as Parquet, part by part.
// A part that is known by its identity, or by the digest of its bytes, comes
// from the cache.
func (a *Activities) Collect(ctx context.Context, p CollectParams) (*CollectResult, error) {
	s := step{run: p.Run, name: "collect", part: p.Name}
	if p.Look.Portions > 1 {
		s.part = fmt.Sprintf("%s/%05d", p.Name, p.Portion)
	}
	begun := time.Now()
	res := &CollectResult{}
	res.Cache = metadata.CacheHit
	err := a.inScratch(ctx, s, func(ctx context.Context, dir string) error { return a.collect(ctx, dir, s, p, res) })
	var done *stepError
	if errors.As(err, &done) {
		return nil, done.error
	}
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, nil
}

// stepError is an error that its step has told already.
type stepError struct{ error }

func (a *Activities) collect(ctx context.Context, dir string, s step, p CollectParams, res *CollectResult) error {
	from, err := a.open(p.SourceParams, p.Look.Position.Watermark)
	if err != nil {
		return err
	}
	var parts []source.Part
	if err := a.Store.JSON(ctx, p.Look.List, &parts); err != nil {
		return err
	}
	var texts []string
	if p.Texts.Digest != "" {
		if err := a.Store.JSON(ctx, p.Texts, &texts); err != nil {
			return err
		}
	}
	if len(p.AsText) > 0 {
		texts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(texts, p.AsText))))
	}
	first, end := portion(p.Portion, p.Look.Portions, len(parts))
	records := make([]artifact.Ref, 0, end-first)
	for i := first; i < end; i++ {
		own := s
		if end-first > 1 {
			own.part = fmt.Sprintf("%s/%05d", s.part, i)
		}
		c := collector{Activities: a, step: own, params: p, from: from, texts: texts, dir: filepath.Join(dir, fmt.Sprint(i))}
		got, err := c.part(ctx, parts[i])
		if err != nil {
			return err
		}
		records = append(records, got.Record)
		res.Rows += got.Rows
		if got.Cache != metadata.CacheHit {
			res.Cache, res.CacheReason = got.Cache, got.CacheReason
		}
	}
	res.Figure = count(res.Rows) + " rows"
	res.Records, err = a.Store.PutJSON(ctx, records)
	return err
}

// collector collects one part.
type collector struct {
	*Activities
	step   step
	params CollectParams
	from   source.Source
	texts  []string
	dir    string // of this part alone

	fetched *source.Fetched
}

func (c *collector) part(ctx context.Context, part source.Part) (*partResult, error) {
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(c.dir)
	part, err := c.from.Look(ctx, part)
	if err != nil {
		return nil, err
	}
	s := c.step
	s.version = 3
	params := map[string]any{"format": c.params.Source.Format, "csv": c.params.Source.CSV, "texts": c.texts, "identity": part.Identity}
	if c.params.Source.Incremental != nil {
		params["past"] = c.past()
	}
	if part.Identity == "" { // only its bytes say whether it is known
		if err := c.fetch(ctx, part); err != nil {
			return nil, err
		}
		params["columns"] = c.fetched.Columns
		s.inputs = []artifact.Ref{c.fetched.Ref()}
	}
	s.params = params
	res, err := perform(ctx, c.Activities, s, &partResult{}, func(ctx context.Context, dir string, res *partResult) error {
		if c.fetched == nil {
			if err := c.fetch(ctx, part); err != nil {
				return err
			}
		}
		return named(c.keep(ctx, dir, part, res), c.fetched.Path, part.Name)
	})
	if err != nil {
		return nil, &stepError{err}
	}
	return res, nil
}

func (c *collector) fetch(ctx context.Context, part source.Part) error {
	got, err := c.from.Fetch(ctx, part, c.dir)
	c.fetched = &got
	return err
}

// past is the watermark the rows must exceed. A source that applies it itself
// has no other rows.
func (c *collector) past() table.Past {
	p := table.Past{}
	if i := c.params.Source.Incremental; i != nil && c.params.Look.Position.Watermark != "" {
		p = table.Past{Column: i.Column, Value: c.params.Look.Position.Watermark}
	}
	return p
}

// keep writes the part's rows as Parquet and the record of it.
func (c *collector) keep(ctx context.Context, dir string, part source.Part, res *partResult) error {
	e, err := c.engine(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	incremental := c.params.Source.Incremental
	from := table.Source{
		Paths: []string{c.fetched.Path}, Format: c.fetched.Format, CSV: c.params.Source.CSV, Columns: c.fetched.Columns,
		Texts: c.texts, Past: c.past(), Sorted: c.fetched.Columns != nil || incremental != nil,
	}
	kept := record{File: SourceFile{Name: part.Name, Digest: c.fetched.Digest, Size: c.fetched.Size}}
	if p := c.params.Source.Postgres; p != nil && p.ChangedBy != "" {
		kept.File.Answer = part.Identity
	}
	path := c.fetched.Path
	if from.Format == "parquet" && incremental == nil {
		// Parquet is taken as it is: the part's digest is then the file's own.
		kept.Layout, err = e.Inspect(ctx, from)
	} else {
		path = filepath.Join(dir, "part.parquet")
		kept.Layout, err = e.Convert(ctx, from, path)
	}
	// A file that changed under the reader is told so, whatever it made of it.
	if changed := c.fetched.Check(ctx); changed != nil {
		return changed
	}
	if err != nil {
		return err
	}
	if incremental != nil {
		if kept.Watermark, err = e.Watermark(ctx, path, incremental.Column); err != nil {
			return err
		}
	}
	if kept.Data, err = c.Store.PutFile(ctx, path, artifact.MediaTypeParquet); err != nil {
		return err
	}
	if path == c.fetched.Path && kept.Data.Digest != kept.File.Digest {
		return fault.New(fault.SourceChanged, "%s changed while it was read", part.Name).WithRemedy("let nothing write to it while a run collects")
	}
	res.Data, res.File, res.Rows = kept.Data, kept.File, kept.Layout.Rows
	res.Figure = count(res.Rows) + " rows"
	res.Record, err = c.Store.PutJSON(ctx, kept)
	return err
}

// named puts the part's name where an error speaks of the local copy of it.
func named(err error, path, name string) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	told := *f
	told.Message = strings.ReplaceAll(f.Message, path, name)
	if place, ok := f.Details.(table.Place); ok {
		place.File, place.Reason = strings.ReplaceAll(place.File, path, name), strings.ReplaceAll(place.Reason, path, name)
		told.Details = place
	}
	return &told
}
