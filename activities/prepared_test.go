package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

func preparedRows(t *testing.T, rows int) *tuning.Prepared {
	t.Helper()
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{{Name: "x", Numbers: make([]float64, rows)}, {Name: "y", Numbers: make([]float64, rows)}}}
	for i := range rows {
		f.Columns[0].Numbers[i], f.Columns[1].Numbers[i] = float64(i), float64(i%7)
	}
	p, err := tuning.PrepareAll([]pipeline.Feature{{Columns: []string{"x"}}}, pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}, f, nil)
	require.NoError(t, err)
	return p
}

func TestPreparedRowsAreMadeOnceForAllWhoAskAtOnce(t *testing.T) {
	c := &preparedCache{limit: 1 << 30}
	var calls atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			got, err := c.get(t.Context(), "fold", func() (*tuning.Prepared, error) { calls.Add(1); return preparedRows(t, 100), nil })
			if err != nil || got == nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, calls.Load())
}

func TestPreparedRowsAreForgottenBeyondTheBound(t *testing.T) {
	one := preparedRows(t, 1000)
	c := &preparedCache{limit: 2 * one.Bytes()}
	made := map[string]int{}
	get := func(key string) {
		_, err := c.get(t.Context(), key, func() (*tuning.Prepared, error) { made[key]++; return preparedRows(t, 1000), nil })
		require.NoError(t, err)
	}
	for _, key := range []string{"a", "b", "a", "c", "a", "b"} { // c takes the place of b, which was not used for longest
		get(key)
	}
	require.Equal(t, map[string]int{"a": 1, "b": 2, "c": 1}, made)
	require.LessOrEqual(t, c.used, c.limit)
	for i := range 3 { // larger than the bound: kept until the next comes
		_, err := c.get(t.Context(), fmt.Sprint(i), func() (*tuning.Prepared, error) { return preparedRows(t, 5000), nil })
		require.NoError(t, err)
		require.Len(t, c.entries, 1)
	}
}

func TestPreparedRowsThatFailAreTriedAgain(t *testing.T) {
	c := &preparedCache{limit: 1 << 30}
	away := errors.New("away")
	_, err := c.get(t.Context(), "fold", func() (*tuning.Prepared, error) { return nil, away })
	require.ErrorIs(t, err, away)
	require.Panics(t, func() {
		_, _ = c.get(t.Context(), "fold", func() (*tuning.Prepared, error) { panic("broken") })
	})
	got, err := c.get(t.Context(), "fold", func() (*tuning.Prepared, error) { return preparedRows(t, 10), nil })
	require.NoError(t, err)
	require.NotNil(t, got)

	begun, done := make(chan struct{}), make(chan struct{})
	go func() {
		_, _ = c.get(context.Background(), "slow", func() (*tuning.Prepared, error) { close(begun); <-done; return preparedRows(t, 10), nil })
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.get(ctx, "slow", nil)
	require.ErrorIs(t, err, context.Canceled)
	close(done)
}
