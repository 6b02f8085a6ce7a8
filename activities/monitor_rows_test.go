package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// planned is what is due so many hours and a bit after the first window begins.
func (w *watched) planned(hours, most int) *PlanWindowsResult {
	w.t.Helper()
	p, err := w.PlanWindows(w.t.Context(), PlanWindowsParams{Endpoint: "e", Monitor: w.monitor, Now: w.begins.Add(time.Duration(hours)*time.Hour + w.monitor.Settle()), Most: most})
	require.NoError(w.t, err)
	return p
}

func TestWindowsOfRowsAreFullInOrderAndKeepTheirInterval(t *testing.T) {
	w := watch(t)
	w.monitor.Window, w.monitor.Rows, w.monitor.MinRows = "", 500, 100
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5), "nobody asked")
	failed := usual(50, 1, nil)
	for i := range failed {
		failed[i].status = 503
	}
	w.ask(0, failed)
	w.ask(0, usual(1200, 1, nil)) // a microsecond apart, beside the failed ones
	due := w.planned(1, 1)
	require.True(t, due.More)
	require.Equal(t, []Due{{w.begins, w.begins.Add(500 * time.Microsecond), 1, ""}}, due.New)
	due = w.planned(1, 5)
	require.Len(t, due.New, 2, "200 answers wait for more")
	require.Equal(t, due.New[0].Ends, due.New[1].Begins)
	for _, d := range due.New {
		_, err := w.ComputeWindow(t.Context(), ComputeWindowParams{Endpoint: "e", Monitor: w.monitor, Due: d})
		require.NoError(t, err)
		kept, err := w.DB.Window(t.Context(), "e", d.Begins)
		require.NoError(t, err)
		require.EqualValues(t, 500, kept.Answered)
	}
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5), "each once")
	var m window.Measures
	kept, err := w.DB.Window(t.Context(), "e", due.New[1].Begins)
	require.NoError(t, err)
	require.NoError(t, w.Store.JSON(t.Context(), kept.Result, &m))
	require.EqualValues(t, 500, m.Models[0].Previous.Rows.Reference, "the window before is the one that ends where it begins")
	w.ask(0, usual(1, 1, nil)) // late, into the first
	due = w.planned(1, 5)
	require.Empty(t, due.New)
	require.Len(t, due.Late, 1)
	require.Equal(t, Due{w.begins, w.begins.Add(500 * time.Microsecond), 2, "requests came after it was computed"}, due.Late[0], "of the interval that it has, with one answer more")
	w.monitor.Window, w.monitor.Rows = "1h", 0
	due = w.planned(1, 5)
	last, err := w.DB.Windows(t.Context(), "e", 1)
	require.NoError(t, err)
	require.Equal(t, []Due{{last[0].Ends, w.begins.Add(time.Hour), 1, ""}}, due.New, "a shorter one leads to windows of time")
}

// A server that could not reach Postgres, or whose clock is behind, records late.
func TestRequestsThatAreLateComputeAWindowAgainAndItSaysSo(t *testing.T) {
	w := watch(t)
	w.ask(0, usual(600, 1, nil))
	w.compute(0, 1)
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5))
	w.ask(0, usual(10, 1, nil))
	due := w.planned(1, 5)
	require.Equal(t, []Due{{w.begins, w.begins.Add(time.Hour), 2, "requests came after it was computed"}}, due.Late)
	_, err := w.ComputeWindow(t.Context(), ComputeWindowParams{Endpoint: "e", Monitor: w.monitor, Due: due.Late[0]})
	require.NoError(t, err)
	kept, err := w.DB.Window(t.Context(), "e", w.begins)
	require.NoError(t, err)
	require.EqualValues(t, 610, kept.Requests)
	require.Contains(t, kept.Note, "computed again: requests came after it was computed")
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5))
}

// A clock that is an hour ahead dates requests into a window that is not over: they
// wait for it, and none is counted twice.
func TestRequestsOfTheFutureWaitForTheirWindow(t *testing.T) {
	w := watch(t)
	w.ask(0, usual(600, 1, nil))
	w.ask(1, usual(40, 1, nil)) // dated ahead
	require.Equal(t, []Due{{w.begins, w.begins.Add(time.Hour), 1, ""}}, w.planned(1, 5).New)
	now, _ := w.compute(0, 1)
	require.EqualValues(t, 600, now.Requests)
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5))
	require.Len(t, w.planned(2, 5).New, 1)
	ahead, _ := w.compute(1, 1)
	require.EqualValues(t, 40, ahead.Requests)
}

// The rows of a window are told from the training rows by all columns at once: here
// x is as it was and c is as it was, and they hang together as they never did.
func TestColumnsThatMoveTogetherAreFound(t *testing.T) {
	w := watch(t)
	bound := .6
	w.monitor.Alerts = []pipeline.MonitorAlert{{On: pipeline.OnMultivariateDrift, Max: &bound, Severity: "warning"}, {On: pipeline.OnDataDrift, Measure: "psi", Max: &bound, Significance: .01}}
	w.ask(0, usual(2000, 1, nil))
	_, m := w.compute(0, 1)
	require.Equal(t, alert.Within, w.verdicts(m)["multivariate_drift "], "%+v", m.Models[0].Together)
	require.Equal(t, drift.Stable, m.Models[0].Together.Outcome)
	w.ask(1, usual(2000, 1, func(_ int, f map[string]any) {
		if f["c"] = "a"; f["x"].(float64) > 0 {
			f["c"] = "b"
		}
	}))
	kept, m := w.compute(1, 1)
	v := w.verdicts(m)
	require.Equal(t, alert.Breached, v["multivariate_drift "])
	require.Equal(t, alert.Within, v["data_drift x"])
	require.Equal(t, alert.Within, v["data_drift c"])
	require.NotEmpty(t, m.Models[0].Together.Features)
	f, err := window.FiguresOf(kept)
	require.NoError(t, err)
	require.InDelta(t, m.Models[0].Together.AUC, *f.AUC, 0)
}

func TestARiseOfTheErrorIsFoundOverWindows(t *testing.T) {
	w := watch(t)
	w.monitor.Alerts = []pipeline.MonitorAlert{{On: pipeline.OnConcept, Severity: "warning"}}
	for n, sigma := range []float64{1, 1, 1, 2, 2} {
		rows := usual(600, sigma, nil)
		w.label(w.ask(n, rows), rows)
	}
	want := []alert.Verdict{alert.Within, alert.Within, alert.Within, alert.Breached, alert.Breached}
	for n := range want {
		_, m := w.compute(n, 1)
		require.Equal(t, want[n], w.verdicts(m)["concept_drift "], n)
		if n == 4 {
			last := m.Models[0].Concept.Changes[len(m.Models[0].Concept.Changes)-1]
			require.WithinDuration(t, w.begins.Add(3*time.Hour), time.UnixMicro(last.At), time.Hour)
			require.InDelta(t, .8, last.Before, .1)
			require.InDelta(t, 1.6, last.Mean, .3)
		}
	}
}

func TestScoresAreCutByTheColumnsOfTheFile(t *testing.T) {
	w := watch(t)
	most := 1.5
	w.monitor.Alerts = []pipeline.MonitorAlert{
		{On: pipeline.OnPerformance, Metric: "rmse", Max: &most, Slice: map[string]string{"c": "a"}}, {On: pipeline.OnPerformance, Metric: "rmse", Max: &most, Slice: map[string]string{"c": "b"}},
		{On: pipeline.OnPerformance, Metric: "rmse", Max: &most, Slice: map[string]string{"c": "z"}}, {On: pipeline.OnPerformance, Metric: "rmse", Max: &most, Slice: map[string]string{"no": "1"}},
	}
	rows := usual(3000, 1, nil)
	for i := range rows {
		if rows[i].features.(map[string]any)["c"] == "b" {
			*rows[i].y += 3
		}
	}
	w.label(w.ask(0, rows), rows)
	p := w.due(0, 1)
	p.Slices = [][]string{{"c"}, {"x", "c"}, {"gone"}}
	_, err := w.ComputeWindow(t.Context(), p)
	require.NoError(t, err)
	_, m := w.compute(0, 1)
	require.Equal(t, map[string]alert.Verdict{"performance c = a": alert.Within, "performance c = b": alert.Breached, "performance c = z": alert.Unknown, "performance no = 1": alert.Unknown}, w.verdicts(m))
	var names []string
	for _, s := range m.Models[0].Slices {
		names = append(names, s.Name)
	}
	require.Contains(t, names, "c = a")
	require.Contains(t, fmt.Sprint(m.Models[0].Notes), `no request has a column "gone"`)
	require.Contains(t, fmt.Sprint(m.Models[0].Notes), "no part by x, c has 500 labelled answers")
}
