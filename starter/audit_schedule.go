package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// auditExportWorkflow is the name the export is registered by.
const auditExportWorkflow = "AuditExport"

func (a *app) auditSchedule() *cobra.Command {
	var s pipeline.Schedule
	var retain int
	c := &cobra.Command{
		Use:   "schedule",
		Short: "Export the audit log daily, by a Temporal Schedule",
		Long: "schedule makes or updates the Temporal Schedule audit-export of this task queue's prefix, which does on a worker of\n" +
			"the role data what esteira audit export does here. A failed export is tried again for a day and pauses nothing:\n" +
			"the next one does what is left.",
		Example: "  esteira audit schedule --retain 90\n  esteira audit schedule --cron '30 2 * * *' --time-zone America/Sao_Paulo",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if retain < 0 {
				return usage("--retain %d is not a number of days", retain).WithRemedy("write 1 or more, or 0 to keep all in Postgres")
			}
			if wrong := s.Mistakes(); len(wrong) > 0 {
				return usage("%s", wrong[0].Message).WithRemedy("%s", wrong[0].Remedy)
			}
			return a.withTemporal(cmd.Context(), func(cfg config.Config, t client.Client) error {
				id, state, err := scheduleExport(cmd.Context(), cfg, t, s, retain)
				if err != nil {
					return err
				}
				return a.print(map[string]any{"schedule": id, "state": state, "cron": s.Cron, "time_zone": s.TimeZone, "retain": retain}, func() {
					a.say("Schedule %s %s: %s (%s).", id, state, s.Cron, s.TimeZone)
				})
			})
		},
	}
	c.Flags().StringVar(&s.Cron, "cron", "15 0 * * *", "five fields, or @daily")
	c.Flags().StringVar(&s.TimeZone, "time-zone", "UTC", "IANA name")
	c.Flags().IntVar(&retain, "retain", 0, "drop days that began more than so many days ago from Postgres; 0: keep all")
	return c
}

func scheduleExport(ctx context.Context, cfg config.Config, t client.Client, s pipeline.Schedule, retain int) (id, state string, err error) {
	id = cfg.TaskQueue + "/audit-export"
	state, err = putSchedule(ctx, t, client.ScheduleOptions{
		ID: id, Spec: client.ScheduleSpec{CronExpressions: []string{s.Cron}, TimeZoneName: s.TimeZone},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: s.CatchUpOf(),
		Action: &client.ScheduleWorkflowAction{
			ID: id, Workflow: auditExportWorkflow, Args: []any{activities.AuditExportParams{Retain: retain}},
			TaskQueue: temporal.QueuesOf(cfg.TaskQueue).Workflow, StaticSummary: "export the audit log",
			StaticDetails: fmt.Sprintf("Days that are over leave for the object store; Postgres keeps %d days (0: all).", retain),
		},
	})
	return id, state, err
}
