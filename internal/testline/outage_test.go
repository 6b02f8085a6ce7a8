package testline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// lastFailure is the type of the error that a waiting activity of the run ended
// its last attempt with, as the Temporal UI shows it; "" if there is none.
func lastFailure(t *testing.T, c client.Client, run string) (kind, message string) {
	t.Helper()
	d, err := c.DescribeWorkflowExecution(t.Context(), run, "")
	require.NoError(t, err)
	for _, p := range d.GetPendingActivities() {
		if f := p.GetLastFailure(); f != nil {
			return f.GetApplicationFailureInfo().GetType(), f.GetMessage()
		}
	}
	return "", ""
}

func TestAServerIsAwayInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	want, counts := undisturbed(t)
	c := testenv.Temporal(t)
	for _, away := range []struct {
		name, step string
		kind       fault.Kind
		proxy      func(*testline.Line) (*testline.Proxy, []string)
	}{
		{"Postgres", "profile", fault.DatabaseUnavailable, (*testline.Line).PostgresProxy},
		{"MinIO", "split", fault.StoreUnavailable, (*testline.Line).StoreProxy},
	} {
		t.Run(away.name, func(t *testing.T) {
			l := testline.New(t)
			proxy, env := away.proxy(l)
			l.StartServer()
			l.StartWorker(env...)
			w := l.Watch()
			run := l.Begin(penguins).Run
			w.Next(time.Minute, away.step, "running")
			proxy.Cut()
			var kind, message string
			l.Await(time.Minute, "an activity that says who is away", func() bool {
				kind, message = lastFailure(t, c, run)
				return kind != ""
			})
			require.Equal(t, string(away.kind), kind, message)
			require.NotContains(t, message, "esteira:esteira", "no credentials")
			proxy.Mend()
			requireSame(t, l, want, l.Follow(testline.ExitDone, run), counts)
		})
	}
}

func TestPredictionsGoOnWithoutPostgres(t *testing.T) {
	t.Parallel()
	l := testline.New(t)
	proxy, env := l.PostgresProxy()
	l.StartServer(env...)
	l.StartWorker()
	o := l.Run(testline.ExitDone, penguins)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	l.KillWorker()
	pool := l.Pool()
	asked := 0
	ask := func(n int) {
		t.Helper()
		for range n {
			asked++
			body := fmt.Sprintf(`{"id":"ask-%d","records":[{"island":"Dream","beak_length_mm":%d,"beak_depth_mm":18,"flipper_length_mm":190,"body_mass_g":3700,"sex":null}]}`, asked, 35+asked%20)
			require.Equal(t, 200, l.Post("/v1/endpoints/penguins/predict", body, nil), "question %d", asked)
		}
	}
	drained := func() int {
		return testline.Count(t, pool, `select count(distinct request_id) from predictions where request_id like 'ask-%'`)
	}
	ask(20)
	l.Await(10*time.Second, "the first rows", func() bool { return drained() == asked })

	proxy.Cut()
	ask(100)
	require.Equal(t, 20, drained(), "nothing can have reached the table")
	truth := `{"request_id":"ask-1","label":"Adelie"}`
	require.Equal(t, 503, l.Post("/v1/endpoints/penguins/labels", truth, nil), "labels are not spooled")
	// A server that starts now serves what it served last, and sends what the one
	// before left.
	l.KillServer()
	l.StartServer(env...)
	ask(100)
	require.Equal(t, 20, drained())
	proxy.Mend()
	l.Await(30*time.Second, "the backlog in the table", func() bool { return drained() == asked })
	require.Equal(t, asked, testline.Count(t, pool, `select count(*) from predictions where request_id like 'ask-%'`), "each once")
	require.Equal(t, 200, l.Post("/v1/endpoints/penguins/labels", truth, nil))
	require.Equal(t, asked, testline.Count(t, pool, `select count(*) from predictions where status = 200 and revision = 1 and model_version = 1`))
}
