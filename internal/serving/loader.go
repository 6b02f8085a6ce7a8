package serving

import (
	"context"
	"encoding/json"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/signing"
)

// maxBundle bounds a bundle in memory, in bytes.
const maxBundle = 1 << 30

// Store is where bundles come from; *artifact.Store is one.
type Store interface {
	Bytes(ctx context.Context, ref artifact.Ref, limit int64) ([]byte, error)
}

// BundleLoader loads bundles from local disk, else from the artifact store.
type BundleLoader struct {
	State *State
	// Open connects to the store when it is first needed, and again as long as it
	// fails, so that a server starts without it.
	Open func(ctx context.Context) (Store, error)
	// Trust says whose signature a bundle needs, at each load. Default: nobody's.
	Trust func() (signing.Trust, error)
}

var _ Loader = (*BundleLoader)(nil)

// Load implements Loader. What is on local disk is used only if it has the digest, and
// nothing that is not signed as it must be.
func (l *BundleLoader) Load(ctx context.Context, ref artifact.Ref) (*Model, error) {
	var trust signing.Trust
	if l.Trust != nil {
		var err error
		if trust, err = l.Trust(); err != nil {
			return nil, err
		}
	}
	data, err := l.State.bundle(ref.Digest)
	if err != nil || artifact.DigestOf(data) != ref.Digest {
		store, err := l.Open(ctx)
		if err != nil {
			return nil, err
		}
		if data, err = store.Bytes(ctx, ref, maxBundle); err != nil {
			return nil, err
		}
		if err := l.State.keepBundle(ref.Digest, data); err != nil {
			return nil, fault.Wrap(err, fault.ResourceExhausted, "keep the bundle on local disk").WithRemedy("free space in ESTEIRA_CACHE_DIR")
		}
	}
	b, err := bundle.OpenTrusted(data, trust)
	if err != nil {
		return nil, err
	}
	p, err := b.Predictor()
	if err != nil {
		return nil, err
	}
	if err := b.VerifyGolden(p); err != nil {
		return nil, err
	}
	m := &Model{Signature: b.Signature, Predictor: p, Golden: make([]Golden, len(b.Golden))}
	for i, g := range b.Golden {
		record, err := json.Marshal(g.Record)
		if err != nil {
			return nil, fault.Wrap(err, fault.BundleInvalid, "golden row %d", i)
		}
		m.Golden[i] = Golden{Record: record, Answers: g.Outputs}
	}
	return m, nil
}
