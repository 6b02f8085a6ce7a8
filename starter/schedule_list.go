package main

import (
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

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
