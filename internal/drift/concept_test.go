package drift_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/drift"
)

// stream is windows of errors of deviation 2 around levels, a second apart.
func stream(t *testing.T, each int, levels ...float64) []*drift.Errors {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	var out []*drift.Errors
	second := int64(0)
	for _, level := range levels {
		var at []int64
		var raw []float64
		for range each {
			second++
			at, raw = append(at, second*1_000_000), append(raw, math.Abs(level+2*r.NormFloat64()))
		}
		one, err := drift.DecodeErrors(drift.ErrorsOf(at, raw, 2).Encode())
		require.NoError(t, err)
		out = append(out, one)
	}
	return out
}

func TestARiseOfTheErrorIsFoundWhereItBegan(t *testing.T) {
	require.Nil(t, drift.FindConcept(nil, 1))
	quiet := drift.FindConcept(stream(t, 400, 6, 6, 6, 6, 6, 6, 6, 6), 2)
	require.Empty(t, quiet.Changes)
	require.EqualValues(t, 3200, quiet.Rows)
	require.EqualValues(t, 1_000_000, quiet.Since)

	rises := drift.FindConcept(stream(t, 400, 6, 6, 6, 9, 9), 2)
	require.True(t, rises.Risen)
	found := map[string]bool{}
	for _, c := range rises.Changes {
		found[c.Detector] = true
		require.InDelta(t, 1200, float64(c.At)/1e6, 300, c.Detector)
		require.Greater(t, c.Found, c.At)
		require.InDelta(t, 6, c.Before, .5, c.Detector)
		require.InDelta(t, 9, c.Mean, .8, c.Detector)
	}
	require.Equal(t, map[string]bool{"ADWIN": true, "Page-Hinkley": true}, found)
	require.Equal(t, rises, drift.FindConcept(stream(t, 400, 6, 6, 6, 9, 9), 2))

	undone := drift.FindConcept(stream(t, 400, 6, 6, 6, 9, 9, 5, 5), 2)
	require.False(t, undone.Risen, "it fell again")
}

// Many errors are kept as means of some that follow one another, in order of time.
func TestErrorsAreKeptInOrderAndBounded(t *testing.T) {
	at, raw := make([]int64, 100_000), make([]float64, 100_000)
	for i := range at {
		at[i], raw[i] = int64(len(at)-i), float64(i%2)
	}
	raw[0] = 1e12
	e := drift.ErrorsOf(at, raw, .5)
	data := e.Encode()
	require.Less(t, len(data), 8000)
	back, err := drift.DecodeErrors(data)
	require.NoError(t, err)
	require.Equal(t, e, back)
	require.EqualValues(t, 100_000, back.Rows)
	require.IsIncreasing(t, back.At)
	require.InDelta(t, 1, back.Value[0], 0)
	require.Less(t, back.Value[len(back.Value)-1], 1.1, "one error does not make a change")
	for _, bad := range [][]byte{nil, {1}, {2, 0}, data[:len(data)-1], append([]byte{1, 1, 2}, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f), append(data, 2, 0, 0, 0, 0, 0, 0, 0, 0)} {
		_, err := drift.DecodeErrors(bad)
		require.Error(t, err)
	}
}
