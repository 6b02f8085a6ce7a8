package activities

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// A webhook that is away for a while is told when it is back, and one that is away for
// days is given up, which the log and the alert say.
func TestWhatIsNotToldStaysUntoldUntilItIsTooOld(t *testing.T) {
	w := watch(t)
	var status atomic.Int32
	status.Store(http.StatusServiceUnavailable)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer hook.Close()
	t.Setenv("UNTOLD_TEST_HOOK", hook.URL)
	channels := []pipeline.Channel{{Webhook: &pipeline.Webhook{URL: "env:UNTOLD_TEST_HOOK"}, Severity: "warning"}, {Log: true, Severity: "critical"}}
	bound := .2
	w.monitor.Alerts = []pipeline.MonitorAlert{{On: pipeline.OnDataDrift, Measure: "psi", Max: &bound, Significance: .01, Severity: "warning"}, {On: pipeline.OnErrors, Max: &bound, Severity: "critical"}}
	w.notify = channels
	res := w.measured(0, window.Measures{Requests: 1000, Answered: 500, Failed: 500, Models: []window.ModelMeasure{{Model: "p@1", Rows: 500, Baseline: drifted(1, 5)}}})
	require.Len(t, res.Events, 2)
	critical, warning := res.Events[0].ID, res.Events[1].ID
	untold := func(after time.Duration) *UntoldAlertsResult {
		t.Helper()
		res, err := w.UntoldAlerts(t.Context(), UntoldAlertsParams{Pipeline: "p", Endpoint: "e", Notify: channels, Now: time.Now().Add(after)})
		require.NoError(t, err)
		return res
	}
	tell := func(one Telling) error {
		return w.Notify(t.Context(), NotifyParams{Pipeline: "p", Endpoint: "e", Channel: channels[one.Place], Place: one.Place, Alert: one.Alert})
	}
	all := []Telling{{critical, 0}, {critical, 1}, {warning, 0}}
	require.Equal(t, all, untold(0).Tellings)
	require.Error(t, tell(all[0]))
	require.Error(t, tell(all[2]))
	require.NoError(t, tell(all[1]))
	require.Equal(t, []Telling{all[0], all[2]}, untold(0).Tellings, "what is told is told")
	status.Store(http.StatusOK)
	require.NoError(t, tell(all[0]))
	require.Equal(t, []Telling{all[2]}, untold(toldWithin-time.Hour).Tellings)

	var said bytes.Buffer
	w.Log = zerolog.New(&said)
	require.Equal(t, &UntoldAlertsResult{GivenUp: 1}, untold(toldWithin+time.Hour))
	require.Contains(t, said.String(), warning)
	require.Contains(t, said.String(), "given up")
	stored, err := w.DB.Alert(t.Context(), warning)
	require.NoError(t, err)
	require.Equal(t, []string{"0 webhook"}, stored.GivenUp)
	require.Empty(t, stored.Untold)
	require.Equal(t, &UntoldAlertsResult{}, untold(toldWithin+time.Hour), "once")
}
