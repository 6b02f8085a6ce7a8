package workflows_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

const ending = ".json.gz"

// TestRecordedHistoriesReplay proves that the workflows of this build can take up
// every run that an earlier one began.
func TestRecordedHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/*" + ending)
	require.NoError(t, err)
	var found []string
	for _, f := range files {
		found = append(found, strings.TrimSuffix(filepath.Base(f), ending))
	}
	for name, s := range scenarios {
		require.Contains(t, found, name, "no history of a main scenario; record them: see doc.go")
		if s.tuning {
			require.Contains(t, found, name+"-tuning")
		}
		if s.rollout {
			require.Contains(t, found, name+"-rollout")
		}
	}
	for i, file := range files {
		t.Run(found[i], func(t *testing.T) {
			history := read(t, file)
			r := worker.NewWorkflowReplayer()
			r.RegisterWorkflow(workflows.Pipeline)
			r.RegisterWorkflow(workflows.Tuning)
			r.RegisterWorkflow(workflows.Rollout)
			r.RegisterWorkflow(workflows.Scoring)
			r.RegisterWorkflow(workflows.Retraining)
			r.RegisterWorkflow(workflows.Monitor)
			require.NoError(t, replay(r, history), "guard the change with workflow.GetVersion, so that runs under way go on")
		})
	}
}

// A replay that nothing can fail would prove nothing.
func TestAChangedWorkflowDoesNotReplay(t *testing.T) {
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.PipelineInput) (workflows.PipelineResult, error) {
		return workflows.PipelineResult{}, workflow.Sleep(ctx, 1)
	}, workflow.RegisterOptions{Name: "Pipeline"})
	require.ErrorContains(t, replay(r, read(t, "testdata/deployed"+ending)), "TMPRL1100")
}

// replay tells the workflow its own id, which its children are named after.
func replay(r worker.WorkflowReplayer, history *historypb.History) error {
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	return r.ReplayWorkflowHistoryWithOptions(esteiratemporal.NewLogger(zerolog.Nop()), history, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
	})
}

// Histories are published with the code: they name no machine.
func TestRecordedHistoriesNameNoMachine(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/*" + ending)
	require.NoError(t, err)
	for _, file := range files {
		text := plainText(t, read(t, file))
		for _, secret := range []string{host, "/tmp/", "/home/", "/root/", "postgres://"} {
			require.False(t, strings.Contains(text, secret), "%s holds %q", file, secret)
		}
	}
}

func read(t *testing.T, file string) *historypb.History {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	history, err := client.HistoryFromJSON(z, client.HistoryJSONOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, history.Events)
	require.False(t, slices.ContainsFunc(history.Events, func(e *historypb.HistoryEvent) bool { return e == nil }))
	return history
}
