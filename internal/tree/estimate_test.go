package tree

import (
	"context"
	"math"
	"runtime"
	"testing"
)

// allocated returns how many bytes f asks for, freed or not.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A fit holds each row once in its entries, once in its scores, and no more.
func TestAFitTakesTheMemoryThatIsEstimated(t *testing.T) {
	const rows, slack = 200_000, 500_000 // less than the hessians alone
	withThreads(t, 1)                    // each has a little of its own
	for _, l := range []Loss{Squared, Logistic, Softmax} {
		d, s := of(l, 1, rows), settings(l)
		s.Rounds = 2
		b := binned(t, d, s)
		taken := allocated(func() {
			if _, _, err := Fit(context.Background(), d, nil, b, s, nil, nil); err != nil {
				t.Fatal(err)
			}
		})
		width := len(d.X.Features)
		if want := Estimate(rows, 0, width, false, &s) - 2*int64(width)*rows; math.Abs(float64(taken-want)) > slack {
			t.Errorf("%s: %d bytes, and %d are estimated", l, taken, want)
		}
	}
}
