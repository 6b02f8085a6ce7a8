package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// unknownAttempts bounds the retries of an error nobody typed: it may pass (a
// full disk, a lost connection), but not by being tried for a day.
const unknownAttempts = 5

// sourceAttempts bounds the retries of a source that does not answer or does not
// hold still, some ten minutes in all: unlike the servers the product itself
// stands on, it may be a wrong address.
const sourceAttempts = 15

// fail records the failed step and returns err as Temporal should see it.
func (a *Activities) fail(ctx context.Context, s step, begun time.Time, err error) error {
	// A context also ends when the worker stops; that is no cancellation of the
	// run, and another worker takes the step up.
	if ctx.Err() != nil && temporal.IsCanceledError(context.Cause(ctx)) {
		a.record(ctx, s, metadata.Step{State: metadata.StepCancelled, Started: begun})
		return temporal.NewCanceledError("step " + s.label() + " was cancelled")
	}
	a.logger(ctx, s).Error().Err(err).Str("kind", string(fault.KindOf(err))).Dur("elapsed", time.Since(begun)).Msg("step failed")
	a.record(ctx, s, metadata.Step{State: metadata.StepFailed, Started: begun, ErrorKind: string(fault.KindOf(err)), ErrorMessage: err.Error()})
	return applicationError(ctx, err)
}

// record writes the row of a step that did not complete. The row is for people;
// when the database is what failed, the error itself in Temporal's history must
// do. A rollout that somebody started belongs to no run, and has no row.
func (a *Activities) record(ctx context.Context, s step, row metadata.Step) {
	if s.run.ID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	finished := time.Now()
	row.Run, row.Step, row.Attempt, row.Cache, row.Finished = s.run.ID, s.label(), attempt(ctx), metadata.CacheOff, &finished
	if err := a.DB.RecordStep(ctx, row); err != nil {
		a.logger(ctx, s).Warn().Err(err).Msg("the step's row could not be written")
	}
}

// applicationError gives err the stable type, the details and the retry
// behaviour of its kind.
func applicationError(ctx context.Context, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		if activity.IsActivity(ctx) && attempt(ctx) >= unknownAttempts {
			return temporal.NewNonRetryableApplicationError(err.Error(), string(fault.Internal), nil)
		}
		return temporal.NewApplicationError(err.Error(), string(fault.Internal))
	}
	details := map[string]any{"message": f.Message, "remedy": f.Remedy}
	if f.Details != nil {
		details["details"] = f.Details
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(f.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: !fault.Retryable(f.Kind) || exhausted(ctx, f.Kind),
		Details:      []any{details},
	})
}

func exhausted(ctx context.Context, kind fault.Kind) bool {
	return (kind == fault.SourceUnavailable || kind == fault.SourceChanged) && activity.IsActivity(ctx) && attempt(ctx) >= sourceAttempts
}

// recorded is how a step ends after its rows were written: nil, or err as
// Temporal should see it. A retry finds the step in the cache and only writes
// the rows again.
func (a *Activities) recorded(ctx context.Context, s step, err error) error {
	if err == nil {
		return nil
	}
	return a.fail(ctx, s, time.Now(), err)
}
