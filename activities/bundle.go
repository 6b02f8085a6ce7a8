package activities

import (
	"context"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
)

// bundle opens a bundle that is signed as this worker asks for.
func (a *Activities) bundle(ctx context.Context, ref artifact.Ref) (*bundle.Bundle, error) {
	body, err := a.Store.Bytes(ctx, ref, artifact.MaxJSON)
	if err != nil {
		return nil, err
	}
	trust, err := a.Trust()
	if err != nil {
		return nil, err
	}
	return bundle.OpenTrusted(body, trust)
}
