package testline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

const searching = `  ensemble: stack
  nested: 2
  seed: 7
  search: {method: tpe, trials: 14, batch: 4}
  candidates:
    - kind: ols
    - kind: ridge
      space: {alpha: {low: 0.001, high: 1000, log: true}}
    - kind: lasso
      space: {alpha: {low: 0.0001, high: 10, log: true}}
`

// A search comes to the same models, and the same bundle, with one worker or two,
// one of which is killed in the middle.
func TestASearchIsTheSameWithOneWorkerOrTwo(t *testing.T) {
	l := testline.Start(t)
	alone := l.Run(testline.ExitDone, l.Example("cars/cars.yaml", testenv.Name(t), "  search: {method: tpe, trials: 24}\n  candidates:\n    - kind: ols\n", searching))
	require.Equal(t, workflows.DecisionDeployed, alone.Decision, alone.Reason)

	other := testline.Start(t)
	kill := other.AnotherWorker("ESTEIRA_CACHE_DIR="+t.TempDir(), "ESTEIRA_THREADS=1")
	w := other.Watch()
	run := other.Begin(other.Example("cars/cars.yaml", testenv.Name(t), "  search: {method: tpe, trials: 24}\n  candidates:\n    - kind: ols\n", searching)).Run
	w.Next(time.Minute, "train", "running")
	kill()
	two := other.Follow(testline.ExitDone, run)
	require.Equal(t, alone.Result.Model, two.Result.Model)
	require.Equal(t, alone.Step("train").Figure, two.Step("train").Figure)

	pool := l.Pool()
	require.Equal(t, 3, testline.Count(t, pool, `select count(distinct outer_fold) from trials`), "the search itself and two outer ones")
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from trials where kind = 'ensemble' and fold = -1 and outer_fold = -1`))
	var report json.RawMessage
	var memory, rows int64
	require.NoError(t, pool.QueryRow(t.Context(), `select report, memory, rows from trials where kind = 'ridge' and outer_fold = -1 limit 1`).Scan(&report, &memory, &rows))
	require.Contains(t, string(report), "converged")
	require.Positive(t, memory)
	require.Positive(t, rows)
	page, err := l.Store().Bytes(t.Context(), alone.Result.Reports["search"], 2<<20)
	require.NoError(t, err)
	for _, want := range []string{"Nested cross-validation", "Parameters and rmse of the trials of ridge", "tpe search"} {
		require.Contains(t, string(page), want)
	}
}
