package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// pausedWithAll ends the note of a schedule that was paused with all of them, by which
// resume --all knows it.
const pausedWithAll = " (paused with --all)"

// order is what pause --all or resume --all did to one schedule.
type order struct {
	Schedule string `json:"schedule"`
	Done     string `json:"done"` // paused, resumed, left paused, left active
	Note     string `json:"note,omitempty"`
}

// retrainingSchedules hands f those schedules that start the pipelines of this
// installation, as they are now: in the namespace there are others', and Esteira's own
// for monitors and the audit export.
func retrainingSchedules(ctx context.Context, cfg config.Config, t client.Client, f func(client.ScheduleHandle, client.Schedule) error) error {
	away := func(err error, what string) error {
		return fault.Wrap(err, fault.TemporalUnavailable, "%s", what).WithRemedy("check that Temporal runs: esteira doctor; what is done stays done, and the command can be run again")
	}
	for s, err := range pipelineSchedules(ctx, t) {
		if err != nil {
			return away(err, "list schedules")
		}
		h := t.ScheduleClient().GetHandle(ctx, s.ID)
		d, err := h.Describe(ctx) // the list is a moment late
		if errors.As(err, new(*serviceerror.NotFound)) {
			continue // deleted meanwhile
		}
		if err != nil {
			return away(err, "look at schedule "+s.ID)
		}
		if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); !ok || action.TaskQueue != temporal.QueuesOf(cfg.TaskQueue).Workflow {
			continue
		}
		if err := f(h, d.Schedule); err != nil {
			return away(err, "change schedule "+s.ID)
		}
	}
	return nil
}

// pauseAll pauses what is not paused yet, whose note would be lost.
func (a *app) pauseAll(ctx context.Context, note string) error {
	return a.orderAll(ctx, func(h client.ScheduleHandle, s client.Schedule) (order, error) {
		if s.State.Paused {
			return order{h.GetID(), "left paused", s.State.Note}, nil
		}
		note := note + pausedWithAll
		return order{h.GetID(), "paused", note}, h.Pause(ctx, client.SchedulePauseOptions{Note: note})
	})
}

// resumeAll resumes what pauseAll paused: who paused one schedule had a reason of its own.
func (a *app) resumeAll(ctx context.Context, note string) error {
	return a.orderAll(ctx, func(h client.ScheduleHandle, s client.Schedule) (order, error) {
		switch {
		case !s.State.Paused:
			return order{h.GetID(), "left active", s.State.Note}, nil
		case !strings.HasSuffix(s.State.Note, pausedWithAll):
			return order{h.GetID(), "left paused", s.State.Note}, nil
		}
		return order{h.GetID(), "resumed", note}, h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
}

func (a *app) orderAll(ctx context.Context, f func(client.ScheduleHandle, client.Schedule) (order, error)) error {
	return a.withTemporal(ctx, func(cfg config.Config, t client.Client) error {
		done := []order{}
		failed := retrainingSchedules(ctx, cfg, t, func(h client.ScheduleHandle, s client.Schedule) error {
			o, err := f(h, s)
			if err == nil {
				done = append(done, o)
			}
			return err
		})
		slices.SortFunc(done, func(a, b order) int { return strings.Compare(a.Schedule, b.Schedule) })
		table := func() {
			rows := [][]string{}
			for _, o := range done {
				rows = append(rows, []string{o.Schedule, o.Done, o.Note})
			}
			a.rows([]string{"SCHEDULE", "DONE", "NOTE"}, rows)
		}
		if failed == nil {
			return a.print(done, table)
		}
		if a.output == "table" {
			table() // what is done stays done
		}
		return failed
	})
}
