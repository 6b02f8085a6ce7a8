package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func (a *app) scheduleCommand() *cobra.Command {
	return group("schedule", "Retrain on a schedule: create, list, show, pause, resume, trigger, backfill, delete",
		a.scheduleCreate(), a.scheduleList(), a.scheduleShow(), a.schedulePause(), a.scheduleResume(), a.scheduleTrigger(), a.scheduleBackfill(), a.scheduleDelete())
}

func (a *app) scheduleCreate() *cobra.Command {
	var l launch
	var sources []string
	var s pipeline.Schedule
	var paused bool
	c := &cobra.Command{
		Use:   "create FILE",
		Short: "Create or update the schedule of a pipeline",
		Long: "create makes a Temporal Schedule named after the pipeline, from retrain.schedule of the file or from\n" +
			"flags. Unless the file says otherwise a start is skipped while the run before still goes, starts missed\n" +
			"while Temporal was away are made up for within an hour, and a failed run pauses the schedule. Creating\n" +
			"it again updates it. esteira apply does this with everything else a file asks for.",
		Example: "  esteira schedule create examples/flights/flights.yaml\n  esteira schedule create flights.yaml --cron '0 3 * * 1' --time-zone America/Sao_Paulo",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if l.file, err = readFile(args[0], sources); err != nil {
				return err
			}
			l.trigger = "schedule"
			if s, err = scheduleOf(l.file, s); err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				return a.createSchedule(cmd.Context(), cfg, t, l, s, paused)
			})
		},
	}
	c.Flags().StringVar(&s.Cron, "cron", "", "five fields, or @hourly, @daily, @weekly; default: the file's")
	c.Flags().StringVar(&s.Every, "every", "", "instead of --cron: a duration such as 6h")
	c.Flags().StringVar(&s.TimeZone, "time-zone", "", "IANA name; default: the file's, else UTC")
	c.Flags().StringVar(&s.Jitter, "jitter", "", "spread starts by up to this much, such as 5m")
	c.Flags().BoolVar(&paused, "paused", false, "create it paused")
	c.Flags().StringArrayVar(&sources, "source", nil, "read a source from elsewhere: NAME=PATH (repeatable)")
	return c
}

// scheduleOf is the file's schedule overlaid by flags, checked.
func scheduleOf(f file, flags pipeline.Schedule) (pipeline.Schedule, error) {
	var s pipeline.Schedule
	if given := f.pipeline.Retrain.Schedule; given != nil {
		s = *given
	}
	switch { // one way to give moments replaces the other
	case flags.Cron != "" && flags.Every == "":
		s.Every, s.Offset = "", ""
	case flags.Every != "" && flags.Cron == "":
		s.Cron = ""
	}
	for _, field := range []struct{ to, from *string }{{&s.Cron, &flags.Cron}, {&s.Every, &flags.Every}, {&s.TimeZone, &flags.TimeZone}, {&s.Jitter, &flags.Jitter}} {
		if *field.from != "" {
			*field.to = *field.from
		}
	}
	if s.TimeZone == "" {
		s.TimeZone = "UTC"
	}
	if s.Cron == "" && s.Every == "" {
		return s, usage("%s has no schedule", f.path).WithRemedy("give --cron '0 3 * * 1', or write retrain: {schedule: {cron: …}} in the file")
	}
	if wrong := s.Mistakes(); len(wrong) > 0 {
		return s, usage("%s %s", strings.TrimPrefix(wrong[0].Path, "schedule."), wrong[0].Message).WithRemedy("%s", wrong[0].Remedy)
	}
	return s, nil
}

func (a *app) createSchedule(ctx context.Context, cfg config.Config, t client.Client, l launch, s pipeline.Schedule, paused bool) error {
	state, err := putSchedule(ctx, t, pipelineSchedule(cfg, l, s, paused))
	if err != nil {
		return err
	}
	id := l.file.pipeline.Name
	return a.print(map[string]any{"schedule": id, "state": state, "cron": s.Cron, "every": s.Every, "time_zone": s.TimeZone, "paused": paused}, func() {
		a.say("Schedule %s %s: %s.", id, state, momentsOf(s))
		a.say("See it: esteira schedule show %s", id)
	})
}

// momentsOf are the moments of a schedule as people read them.
func momentsOf(s pipeline.Schedule) string {
	if s.Every == "" {
		return fmt.Sprintf("%s (%s)", s.Cron, s.TimeZone)
	}
	if s.Offset != "" {
		return fmt.Sprintf("every %s, %s after", s.Every, s.Offset)
	}
	return "every " + s.Every
}

func (a *app) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List schedules with their next start", Example: "  esteira schedule list", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withTemporal(cmd.Context(), func(_ config.Config, t client.Client) error {
				type entry struct {
					Schedule string     `json:"schedule"`
					Paused   bool       `json:"paused"`
					Next     *time.Time `json:"next,omitempty"`
					Last     *time.Time `json:"last,omitempty"`
					Note     string     `json:"note,omitempty"`
				}
				listed, err := t.ScheduleClient().List(cmd.Context(), client.ScheduleListOptions{PageSize: 100})
				if err != nil {
					return fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
				}
				entries, rows := []entry{}, [][]string{}
				for listed.HasNext() {
					s, err := listed.Next()
					if err != nil {
						return fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
					}
					if s.WorkflowType.Name != pipelineWorkflow {
						continue
					}
					e := entry{Schedule: s.ID, Paused: s.Paused, Note: s.Note}
					if len(s.NextActionTimes) > 0 {
						e.Next = &s.NextActionTimes[0]
					}
					if n := len(s.RecentActions); n > 0 {
						e.Last = &s.RecentActions[n-1].ActualTime
					}
					entries = append(entries, e)
					rows = append(rows, []string{s.ID, pausedOr(s.Paused, "active"), momentOf(e.Next), momentOf(e.Last), s.Note})
				}
				return a.print(entries, func() { a.rows([]string{"SCHEDULE", "STATE", "NEXT", "LAST", "NOTE"}, rows) })
			})
		},
	}
}

func pausedOr(paused bool, other string) string {
	if paused {
		return "paused"
	}
	return other
}

func (a *app) scheduleShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PIPELINE", Short: "Show a schedule: its next starts and its last runs", Example: "  esteira schedule show flights", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSchedule(cmd.Context(), args[0], func(h client.ScheduleHandle) error {
				d, err := h.Describe(cmd.Context())
				if err != nil {
					return noSchedule(err, args[0])
				}
				type start struct {
					Moment time.Time `json:"moment"`
					Run    string    `json:"run"`
				}
				shown := struct {
					Schedule string      `json:"schedule"`
					Paused   bool        `json:"paused"`
					Note     string      `json:"note,omitempty"`
					TimeZone string      `json:"time_zone"`
					Jitter   string      `json:"jitter,omitempty"`
					Skipped  int         `json:"skipped"` // the run before still went
					Missed   int         `json:"missed"`  // past the catch-up window
					Next     []time.Time `json:"next"`
					Recent   []start     `json:"recent"`
				}{args[0], d.Schedule.State.Paused, d.Schedule.State.Note, d.Schedule.Spec.TimeZoneName, "", d.Info.NumActionsSkippedOverlap, d.Info.NumActionsMissedCatchupWindow, notNil(d.Info.NextActionTimes), []start{}}
				if j := d.Schedule.Spec.Jitter; j > 0 {
					shown.Jitter = j.String()
				}
				for _, r := range d.Info.RecentActions {
					if r.StartWorkflowResult != nil {
						shown.Recent = append(shown.Recent, start{r.ScheduleTime, r.StartWorkflowResult.WorkflowID})
					}
				}
				return a.print(shown, func() {
					a.facts("schedule", args[0], "state", pausedOr(shown.Paused, "active"), "note", shown.Note, "time zone", shown.TimeZone, "jitter", shown.Jitter,
						"skipped", fmt.Sprint(shown.Skipped), "missed", fmt.Sprint(shown.Missed))
					rows := [][]string{}
					for _, at := range shown.Next[:min(5, len(shown.Next))] {
						rows = append(rows, []string{moment(at)})
					}
					a.table("NEXT", rows)
					rows = nil
					for _, r := range shown.Recent {
						rows = append(rows, []string{moment(r.Moment), r.Run})
					}
					a.table("FOR RUN", rows)
				})
			})
		},
	}
}

// withSchedule gives f the handle of a pipeline's schedule.
func (a *app) withSchedule(ctx context.Context, name string, f func(client.ScheduleHandle) error) error {
	return a.withTemporal(ctx, func(_ config.Config, t client.Client) error {
		return noSchedule(f(t.ScheduleClient().GetHandle(ctx, name)), name)
	})
}

func noSchedule(err error, name string) error {
	return missing(err, "list them: esteira schedule list", "pipeline %s has no schedule", name)
}

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
