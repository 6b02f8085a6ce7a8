package model

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoComputesOnceForAllWhoAskAtOnce(t *testing.T) {
	var m Memo
	var calls atomic.Int32
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			got, err := m.Do("bins", func() (any, error) { return int(calls.Add(1)), nil })
			if err != nil || got != 1 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, calls.Load())
}

func TestMemoForgetsWhatFailed(t *testing.T) {
	var m Memo
	away := errors.New("away")
	_, err := m.Do("bins", func() (any, error) { return nil, away })
	require.ErrorIs(t, err, away)
	require.Panics(t, func() { _, _ = m.Do("bins", func() (any, error) { panic("broken") }) })
	got, err := m.Do("bins", func() (any, error) { return 7, nil })
	require.NoError(t, err)
	require.Equal(t, 7, got)
}

func TestNilMemoKeepsNothing(t *testing.T) {
	var m *Memo
	for want := range 2 {
		got, err := m.Do("bins", func() (any, error) { return want, nil })
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
