package main

import (
	"context"
	"iter"
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
				entries, rows := []entry{}, [][]string{}
				for s, err := range pipelineSchedules(cmd.Context(), t) {
					if err != nil {
						return fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
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

// pipelineSchedules are the schedules of the namespace that start pipelines; an error is
// the last of them.
func pipelineSchedules(ctx context.Context, t client.Client) iter.Seq2[*client.ScheduleListEntry, error] {
	return func(yield func(*client.ScheduleListEntry, error) bool) {
		listed, err := t.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
		for err == nil && listed.HasNext() {
			var s *client.ScheduleListEntry
			if s, err = listed.Next(); err == nil && s.WorkflowType.Name == pipelineWorkflow && !yield(s, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func pausedOr(paused bool, other string) string {
	if paused {
		return "paused"
	}
	return other
}
