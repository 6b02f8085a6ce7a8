package split_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
)

// dealt is a part of n rows with distinct row numbers.
func dealt(n int) (*frame.Frame, []int32) {
	f := &frame.Frame{Rows: n, Columns: []frame.Column{{Name: split.RowColumn, Numbers: make([]float64, n)}}}
	rows := make([]int32, n)
	for i := range n {
		f.Columns[0].Numbers[i], rows[i] = float64(i*7919%(1<<40)), int32(i)
	}
	return f, rows
}

func TestASampleIsNestedAndDependsOnEachRowAlone(t *testing.T) {
	f, rows := dealt(30_000)
	var before []int32
	for _, share := range []float64{1.0 / 27, 1.0 / 9, 1.0 / 3, 1} {
		got, err := split.Sample(f, rows, share)
		require.NoError(t, err)
		require.InDelta(t, share*30_000, len(got), 400)
		for _, i := range before {
			require.True(t, slices.Contains(got, i))
		}
		half, err := split.Sample(f, rows[:15_000], share)
		require.NoError(t, err)
		require.Equal(t, half, got[:len(half)], "other rows change nothing")
		before = got[:min(len(got), 200)]
	}
	_, err := split.Sample(f, rows[:2], 1e-9)
	require.Equal(t, fault.DatasetEmpty, fault.KindOf(err))
}

func TestFoldsWithinSomeRowsAreDealtFromThemAlone(t *testing.T) {
	f, rows := dealt(4000)
	outer, err := split.FoldsOf(f, 3, 9, pipeline.Split{Method: "random"})
	require.NoError(t, err)
	inner, err := split.FoldsWithin(f, outer[1].Train, 4, 2, pipeline.Split{Method: "random"})
	require.NoError(t, err)
	held := 0
	for _, fold := range inner {
		held += len(fold.Held)
		for _, i := range slices.Concat(fold.Train, fold.Held) {
			require.False(t, slices.Contains(outer[1].Held, i))
		}
		require.Equal(t, len(outer[1].Train), len(fold.Train)+len(fold.Held))
	}
	require.Equal(t, len(outer[1].Train), held)

	all, err := split.FoldsWithin(f, rows, 4, 2, pipeline.Split{Method: "random"})
	require.NoError(t, err)
	want, err := split.FoldsOf(f, 4, 2, pipeline.Split{Method: "random"})
	require.NoError(t, err)
	require.Equal(t, want, all)
	all, err = split.FoldsWithin(f, nil, 4, 2, pipeline.Split{Method: "random"})
	require.NoError(t, err)
	require.Equal(t, want, all, "nil is all")
	_, err = split.FoldsWithin(f, rows, 1, 2, pipeline.Split{Method: "random"})
	require.Equal(t, fault.PipelineInvalid, fault.KindOf(err))
}
