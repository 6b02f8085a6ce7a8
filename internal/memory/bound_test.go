package memory

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestTheBoundIsTheLimitOrHalfOfWhatThereIs(t *testing.T) {
	had := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(had)
	half := Bound()
	require.Positive(t, half)
	debug.SetMemoryLimit(96 << 20)
	require.EqualValues(t, 96<<20, Bound())
	require.Nil(t, Affordable("a fit", 96<<20))
	for _, need := range []int64{97 << 20, -1} {
		err := Affordable("a fit", need)
		require.Equal(t, fault.ResourceExhausted, fault.KindOf(err))
		require.ErrorContains(t, err, "over the bound of 96 MB")
	}
	require.ErrorContains(t, Affordable("a fit", 97<<20), "a fit needs about 97 MB")
}
