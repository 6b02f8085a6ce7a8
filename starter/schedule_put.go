package main

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// putSchedule makes a Temporal Schedule what o says; state is "created" or "updated".
// One that is paused stays so when it is updated, with the note that says why.
func putSchedule(ctx context.Context, t client.Client, o client.ScheduleOptions) (state string, err error) {
	schedules := t.ScheduleClient()
	_, err = schedules.Create(ctx, o)
	state = "created"
	if errors.Is(err, sdk.ErrScheduleAlreadyRunning) {
		state = "updated"
		err = schedules.GetHandle(ctx, o.ID).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := in.Description.Schedule
				schedule.Spec, schedule.Action = &o.Spec, o.Action
				schedule.Policy = &client.SchedulePolicies{Overlap: o.Overlap, CatchupWindow: o.CatchupWindow, PauseOnFailure: o.PauseOnFailure}
				schedule.State.Paused = schedule.State.Paused || o.Paused
				if !schedule.State.Paused && o.Note != "" {
					schedule.State.Note = o.Note
				}
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
	}
	if err != nil {
		return "", fault.Wrap(err, fault.TemporalUnavailable, "create schedule %s", o.ID).WithRemedy("check Temporal and its search attributes: esteira doctor")
	}
	return state, nil
}

// overlaps are Temporal's words for schedule.overlap.
var overlaps = map[string]enumspb.ScheduleOverlapPolicy{
	"": enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, "skip": enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
	"buffer_one": enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, "buffer_all": enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
	"cancel_other": enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
}

// pipelineSchedule is the schedule of a pipeline's runs.
func pipelineSchedule(cfg config.Config, l launch, s pipeline.Schedule, paused bool) client.ScheduleOptions {
	id := l.file.pipeline.Name
	span := func(text string) time.Duration { d, _ := pipeline.ParseDuration(text); return d } // empty, or checked
	spec := client.ScheduleSpec{TimeZoneName: s.TimeZone, Jitter: span(s.Jitter)}
	if local := s.Local(); local != nil {
		spec.CronExpressions = local
	} else if s.Every != "" {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: span(s.Every), Offset: span(s.Offset)}}
	} else {
		spec.CronExpressions = []string{s.Cron}
	}
	return client.ScheduleOptions{
		ID: id, Spec: spec, Note: "created from " + l.file.path, Paused: paused,
		Overlap: overlaps[s.Overlap], CatchupWindow: s.CatchUpOf(), PauseOnFailure: s.Pauses(),
		TypedSearchAttributes: sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(id)),
		Action: &client.ScheduleWorkflowAction{
			ID:                    id + "/run/scheduled", // Temporal adds the moment
			Workflow:              pipelineWorkflow,
			Args:                  []any{l.input()},
			TaskQueue:             temporal.QueuesOf(cfg.TaskQueue).Workflow,
			StaticSummary:         l.summary(),
			StaticDetails:         l.details(),
			TypedSearchAttributes: l.attributes(),
			Memo:                  map[string]any{momentsMemo: momentsOf(s)},
		},
	}
}
