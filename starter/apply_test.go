package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

// withRetraining starts a worker that decides about retraining; its runs are lineOf.
func withRetraining(t *testing.T) (name string) {
	t.Helper()
	place := isolated(t)
	c := testenv.Temporal(t)
	w := worker.New(c, temporal.QueuesOf(place.TaskQueue).Workflow, worker.Options{LocalActivityWorkerOnly: true})
	w.RegisterWorkflowWithOptions(lineOf, workflow.RegisterOptions{Name: pipelineWorkflow})
	w.RegisterWorkflow(workflows.Retraining)
	require.NoError(t, w.Start())
	name = testenv.Name(t)
	t.Cleanup(func() {
		_, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name)
		_ = c.TerminateWorkflow(context.Background(), workflows.RetrainingID(name), "", "the test is over")
		w.Stop()
	})
	return name
}

type difference struct {
	Changes []change `json:"changes"`
	Applied bool     `json:"applied"`
}

func rewrite(t *testing.T, path, old, with string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(b), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), old, with, 1)), 0o600))
}

func whats(d difference) (out []string) {
	for _, c := range d.Changes {
		out = append(out, c.What)
	}
	return out
}

func TestApplyShowsTheDifferenceAndIsIdempotent(t *testing.T) {
	name := withRetraining(t)
	path := pipelineFile(t, name, "retrain: {schedule: {cron: '0 3 1 1 *', jitter: 1m}, cooldown: 2h}\n")
	_, errs, code := esteira(t, "retrain", "show", name)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "esteira apply FILE")

	dry := decoded[difference](t, exitRejected, "apply", path, "--dry-run")
	require.Contains(t, whats(dry), "retrain.schedule.moments")
	require.Contains(t, whats(dry), "retraining")
	require.False(t, dry.Applied)
	_, _, code = esteira(t, "schedule", "show", name)
	require.Equal(t, exitFailed, code, "a dry run changes nothing")

	require.ElementsMatch(t, whats(dry), whats(decoded[difference](t, exitDone, "apply", path)))
	require.Empty(t, decoded[difference](t, exitDone, "apply", path).Changes)
	out, _, _ := esteira(t, "apply", path)
	require.Contains(t, out, "nothing to change")

	rewrite(t, path, "cron: '0 3 1 1 *'", "every: 6h, overlap: buffer_one")
	rewrite(t, path, "cooldown: 2h", "cooldown: 3h")
	out, errs, code = esteira(t, "apply", path)
	require.Equal(t, exitDone, code, errs)
	for _, line := range []string{"~ retrain.schedule.moments: 0 3 1 1 * (UTC) -> every 6h", "~ retrain.schedule.overlap: Skip -> BufferOne", `~ pipeline.retrain.cooldown: "2h" -> "3h"`} {
		require.Contains(t, out, line)
	}
	require.Empty(t, decoded[difference](t, exitDone, "apply", path).Changes)

	// The schedule starts what the file says now, whatever of it was changed.
	rewrite(t, path, "cooldown: 3h", "cooldown: 4h")
	require.ElementsMatch(t, []string{"retrain.schedule.runs", "pipeline.retrain.cooldown"}, whats(decoded[difference](t, exitDone, "apply", path)))
	d, err := testenv.Temporal(t).ScheduleClient().GetHandle(t.Context(), name).Describe(t.Context())
	require.NoError(t, err)
	var started workflows.PipelineInput
	require.True(t, argument(d.Schedule.Action.(*client.ScheduleWorkflowAction), &started))
	require.Equal(t, 4*time.Hour, started.Pipeline.Retrain.CooldownOf())
	rewrite(t, path, "target: y", "target: y, statement: 'how much?'")
	require.Contains(t, whats(decoded[difference](t, exitDone, "apply", path)), "retrain.schedule.runs")
	require.Empty(t, decoded[difference](t, exitDone, "apply", path).Changes)

	rewrite(t, path, "schedule: {every: 6h, overlap: buffer_one, jitter: 1m}, ", "")
	require.Contains(t, whats(decoded[difference](t, exitDone, "apply", path)), "retrain.schedule.moments")
	_, _, code = esteira(t, "schedule", "show", name)
	require.Equal(t, exitFailed, code, "the file no longer has one")
}

// A schedule that was paused stays so when the file is applied again.
func TestAPausedScheduleStaysPaused(t *testing.T) {
	name := withRetraining(t)
	path := pipelineFile(t, name, "retrain: {schedule: {cron: '0 3 1 1 *'}}\n")
	decoded[difference](t, exitDone, "apply", path)
	decoded[map[string]string](t, exitDone, "schedule", "pause", name, "--note", "maintenance")
	rewrite(t, path, "0 3 1 1 *", "0 4 1 1 *")
	decoded[difference](t, exitDone, "apply", path)
	type shown struct {
		Paused bool   `json:"paused"`
		Note   string `json:"note"`
	}
	s := decoded[shown](t, exitDone, "schedule", "show", name)
	require.True(t, s.Paused)
	require.Equal(t, "maintenance", s.Note)
}

func TestAPersonStartsPausesAndResumes(t *testing.T) {
	name := withRetraining(t)
	decoded[difference](t, exitDone, "apply", pipelineFile(t, name, ""))
	first := decoded[workflows.TriggerOutcome](t, exitDone, "retrain", "start", name, "--key", "k", "--reason", "the timetable changed")
	require.Equal(t, "started", first.Outcome)
	o := decoded[outcome](t, exitDone, "runs", "show", first.Run, "--wait")
	require.Equal(t, workflows.Decision("retrain"), o.Decision, "the run knows what asked for it")
	again := decoded[workflows.TriggerOutcome](t, exitDone, "retrain", "start", name, "--key", "k")
	require.Equal(t, "repeated", again.Outcome)
	require.Equal(t, first.Run, again.Run)

	_, errs, code := esteira(t, "retrain", "pause", name)
	require.Equal(t, exitUsage, code, errs)
	decoded[map[string]string](t, exitDone, "retrain", "pause", name, "--reason", "the source is being repaired")
	held := decoded[workflows.TriggerOutcome](t, exitDone, "retrain", "start", name, "--key", "l")
	require.Equal(t, "remembered", held.Outcome)
	require.Contains(t, held.Why, "the source is being repaired")
	status := decoded[workflows.RetrainingStatus](t, exitDone, "retrain", "show", name)
	require.Equal(t, "the source is being repaired", status.Paused.Note)
	require.Len(t, status.Heard, 2)
	decoded[map[string]string](t, exitDone, "retrain", "resume", name, "--reason", "repaired")
	decoded[outcome](t, exitDone, "runs", "show", held.Run, "--wait")
}
