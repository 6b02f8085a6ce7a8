package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

func TestMigrateAndDoctor(t *testing.T) {
	isolated(t)
	require.NotEmpty(t, decoded[map[string]any](t, exitDone, "migrate")["schema"])
	require.NotEmpty(t, decoded[map[string]any](t, exitDone, "migrate")["bucket"], "twice does nothing")

	type answer struct {
		OK       bool      `json:"ok"`
		Findings []finding `json:"findings"`
	}
	out := decoded[answer](t, exitDone, "doctor")
	require.True(t, out.OK)
	require.Len(t, out.Findings, 11)
	for _, f := range out.Findings {
		require.Equal(t, f.Needed, f.OK, "%+v", f) // no worker and no server here
		require.Equal(t, f.OK, f.Remedy == "", "%+v", f)
	}

	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("DATABASE_URL", "postgres://nobody:hunter2hunter2@127.0.0.1:1/x")
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	text, errs, code := esteira(t, "doctor")
	require.Equal(t, exitFailed, code)
	require.Contains(t, text, "BAD   Postgres")
	require.Contains(t, text, "BAD   object store")
	require.Contains(t, text, "BAD   Temporal")
	require.NotContains(t, text+errs, "hunter2")
}

func TestScheduleLivesItsLife(t *testing.T) {
	isolated(t)
	testenv.Temporal(t) // makes sure of the search attributes
	name := testenv.Name(t)
	path := pipelineFile(t, name, "")
	_, errs, code := esteira(t, "schedule", "create", path)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "--cron")
	_, errs, code = esteira(t, "schedule", "create", path, "--cron", "99 * * * *")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "cron")

	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name) })
	create := []string{"schedule", "create", path, "--cron", "0 3 1 1 *", "--time-zone", "America/Sao_Paulo", "--jitter", "1m"}
	require.Equal(t, "created", decoded[map[string]any](t, exitDone, create...)["state"])
	require.Equal(t, "updated", decoded[map[string]any](t, exitDone, create...)["state"])

	type shown struct {
		Paused   bool        `json:"paused"`
		Note     string      `json:"note"`
		TimeZone string      `json:"time_zone"`
		Jitter   string      `json:"jitter"`
		Next     []time.Time `json:"next"`
	}
	s := decoded[shown](t, exitDone, "schedule", "show", name)
	require.False(t, s.Paused)
	require.Equal(t, "America/Sao_Paulo", s.TimeZone)
	require.Equal(t, "1m0s", s.Jitter)
	at, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	next := func() (out []string) {
		t.Helper()
		for _, moment := range decoded[shown](t, exitDone, "schedule", "show", name).Next[:3] {
			out = append(out, moment.Truncate(time.Hour).In(at).Format("01-02 15:04")) // the jitter is a minute
		}
		return out
	}
	require.Equal(t, []string{"01-01 03:00", "01-01 03:00", "01-01 03:00"}, next(), "the hour is a local one")

	decoded[map[string]string](t, exitDone, "schedule", "pause", name, "--note", "source is being moved")
	s = decoded[shown](t, exitDone, "schedule", "show", name)
	require.True(t, s.Paused)
	require.Equal(t, "source is being moved", s.Note)
	decoded[map[string]string](t, exitDone, "schedule", "resume", name)
	require.False(t, decoded[shown](t, exitDone, "schedule", "show", name).Paused)
	_, errs, code = esteira(t, "schedule", "backfill", name, "--from", "2026-01-02", "--to", "2026-01-01")
	require.Equal(t, exitUsage, code, errs)

	// So are the hours of an interval; one that has none there is refused.
	decoded[map[string]any](t, exitDone, "schedule", "create", path, "--every", "24h", "--time-zone", "America/Sao_Paulo", "--jitter", "0s")
	for _, moment := range decoded[shown](t, exitDone, "schedule", "show", name).Next {
		require.Equal(t, "00:00", moment.In(at).Format("15:04"))
	}
	_, errs, code = esteira(t, "schedule", "create", path, "--every", "36h", "--time-zone", "America/Sao_Paulo")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `"0 3 * * *"`)

	require.Equal(t, "deleted", decoded[map[string]string](t, exitDone, "schedule", "delete", name)["state"])
	for _, verb := range []string{"show", "pause", "resume", "trigger", "delete"} {
		_, errs, code = esteira(t, "schedule", verb, name)
		require.Equal(t, exitFailed, code, verb)
		require.Contains(t, errs, "esteira schedule list", verb)
	}
}

// A scheduled run is a run like any other: started by trigger and by backfill,
// with the moment in its id.
func TestScheduleStartsRuns(t *testing.T) {
	withLine(t)
	name := testenv.Name(t)
	path := pipelineFile(t, name, "")
	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name) })
	decoded[map[string]any](t, exitDone, "schedule", "create", path, "--cron", "0 3 * * *")
	decoded[map[string]string](t, exitDone, "schedule", "backfill", name, "--from", "2026-11-01T03:00Z", "--to", "2026-11-01T04:00Z")
	type shown struct {
		Recent []struct {
			Run string `json:"run"`
		} `json:"recent"`
	}
	require.Eventually(t, func() bool {
		recent := decoded[shown](t, exitDone, "schedule", "show", name).Recent
		return len(recent) == 1 && recent[0].Run == name+"/run/scheduled-2026-11-01T03:00:00Z"
	}, 20*time.Second, 200*time.Millisecond)
	out, errs, _ := esteira(t, "runs", "show", name+"/run/scheduled-2026-11-01T03:00:00Z", "--wait")
	require.Contains(t, out, "schedule: because of the test", errs) // the decision lineOf takes from the trigger
	decoded[map[string]string](t, exitDone, "schedule", "trigger", name)
	listed, errs, code := esteira(t, "schedule", "list")
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, listed, "SCHEDULE")
}

// What the server answers is serving's and tested with it; here are the forms of
// input and how answers and refusals are printed.
func TestPredictSendsAndPrints(t *testing.T) {
	var got, path string
	status, answer := http.StatusOK, `{"endpoint":"penguins","model_name":"penguins","model_version":3,"revision":4,"id":"","predictions":[{"id":"019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d","label":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, path = string(body), r.URL.Path
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	t.Setenv("ESTEIRA_SERVER_ADDRESS", server.URL)
	for in, want := range map[string]string{
		`{"x": 1.10}`:                    `{"records":[{"x": 1.10}]}`,
		` [{"x": 1}, {"x": null}] `:      `{"records":[{"x": 1}, {"x": null}]}`,
		`{"records": [{"x": 1}]}`:        `{"records": [{"x": 1}]}`,
		`{"records": 5, "x": 123456789}`: `{"records":[{"records": 5, "x": 123456789}]}`,
	} {
		out, errs, code := esteiraIn(t.Context(), in, "predict", "penguins")
		require.Equal(t, exitDone, code, errs)
		require.Equal(t, want, got)
		require.Equal(t, "/v1/endpoints/penguins/predict", path)
		require.Contains(t, out, "Adelie  Adelie 0.9000, Gentoo 0.1000  019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d")
		require.Contains(t, out, "esteira trace 019aa1f0")
	}
	parsed := decoded[answered](t, exitDone, "predict", "penguins", "--data", "{}")
	require.Equal(t, int64(4), parsed.Revision)
	out, _, _ := esteira(t, "predict", "penguins", "--data", "{}", "-o", "json")
	require.Contains(t, out, `"prediction_id": "019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d"`)

	status, answer = http.StatusBadRequest, `{"error":"column \"y\" is not known; remove it","kind":"RequestInvalid"}`
	_, errs, code := esteira(t, "predict", "penguins", "--data", "{}")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, `column "y" is not known; remove it (HTTP 400)`)
	status, answer = http.StatusBadGateway, "<html>"
	refused := decoded[map[string]told](t, exitFailed, "predict", "penguins", "--data", "{}")
	require.Equal(t, fault.DeploymentFailed, refused["error"].Kind)
	status, answer = http.StatusOK, "<html>"
	_, errs, code = esteira(t, "predict", "penguins", "--data", "{}")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "ESTEIRA_SERVER_ADDRESS")
	server.Close()
	_, errs, code = esteira(t, "predict", "penguins", "--data", "{}")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "esteira-server")
}

func TestDoctorWaitsUntilEverythingIsThere(t *testing.T) {
	l := testline.New(t)
	_, _, code := l.CLI("doctor", "--wait", "1ms")
	require.Equal(t, exitFailed, code, "with --wait a missing worker is a failure")
	_, _, code = l.CLI("migrate")
	require.Equal(t, exitDone, code)
	codes := make(chan int)
	go func() {
		_, _, code := l.CLI("doctor", "--wait", "1m")
		codes <- code
	}()
	l.StartWorker()
	l.StartServer()
	require.Equal(t, exitDone, <-codes)
}

// A moment that passed without a run is seen, and made up for.
func TestMomentsWithoutARunAreSeen(t *testing.T) {
	withLine(t)
	name := testenv.Name(t)
	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name) })
	decoded[map[string]any](t, exitDone, "schedule", "create", pipelineFile(t, name, ""), "--cron", "0 3 * * *")
	_, errs, code := esteira(t, "schedule", "show", name, "--last", "0")
	require.Equal(t, exitUsage, code, errs)
	require.Empty(t, decoded[shownSchedule](t, exitDone, "schedule", "show", name).Passed)
	// A file cannot ask for one every second.
	h := testenv.Temporal(t).ScheduleClient().GetHandle(t.Context(), name)
	require.NoError(t, h.Update(t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := in.Description.Schedule
		s.Spec = &client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Second}}}
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}}))
	passed := func() []occurrence {
		return decoded[shownSchedule](t, exitDone, "schedule", "show", name, "--last", "500").Passed
	}
	require.Eventually(t, func() bool {
		list := passed()
		n, _, _ := without(list)
		return len(list) > n && strings.HasPrefix(list[len(list)-1].Run, name+"/run/scheduled-")
	}, 30*time.Second, 200*time.Millisecond)
	decoded[map[string]string](t, exitDone, "schedule", "pause", name)
	require.Eventually(t, func() bool { n, _, _ := without(passed()); return n > 0 }, 30*time.Second, 200*time.Millisecond)
	require.NoError(t, h.Update(t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := in.Description.Schedule
		s.Spec.EndAt = time.Now()
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}}))
	require.Eventually(t, func() bool { return len(passed()) == 0 }, 30*time.Second, 200*time.Millisecond, "another schedule has other moments")
}

// A run goes on as it began when its schedule is changed; the next is another's.
func TestAScheduleIsChangedWhileItsRunGoes(t *testing.T) {
	place := isolated(t) // no worker yet: the run waits
	name := testenv.Name(t)
	path := pipelineFile(t, name, "")
	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name) })
	decoded[map[string]any](t, exitDone, "schedule", "create", path, "--cron", "0 3 * * *")
	decoded[map[string]string](t, exitDone, "schedule", "trigger", name)
	show := func() shownSchedule { return decoded[shownSchedule](t, exitDone, "schedule", "show", name) }
	require.Eventually(t, func() bool { return len(show().Recent) == 1 }, 20*time.Second, 100*time.Millisecond)
	run := show().Recent[0].Run
	require.Equal(t, 3, show().Next[0].Hour())

	require.Equal(t, "updated", decoded[map[string]any](t, exitDone, "schedule", "create", path, "--cron", "0 4 * * *")["state"])
	require.Equal(t, 4, show().Next[0].Hour())
	require.Equal(t, run, show().Recent[0].Run)
	d, err := testenv.Temporal(t).DescribeWorkflowExecution(t.Context(), run, "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, d.GetWorkflowExecutionInfo().GetStatus())
	startLine(t, place)
	require.Equal(t, workflows.Decision("schedule"), decoded[outcome](t, exitDone, "runs", "show", run, "--wait").Decision)
}
