package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
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
	c := &cobra.Command{Use: "pause PIPELINE", Short: "Pause a schedule, or all of them; a pause lasts until it is resumed",
		Long: "pause --all pauses the schedules that start pipelines of this installation, and leaves those\n" +
			"that are paused already with their note. Monitors and the audit export go on, and so do the schedules of\n" +
			"others in the namespace; runs that alerts, labels or people ask for are held by esteira retrain pause.",
		Example: "  esteira schedule pause flights --note 'source is being moved'\n  esteira schedule pause --all --note 'maintenance'"}
	c.Flags().StringVar(&note, "note", "paused with esteira schedule pause", "why, shown with the schedule")
	a.change(c, "paused", func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: note})
	})
	return oneOrAll(c, "the schedule of every pipeline", func(ctx context.Context) error { return a.pauseAll(ctx, note) })
}

// oneOrAll lets a command about one pipeline be about all of them, by a flag --all.
func oneOrAll(c *cobra.Command, usage string, f func(context.Context) error) *cobra.Command {
	all, one := c.Flags().Bool("all", false, usage), c.RunE
	c.Args = nil
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *all && len(args) == 0 {
			return f(cmd.Context())
		}
		if err := exactly("PIPELINE")(cmd, args); err != nil {
			return err
		}
		return one(cmd, args)
	}
	return c
}

func (a *app) scheduleResume() *cobra.Command {
	var note string
	c := &cobra.Command{Use: "resume PIPELINE", Short: "Resume a paused schedule, or all that pause --all paused",
		Long: "resume --all resumes the schedules that pause --all paused, and leaves those that somebody paused one by one,\n" +
			"or that a failed run did; it says which.",
		Example: "  esteira schedule resume flights\n  esteira schedule resume --all"}
	c.Flags().StringVar(&note, "note", "resumed with esteira schedule resume", "why, shown with the schedule")
	a.change(c, "resumed", func(ctx context.Context, h client.ScheduleHandle) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
	return oneOrAll(c, "every schedule that pause --all paused", func(ctx context.Context) error { return a.resumeAll(ctx, note) })
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
