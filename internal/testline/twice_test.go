package testline_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// result waits for a run that may leave no row, such as a duplicate.
func result(t *testing.T, c client.Client, run string) workflows.PipelineResult {
	t.Helper()
	var res workflows.PipelineResult
	require.NoError(t, c.GetWorkflow(t.Context(), run, "").Get(t.Context(), &res))
	return res
}

func TestTheSameMomentIsTheSameRun(t *testing.T) {
	l := testline.Start(t)
	name := testenv.Name(t)
	file := l.Example("penguins/penguins.yaml", name)
	var outcomes [4]testline.Outcome
	var wg sync.WaitGroup
	for i := range outcomes {
		wg.Go(func() {
			outcomes[i] = l.Run(testline.ExitDone, file, "--moment", "2026-11-23T03:00Z", "--trigger", "cron")
		})
	}
	wg.Wait()
	for _, o := range outcomes {
		require.Equal(t, outcomes[0].Run, o.Run)
		require.Equal(t, outcomes[0].TemporalRunID, o.TemporalRunID)
		require.Equal(t, workflows.DecisionDeployed, o.Decision)
	}
	again := l.Begin(file, "--moment", "2026-11-23T03:00Z")
	require.True(t, again.Existing, "long after, it is still the same run")
	require.Equal(t, outcomes[0].TemporalRunID, again.TemporalRunID)
	pool := l.Pool()
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from runs`))
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from revisions`))
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from model_versions`))
}

func TestSchedule(t *testing.T) {
	l := testline.Start(t)
	c := testenv.Temporal(t)
	name := testenv.Name(t)
	file := l.Example("penguins/penguins.yaml", name)

	byHand := l.Run(testline.ExitDone, file, "--moment", "2026-01-01T00:00:00Z")
	require.Equal(t, workflows.DecisionDeployed, byHand.Decision, byHand.Reason)

	var created struct {
		Schedule, State, Cron string
		Paused                bool
	}
	l.JSON(testline.ExitDone, &created, "schedule", "create", file, "--cron", "0 0 1 1 *", "--jitter", "1m")
	deleted := false
	t.Cleanup(func() {
		if !deleted {
			l.CLI("schedule", "delete", name)
		}
	})
	require.Equal(t, "created", created.State)
	l.JSON(testline.ExitDone, &created, "schedule", "create", file, "--cron", "0 0 1 1 *", "--jitter", "1m")
	require.Equal(t, "updated", created.State, "creating it again is an update")

	type shown struct {
		Paused bool
		Note   string
		Next   []time.Time
		Recent []struct {
			Moment time.Time
			Run    string
		}
	}
	show := func() (s shown) {
		t.Helper()
		l.JSON(testline.ExitDone, &s, "schedule", "show", name)
		return s
	}
	var said map[string]any
	l.JSON(testline.ExitDone, &said, "schedule", "trigger", name)
	l.Await(30*time.Second, "the triggered run", func() bool { return len(show().Recent) == 1 })
	triggered := show().Recent[0].Run
	require.Equal(t, workflows.DecisionUnchanged, result(t, c, triggered).Decision)
	run, err := l.DB.Run(t.Context(), triggered)
	require.NoError(t, err)
	require.Equal(t, "schedule", run.Trigger)
	require.NotNil(t, run.Moment, "a scheduled run is for the moment of its schedule")

	// 2025 is new; 2026 was answered by hand.
	l.JSON(testline.ExitDone, &said, "schedule", "backfill", name, "--from", "2025-01-01", "--to", "2026-01-01")
	l.Await(30*time.Second, "the backfilled runs", func() bool { return len(show().Recent) == 3 })
	decisions := map[string]workflows.Decision{}
	for _, r := range show().Recent {
		if r.Run != triggered {
			res := result(t, c, r.Run)
			_, moment, _ := strings.Cut(r.Run, "scheduled-")
			decisions[moment] = res.Decision
			if res.Decision == workflows.DecisionDuplicate {
				require.Contains(t, res.Reason, byHand.Run)
			}
		}
	}
	require.Equal(t, map[string]workflows.Decision{"2025-01-01T00:00:00Z": workflows.DecisionUnchanged, "2026-01-01T00:00:00Z": workflows.DecisionDuplicate}, decisions)
	pool := l.Pool()
	require.Equal(t, 3, testline.Count(t, pool, `select count(*) from runs where moment is not null`), "a duplicate leaves no row")
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from runs where moment = '2026-01-01T00:00:00Z'`))
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from revisions`))

	l.JSON(testline.ExitDone, &said, "schedule", "pause", name, "--note", "source is being moved")
	require.True(t, show().Paused)
	require.Equal(t, "source is being moved", show().Note)
	l.JSON(testline.ExitDone, &said, "schedule", "resume", name)
	require.False(t, show().Paused)
	require.NotEmpty(t, show().Next)
	var listed []struct{ Schedule string }
	l.Await(30*time.Second, "the schedule in the list", func() bool {
		l.JSON(testline.ExitDone, &listed, "schedule", "list")
		for _, s := range listed {
			if s.Schedule == name {
				return true
			}
		}
		return false
	})
	l.JSON(testline.ExitDone, &said, "schedule", "delete", name)
	deleted = true
	var failed struct {
		Error testline.Failure `json:"error"`
	}
	l.JSON(testline.ExitFailed, &failed, "schedule", "show", name)
	require.Equal(t, fault.NotFound, failed.Error.Kind)
}
