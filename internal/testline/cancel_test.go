package testline_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// Quick fits, and eight trials whose every fit takes long: many minutes in all.
const longSearch = `  candidates:
    - kind: logistic
      grid: {C: [0.1, 1, 10]}
    - kind: boosted_trees
      grid: {max_iter: [10000], learning_rate: [0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008], min_samples_leaf: [2]}
`

// A search that is cancelled in the middle of its fits stops in seconds; what was
// finished is there as rows, with its scores, and nothing else is.
func TestACancelledSearchLeavesItsFinishedTrials(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	pool, c := l.Pool(), testenv.Temporal(t)
	run := l.Begin(l.Example("penguins/penguins.yaml", testenv.Name(t), "  candidates:\n    - kind: logistic\n      grid: {C: [0.1, 1, 10]}\n", longSearch)).Run
	type row struct {
		Kind   string
		Trial  int
		Fold   int
		Digest string
		Scores string
	}
	finished := func() []row {
		t.Helper()
		rows, err := pool.Query(t.Context(), `select kind, trial, fold, model_digest, scores::text from trials where run = $1 and error = '' order by trial, fold`, run)
		require.NoError(t, err)
		got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		require.NoError(t, err)
		return got
	}
	l.Await(2*time.Minute, "a fit as a row, and others under way", func() bool {
		if len(finished()) == 0 {
			return false
		}
		described, err := c.DescribeWorkflowExecution(t.Context(), run+"/tuning", "")
		require.NoError(t, err)
		for _, pending := range described.PendingActivities {
			if pending.State == enumspb.PENDING_ACTIVITY_STATE_STARTED {
				return true
			}
		}
		return false
	})
	before := finished()
	begun := time.Now()
	var said struct{ State string }
	l.JSON(testline.ExitDone, &said, "runs", "cancel", run)
	o := l.Follow(testline.ExitFailed, run)
	require.Less(t, time.Since(begun), 30*time.Second)
	require.Equal(t, workflows.DecisionCancelled, o.Decision)
	require.Equal(t, "cancelled", o.Step("train").State)
	described, err := c.DescribeWorkflowExecution(context.WithoutCancel(t.Context()), run+"/tuning", "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, described.WorkflowExecutionInfo.Status)
	require.Empty(t, described.PendingActivities, "nobody works on")

	after := finished()
	require.Subset(t, after, before)
	require.Less(t, len(after), 12*5, "the search was in its middle")
	for _, r := range after {
		require.Len(t, r.Digest, 64)
		require.Contains(t, r.Scores, "log_loss")
	}
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from trials where run = $1 and error <> ''`, run), "a fit that was cancelled has not failed")
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from steps where run = $1 and state = 'running'`, run))
}
