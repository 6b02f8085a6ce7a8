package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
)

// outcomer is implemented by the results of activities that tell an Outcome.
type outcomer interface{ Told() activities.Outcome }

// execute runs one activity as the named step of the line.
func execute[R any, P any](ctx workflow.Context, l *line, step, queue string, t timeouts, summary string, activity any, params P) (R, error) {
	var res R
	err := l.track(ctx, step, func() (activities.Outcome, error) {
		err := call(ctx, queue, t, summary, &res, activity, params)
		told, _ := any(&res).(outcomer)
		if err != nil || told == nil {
			return activities.Outcome{}, err
		}
		return told.Told(), nil
	})
	return res, err
}

// call runs one activity that is part of a step.
func call[P any](ctx workflow.Context, queue string, t timeouts, summary string, res any, activity any, params P) error {
	ctx = workflow.WithActivityOptions(ctx, activityOptions(queue, t, summary))
	return workflow.ExecuteActivity(ctx, activity, params).Get(ctx, res)
}

// track runs f as the named step: its row, the step attribute and the current
// details follow it.
func (l *line) track(ctx workflow.Context, name string, f func() (activities.Outcome, error)) error {
	row := l.row(name)
	row.State, row.begun = "running", workflow.Now(ctx)
	l.render(ctx)
	if err := l.upsert(ctx, stepAttribute.ValueSet(name)); err != nil {
		return err
	}
	told, err := f()
	row.finished = workflow.Now(ctx)
	row.Figure, row.Cache = told.Figure, string(told.Cache)
	switch {
	case err == nil:
		row.State = "completed"
	case temporal.IsCanceledError(err):
		row.State = "cancelled"
	default:
		row.State, row.Error = "failed", reasonOf(err)
	}
	l.render(ctx)
	return err
}

// row is the row of a step.
func (l *line) row(name string) *stepRow {
	return &l.steps[slices.IndexFunc(l.steps, func(row stepRow) bool { return row.Name == name })]
}

func (l *line) skipPending() {
	for i := range l.steps {
		if l.steps[i].State == "pending" {
			l.steps[i].State = "skipped"
		}
	}
}

func (l *line) status(ctx workflow.Context) Status {
	s := Status{Pipeline: l.in.Pipeline.Name, Decision: l.result.Decision, Reason: l.result.Reason}
	for _, row := range l.steps {
		row.Seconds = row.seconds(workflow.Now(ctx))
		s.Steps = append(s.Steps, row.StepStatus)
	}
	return s
}

func (r *stepRow) seconds(now time.Time) float64 {
	switch {
	case r.begun.IsZero():
		return 0
	case r.finished.IsZero():
		return now.Sub(r.begun).Seconds()
	default:
		return r.finished.Sub(r.begun).Seconds()
	}
}
