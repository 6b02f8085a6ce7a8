package activities

import (
	"context"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/window"
)

// Bounds of the training rows that windows are told from.
const (
	trainingRows    = 5000 // of one model version, spread evenly over its training split
	trainingSamples = 16   // model versions whose rows are kept
)

// trainingCache keeps the samples that were used last, by the split they are of.
type trainingCache struct {
	mu    sync.Mutex
	order []string // the one used last at the end
	rows  map[string]*frame.Frame
}

func (c *trainingCache) get(split string) *frame.Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.rows[split]
	if f != nil {
		c.used(split)
	}
	return f
}

func (c *trainingCache) put(split string, f *frame.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows = map[string]*frame.Frame{}
	}
	c.rows[split] = f
	if c.used(split); len(c.order) > trainingSamples {
		delete(c.rows, c.order[0])
		c.order = c.order[1:]
	}
}

func (c *trainingCache) used(split string) {
	c.order = append(slices.DeleteFunc(c.order, func(s string) bool { return s == split }), split)
}

// training returns some of the rows that a model version has learned from, or why there
// are none: the model was imported, or its split is no longer kept.
func (a *Activities) training(ctx context.Context, m window.Model) (rows *frame.Frame, why string, err error) {
	split := m.Bundle.Lineage.Splits["train"]
	if split == "" {
		return nil, "the bundle does not say what it learned from", nil
	}
	if f := a.samples.get(split); f != nil {
		return f, "", nil
	}
	var columns []string
	for _, in := range m.Bundle.Signature.Inputs {
		columns = append(columns, in.Name)
	}
	f, err := a.sampled(ctx, split, columns)
	if kind := fault.KindOf(err); err != nil && !fault.Retryable(kind) {
		return nil, err.Error(), ctx.Err()
	}
	if err != nil {
		return nil, "", err
	}
	a.samples.put(split, f)
	return f, "", nil
}

func (a *Activities) sampled(ctx context.Context, digest string, columns []string) (f *frame.Frame, err error) {
	ref, err := a.Store.Stat(ctx, digest)
	if err != nil {
		return nil, err
	}
	err = a.onFile(ctx, a.ScratchDir, ref, func(e *table.Engine, path string) (err error) {
		f, _, err = e.ReadSome(ctx, path, columns, trainingRows)
		return err
	})
	return f, err
}

// errorsKept bounds the summaries before a window in which a change of the error is
// looked for: a week of hours.
const errorsKept = 168

// errorsBefore reads the errors of the labelled answers of a model version before a
// window.
func (a *Activities) errorsBefore(ctx context.Context, p ComputeWindowParams, m window.Model) ([]*drift.Errors, error) {
	list, err := a.DB.ErrorsBefore(ctx, p.Endpoint, m.Name, m.Version, p.Due.Begins, errorsKept)
	if err != nil {
		return nil, err
	}
	out := make([]*drift.Errors, len(list))
	for i, data := range list {
		if out[i], err = drift.DecodeErrors(data); err != nil {
			return nil, err
		}
	}
	return out, nil
}
