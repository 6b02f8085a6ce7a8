package main

import (
	"context"

	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// retrain asks the workflow that decides about a pipeline's retraining for a run.
func (p *program) retrain(ctx context.Context, pipeline, key, reason string) (serving.Asked, error) {
	c, err := p.temporal(ctx)
	if err != nil {
		return serving.Asked{}, err
	}
	var o temporal.RetrainOutcome
	err = temporal.UpdateRetraining(ctx, c, pipeline, temporal.UpdateTrigger, temporal.RetrainTrigger{Kind: "http", Key: key, Reason: reason}, &o)
	return serving.Asked(o), err
}

// temporal connects when a run is asked for first, and again as long as it fails:
// predictions need no Temporal.
func (p *program) temporal(ctx context.Context) (client.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		c, err := temporal.Dial(ctx, p.cfg, p.log)
		if err != nil {
			return nil, err
		}
		p.client = c
	}
	return p.client, nil
}
