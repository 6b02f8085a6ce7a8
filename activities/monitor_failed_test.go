package activities

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// A window that nothing mends stops nobody: it is kept with the reason, told once, and
// computed again when something of it comes late, and no sooner.
func TestAWindowThatCannotBeComputedIsKeptAsFailedAndTold(t *testing.T) {
	w := watch(t)
	rows := usual(window.MaxVersions+1, 1, nil)
	ids := w.ask(0, rows)
	for i, id := range ids {
		_, err := w.DB.Pool().Exec(t.Context(), `update predictions set model_version = $2 where id = $1`, id, i+1)
		require.NoError(t, err)
	}
	w.ask(1, usual(600, 1, nil))
	kept, m := w.compute(0, 1)
	require.Equal(t, window.Failed, kept.State)
	require.Contains(t, kept.Note, "more than 20 model versions answered in one window")
	require.Equal(t, kept.Note, m.Reason)
	require.EqualValues(t, len(ids), kept.Requests)
	told := func(res *JudgeWindowResult) (out []string) {
		for _, e := range res.Events {
			out = append(out, string(e.Change)+" "+e.Kind+" "+string(e.Severity))
		}
		return out
	}
	res := w.judge(w.begins)
	require.Equal(t, []string{"opened window_failed warning"}, told(res))
	require.Contains(t, res.Events[0].Message, "more than 20 model versions")
	require.Len(t, res.Open, 1)

	require.Equal(t, &PlanWindowsResult{New: []Due{{w.begins.Add(time.Hour), w.begins.Add(2 * time.Hour), 1, ""}}}, w.planned(2, 5), "the next one is due, and this is not due again")
	w.ask(0, rows[:1])
	require.Equal(t, []Due{{w.begins, w.begins.Add(time.Hour), 2, "requests came after it was computed"}}, w.planned(2, 5).Late)
	kept, _ = w.compute(0, 2)
	require.Equal(t, window.Failed, kept.State)
	require.Empty(t, w.planned(2, 5).Late)
	require.Equal(t, res, w.judge(w.begins), "told once")
	w.label([]uuid.UUID{ids[0]}, rows)
	require.Equal(t, "labels came after it was computed", w.planned(2, 5).Late[0].Why)
	w.compute(1, 1)
	require.Equal(t, []string{"resolved window_failed warning"}, told(w.judge(w.begins.Add(time.Hour))))

	// The file may say how much it matters.
	w.monitor.Alerts = append(w.monitor.Alerts, pipeline.MonitorAlert{On: pipeline.OnWindowFailed, Severity: "critical"})
	kept, _ = w.compute(0, 3)
	require.Equal(t, window.Failed, kept.State)
	f := window.Findings(&m, w.monitor.Judged())
	require.Equal(t, alert.Critical, f[len(f)-1].Severity)
	require.Equal(t, alert.Breached, f[len(f)-1].Verdict)
}

// What another attempt may mend is not kept.
func TestAWindowThatIsTriedAgainIsNotFailed(t *testing.T) {
	w := watch(t)
	w.ask(0, usual(600, 1, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.ComputeWindow(ctx, w.due(0, 1))
	require.Error(t, err)
	list, err := w.DB.Windows(t.Context(), "e", 5)
	require.NoError(t, err)
	require.Empty(t, list)
}
