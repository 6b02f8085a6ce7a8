package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

// pause --all and its counterpart touch the pipelines' own schedules: not those of
// others in the namespace, nor monitors, nor what somebody paused for another reason.
func TestPauseAllLeavesOthersAlone(t *testing.T) {
	name := withRetraining(t)
	schedules := testenv.Temporal(t).ScheduleClient()
	decoded[difference](t, exitDone, "apply", pipelineFile(t, name, "monitor: {window: 1h}\ndeploy: {endpoint: "+name+"}\nretrain: {schedule: {cron: '0 3 1 1 *'}}\n"))
	held := name + "-held"
	create := []string{"schedule", "create", pipelineFile(t, held, ""), "--cron", "0 3 1 1 *"}
	decoded[map[string]any](t, exitDone, create...)
	decoded[map[string]string](t, exitDone, "schedule", "pause", held, "--note", "its source is gone")
	monitor := schedules.GetHandle(t.Context(), workflows.MonitorID(name))
	t.Cleanup(func() { _ = monitor.Delete(context.Background()) })
	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", held) })
	others := []client.ScheduleHandle{monitor}
	for id, action := range map[string]client.ScheduleWorkflowAction{ // of another name, and of another queue
		name + "-payroll": {ID: "payroll", Workflow: "Payroll", TaskQueue: "payroll"},
		name + "-another": {ID: "another", Workflow: pipelineWorkflow, TaskQueue: temporal.QueuesOf("another").Workflow},
	} {
		h, err := schedules.Create(t.Context(), client.ScheduleOptions{ID: id, Spec: client.ScheduleSpec{CronExpressions: []string{"0 3 1 1 *"}}, Action: &action})
		require.NoError(t, err)
		t.Cleanup(func() { _ = h.Delete(context.Background()) })
		others = append(others, h)
	}
	paused := func(h client.ScheduleHandle) bool {
		t.Helper()
		d, err := h.Describe(t.Context())
		require.NoError(t, err)
		return d.Schedule.State.Paused
	}
	all := func(verb, done string) []order { // Temporal lists a schedule a moment after it is there
		t.Helper()
		var out []order
		require.Eventually(t, func() bool {
			out = append(out, decoded[[]order](t, exitDone, "schedule", verb, "--all", "--note", "maintenance")...)
			return slices.ContainsFunc(out, func(o order) bool { return o.Schedule == name && o.Done == done })
		}, time.Minute, 50*time.Millisecond)
		return out
	}
	require.Contains(t, all("pause", "paused"), order{name, "paused", "maintenance (paused with --all)"})
	require.True(t, paused(schedules.GetHandle(t.Context(), name)))
	for _, h := range others {
		require.False(t, paused(h), h.GetID())
	}
	var again []order
	require.Eventually(t, func() bool {
		again = decoded[[]order](t, exitDone, "schedule", "pause", "--all", "--note", "again")
		return slices.Contains(again, order{held, "left paused", "its source is gone"})
	}, time.Minute, 50*time.Millisecond)
	require.Contains(t, again, order{name, "left paused", "maintenance (paused with --all)"})
	out, _, _ := esteira(t, "schedule", "resume", "--all")
	require.Regexp(t, `(?m)^`+name+` +resumed `, out)
	require.Regexp(t, `(?m)^`+held+` +left paused +its source is gone`, out)
	require.False(t, paused(schedules.GetHandle(t.Context(), name)))
	require.True(t, paused(schedules.GetHandle(t.Context(), held)))
	require.Contains(t, all("resume", "left active"), order{name, "left active", "resumed with esteira schedule resume"})
	_, errs, code := esteira(t, "schedule", "resume")
	require.Equal(t, exitUsage, code, errs)
}
