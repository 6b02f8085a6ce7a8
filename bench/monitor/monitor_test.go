package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// The short form of bench/run.sh monitor, on the flights of the examples.
func TestStableWindowsTellNobodyAndMovedOnesDo(t *testing.T) {
	p, err := pipeline.Parse("monitor.yaml", []byte(asked))
	require.NoError(t, err)
	all, err := month(t.Context(), "../../examples/flights/flights.parquet", "2001-01-01", "2001-07-01")
	require.NoError(t, err)
	m, err := learn(t.Context(), all[:learned], all[learned:learned+tested])
	require.NoError(t, err)
	watch := func(windows int, move func(*flight)) *line {
		l := &line{Rows: 1000, Windows: windows, Breached: map[string]int{}, Judged: map[string]int{}, Opened: map[string]int{}, First: map[string]int{}}
		require.NoError(t, m.watch(t.Context(), p.Monitor, all[learned+tested:], move, l))
		require.Equal(t, windows, l.Judged["data_drift"])
		return l
	}
	stable := watch(30, nil)
	require.Empty(t, stable.Opened)
	row := 0
	missing := watch(5, func(f *flight) {
		if row++; row%7 == 0 {
			f.distance = math.NaN()
		}
	})
	require.Equal(t, 2, missing.First["data_drift"], "two of three windows")
	require.Equal(t, 1, missing.First["quality"])
	later := watch(5, func(f *flight) { f.delay += 30 })
	require.Equal(t, 2, later.First["performance"])
	require.LessOrEqual(t, later.First["concept_drift"], 2)
	require.NotZero(t, later.First["concept_drift"])
	require.Zero(t, later.Opened["data_drift"])
}
