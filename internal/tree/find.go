package tree

import (
	"math/rand/v2"
	"slices"
)

const findColumns = 16 // columns of one task

type findTask struct {
	leaf  *node
	lo    int
	minus *histogram // to be taken from the leaf's first
	among []bool
	best  split
}

// find looks for the best split of each new leaf, given in pairs (or the root
// alone). A leaf that has none lets go of its histogram.
func (g *grower) find(children []*node, columns []bool, draw *rand.Rand) {
	tasks := g.finding[:0]
	width := len(g.bins.columns)
	add := func(leaf *node, minus *histogram) {
		among := columns
		if g.rules.ColsampleByNode < 1 {
			among = choose(draw, width, g.rules.ColsampleByNode, columns)
		}
		for lo := 0; lo < width; lo += findColumns {
			tasks = append(tasks, findTask{leaf: leaf, lo: lo, minus: minus, among: among})
		}
	}
	if len(children) == 1 {
		if children[0].hist != nil {
			add(children[0], nil)
		}
	} else {
		for i := 0; i < len(children); i += 2 {
			small, large := children[i], children[i+1]
			if parent := small.parent; small.hist == nil && large.hist == nil {
				g.release(parent)
			} else {
				if small.hist == nil {
					small, large = large, small
				}
				large.hist, parent.hist = parent.hist, nil
				add(small, nil)
				add(large, small.hist)
			}
			small.parent, large.parent = nil, nil
		}
	}
	g.finding = tasks
	g.crew.run(len(tasks), func(_, i int) {
		t := &tasks[i]
		hi := min(t.lo+findColumns, width)
		for j := t.lo; j < hi && t.minus != nil; j++ {
			t.leaf.hist.subtract(t.minus, j)
		}
		if g.mayGrow(t.leaf) {
			for j := t.lo; j < hi; j++ {
				if t.among == nil || t.among[j] {
					g.column(t.leaf, j, &t.best)
				}
			}
		}
	})
	for i := range tasks {
		if t := &tasks[i]; t.best.gain > t.leaf.best.gain {
			t.leaf.best = t.best
		}
	}
	for _, leaf := range children {
		if leaf.best.gain <= g.rules.least(leaf.sums, leaf.in) {
			leaf.best.gain = 0
			g.release(leaf)
		}
	}
}

func (g *grower) column(leaf *node, j int, best *split) {
	in := leaf.in
	in.way = g.wayOf(j)
	if c := &g.bins.columns[j]; c.block() {
		g.rules.categories(j, c, leaf.hist, leaf.sums, in, best)
	} else {
		g.rules.number(j, c, leaf.hist, leaf.sums, in, best)
	}
}

// choose draws a share of n columns, at least one, among those given (nil: all).
func choose(draw *rand.Rand, n int, share float64, among []bool) []bool {
	var all []int
	for j := range n {
		if among == nil || among[j] {
			all = append(all, j)
		}
	}
	chosen := make([]bool, n)
	take := min(max(1, int(share*float64(len(all))+0.5)), len(all))
	for i := range take {
		k := i + draw.IntN(len(all)-i)
		all[i], all[k] = all[k], all[i]
	}
	for _, j := range slices.Clip(all[:take]) {
		chosen[j] = true
	}
	return chosen
}
