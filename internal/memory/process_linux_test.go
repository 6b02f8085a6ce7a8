package memory

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePeakIsNoLessThanWhatIsResident(t *testing.T) {
	held := make([]byte, 32<<20)
	for i := range held {
		held[i] = 1
	}
	resident, err := Resident(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, resident, int64(len(held)))
	peak, err := Peak(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, peak, resident)
	require.EqualValues(t, 1, held[len(held)-1])

	_, err = figureOf(os.Getpid(), "VmNothing")
	require.ErrorContains(t, err, "VmNothing")
	_, err = Peak(-1)
	require.Error(t, err)
}
