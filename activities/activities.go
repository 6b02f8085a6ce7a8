package activities

import (
	"context"
	"os"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/signing"
	"github.com/esteira-ml/esteira/internal/table"
)

// Options are what the steps stand on. DB, Log and Store are required.
type Options struct {
	DB    *metadata.DB
	Log   zerolog.Logger
	Store *artifact.Store

	// AllowPrivateAddresses lets HTTP and Postgres sources reach loopback, private and
	// link-local addresses. Default: they are refused.
	AllowPrivateAddresses bool
	// ArtifactURL is where a browser finds artifacts by digest: the prediction
	// server's address. Default: none, and details show digests alone.
	ArtifactURL string
	// FitMemory bounds the bytes of the rows kept ready for fits beyond those that
	// learn from them now. Default: those that were used last are kept, whatever they
	// take.
	FitMemory int64
	// ScratchDir holds a directory of each worker process with the working files
	// of its running steps. Default: the system's temporary directory.
	ScratchDir string
	// SigningKey is a reference (env:NAME, file:PATH) to the key that bundles are signed
	// with. Default: they are not signed.
	SigningKey string
	// SourceDirs are the directories below which source files may be read.
	// Default: any.
	SourceDirs []string
	// Table bounds the memory and threads of each table engine.
	Table table.Options
	// Trust says whose signature a bundle needs to be opened. Default: nobody's.
	Trust func() (signing.Trust, error)
}

// Activities are the steps of a run, methods so that they share connections.
type Activities struct {
	Options
	frames   frameCache
	prepared preparedCache
	samples  trainingCache
	lock     *os.File // of ScratchDir, held as long as the process lives

	maxDescribed int // feature.MaxDescribed
}

// New checks options and returns the activities.
func New(o Options) (*Activities, error) {
	if o.DB == nil || o.Store == nil {
		return nil, fault.New(fault.ConfigInvalid, "activities need a database and a store")
	}
	if o.ScratchDir == "" {
		o.ScratchDir = os.TempDir()
	}
	if o.Trust == nil {
		o.Trust = func() (signing.Trust, error) { return signing.Trust{}, nil }
	}
	dir, lock, err := ownScratch(o.ScratchDir)
	if err != nil {
		return nil, scratchFault(err, o.ScratchDir)
	}
	o.ScratchDir = dir
	a := &Activities{Options: o, lock: lock, maxDescribed: feature.MaxDescribed}
	a.prepared.limit = o.FitMemory
	return a, nil
}

func (a *Activities) logger(ctx context.Context, s step) *zerolog.Logger {
	l := a.Log.With().Str("run", s.run.ID).Str("step", s.label()).Int("attempt", attempt(ctx)).Str("activity", activity.GetInfo(ctx).ActivityID).Logger()
	return &l
}

// engine opens a table engine that spills into dir.
func (a *Activities) engine(dir string) (*table.Engine, error) {
	o := a.Table
	o.TempDir = dir
	return table.Open(o)
}
