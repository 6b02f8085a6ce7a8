package tree

const partRows = 1 << 13 // entries that one task parts

// lanes are where a thread collects what does not stay on its side.
type lanes struct {
	entries  [partRows]entry
	hessians [partRows]int32
}

// part is one node on its way to two, and its rights table.
type part struct {
	node   *node
	rights [slots]uint8
	values [2]float64 // of the children, if they are leaves and need no rows
	direct bool
}

// partTask is entries that become those of one side.
type partTask struct {
	*part
	lo, hi int
	side   uint8
	strays int // its last entries, which belong to the other side
}

// exchange is n strays of the left and as many of the right.
type exchange struct{ left, right, n int }

// apply moves the rows of each node to its children's places, among the entries
// they are in: a second buffer for them would be as large as all scores. How many
// go left is known, and so which places will be theirs. Each task puts its strays
// last; as many are on the left as on the right, and they change places.
func (g *grower) apply(parts []*part) {
	tasks := g.parting[:0]
	for _, p := range parts {
		bounds := [3]int{p.node.lo, p.node.lo + int(p.node.best.left.rows), p.node.hi}
		for side := range uint8(2) {
			for lo, end := bounds[side], bounds[side+1]; lo < end; lo += partRows {
				tasks = append(tasks, partTask{part: p, lo: lo, hi: min(lo+partRows, end), side: side})
			}
		}
	}
	g.parting = tasks
	g.crew.run(len(tasks), func(worker, i int) {
		t := &tasks[i]
		entries, column := g.entries[t.lo:t.hi], g.bins.tall[t.node.best.column]
		switch l := g.lanes[worker]; {
		case t.direct:
			g.settle(t.part, entries, column)
		case g.rules.hessians:
			t.strays = l.partWithHessians(entries, g.hessians[t.lo:t.hi], column, &t.rights, t.side)
		default:
			t.strays = l.part(entries, column, &t.rights, t.side)
		}
	})
	if g.crew.ctx.Err() != nil {
		return // some tasks have not said how many stray
	}
	g.exchange(tasks)
}

// exchange lets the strays of tasks, in order of their entries, change places.
func (g *grower) exchange(tasks []partTask) {
	swaps, right := g.swapping[:0], 0
	for left := range tasks {
		l := &tasks[left]
		for l.side == 0 && l.strays > 0 {
			r := &tasks[right]
			if r.side == 0 || r.strays == 0 {
				right++
				continue
			}
			n := min(l.strays, r.strays)
			swaps = append(swaps, exchange{l.hi - l.strays, r.hi - r.strays, n})
			l.strays, r.strays = l.strays-n, r.strays-n
		}
	}
	g.swapping = swaps
	g.crew.run(len(swaps), func(_, i int) {
		s := &swaps[i]
		swap(g.entries[s.left:s.left+s.n], g.entries[s.right:s.right+s.n])
		if g.rules.hessians {
			swap(g.hessians[s.left:s.left+s.n], g.hessians[s.right:s.right+s.n])
		}
	})
}

func swap[T any](a, b []T) {
	b = b[:len(a)]
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

// part puts the entries that stay on a side first and the others last, and
// returns how many those are.
func (l *lanes) part(entries []entry, column []uint8, rights *[slots]uint8, side uint8) int {
	var stay, stray uint
	for _, e := range entries {
		entries[stay] = e
		l.entries[stray&(partRows-1)] = e
		away := uint(rights[column[e.row()]] ^ side)
		stray += away
		stay += 1 - away
	}
	return copy(entries[stay:], l.entries[:])
}

func (l *lanes) partWithHessians(entries []entry, hessians []int32, column []uint8, rights *[slots]uint8, side uint8) int {
	var stay, stray uint
	hessians = hessians[:len(entries)]
	for i, e := range entries {
		h := hessians[i]
		entries[stay], hessians[stay] = e, h
		l.entries[stray&(partRows-1)], l.hessians[stray&(partRows-1)] = e, h
		away := uint(rights[column[e.row()]] ^ side)
		stray += away
		stay += 1 - away
	}
	copy(hessians[stay:], l.hessians[:])
	return copy(entries[stay:], l.entries[:])
}

// settle adds the children's values to the scores instead of moving rows.
func (g *grower) settle(p *part, entries []entry, column []uint8) {
	for _, e := range entries {
		g.scores[e.row()*g.stride+g.offset] += p.values[rightOf(&p.rights, column[e.row()])]
	}
}

func rightOf(rights *[slots]uint8, bin uint8) uint8 { return rights[bin] & 1 }
