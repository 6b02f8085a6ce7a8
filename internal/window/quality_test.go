package window_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

func TestRefusedRequestsBreachQuality(t *testing.T) {
	bound := .05
	for refused, want := range map[int]alert.Verdict{10: alert.Within, 100: alert.Breached} {
		m := classifier(t)
		c := window.Collect(begins, begins.Add(time.Hour), func(string, int) (window.Model, error) { return m, nil })
		for i := range 1000 {
			a := answer(`{"x":0.5}`, `{"label":"late","probabilities":{"on time":0.5,"late":0.5}}`, `"late"`)
			if i < refused {
				a.Label, a.Outputs, a.Status = nil, nil, 422
			}
			a.ModelVersion = 3
			require.NoError(t, c.Add(a))
		}
		out, _, err := c.Measure(t.Context(), window.Options{MinRows: 500, Previous: nobody})
		require.NoError(t, err)
		require.EqualValues(t, refused, out.Rejected)
		require.Zero(t, out.Failed)
		got := window.Findings(out, []pipeline.MonitorAlert{{On: pipeline.OnQuality, Max: &bound}})[0]
		require.Empty(t, got.Subject)
		require.Equal(t, want, got.Verdict, got.Message)
		require.Contains(t, got.Message, "of requests were rejected")
		require.InDelta(t, float64(refused)/1000, float64(got.Value), 1e-12)
	}
}
