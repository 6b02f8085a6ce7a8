package tree

import "sync/atomic"

const partRows = 1 << 13 // entries that one task parts

// lanes are where a thread collects what goes left and right.
type lanes struct {
	entries  [2][partRows]entry
	hessians [2][partRows]int32
}

// part is one node on its way to two: its rights table, and how far each side
// of its entries is filled.
type part struct {
	node   *node
	rights [slots]uint8
	filled [2]atomic.Int64
	values [2]float64 // of the children, if they are leaves and need no rows
	direct bool
}

type partTask struct {
	*part
	lo, hi int
}

// apply moves the rows of each node to its children's places in the other
// buffer. Their order within a child is left to the threads, for nothing depends
// on it.
func (g *grower) apply(parts []*part) {
	tasks := g.parting[:0]
	for _, p := range parts {
		for lo := p.node.lo; lo < p.node.hi; lo += partRows {
			tasks = append(tasks, partTask{p, lo, min(lo+partRows, p.node.hi)})
		}
	}
	g.parting = tasks
	g.crew.run(len(tasks), func(worker, i int) {
		t := tasks[i]
		entries := g.entries[t.node.buffer][t.lo:t.hi]
		column := g.bins.tall[t.node.best.column]
		if t.direct {
			g.settle(t.part, entries, column)
			return
		}
		l := g.lanes[worker]
		var counts [2]int
		if g.rules.hessians {
			counts = l.partWithHessians(entries, g.hessians[t.node.buffer][t.lo:t.hi], column, &t.rights)
		} else {
			counts = l.part(entries, column, &t.rights)
		}
		other := 1 - t.node.buffer
		starts := [2]int{t.node.lo, t.node.lo + int(t.node.best.left.rows)}
		for side, n := range counts {
			at := starts[side] + int(t.filled[side].Add(int64(n))) - n
			copy(g.entries[other][at:at+n], l.entries[side][:n])
			if g.rules.hessians {
				copy(g.hessians[other][at:at+n], l.hessians[side][:n])
			}
		}
	})
}

func (l *lanes) part(entries []entry, column []uint8, rights *[slots]uint8) [2]int {
	var left, right uint
	for _, e := range entries {
		l.entries[0][left&(partRows-1)] = e
		l.entries[1][right&(partRows-1)] = e
		r := uint(rights[column[e.row()]])
		right += r
		left += 1 - r
	}
	return [2]int{int(left), int(right)}
}

func (l *lanes) partWithHessians(entries []entry, hessians []int32, column []uint8, rights *[slots]uint8) [2]int {
	var left, right uint
	hessians = hessians[:len(entries)]
	for i, e := range entries {
		l.entries[0][left&(partRows-1)] = e
		l.entries[1][right&(partRows-1)] = e
		l.hessians[0][left&(partRows-1)] = hessians[i]
		l.hessians[1][right&(partRows-1)] = hessians[i]
		r := uint(rights[column[e.row()]])
		right += r
		left += 1 - r
	}
	return [2]int{int(left), int(right)}
}

// settle adds the children's values to the scores instead of moving rows.
func (g *grower) settle(p *part, entries []entry, column []uint8) {
	for _, e := range entries {
		g.scores[e.row()*g.stride+g.offset] += p.values[rightOf(&p.rights, column[e.row()])]
	}
}

func rightOf(rights *[slots]uint8, bin uint8) uint8 { return rights[bin] & 1 }
