package testline_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// chaos reports whether every boundary is to be tried: make chaos. Each costs the
// ten seconds after which Temporal gives a silent worker up.
var chaos = os.Getenv("ESTEIRA_CHAOS") == "full"

type boundary struct{ step, state string }

// The passes are runs that are killed at one boundary after another. define and
// deploy are recorded when they are done; deploy begins by moving the endpoint.
func passes() map[string][]boundary {
	if !chaos {
		return map[string][]boundary{"a few": {{"collect", "running"}, {"train", "running"}, {"package", "completed"}, {"revision", "completed"}}}
	}
	begun, done := []boundary{}, []boundary{{"define", "completed"}}
	for _, step := range []string{"collect", "integrate", "profile", "validate", "split", "engineer", "train", "evaluate", "package"} {
		begun, done = append(begun, boundary{step, "running"}), append(done, boundary{step, "completed"})
	}
	return map[string][]boundary{"begun": append(begun, boundary{"revision", "completed"}), "done": append(done, boundary{"deploy", "completed"})}
}

// recorded are the tables that a run writes rows to, once whatever happens.
var recorded = []string{"runs", "snapshots", "datasets", "checks", "splits", "trials", "metrics", "looks", "gates", "model_versions", "revisions"}

func rows(t *testing.T, pool *pgxpool.Pool) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range recorded {
		counts[table] = testline.Count(t, pool, `select count(*) from `+table)
	}
	counts["steps completed"] = testline.Count(t, pool, `select count(distinct step) from steps where state = 'completed'`)
	return counts
}

// penguins is a small example with several trials, run where it lies: its name
// and its sources' paths are part of what is digested.
var penguins = filepath.Join(testline.Root(), "examples", "penguins", "penguins.yaml")

var reference struct {
	sync.Mutex
	outcome testline.Outcome
	rows    map[string]int
}

// undisturbed runs penguins on a line of its own, once, for the digests and rows
// that any other run of it must come to.
func undisturbed(t *testing.T) (testline.Outcome, map[string]int) {
	t.Helper()
	reference.Lock()
	defer reference.Unlock()
	if reference.rows == nil {
		l := testline.Start(t)
		o := l.Run(testline.ExitDone, penguins)
		require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
		l.KillWorker()
		l.KillServer()
		reference.outcome, reference.rows = o, rows(t, l.Pool())
	}
	return reference.outcome, reference.rows
}

func requireSame(t *testing.T, l *testline.Line, want, got testline.Outcome, counts map[string]int) {
	t.Helper()
	require.Equal(t, workflows.DecisionDeployed, got.Decision, got.Reason)
	require.Equal(t, want.Result.Dataset, got.Result.Dataset)
	require.Equal(t, want.Result.Model, got.Result.Model)
	require.Equal(t, want.Result.Bundle, got.Result.Bundle)
	require.Equal(t, want.Result.Score, got.Result.Score)
	require.Equal(t, 1, got.Result.ModelVersion)
	require.Equal(t, int64(1), got.Result.Revision)
	require.Equal(t, counts, rows(t, l.Pool()), "rows of the run, each once")
	steps, err := l.DB.Steps(t.Context(), got.Run)
	require.NoError(t, err)
	for _, s := range steps {
		require.Equal(t, metadata.StepCompleted, s.State, "last attempt of %s", s.Step)
	}
}

func TestTheWorkerIsKilledAtStepBoundaries(t *testing.T) {
	t.Parallel()
	want, counts := undisturbed(t)
	for name, boundaries := range passes() {
		t.Run(name, func(t *testing.T) {
			l := testline.Start(t)
			w := l.Watch()
			run := l.Begin(penguins).Run
			for _, b := range boundaries {
				at := w.Next(2*time.Minute, b.step, b.state)
				l.KillWorker()
				require.Equal(t, run, at.Run)
				l.StartWorker()
			}
			requireSame(t, l, want, l.Follow(testline.ExitDone, run), counts)
			scratch, err := filepath.Glob(filepath.Join(l.CacheDir, "scratch", "*"))
			require.NoError(t, err)
			require.Len(t, scratch, 1, "what killed workers had half written is gone")
		})
	}
}

func TestTheServerIsKilledDuringDeployment(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	w := l.Watch()
	name := testenv.Name(t)
	run := l.Begin(l.Example("cars/cars.yaml", name)).Run
	// A frozen server can no longer answer from what comes; its last sign of life
	// still counts when the endpoint moves.
	w.Next(time.Minute, "package", "running")
	l.FreezeServer()
	w.Next(time.Minute, "revision", "completed")
	l.KillServer()
	begun := time.Now()
	o := l.Follow(testline.ExitDone, run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	require.Less(t, time.Since(begun), 30*time.Second, "a dead server is not waited for")
	require.Contains(t, o.Step("deploy").Figure, "no prediction server is running")
	l.StartServer()
	record := `{"cylinders":"4","displacement":97,"horsepower":75,"weight":2171,"acceleration":16,"model_year":1975,"origin":"Japan"}`
	l.Await(10*time.Second, "the new server answers from the revision", func() bool {
		return l.Post("/v1/endpoints/"+name+"/predict", `{"records":[`+record+`]}`, nil) == 200
	})
}

func TestACancelledRunLeavesTheEndpointAsItWas(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	c := testenv.Temporal(t)
	name := testenv.Name(t)
	first := l.Run(testline.ExitDone, l.Example("flights/flights-late.yaml", name))
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)

	w := l.Watch()
	many := l.Example("flights/flights-late.yaml", name, "C: [0.01, 1]", "C: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]")
	run := l.Begin(many).Run
	w.Next(time.Minute, "train", "running")
	begun := time.Now()
	var said struct{ State string }
	l.JSON(testline.ExitDone, &said, "runs", "cancel", run)
	require.Equal(t, "cancelling", said.State)
	o := l.Follow(testline.ExitFailed, run)
	require.Less(t, time.Since(begun), 30*time.Second)
	require.Equal(t, workflows.DecisionCancelled, o.Decision)
	require.Equal(t, "cancelled", o.Step("train").State)

	got, err := l.DB.Run(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, metadata.RunCancelled, got.State)
	require.Equal(t, 0, testline.Count(t, l.Pool(), `select count(*) from steps where run = $1 and state = 'running'`, run), "no step is shown as running")
	tuning, err := c.DescribeWorkflowExecution(context.WithoutCancel(t.Context()), run+"/tuning", "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, tuning.WorkflowExecutionInfo.Status)
	e, err := l.DB.Endpoint(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, int64(1), e.Revision)
	require.Equal(t, first.Run, e.Live.Run)
	var failed struct {
		Error testline.Failure `json:"error"`
	}
	l.JSON(testline.ExitFailed, &failed, "runs", "cancel", run)
	require.Contains(t, failed.Error.Message, "not running")
}
