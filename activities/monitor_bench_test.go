package activities

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkWindow computes and judges windows of 600 answers, half of them labelled, on
// real Postgres and MinIO. cpu-s/op is the processor time of this process alone: what
// a worker spends on an hour of one endpoint.
func BenchmarkWindow(b *testing.B) {
	w := watch(b)
	rows := usual(600, 1, nil)
	for n := range b.N {
		ids := w.ask(n, rows)
		w.label(ids[:300], rows[:300])
	}
	before := spent(b)
	b.ResetTimer()
	for n := range b.N {
		_, err := w.ComputeWindow(b.Context(), w.due(n, 1))
		require.NoError(b, err)
		_, err = w.JudgeWindow(b.Context(), JudgeWindowParams{Pipeline: "p", Endpoint: "e", Monitor: w.monitor, Begins: w.due(n, 1).Due.Begins})
		require.NoError(b, err)
	}
	b.ReportMetric((spent(b)-before)/float64(b.N), "cpu-s/op")
}

func spent(b *testing.B) float64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
