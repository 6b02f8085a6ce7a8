package serving

import (
	"context"
	"path/filepath"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/signing"
)

// Alone is a prediction server of one bundle, which knows neither a metadata store nor
// an artifact store.
type Alone struct {
	*Server
	spool *audit.Spool
}

// NewAlone loads a bundle from its bytes as a server does, warm-up included, to answer
// for one endpoint; state and audit records are kept in dir. Close it. Errors are those
// of loading.
func NewAlone(ctx context.Context, dir, endpoint string, bundle []byte, trust signing.Trust) (*Alone, error) {
	state, err := OpenState(filepath.Join(dir, "state"))
	if err != nil {
		return nil, err
	}
	ref := artifact.Ref{Digest: artifact.DigestOf(bundle), Size: int64(len(bundle)), MediaType: artifact.MediaTypeBundle}
	table := NewTable()
	watcher := NewWatcher(WatcherOptions{State: state, Table: table, Loader: &BundleLoader{
		State: state, Trust: func() (signing.Trust, error) { return trust, nil },
		Open: func(context.Context) (Store, error) { return one{ref, bundle}, nil },
	}})
	if err := watcher.load(ctx, metadata.Revision{Endpoint: endpoint, Revision: 1, ModelName: endpoint, ModelVersion: 1, Bundle: ref}); err != nil {
		return nil, err
	}
	spool, err := audit.Open(audit.Options{Dir: filepath.Join(dir, "spool")})
	if err != nil {
		return nil, err
	}
	server, err := New(Options{Audit: spool, Table: table, Version: "alone"})
	if err != nil {
		_ = spool.Close()
		return nil, err
	}
	return &Alone{Server: server, spool: spool}, nil
}

// Close syncs the audit records; requests are to be over.
func (a *Alone) Close() error { return a.spool.Close() }

// one is a store of one artifact.
type one struct {
	ref  artifact.Ref
	data []byte
}

func (o one) Bytes(_ context.Context, ref artifact.Ref, limit int64) ([]byte, error) {
	if ref.Digest != o.ref.Digest || int64(len(o.data)) > limit {
		return nil, fault.New(fault.ArtifactMissing, "there is no artifact %s but the bundle", ref.Short())
	}
	return o.data, nil
}
