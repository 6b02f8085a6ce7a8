package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// put makes a paused schedule of every minute whose runs end as the trigger says.
func put(t *testing.T, c client.Client, queue, trigger string, s pipeline.Schedule) client.ScheduleHandle {
	t.Helper()
	l := launchOf(t, testenv.Name(t))
	l.trigger = trigger
	_, err := putSchedule(t.Context(), c, pipelineSchedule(config.Config{TaskQueue: queue}, l, s, true))
	require.NoError(t, err)
	h := c.ScheduleClient().GetHandle(t.Context(), l.file.pipeline.Name)
	t.Cleanup(func() {
		if d, err := h.Describe(context.Background()); err == nil {
			for _, r := range d.Info.RunningWorkflows {
				_ = c.TerminateWorkflow(context.Background(), r.WorkflowID, "", "the test is over")
			}
		}
		_ = h.Delete(context.Background())
	})
	return h
}

// comes has the moments of an interval come at once, as if it were then.
func comes(t *testing.T, h client.ScheduleHandle, from, to time.Time) {
	t.Helper()
	require.NoError(t, h.Backfill(t.Context(), client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: from.Add(-time.Millisecond), End: to}}}))
}

// What schedule.overlap does with two moments that come while a run goes, and once that
// ends.
func TestAScheduleKeepsItsOverlapPolicy(t *testing.T) {
	place := isolated(t)
	startLine(t, place)
	c := testenv.Temporal(t)
	first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for overlap, want := range map[string]struct {
		goes    string // minute of the run that goes at last
		skipped int
		after   string // minutes of those begun after the first has ended
	}{
		"skip": {"0", 2, ""}, "buffer_one": {"0", 1, "1"}, "buffer_all": {"0", 0, "1 2"}, "cancel_other": {"2", 0, ""},
	} {
		t.Run(overlap, func(t *testing.T) {
			h := put(t, c, place.TaskQueue, "endless", pipeline.Schedule{Every: "1m", TimeZone: "UTC", Overlap: overlap})
			run := h.GetID() + "/run/scheduled-2026-03-01T00:0%:00Z"
			at := func(minute string) string { return strings.Replace(run, "%", minute, 1) }
			goes := func(minute string, skipped int) {
				t.Helper()
				require.Eventually(t, func() bool {
					d, err := h.Describe(t.Context())
					require.NoError(t, err)
					return len(d.Info.RunningWorkflows) == 1 && d.Info.RunningWorkflows[0].WorkflowID == at(minute) && d.Info.NumActionsSkippedOverlap == skipped
				}, time.Minute, 50*time.Millisecond)
			}
			comes(t, h, first, first)
			goes("0", 0)
			comes(t, h, first.Add(time.Minute), first.Add(2*time.Minute))
			goes(want.goes, want.skipped)
			going := want.goes
			for _, minute := range strings.Fields(want.after) {
				require.NoError(t, c.CancelWorkflow(t.Context(), at(going), ""))
				goes(minute, want.skipped)
				going = minute
			}
			if overlap == "cancel_other" {
				d, err := c.DescribeWorkflowExecution(t.Context(), at("0"), "")
				require.NoError(t, err)
				require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, d.GetWorkflowExecutionInfo().GetStatus())
			}
		})
	}
}

// A failed run pauses its schedule, unless the file says otherwise.
func TestAFailedRunPausesItsSchedule(t *testing.T) {
	place := isolated(t)
	startLine(t, place)
	c := testenv.Temporal(t)
	never := false
	for name, pauses := range map[string]*bool{"default": nil, "never": &never} {
		t.Run(name, func(t *testing.T) {
			h := put(t, c, place.TaskQueue, "failed", pipeline.Schedule{Every: "1d", TimeZone: "UTC", Overlap: "buffer_all", PauseOnFailure: pauses})
			require.NoError(t, h.Unpause(t.Context(), client.ScheduleUnpauseOptions{Note: "go"}))
			first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			comes(t, h, first, first.Add(24*time.Hour))
			var d *client.ScheduleDescription
			require.Eventually(t, func() bool { // the second begins when it is known how the first ended
				var err error
				d, err = h.Describe(t.Context())
				require.NoError(t, err)
				return len(d.Info.RecentActions) == 2
			}, time.Minute, 50*time.Millisecond)
			require.Equal(t, pauses == nil, d.Schedule.State.Paused)
			require.Equal(t, pauses != nil, d.Schedule.State.Note == "go", d.Schedule.State.Note)
		})
	}
}
