package testline_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// hook is somebody who is told: the first request hangs until it is given up.
type hook struct {
	*httptest.Server
	hung, answered atomic.Int64
	mu             sync.Mutex
	bodies         []string
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if h.hung.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.bodies = append(h.bodies, string(body))
		h.answered.Add(1)
	}))
	t.Cleanup(h.Close)
	return h
}

// monitorRun is the workflow of the monitor that runs now; "" if there is none.
func monitorRun(t *testing.T, c client.Client, name string) string {
	t.Helper()
	d, err := c.ScheduleClient().GetHandle(t.Context(), workflows.MonitorID(name)).Describe(t.Context())
	require.NoError(t, err)
	for _, w := range d.Info.RunningWorkflows {
		return w.WorkflowID
	}
	return ""
}

// watch applies the file of an endpoint, which is watched until the test ends.
func watch(t *testing.T, l *testline.Line, file, endpoint string) {
	t.Helper()
	c := testenv.Temporal(t)
	var applied any
	l.JSON(testline.ExitDone, &applied, "apply", file)
	t.Cleanup(func() {
		_ = c.ScheduleClient().GetHandle(context.Background(), workflows.MonitorID(endpoint)).Delete(context.Background())
	})
}

// Predictions through a real server, windows by a real schedule: computed once, again
// for late labels, whether or not the worker dies, Postgres is away or a webhook hangs.
func TestAnEndpointIsWatched(t *testing.T) {
	t.Parallel()
	h, c := newHook(t), testenv.Temporal(t)
	l := testline.New(t)
	proxy, env := l.PostgresProxy()
	l.SetEnv("WATCH_HOOK="+h.URL, "WATCH_SECRET=shh", "ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true")
	l.StartServer()
	l.StartWorker(env...)
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	file := l.File(dir, "a.yaml", "name: "+name+regression+"evaluate: {slices: [colour]}\nmonitor: {window: 3s, min_rows: 20, late: 1h, alerts: [{on: latency_p99_ms, max: 0.000001, severity: critical}]}\nnotify: [{webhook: {url: 'env:WATCH_HOOK', secret: 'env:WATCH_SECRET'}}]\n")
	o := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	watch(t, l, file, name)

	pool, asked, truth := l.Pool(), 0, strings.Builder{}
	rows := strings.Split(strings.TrimSpace(goods(nil)), "\n")[1:]
	ask := func(n int) {
		t.Helper()
		for range n {
			row := strings.Split(rows[asked%len(rows)], ",")
			asked++
			require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", fmt.Sprintf(`{"id":"sale-%d","records":[{"size":%s,"weight":%s,"colour":%q}]}`, asked, row[1], row[2], row[3]), nil))
			fmt.Fprintf(&truth, "sale-%d,%s,2026-11-01T00:00:00Z\n", asked, row[4])
		}
	}
	count := func(sql string) int { return testline.Count(t, pool, sql, name) }
	counted := func() int { return count(`select coalesce(sum(requests), 0)::bigint from windows where endpoint = $1`) }
	ask(60)
	l.Await(2*time.Minute, "every request in a window", func() bool { return counted() == asked })

	// The webhook's first request hangs and is given up; it is told all the same.
	l.Await(2*time.Minute, "the webhook told", func() bool { return h.answered.Load() > 0 })
	l.Await(time.Minute, "which is written down", func() bool {
		return count(`select count(*) from alerts where endpoint = $1 and change = 'opened' and told = '{"0 webhook"}'`) == 1
	})
	h.mu.Lock()
	require.Contains(t, h.bodies[0], "latency_p99_ms")
	require.Contains(t, h.bodies[0], "esteira monitor show "+name)
	h.mu.Unlock()

	// Labels come late.
	labels := l.File(dir, "truth.csv", "request_id,label,observed_at\n"+truth.String())
	var taken any
	l.JSON(testline.ExitDone, &taken, "labels", "add", name, labels)
	l.Await(2*time.Minute, "windows computed again for their labels", func() bool {
		return count(`select coalesce(sum(labelled), 0)::bigint from windows where endpoint = $1`) == asked
	})
	require.Positive(t, count(`select count(*) from windows where endpoint = $1 and computed = 2 and note like 'computed again: labels came after it was computed%'`))

	// The worker dies in the middle of a window: it is about to be written.
	lock, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), `lock table windows in exclusive mode`)
	require.NoError(t, err)
	ask(30)
	l.Await(2*time.Minute, "a window that waits to be written", func() bool {
		return testline.Count(t, pool, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'insert into windows%'`) > 0
	})
	l.KillWorker()
	require.NoError(t, lock.Rollback(t.Context()))
	l.StartWorker(env...)
	l.Await(2*time.Minute, "the windows of before and after", func() bool { return counted() == asked })

	// Postgres is away for the worker, not for the server.
	proxy.Cut()
	ask(30)
	var kind, message string
	l.Await(2*time.Minute, "an activity that says who is away", func() bool {
		if run := monitorRun(t, c, name); run != "" {
			kind, message = lastFailure(t, c, run)
		}
		return kind != ""
	})
	require.Equal(t, string(fault.DatabaseUnavailable), kind, message)
	proxy.Mend()
	l.Await(3*time.Minute, "the windows of the time it was away", func() bool { return counted() == asked })

	require.Zero(t, count(`select count(*) from (select begins, lag(ends) over (order by begins) as before from windows where endpoint = $1) w where before <> begins`), "none is missed")
	require.Zero(t, count(`select count(*) from windows where endpoint = $1 and computed > 1 and note not like 'computed again: %'`), "each once, or it says why")
	var shown struct{ Windows []any }
	l.JSON(testline.ExitDone, &shown, "monitor", "show", name)
	require.NotEmpty(t, shown.Windows)
}
