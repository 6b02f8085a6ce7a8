package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/model"
)

// checkpointEvery is how often a long fit is saved: seldom enough to cost nothing,
// often enough that a killed worker loses only this much.
const checkpointEvery = 2 * time.Second

// maxCheckpoint bounds what is saved of a fit under way.
const maxCheckpoint = 256 << 20

func fitPhase(done, of int) string { return fmt.Sprintf("fit, %d of %d", done, of) }

// pulse is what the heartbeats of one activity say besides that it is alive.
type pulse struct {
	mu         sync.Mutex
	phase      string
	checkpoint *checkpoint
}

// checkpoint is where a fit under way was saved. An activity may make several fits.
type checkpoint struct {
	Of  string       `json:"of"` // the step's label
	Ref artifact.Ref `json:"ref"`
}

type pulseKey struct{}

// pulseOf is the pulse of the activity whose context this is.
func pulseOf(ctx context.Context) *pulse {
	if p, ok := ctx.Value(pulseKey{}).(*pulse); ok {
		return p
	}
	return &pulse{}
}

func (p *pulse) set(phase string, saved *checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase = phase; saved != nil {
		p.checkpoint = saved
	}
}

func (p *pulse) get() (phase string, saved *checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phase, p.checkpoint
}

// earlier is where an earlier attempt of the activity had come to, nil if this is
// the first or none was saved.
func earlier(ctx context.Context) *checkpoint {
	var last progress
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &last) != nil {
		return nil
	}
	return last.Checkpoint
}

// watch follows a fit: heartbeats tell how far it is and name its last checkpoint,
// from which an attempt after this one goes on. A checkpoint that is gone or cannot
// be read is a fit from the beginning, no failure.
func (a *Activities) watch(ctx context.Context, s step) *model.Watch {
	p := pulseOf(ctx)
	w := &model.Watch{}
	if saved := earlier(ctx); saved != nil && saved.Of == s.label() {
		body, err := a.Store.Bytes(ctx, saved.Ref, maxCheckpoint)
		if err == nil {
			w.Resume = body
			a.logger(ctx, s).Info().Str("checkpoint", saved.Ref.Short()).Msg("resumed")
		} else {
			a.logger(ctx, s).Warn().Err(err).Msg("the checkpoint cannot be read: fitted from the beginning")
		}
	}
	saved := time.Now()
	w.Step = func(done, of int, save func() ([]byte, error)) {
		p.set(fitPhase(done, of), nil)
		if time.Since(saved) < checkpointEvery || ctx.Err() != nil {
			return
		}
		saved = time.Now()
		body, err := save()
		if err != nil || len(body) > maxCheckpoint {
			return // worth going on without
		}
		if ref, err := a.Store.PutBytes(ctx, body, artifact.MediaTypeCheckpoint); err == nil {
			p.set(fitPhase(done, of), &checkpoint{Of: s.label(), Ref: ref})
		}
	}
	return w
}
