package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// measured leaves a window behind that came to those measures, and judges it.
func (w *watched) measured(number int, m window.Measures) *JudgeWindowResult {
	w.t.Helper()
	m.Endpoint, m.Begins, m.MinRows, m.State = "e", w.begins.Add(time.Duration(number)*time.Hour), 500, window.Measured
	m.Ends = m.Begins.Add(time.Hour)
	before, _ := w.DB.Window(w.t.Context(), "e", m.Begins)
	result, err := w.Store.PutJSON(w.t.Context(), m)
	require.NoError(w.t, err)
	_, _, err = w.DB.SaveWindow(w.t.Context(), metadata.Window{Endpoint: "e", Begins: m.Begins, Ends: m.Ends, Computed: before.Computed + 1, State: m.State, Result: result}, nil)
	require.NoError(w.t, err)
	return w.judge(m.Begins)
}

func (w *watched) judge(begins time.Time) *JudgeWindowResult {
	w.t.Helper()
	res, err := w.JudgeWindow(w.t.Context(), JudgeWindowParams{Pipeline: "p", Endpoint: "e", Monitor: w.monitor, Begins: begins, Notify: w.notify})
	require.NoError(w.t, err)
	return res
}

// drifted are columns that have moved, by as much.
func drifted(columns int, psi float64) *drift.Comparison {
	c := &drift.Comparison{}
	for i := range columns {
		c.Features = append(c.Features, drift.Result{Name: fmt.Sprintf("a%02d", i), Kind: "number", Outcome: drift.Drifted, PSI: psi})
	}
	c.Outputs = []drift.Result{{Name: "prediction", Kind: "number", Outcome: drift.Drifted, PSI: psi}}
	return c
}

// A window in which everything moves tells what is critical first, whatever its name
// is, and counts the rest in one message.
func TestAWindowOfManyAlertsLosesNone(t *testing.T) {
	w := watch(t)
	bound := .2
	w.monitor.Alerts = []pipeline.MonitorAlert{
		{On: pipeline.OnDataDrift, Measure: "psi", Max: &bound, Significance: .01, Severity: "warning"},
		{On: pipeline.OnPredictionDrift, Measure: "psi", Max: &bound, Significance: .01, Severity: "critical"},
	}
	moved := window.Measures{Requests: 1000, Answered: 1000, Models: []window.ModelMeasure{{Model: "p@1", Rows: 1000, Baseline: drifted(60, 5)}}}
	res := w.measured(0, moved)
	require.Equal(t, res, w.judge(w.begins), "the answer of the first is lost")
	require.Len(t, res.Events, maxTold+1)
	require.Equal(t, pipeline.OnPredictionDrift, res.Events[0].Kind)
	var group Told
	kinds := map[string]int{}
	for _, e := range res.Events {
		if kinds[string(e.Change)]++; e.Change == alert.Grouped {
			group = e
		}
	}
	require.Equal(t, map[string]int{"opened": maxTold, "grouped": 1}, kinds)
	require.Equal(t, []string{pipeline.OnDataDrift}, group.Kinds)
	require.Contains(t, group.Message, "11 more alerts of this window: 11 warning (11 opened)")
	all, err := w.DB.Alerts(t.Context(), "e", 100)
	require.NoError(t, err)
	require.Len(t, all, 62, "each is in the table")

	// Computed again, all is well: what is over is told, and the first are not told again.
	well := moved
	well.Models = []window.ModelMeasure{{Model: "p@1", Rows: 1000, Baseline: drifted(60, 0)}}
	res = w.measured(0, well)
	require.Len(t, res.Events, maxTold+1)
	for _, e := range res.Events {
		require.Contains(t, []alert.Change{alert.Resolved, alert.Grouped}, e.Change)
		require.Empty(t, e.Kinds, "what is over asks for no retraining")
	}
}
