package telemetry_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/telemetry"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/window"
)

// A scrape tells the last window of each endpoint, and says when it cannot.
func TestGaugesOfTheLastWindow(t *testing.T) {
	scraped := func(db *metadata.DB) string {
		m := telemetry.NewMetrics()
		m.WatchMonitors(func() *metadata.DB { return db })
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Body.String()
	}
	require.Contains(t, scraped(nil), "esteira_monitor_known 0\n")

	db := testenv.Database(t)
	ref := artifact.Ref{Digest: artifact.DigestOf(nil), Size: 1, MediaType: artifact.MediaTypeJSON}
	_, _, err := db.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	_, err = db.RegisterModel(t.Context(), metadata.RegisterModel{Name: "p", Run: "r", Bundle: ref})
	require.NoError(t, err)
	begins := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	auc := .75
	for i, f := range []window.Figures{{Failed: 1}, {
		Rejected: .125, Failed: .25, P50: 2, P99: 40, Effects: map[string]float64{"distance": .2}, Measured: true, AUC: &auc, Metrics: map[string]*drift.Estimate{"rmse": {Value: 3}},
	}} {
		_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: []string{"other", "flights"}[i], ModelName: "p", ModelVersion: 1, Actor: "test"})
		require.NoError(t, err)
		figures, err := json.Marshal(f)
		require.NoError(t, err)
		at := begins.Add(time.Duration(i) * time.Hour)
		_, _, err = db.SaveWindow(t.Context(), metadata.Window{Endpoint: "flights", Begins: at, Ends: at.Add(time.Hour), Computed: 1, State: window.Measured, Requests: 40, Labelled: 7, Result: ref, Report: ref, LabelsSeen: at, Figures: figures}, nil)
		require.NoError(t, err)
	}
	_, err = db.StepBoard(t.Context(), "flights", func(json.RawMessage) (json.RawMessage, []metadata.Alert, error) {
		var b alert.Board
		b.Step(begins, []alert.Finding{{Key: "errors/0", Severity: alert.Critical, Verdict: alert.Breached}, {Key: "quality/0", Severity: alert.Warning, Verdict: alert.Within}})
		board, err := json.Marshal(b)
		return board, nil, err
	})
	require.NoError(t, err)
	text := scraped(db)
	for _, line := range []string{
		`esteira_monitor_known 1`, `esteira_monitor_window_end_seconds{endpoint="flights"} 1.7723808e+09`, `esteira_monitor_requests{endpoint="flights"} 40`, `esteira_monitor_labelled{endpoint="flights"} 7`,
		`esteira_monitor_rejected_share{endpoint="flights"} 0.125`,
		`esteira_monitor_failed_share{endpoint="flights"} 0.25`, `esteira_monitor_latency_seconds{endpoint="flights",quantile="0.99"} 0.04`, `esteira_monitor_drift{column="distance",endpoint="flights"} 0.2`,
		`esteira_monitor_metric{endpoint="flights",metric="rmse",source="measured"} 3`, `esteira_monitor_separation_auc{endpoint="flights"} 0.75`, `esteira_monitor_alerts_open{endpoint="flights",severity="critical"} 1`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.NotContains(t, text, `severity="warning"`, "it is not open")
	require.Equal(t, 1, strings.Count(text, "esteira_monitor_requests{"), "an endpoint without windows has none")
}
