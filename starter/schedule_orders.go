package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// change makes a command that does one thing to a schedule and says so.
func (a *app) change(c *cobra.Command, done string, f func(context.Context, client.ScheduleHandle) error) *cobra.Command {
	c.Args = exactly("PIPELINE")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withSchedule(cmd.Context(), args[0], func(h client.ScheduleHandle) error {
			if err := f(cmd.Context(), h); err != nil {
				return err
			}
			return a.print(map[string]string{"schedule": args[0], "state": done}, func() { a.say("Schedule %s: %s.", args[0], done) })
		})
	}
	return c
}

func (a *app) schedulePause() *cobra.Command {
	var note string
	var all bool
	c := &cobra.Command{Use: "pause PIPELINE", Short: "Pause a schedule, or all of them; a pause lasts until it is resumed",
		Example: "  esteira schedule pause flights --note 'source is being moved'\n  esteira schedule pause --all --note 'maintenance'"}
	c.Flags().StringVar(&note, "note", "paused with esteira schedule pause", "why, shown with the schedule")
	c.Flags().BoolVar(&all, "all", false, "every schedule of every pipeline")
	pause := func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: note})
	}
	a.change(c, "paused", pause)
	one := c.RunE
	c.Args = nil
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if all && len(args) == 0 {
			return a.pauseAll(cmd.Context(), pause)
		}
		if err := exactly("PIPELINE")(cmd, args); err != nil {
			return err
		}
		return one(cmd, args)
	}
	return c
}

// pauseAll pauses what is not paused yet, whose note would be lost.
func (a *app) pauseAll(ctx context.Context, pause func(context.Context, client.ScheduleHandle) error) error {
	return a.withTemporal(ctx, func(_ config.Config, t client.Client) error {
		listed, err := t.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
		if err != nil {
			return fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
		}
		paused := []string{}
		for listed.HasNext() {
			s, err := listed.Next()
			if err != nil {
				return fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
			}
			if s.Paused {
				continue
			}
			if err := pause(ctx, t.ScheduleClient().GetHandle(ctx, s.ID)); err != nil {
				return fault.Wrap(err, fault.TemporalUnavailable, "pause schedule %s", s.ID)
			}
			paused = append(paused, s.ID)
		}
		return a.print(map[string]any{"paused": paused}, func() {
			a.say("Paused %s: %s", plural(len(paused), "schedule"), strings.Join(paused, ", "))
		})
	})
}

func (a *app) scheduleResume() *cobra.Command {
	var note string
	c := &cobra.Command{Use: "resume PIPELINE", Short: "Resume a paused schedule", Example: "  esteira schedule resume flights"}
	c.Flags().StringVar(&note, "note", "resumed with esteira schedule resume", "why, shown with the schedule")
	return a.change(c, "resumed", func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
}

func (a *app) scheduleTrigger() *cobra.Command {
	c := &cobra.Command{Use: "trigger PIPELINE", Short: "Start a run of the schedule now", Example: "  esteira schedule trigger flights"}
	return a.change(c, "triggered", func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Trigger(ctx, client.ScheduleTriggerOptions{})
	})
}

func (a *app) scheduleBackfill() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "backfill PIPELINE", Short: "Run for every moment of the schedule in a past interval, one after another",
		Example: "  esteira schedule backfill flights --from 2026-11-01 --to 2026-11-22",
	}
	c.Flags().StringVar(&from, "from", "", "first moment, RFC 3339 or a date")
	c.Flags().StringVar(&to, "to", "", "last moment, RFC 3339 or a date")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("to")
	return a.change(c, "backfilling", func(ctx context.Context, h client.ScheduleHandle) error {
		start, err := parseMoment("--from", from)
		if err != nil {
			return err
		}
		end, err := parseMoment("--to", to)
		if err != nil {
			return err
		}
		if !start.Before(end) {
			return usage("--from %s is not before --to %s", from, to).WithRemedy("name the earlier moment first")
		}
		d, err := h.Describe(ctx)
		if err != nil {
			return err
		}
		// Temporal leaves the first moment out and takes the last in, and it asks
		// after the jitter: the last moment itself may be late by all of it.
		return h.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{
			{Start: start.Add(-time.Millisecond), End: end.Add(d.Schedule.Spec.Jitter), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL},
		}})
	})
}

func (a *app) scheduleDelete() *cobra.Command {
	c := &cobra.Command{Use: "delete PIPELINE", Short: "Delete a schedule; its runs stay", Example: "  esteira schedule delete flights"}
	return a.change(c, "deleted", func(ctx context.Context, h client.ScheduleHandle) error { return h.Delete(ctx) })
}
