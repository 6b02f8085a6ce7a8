package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
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
	c.Flags().StringVar(&s.Every, "every", "", "instead of --cron: a duration such as 6h; in a --time-zone one that divides a day")
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
	if s.Local() != nil {
		return fmt.Sprintf("every %s, counted from %s after midnight (%s)", s.Every, cmp.Or(s.Offset, "0s"), s.TimeZone)
	}
	if s.Offset != "" {
		return fmt.Sprintf("every %s, %s after", s.Every, s.Offset)
	}
	return "every " + s.Every
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
