package source

import (
	"context"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Part is what a source is collected by: a file, an object, an answer, the rows
// of a query.
type Part struct {
	Name     string `json:"name"`     // as people read it: relative to the pipeline file, or an address
	Location string `json:"location"` // as Fetch opens it
	// Identity stands for the bytes: the same identity, the same bytes. Empty
	// where only reading them can tell.
	Identity string `json:"identity,omitempty"`
	Size     int64  `json:"size"` // as listed; -1 if nobody knows before
}

// Fetched is a part at hand.
type Fetched struct {
	Path    string          // local; plain: not compressed, UTF-8 where it is text
	Format  string          // "parquet", "csv" or "json"
	Digest  string          // hex SHA-256 of the bytes as they came
	Size    int64           // of the bytes as they came
	Columns pipeline.Schema // names and types where the source knows them, in order; else nil
	// Check proves that the part is still what was fetched; it is asked after the
	// last byte of Path was read. SourceChanged if it is not.
	Check func(ctx context.Context) error
}

// Past is the watermark of an incremental source: only rows whose column is
// greater count. The zero value takes all.
type Past struct {
	Column string
	Value  string // as text, empty: nothing was collected before
}

// Source is one source of a pipeline.
type Source interface {
	// List looks at the source and returns its parts in order of their names.
	// SourceNotFound if there is none.
	List(ctx context.Context) ([]Part, error)
	// Look returns the part as it is now, its identity with it.
	Look(ctx context.Context, part Part) (Part, error)
	// Fetch brings a part to a file in dir, a directory of the caller's that
	// holds nothing else.
	Fetch(ctx context.Context, part Part, dir string) (Fetched, error)
}

// Options are what sources stand on.
type Options struct {
	// AllowPrivate lets HTTP and Postgres sources reach loopback, private and
	// link-local addresses. Default: they are refused.
	AllowPrivate bool
	// BaseDir is where relative paths start.
	BaseDir string
	DB      *metadata.DB    // predictions
	Store   *artifact.Store // s3
	// Dirs are the directories below which files may be read, wherever links lead.
	// Default: any file the worker may read.
	Dirs []string
	// Past is applied by the sources that can ask for less (postgres); for the
	// others the caller drops the rows. Predictions are always read whole.
	Past Past
	// Retry is the wait before the second attempt of a request that failed in a
	// way that may pass; it doubles. Default: 500 ms.
	Retry time.Duration
}

// Open returns the source that s describes. It looks at nothing yet.
func Open(s pipeline.Source, o Options) (Source, error) {
	if o.Retry == 0 {
		o.Retry = 500 * time.Millisecond
	}
	plain := unpacker{format: s.Format}
	if s.CSV != nil {
		plain.encoding = s.CSV.Encoding
	}
	switch s.Kind() {
	case "file":
		return &files{pattern: s.Path, base: o.BaseDir, dirs: o.Dirs, unpacker: plain}, nil
	case "s3":
		return &objects{pattern: s.Path, store: o.Store, unpacker: plain}, nil
	case "http":
		return &address{url: s.Path, client: newClient(o.AllowPrivate), wait: o.Retry, unpacker: plain}, nil
	case "postgres":
		return &query{Postgres: *s.Postgres, past: o.Past, private: o.AllowPrivate}, nil
	case "predictions":
		return &predictions{Predictions: *s.Predictions, db: o.DB}, nil
	}
	return nil, fault.New(fault.PipelineInvalid, "%q is not a kind of source", s.Kind())
}

// PushesDown reports whether the source itself leaves out the rows that Past
// excludes.
func PushesDown(s pipeline.Source) bool { return s.Kind() == "postgres" }

// changed is the fault of a part that is not what it was.
func changed(name, before, after string) error {
	return fault.New(fault.SourceChanged, "%s changed while it was read: %s before, %s after", name, before, after).
		WithRemedy("let nothing write to it while a run collects; write a new file and rename it instead")
}

const octets = "application/octet-stream"

// Ref names the fetched bytes as an input of a step. They are not in the store:
// the way from a prediction back to its sources ends at their checksum.
func (f Fetched) Ref() artifact.Ref {
	return artifact.Ref{Digest: f.Digest, Size: f.Size, MediaType: octets}
}
