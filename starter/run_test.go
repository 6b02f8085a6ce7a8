package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

func launchOf(t *testing.T, name string) launch {
	t.Helper()
	f, err := readFile(pipelineFile(t, name, ""), nil)
	require.NoError(t, err)
	return launch{file: f, trigger: "manual"}
}

func TestRunIDsReadWellAndMeetForAMoment(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	l := launchOf(t, "flights")
	first, err := l.id(at)
	require.NoError(t, err)
	second, err := l.id(at)
	require.NoError(t, err)
	require.Regexp(t, `^flights/run/2026-11-23T03-00Z-[0-9a-f]{4}$`, first)
	require.NotEqual(t, first, second)

	l.moment = &at
	first, _ = l.id(time.Now())
	second, _ = l.id(time.Now().Add(time.Hour))
	require.Regexp(t, `^flights/run/2026-11-23T03-00Z-[0-9a-f]{4}$`, first)
	require.Equal(t, first, second)
	east := at.In(time.FixedZone("east", 3600))
	l.moment = &east
	second, _ = l.id(time.Now())
	require.Equal(t, first, second, "the same moment in another zone")

	l.moment, l.key = nil, "airflow: scheduled__2026-11-23/é"
	first, _ = l.id(time.Now())
	require.Regexp(t, `^flights/run/airflow-scheduled__2026-11-23\.[0-9a-f]{8}-[0-9a-f]{4}$`, first)
	l.key += "!"
	second, _ = l.id(time.Now())
	require.NotEqual(t, first, second)
}

func TestDetailsNameTheConfiguration(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	l := launchOf(t, "flights")
	l.moment, l.refresh = &at, []string{"train"}
	require.Equal(t, "flights: predict y (regression), manual", l.summary())
	for _, want := range []string{"flights, version `", "manual", "2026-11-23T03:00:00Z", "d.csv", "ols, 3 folds", "rmse", "endpoint | flights", "computed anew | train"} {
		require.Contains(t, l.details(), want)
	}
}

func TestFlagsOfRunAreChecked(t *testing.T) {
	path := pipelineFile(t, "flights", "")
	for _, wrong := range [][]string{{"--moment", "tomorrow"}, {"--moment", "2999-01-01"}, {"--refresh", "deploy"}, {"--trigger", "a\nb"}, {"--key", strings.Repeat("k", 201)}} {
		_, errs, code := esteira(t, append([]string{"run", path}, wrong...)...)
		require.Equal(t, exitUsage, code, errs)
		require.Contains(t, errs, wrong[0])
	}
}

// lineOf stands in for the line of steps, which the tests of workflows run: a
// workflow of its name and shape on real Temporal that ends as the trigger says.
func lineOf(ctx workflow.Context, in workflows.PipelineInput) (workflows.PipelineResult, error) {
	status := workflows.Status{Steps: []workflows.StepStatus{{Name: "define", State: "completed", Seconds: 0.1, Figure: in.Pipeline.Name}}}
	if err := workflow.SetQueryHandler(ctx, "status", func() (workflows.Status, error) { return status, nil }); err != nil {
		return workflows.PipelineResult{}, err
	}
	score := 12.5
	result := workflows.PipelineResult{Decision: workflows.Decision(in.Trigger), Reason: "because of the test", Metric: "rmse", Score: &score, ModelVersion: 3, Revision: 4}
	switch in.Trigger {
	case "failed":
		cause := sdk.NewNonRetryableApplicationError("no file; look", "SourceNotFound", nil, map[string]any{"message": "no file", "remedy": "look"})
		return result, sdk.NewApplicationErrorWithOptions("no file; look", "SourceNotFound", sdk.ApplicationErrorOptions{NonRetryable: true, Cause: cause})
	case "endless":
		return result, workflow.Await(ctx, func() bool { return false })
	}
	return result, nil
}

// withLine starts a worker with lineOf.
func withLine(t *testing.T) {
	t.Helper()
	startLine(t, isolated(t))
}

func startLine(t *testing.T, place testenv.Place) {
	t.Helper()
	w := worker.New(testenv.Temporal(t), temporal.QueuesOf(place.TaskQueue).Workflow, worker.Options{LocalActivityWorkerOnly: true})
	w.RegisterWorkflowWithOptions(lineOf, workflow.RegisterOptions{Name: pipelineWorkflow})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func TestWaitEndsWithTheDecision(t *testing.T) {
	withLine(t)
	path := pipelineFile(t, testenv.Name(t), "")
	for trigger, want := range map[string]int{"deployed": exitDone, "unchanged": exitDone, "packaged": exitDone, "duplicate": exitDone, "rejected": exitRejected, "failed": exitFailed} {
		out, errs, code := esteira(t, "run", path, "--wait", "--trigger", trigger)
		require.Equal(t, want, code, out+errs)
		require.Contains(t, out, "Temporal UI: http")
		require.Contains(t, out, "define     completed")
		require.Contains(t, out, "esteira runs show ")
		if trigger == "failed" {
			require.Contains(t, out, "failed: no file\n")
			require.Contains(t, out, "SourceNotFound")
			require.Contains(t, out, "look")
			continue
		}
		require.Contains(t, out, trigger+": because of the test")
		require.Contains(t, out, "rmse 12.5 on the test rows")
	}
	o := decoded[outcome](t, exitRejected, "run", path, "--wait", "--trigger", "rejected")
	require.Equal(t, workflows.DecisionRejected, o.Decision)
	require.Len(t, o.Steps, 1)
	o = decoded[outcome](t, exitFailed, "run", path, "--wait", "--trigger", "failed")
	require.Equal(t, fault.SourceNotFound, o.Error.Kind)
	require.Equal(t, "look", o.Error.Remedy)
}

func TestAMomentOrKeyIsOneRun(t *testing.T) {
	withLine(t)
	path := pipelineFile(t, testenv.Name(t), "")
	for _, flags := range [][]string{{"--moment", "2026-11-23T03:00Z"}, {"--key", "k"}} {
		ask := append([]string{"run", path, "--trigger", "deployed"}, flags...)
		first := decoded[outcome](t, exitDone, append(ask, "--wait")...)
		second := decoded[started](t, exitDone, ask...)
		require.True(t, second.Existing)
		require.Equal(t, first.TemporalRunID, second.TemporalRunID)
		again := decoded[outcome](t, exitDone, append(ask, "--wait")...)
		require.Equal(t, first.TemporalRunID, again.TemporalRunID, "the finished run's result is printed")
		require.Equal(t, workflows.DecisionDeployed, again.Decision)
	}
	// A failed one may be asked for again.
	ask := []string{"run", path, "--trigger", "failed", "--key", "fails", "--wait"}
	require.NotEqual(t, decoded[outcome](t, exitFailed, ask...).TemporalRunID, decoded[outcome](t, exitFailed, ask...).TemporalRunID)
}

func TestCtrlCLetsGoAndTheRunGoesOn(t *testing.T) {
	withLine(t)
	path := pipelineFile(t, testenv.Name(t), "")
	begun := decoded[started](t, exitDone, "run", path, "--trigger", "endless", "--key", "k")
	require.False(t, begun.Existing)
	require.True(t, decoded[started](t, exitDone, "run", path, "--trigger", "endless", "--key", "k").Existing, "it is under way")

	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	out, errs, code := esteiraIn(ctx, "", "runs", "show", begun.Run, "--wait")
	require.Equal(t, exitDetached, code, out+errs)
	require.Contains(t, errs, "it goes on")

	require.Equal(t, "cancelling", decoded[map[string]string](t, exitDone, "runs", "cancel", begun.Run)["state"])
	o := decoded[outcome](t, exitFailed, "runs", "show", begun.Run, "--wait")
	require.Equal(t, workflows.DecisionCancelled, o.Decision)
	_, errs, code = esteira(t, "runs", "cancel", begun.Run)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "is not running")
	_, errs, code = esteira(t, "runs", "cancel", "nothing")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "esteira runs list")
}

func TestOnePipelineOfTheFileTravels(t *testing.T) {
	l := launchOf(t, "flights")
	want, err := pipeline.Digest(l.file.pipeline)
	require.NoError(t, err)
	in := l.input()
	got, err := pipeline.Digest(&in.Pipeline)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.True(t, strings.HasPrefix(in.BaseDir, "/"))
}

func TestTemporalAwayIsSaidSo(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	_, errs, code := esteira(t, "run", pipelineFile(t, "flights", ""))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "127.0.0.1:1")
	require.Contains(t, errs, "esteira doctor")
}
