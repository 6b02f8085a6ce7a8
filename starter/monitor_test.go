package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/window"
	"github.com/esteira-ml/esteira/workflows"
)

func TestApplyWatchesTheEndpointAndStopsWhenTheFileDoes(t *testing.T) {
	name := withRetraining(t)
	c := testenv.Temporal(t)
	path := pipelineFile(t, name, "monitor: {window: 1h}\ndeploy: {endpoint: "+name+"}\n")
	handle := c.ScheduleClient().GetHandle(t.Context(), workflows.MonitorID(name))
	t.Cleanup(func() { _ = handle.Delete(context.Background()) })
	_, errs, code := esteira(t, "monitor", "run", name, "--now")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "is not watched")

	require.Contains(t, whats(decoded[difference](t, exitRejected, "apply", path, "--dry-run")), "monitor")
	decoded[difference](t, exitDone, "apply", path)
	require.Empty(t, decoded[difference](t, exitDone, "apply", path).Changes)
	d, err := handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, time.Hour, d.Schedule.Spec.Intervals[0].Every)
	require.Equal(t, 20*time.Second, d.Schedule.Spec.Intervals[0].Offset)
	require.False(t, d.Schedule.State.Paused)
	decoded[map[string]string](t, exitDone, "monitor", "run", name, "--now")

	rewrite(t, path, "window: 1h", "window: 30m, min_rows: 100")
	out, errs, code := esteira(t, "apply", path)
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, `~ monitor of `+name+`: monitor.min_rows: 500 -> 100`)
	d, err = handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 30*time.Minute, d.Schedule.Spec.Intervals[0].Every)

	rewrite(t, path, "window: 30m", "enabled: false, window: 30m")
	require.Contains(t, whats(decoded[difference](t, exitDone, "apply", path)), "monitor")
	_, err = handle.Describe(t.Context())
	require.Error(t, err)

	rewrite(t, path, "enabled: false, window: 30m", "rows: 1000")
	decoded[difference](t, exitDone, "apply", path)
	d, err = handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, rowsEvery, d.Schedule.Spec.Intervals[0].Every, "windows of rows are looked for")
}

// A pipeline that deploys to an endpoint of another name watches that one alone.
func TestApplyOfARenamedEndpointEndsTheOldMonitor(t *testing.T) {
	name := withRetraining(t)
	schedules := testenv.Temporal(t).ScheduleClient()
	path := pipelineFile(t, name, "monitor: {window: 1h}\ndeploy: {endpoint: "+name+"-old}\n")
	old, renamed := schedules.GetHandle(t.Context(), workflows.MonitorID(name+"-old")), schedules.GetHandle(t.Context(), workflows.MonitorID(name+"-new"))
	t.Cleanup(func() { _, _ = old.Delete(context.Background()), renamed.Delete(context.Background()) })
	decoded[difference](t, exitDone, "apply", path)
	rewrite(t, path, name+"-old", name+"-new")
	want := "- monitor of " + name + "-old: the file deploys to another endpoint"
	require.Eventually(t, func() bool { // Temporal lists a schedule a moment after it is there
		out, _, _ := esteira(t, "apply", path, "--dry-run")
		return strings.Contains(out, want)
	}, time.Minute, 50*time.Millisecond)
	decoded[difference](t, exitDone, "apply", path)
	_, err := old.Describe(t.Context())
	require.Error(t, err)
	_, err = renamed.Describe(t.Context())
	require.NoError(t, err)
}

// The schedule and time.Truncate count from different years.
func TestTheMonitorRunsAtTheEndsOfWindows(t *testing.T) {
	for _, length := range []string{"1s", "3s", "7s", "1m", "7m", "1h", "24h", "7d", "31d"} {
		m := pipeline.Monitor{Window: length}
		if m.Length() > time.Hour { // the hours of a long window are read as they end
			require.Equal(t, time.Hour, everyOf(m), length)
		} else {
			require.Zero(t, everyOf(m)%m.Length(), length)
		}
		require.GreaterOrEqual(t, everyOf(m), monitorEvery, length)
		at := time.Unix(0, 0).UTC().Add(500*everyOf(m) + offsetOf(m)) // as Temporal counts
		step := min(m.Length(), everyOf(m))
		require.Equal(t, m.Delay()%step, at.Sub(at.Truncate(step)), length)
	}
}

func TestMonitorShowsWindowsAndOneOfThem(t *testing.T) {
	db := isolated(t).DB
	_, err := db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "flights", Run: "r", Bundle: artifact.Ref{Digest: artifact.DigestOf(nil), Size: 1, MediaType: artifact.MediaTypeBundle}})
	require.NoError(t, err)
	_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: 1, Actor: "test"})
	require.NoError(t, err)
	out, errs, code := esteira(t, "monitor", "show", "flights")
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "No window of flights")

	cfg, err := (&app{}).config()
	require.NoError(t, err)
	store, err := artifact.Open(t.Context(), cfg.ArtifactOptions())
	require.NoError(t, err)
	begins := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	ref, err := store.PutJSON(t.Context(), window.Measures{Endpoint: "flights", Begins: begins, Ends: begins.Add(time.Hour), State: window.NoTraffic})
	require.NoError(t, err)
	_, _, err = db.SaveWindow(t.Context(), metadata.Window{Endpoint: "flights", Begins: begins, Ends: begins.Add(time.Hour), Computed: 1, State: window.NoTraffic, Result: ref, Report: ref, LabelsSeen: begins}, nil)
	require.NoError(t, err)
	_, err = db.StepBoard(t.Context(), "flights", func(json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
		var b alert.Board
		e := b.Step(begins, []alert.Finding{{Key: "errors/0", Kind: "errors", Severity: alert.Critical, Verdict: alert.Breached, Message: "5 % of requests failed"}})
		board, err := json.Marshal(b)
		require.NoError(t, err)
		event, err := json.Marshal(e[0])
		require.NoError(t, err)
		return board, []metadata.Alert{{ID: "a", Window: begins, Change: "opened", Kind: "errors", Severity: "critical", Event: event}}, nil
	})
	require.NoError(t, err)
	out, errs, code = esteira(t, "monitor", "show", "flights")
	require.Equal(t, exitDone, code, errs)
	for _, text := range []string{"no_traffic", "/artifacts/" + ref.Digest, "5 % of requests failed", "opened"} {
		require.Contains(t, out, text)
	}
	s := decoded[shownMonitor](t, exitDone, "monitor", "show", "flights")
	require.Len(t, s.Windows, 1)
	require.Len(t, s.Open, 1)
	page := filepath.Join(t.TempDir(), "timeline.html")
	line := decoded[drift.Timeline](t, exitDone, "monitor", "timeline", "flights", "--html", page)
	require.Len(t, line.Windows, 1)
	require.Contains(t, line.Told[0].What, "5 % of requests failed")
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "no traffic")
	out, errs, code = esteira(t, "monitor", "timeline", "flights")
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "2026-03-01 14:00:00Z")
	shown := decoded[map[string]map[string]any](t, exitDone, "monitor", "window", "flights", "--at", "2026-03-01T14:59:00Z")
	require.Equal(t, "no_traffic", shown["measures"]["state"])
	_, errs, code = esteira(t, "monitor", "window", "flights", "--at", "2026-03-01T15:00:00Z")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "does not exist")
	for _, wrong := range [][]string{{"monitor", "run", "flights"}, {"monitor", "window", "flights", "--at", "noon"}, {"monitor", "show", "flights", "--last", "0"}, {"monitor", "timeline", "flights", "--last", "0"}, {"monitor", "timeline", "flights", "--html", filepath.Join(t.TempDir(), "no", "file")}} {
		_, _, code = esteira(t, wrong...)
		require.NotEqual(t, exitDone, code, wrong)
	}
	_, _, code = esteira(t, "monitor", "show", "nowhere")
	require.Equal(t, exitFailed, code)
}
