package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/source"
)

// SourceParams name one source of a run.
type SourceParams struct {
	Run     Run             `json:"run"`
	Name    string          `json:"name"`
	Source  pipeline.Source `json:"source"`
	BaseDir string          `json:"base_dir"` // where relative paths start
	// AsText are columns of CSV files to be read as text whatever their values,
	// because whoever asks knows them to be.
	AsText []string `json:"as_text,omitempty"`
}

// LookResult is what there is to collect.
type LookResult struct {
	List     artifact.Ref `json:"list"` // []source.Part (JSON)
	Parts    int          `json:"parts"`
	Portions int          `json:"portions"` // activities that collect them
	// Position is where an incremental source starts; zero for any other.
	Position metadata.Position `json:"position,omitzero"`
}

// maxPortions bounds the activities of one source: a history is finite, a bucket
// is not. Few parts are a portion each; more are dealt evenly, in order.
const maxPortions = 256

// Look lists the parts of a source. A source is always looked at again.
func (a *Activities) Look(ctx context.Context, p SourceParams) (*LookResult, error) {
	s := step{run: p.Run, name: "collect", part: p.Name + "/look"}
	begun := time.Now()
	res := &LookResult{}
	err := a.inScratch(ctx, s, func(ctx context.Context, _ string) error { return a.look(ctx, p, res) })
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, nil
}

func (a *Activities) look(ctx context.Context, p SourceParams, res *LookResult) error {
	if p.Source.Incremental != nil {
		definition, err := definitionOf(p.Source)
		if err != nil {
			return err
		}
		fresh := slices.Contains(p.Run.Refresh, "collect")
		if res.Position, err = a.DB.SourcePosition(ctx, p.Run.Pipeline, p.Name, definition, fresh); err != nil {
			return err
		}
	}
	from, err := a.open(p, "")
	if err != nil {
		return err
	}
	parts, err := from.List(ctx)
	if err != nil {
		return err
	}
	res.Parts, res.Portions = len(parts), min(len(parts), maxPortions)
	res.List, err = a.Store.PutJSON(ctx, parts)
	return err
}

// open opens the source; past is the watermark of an incremental one.
func (a *Activities) open(p SourceParams, past string) (source.Source, error) {
	o := source.Options{AllowPrivate: a.AllowPrivateAddresses, BaseDir: p.BaseDir, DB: a.DB, Dirs: a.SourceDirs, Store: a.Store}
	if p.Source.Incremental != nil {
		o.Past = source.Past{Column: p.Source.Incremental.Column, Value: past}
	}
	return source.Open(p.Source, o)
}

// definitionOf is the digest of what a source collects: another one makes what
// was collected before worthless.
func definitionOf(s pipeline.Source) (string, error) {
	b, err := artifact.Canonical(s)
	if err != nil {
		return "", fmt.Errorf("encode source: %w", err)
	}
	return artifact.DigestOf(b), nil
}

// portion returns the bounds of the i-th of n portions of all parts.
func portion(i, n, all int) (from, to int) { return i * all / n, (i + 1) * all / n }
