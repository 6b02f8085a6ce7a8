package tree

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Rows are parted where they are: those of a side fill its places, each once and
// with its hessian, in one order whatever the number of threads, and the entries
// of other nodes stay.
func TestRowsArePartedInPlace(t *testing.T) {
	const rows, lo, hi = 5*partRows + 77, 13, 5*partRows + 40
	for _, share := range []float64{0.0002, 0.1, 0.5, 0.97} {
		x, r := make([]float64, rows), rand.New(rand.NewPCG(3, 4))
		left := 0
		for i := range x {
			if r.Float64() < share {
				if i >= lo && i < hi {
					left++
				}
			} else {
				x[i] = 1
			}
		}
		d := Table{X: &frame.Matrix{Rows: rows, Features: []frame.Feature{{Name: "x", Numbers: x}}}}
		for _, hessians := range []bool{false, true} {
			name, s := fmt.Sprintf("%v to the left, hessians %t", share, hessians), settings(Squared)
			b := binned(t, d, s)
			var first []entry
			for _, threads := range []int{1, 3} {
				withThreads(t, threads)
				g := newGrower(newCrew(context.Background()), b, &s, hessians, make([]float64, rows), 1)
				for i := range g.entries {
					if g.entries[i] = newEntry(i, int32(-i)); hessians {
						g.hessians[i] = int32(3 * i)
					}
				}
				best := split{left: sums{rows: int64(left)}, missingLeft: true}
				g.apply([]*part{{node: &node{lo: lo, hi: hi, best: best}, rights: best.rights()}})
				seen := make([]bool, rows)
				for at, e := range g.entries {
					row := e.row()
					if seen[row] || e != newEntry(row, int32(-row)) || hessians && g.hessians[at] != int32(3*row) {
						t.Fatalf("%s: entry %d is %x of row %d", name, at, e, row)
					}
					seen[row] = true
					if inside := at >= lo && at < hi; !inside && row != at || inside && (x[row] == 0) != (at < lo+left) {
						t.Fatalf("%s: row %d at %d, and %d of %d go left", name, row, at, left, hi-lo)
					}
				}
				if first == nil {
					first = g.entries
				}
				if !slices.Equal(first, g.entries) {
					t.Errorf("%s: %d threads put rows in another order than 1", name, threads)
				}
			}
		}
	}
}
