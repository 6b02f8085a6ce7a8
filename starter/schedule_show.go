package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
)

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
