package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// shownSchedule is what show prints.
type shownSchedule struct {
	Schedule string       `json:"schedule"`
	Paused   bool         `json:"paused"`
	Note     string       `json:"note,omitempty"`
	TimeZone string       `json:"time_zone"`
	Jitter   string       `json:"jitter,omitempty"`
	Held     string       `json:"held,omitempty"` // who paused the pipeline's retraining, which holds its schedule too
	Skipped  int          `json:"skipped"`        // the run before still went
	Missed   int          `json:"missed"`         // past the catch-up window
	Next     []time.Time  `json:"next"`
	Recent   []startedRun `json:"recent"` // the last starts, those by hand and for moments of the past among them
	Passed   []occurrence `json:"passed"` // the last moments, and what became of them
}

type startedRun struct {
	Moment time.Time `json:"moment"`
	Run    string    `json:"run"`
}

func (a *app) scheduleShow() *cobra.Command {
	var last int
	c := &cobra.Command{
		Use: "show PIPELINE", Short: "Show a schedule: its next starts, its last moments and what became of them",
		Long: "show holds the moments of the last thirty days, since the schedule was last changed, against the runs\n" +
			"that there are. A moment without a run was skipped, because the run before still went, or missed, because\n" +
			"Temporal was away for longer than the catch-up window or the schedule was paused; backfill makes up for it.\n" +
			"A run that came while retraining was paused (esteira retrain pause, or failures in a row) ended as paused.",
		Example: "  esteira schedule show flights", Args: exactly("PIPELINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 1 || last > maxMoments {
				return usage("--last %d makes no sense", last).WithRemedy("write 1 to %d", maxMoments)
			}
			return a.withTemporal(cmd.Context(), func(_ config.Config, t client.Client) error {
				s, err := describedSchedule(cmd.Context(), t, args[0], last)
				if err != nil {
					return noSchedule(err, args[0])
				}
				return a.print(s, func() { a.printSchedule(s) })
			})
		},
	}
	c.Flags().IntVar(&last, "last", 10, "at most so many moments that have passed, the latest")
	return c
}

func describedSchedule(ctx context.Context, t client.Client, name string, last int) (shownSchedule, error) {
	d, err := t.ScheduleClient().GetHandle(ctx, name).Describe(ctx)
	if err != nil {
		return shownSchedule{}, err
	}
	s := shownSchedule{
		Schedule: name, Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note, TimeZone: d.Schedule.Spec.TimeZoneName,
		Skipped: d.Info.NumActionsSkippedOverlap, Missed: d.Info.NumActionsMissedCatchupWindow, Next: notNil(d.Info.NextActionTimes), Recent: []startedRun{},
	}
	if j := d.Schedule.Spec.Jitter; j > 0 {
		s.Jitter = j.String()
	}
	if s.Held, err = temporal.RetrainingPaused(ctx, t, name); err != nil {
		return s, err
	}
	for _, r := range d.Info.RecentActions {
		if r.StartWorkflowResult != nil {
			s.Recent = append(s.Recent, startedRun{r.ScheduleTime, r.StartWorkflowResult.WorkflowID})
		}
	}
	s.Passed, err = occurrences(ctx, t, name, d, time.Now(), last)
	return s, err
}

func (a *app) printSchedule(s shownSchedule) {
	held := ""
	if s.Held != "" {
		held = "paused by " + s.Held + "; until esteira retrain resume " + s.Schedule + " runs end as paused"
	}
	a.facts("schedule", s.Schedule, "state", pausedOr(s.Paused, "active"), "note", s.Note, "retraining", held, "time zone", s.TimeZone, "jitter", s.Jitter,
		"skipped", fmt.Sprint(s.Skipped), "missed", fmt.Sprint(s.Missed))
	rows := [][]string{}
	for _, at := range s.Next[:min(5, len(s.Next))] {
		rows = append(rows, []string{moment(at)})
	}
	a.table("NEXT", rows)
	rows = nil
	for _, o := range s.Passed {
		rows = append(rows, []string{moment(o.Moment), o.Outcome, o.Run})
	}
	a.table("FOR OUTCOME RUN", rows)
	rows = nil
	for _, r := range s.Recent {
		rows = append(rows, []string{moment(r.Moment), r.Run})
	}
	a.table("STARTED RUN", rows)
	if n, first, last := without(s.Passed); n > 0 {
		a.say("\n%s without a run. Make up for it: esteira schedule backfill %s --from %s --to %s", plural(n, "moment"), s.Schedule, first.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))
	}
}
