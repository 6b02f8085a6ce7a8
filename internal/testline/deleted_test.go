package testline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// A pipeline is deleted while its endpoint is live: only by those who say so, and the
// endpoint answers, is watched, and its monitor says what has become of the pipeline.
func TestAPipelineIsDeletedWhileItsEndpointIsLive(t *testing.T) {
	t.Parallel()
	c := testenv.Temporal(t)
	l := testline.New(t)
	l.StartServer()
	l.StartWorker()
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	file := l.File(dir, "a.yaml", "name: "+name+regression+"monitor: {window: 3s, min_rows: 20}\nretrain: {schedule: {cron: '0 3 1 1 *'}}\n")
	o := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	apply := func() {
		t.Helper()
		var applied any
		l.JSON(testline.ExitDone, &applied, "apply", file)
	}
	apply()
	schedules := c.ScheduleClient()
	t.Cleanup(func() {
		for _, id := range []string{name, workflows.MonitorID(name)} {
			_ = schedules.GetHandle(context.Background(), id).Delete(context.Background())
		}
		_ = c.TerminateWorkflow(context.Background(), workflows.RetrainingID(name), "", "the test is over")
	})
	decides := func() bool {
		t.Helper()
		d, err := c.DescribeWorkflowExecution(t.Context(), workflows.RetrainingID(name), "")
		require.NoError(t, err)
		return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	}

	_, errs, code := l.CLI("pipelines", "delete", name, "--yes")
	require.Equal(t, testline.ExitFailed, code)
	require.Contains(t, errs, "endpoint")
	require.Contains(t, errs, name+"@1) is live: nothing was deleted")
	out, _, code := l.CLI("pipelines", "delete", name, "--while-live")
	require.Equal(t, testline.ExitRejected, code)
	require.Contains(t, out, "- schedule of runs")
	require.Contains(t, out, "Nothing was deleted. Delete it with --yes.")
	require.True(t, decides())
	_, err := schedules.GetHandle(t.Context(), name).Describe(t.Context())
	require.NoError(t, err)

	var deleted struct {
		Live    []string `json:"live"`
		Deleted bool     `json:"deleted"`
	}
	l.JSON(testline.ExitDone, &deleted, "pipelines", "delete", name, "--while-live", "--yes")
	require.True(t, deleted.Deleted)
	require.Equal(t, []string{fmt.Sprintf("%[1]s (%[1]s@1)", name)}, deleted.Live)
	require.False(t, decides())
	_, err = schedules.GetHandle(t.Context(), name).Describe(t.Context())
	require.Error(t, err, "its schedule is gone")
	_, errs, code = l.CLI("pipelines", "delete", name, "--while-live", "--yes")
	require.Equal(t, testline.ExitFailed, code)
	require.Contains(t, errs, "nothing of pipeline "+name+" is applied")

	// It answers, is watched, and says so; what it has made is there.
	row := strings.Split(strings.Split(strings.TrimSpace(goods(nil)), "\n")[1], ",")
	require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", fmt.Sprintf(`{"records":[{"size":%s,"weight":%s,"colour":%q}]}`, row[1], row[2], row[3]), nil))
	l.Await(2*time.Minute, "a monitor that says that the pipeline was deleted", func() bool {
		d, err := schedules.GetHandle(t.Context(), workflows.MonitorID(name)).Describe(t.Context())
		require.NoError(t, err)
		for _, a := range d.Info.RecentActions {
			var res workflows.MonitorResult
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			err := c.GetWorkflow(ctx, a.StartWorkflowResult.WorkflowID, a.StartWorkflowResult.FirstExecutionRunID).GetWithOptions(ctx, &res, client.WorkflowRunGetOptions{})
			cancel()
			if err == nil && strings.Contains(fmt.Sprint(res.Notes), "pipeline "+name+" was deleted by") {
				return true
			}
		}
		return false
	})
	pool := l.Pool()
	l.Await(2*time.Minute, "the request in a window", func() bool {
		return testline.Count(t, pool, `select coalesce(sum(requests), 0)::bigint from windows where endpoint = $1`, name) == 1
	})
	out, _, code = l.CLI("runs", "show", o.Run)
	require.Equal(t, testline.ExitDone, code)
	require.Contains(t, out, "deployed")

	apply()
	require.True(t, decides(), "and it comes back")
}
