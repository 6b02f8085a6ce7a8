package testline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
)

const long = `  candidates:
    - kind: boosted_trees
      grid: {max_iter: [10000], learning_rate: [0.001], min_samples_leaf: [5]}
`

// A long fit whose worker is killed goes on from its last checkpoint, which the
// heartbeat names, and comes to the bytes of one that was left alone.
func TestALongFitGoesOnFromItsCheckpoint(t *testing.T) {
	l := testline.Start(t)
	file := func() string {
		return l.Example("penguins/penguins.yaml", testenv.Name(t), "  candidates:\n    - kind: logistic\n      grid: {C: [0.1, 1, 10]}\n", long, "folds: 5", "folds: 2", "accuracy, min: 0.9", "accuracy, min: 0.5")
	}
	undisturbed := l.Run(testline.ExitDone, file(), "--no-cache")

	c := testenv.Temporal(t)
	run := l.Begin(file(), "--no-cache").Run
	l.Await(2*time.Minute, "a checkpoint in the heartbeat of a fit", func() bool {
		described, err := c.DescribeWorkflowExecution(t.Context(), run+"/tuning", "")
		if err != nil {
			return false // not begun yet
		}
		for _, pending := range described.PendingActivities {
			for _, p := range pending.GetHeartbeatDetails().GetPayloads() {
				if strings.Contains(string(p.Data), `"checkpoint"`) {
					return true
				}
			}
		}
		return false
	})
	l.KillWorker()
	l.StartWorker()
	disturbed := l.Follow(testline.ExitDone, run)
	require.Contains(t, l.WorkerLog(), `"message":"resumed"`)
	require.Equal(t, undisturbed.Result.Model, disturbed.Result.Model)
}
