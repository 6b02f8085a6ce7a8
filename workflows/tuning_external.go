package workflows

import (
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

const (
	// silence is how long a trainer elsewhere may go without a heartbeat.
	silence = 30 * time.Second
	// externalAttempts bounds how often a fit is begun: a trainer that was killed
	// deserves another, one that always dies does not.
	externalAttempts = 3
)

// external has a trainer elsewhere fit a trial: the rows are written for it, it is
// asked, and what it sends is examined by accept, which fills result. A trainer that
// fails, or never answers, is an outcome of the trial. What it sent is removed
// whatever happens.
func (t *tuner) external(ctx workflow.Context, p activities.FitParams, summary string, accept, result any) error {
	ours := func(what string) workflow.Context {
		return workflow.WithActivityOptions(ctx, activityOptions(t.queues.Train, long, summary+": "+what))
	}
	var fit activities.ExternalFit
	if err := workflow.ExecuteActivity(ours("write its rows"), a.PrepareExternal, p).Get(ctx, &fit); err != nil {
		return err
	}
	done := activities.AcceptParams{FitParams: p, Fit: fit}
	done.Fit.Request = nil
	if !fit.Hit {
		defer t.discard(ctx, fit.Staged, fit.Report)
		var err error
		if done.Response, done.Failed, err = ask(ctx, *p.Trial.External, *fit.Request, summary); err != nil {
			return err
		}
	}
	return workflow.ExecuteActivity(ours("examine and score its model"), accept, done).Get(ctx, result)
}

// ask has the trainer's activity answer. Its failure is told apart from ours: an
// error is the end of the search.
func ask(ctx workflow.Context, e pipeline.External, request external.Request, summary string) (*external.Response, string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              e.Queue,
		StartToCloseTimeout:    e.Within(),
		ScheduleToCloseTimeout: e.Within(),
		HeartbeatTimeout:       silence,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: externalAttempts},
	})
	var response external.Response
	err := workflow.ExecuteActivity(ctx, e.Activity, request).Get(ctx, &response)
	if temporal.IsCanceledError(err) || ctx.Err() != nil {
		return nil, "", err
	}
	if err == nil {
		err = response.Check()
	}
	if err != nil {
		return nil, external.Clip(trainerReason(err, e)), nil
	}
	return &response, "", nil
}

// trainerReason says why a trainer has not answered.
func trainerReason(err error, e pipeline.External) string {
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch {
	case errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_HEARTBEAT:
		return fmt.Sprintf("it fell silent: no heartbeat within %s, %d times", silence, externalAttempts)
	case errors.As(err, &timeout):
		return fmt.Sprintf("it has not answered within %s; does a worker poll task queue %s, and is external.timeout long enough?", e.Within(), e.Queue)
	case errors.As(err, &application):
		return application.Message()
	}
	return err.Error()
}

// discard removes what a trainer sent, also when the search is cancelled.
func (t *tuner) discard(ctx workflow.Context, staged ...artifact.Staged) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	ctx = workflow.WithActivityOptions(ctx, activityOptions(t.queues.Train, short, "remove what the trainer sent"))
	if err := workflow.ExecuteActivity(ctx, a.DiscardExternal, activities.DiscardParams{Run: t.in.Run, Staged: staged}).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("what a trainer sent stays in the store", "object", staged[0].Key, "error", err)
	}
}

// withoutFailed leaves out the fits that a trainer elsewhere could not make on all
// training rows, though it could on the folds.
func (t *tuner) withoutFailed(best []tuning.Scored, fitted []activities.FittedResult) ([]tuning.Scored, []activities.FittedResult, error) {
	var good []activities.FittedResult
	var scored []tuning.Scored
	learned := false
	for i, f := range fitted {
		if f.Failed != "" {
			if t.failure == "" {
				t.failure = f.Failed
			}
			continue
		}
		learned = learned || f.Trial.Kind != "baseline"
		good, scored = append(good, f), append(scored, best[i])
	}
	if !learned {
		err := fault.New(fault.TrainingFailed, "no trial could be fitted on all training rows").WithRemedy("look at the trainer's log")
		return nil, nil, typed(t.explain(err))
	}
	return scored, good, nil
}

// joins reports whether a fit may be a member of an ensemble: all members read the
// same features.
func joins(f activities.FittedResult) bool {
	return f.Trial.Kind != "baseline" && f.Trial.External == nil
}

// members is how many fits an ensemble would have.
func members(fitted []activities.FittedResult) int {
	n := 0
	for _, f := range fitted {
		if joins(f) {
			n++
		}
	}
	return n
}
