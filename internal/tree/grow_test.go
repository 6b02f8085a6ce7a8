package tree

import (
	"context"
	"slices"
	"testing"
)

// Of one leaf that is split at a time, every thread adds some rows: growth by
// leaf would else build most histograms on one. What they add up to is the same.
func TestThreadsShareTheRowsOfASmallLeaf(t *testing.T) {
	const rows = 3 * buildLeast
	d, s := of(Squared, 1, rows), settings(Squared)
	b := binned(t, d, s)
	var want *histogram
	for threads, tasks := range map[int]int{1: 1, 2: 3, 3: 3} {
		withThreads(t, threads)
		g := newGrower(newCrew(context.Background()), b, &s, false, make([]float64, rows), 1)
		g.rules.packing = newPacking(rows, rows, 1, rows, 1)
		for i := range g.entries {
			g.entries[i] = newEntry(i, int32(i%7))
		}
		root := &node{hi: rows, sums: sums{rows: rows, hessian: rows}}
		g.rules.hessian1 = 1
		g.build([]*node{root})
		if len(g.building) != tasks {
			t.Errorf("%d threads have %d tasks", threads, len(g.building))
		}
		if want == nil {
			want = root.hist
		}
		if !slices.Equal(want.first, root.hist.first) || want.first[0] == [slots]int64{} {
			t.Errorf("%d threads build another histogram", threads)
		}
	}
}
