package tree

import (
	"math/rand/v2"
	"slices"
	"sync"
)

const (
	buildRows    = 1 << 16 // entries that one task adds to a histogram, at most
	buildLeast   = 1 << 13 // and at least, unless the leaf has fewer: a histogram of its own costs as much as some hundred
	buildColumns = 64      // columns of one task
)

// node is a leaf while the tree grows.
type node struct {
	id, depth int
	lo, hi    int // its entries
	sums      sums
	in        within
	parent    *node // until the histogram is taken from it
	hist      *histogram
	best      split
	settled   bool       // its rows have their value
	lock      sync.Mutex // of its histogram, while tasks add to it
}

// grower grows trees on one table. It is made once a fit: nothing it needs is
// allocated again for the next tree.
type grower struct {
	bins     *Bins
	crew     *crew
	rules    rules
	entries  []entry // of the tree that grows, those of a leaf side by side
	hessians []int32
	lanes    []*lanes
	scratch  []*histogram
	free     []*histogram
	nodes    arena[node] // of the tree that grows
	parts    arena[part] // of the splits that are made now
	scores   []float64   // of all rows; those of a leaf get its value
	stride   int         // scores of a row
	offset   int         // the one this tree adds to
	renews   bool        // leaves get their value from their rows

	building []buildTask // room for the tasks of each
	finding  []findTask
	parting  []partTask
	swapping []exchange
}

// arena hands out values one after another, and the same ones again once it is
// emptied: what each tree needs is allocated for the first.
type arena[T any] struct {
	all  []*T
	used int
}

func (a *arena[T]) empty() { a.used = 0 }

// take returns a value that is as it was left.
func (a *arena[T]) take() *T {
	if a.used == len(a.all) {
		a.all = append(a.all, new(T))
	}
	a.used++
	return a.all[a.used-1]
}

func newGrower(crew *crew, bins *Bins, s *Settings, hessians bool, scores []float64, stride int) *grower {
	g := &grower{bins: bins, crew: crew, scores: scores, stride: stride}
	g.rules = rules{Settings: s, hessians: hessians}
	for _, way := range s.Monotone {
		g.rules.bounded = g.rules.bounded || way != 0
	}
	g.entries = make([]entry, bins.Rows)
	if hessians {
		g.hessians = make([]int32, bins.Rows)
	}
	for range crew.workers {
		g.lanes = append(g.lanes, new(lanes))
		g.scratch = append(g.scratch, newHistogram(min(buildColumns, len(bins.columns)), hessians))
	}
	return g
}

// grow grows one tree on the first n entries and returns it with its leaves.
// The leaves are good until the next tree grows. Those that are not settled have yet
// to add their value to the scores. draw chooses the columns of each node if they are sampled.
func (g *grower) grow(n int, total sums, columns []bool, draw *rand.Rand) (*Tree, []*node) {
	t := new(Tree)
	t.add(1)
	g.nodes.empty()
	root := g.node(nil, 0, n, total, unbounded)
	t.Covers[0] = g.cover(root)
	leaves, waiting := []*node{}, []*node{root}
	g.build(waiting)
	g.find(waiting, columns, draw)
	for count := 1; len(waiting) > 0 && g.crew.ctx.Err() == nil; {
		var now []*node
		now, waiting = g.next(waiting)
		g.parts.empty()
		parts, children := make([]*part, 0, len(now)), make([]*node, 0, 2*len(now))
		for _, leaf := range now {
			if leaf.best.gain == 0 || count == g.rules.MaxLeaves {
				leaves = append(leaves, leaf)
				g.release(leaf)
				continue
			}
			count++
			p, pair := g.part(t, leaf)
			parts, children = append(parts, p), append(children, pair...)
		}
		if len(parts) == 0 {
			continue
		}
		g.apply(parts)
		g.build(children)
		g.find(children, columns, draw)
		waiting = append(waiting, children...)
	}
	slices.SortFunc(t.Sets, func(a, b Set) int { return int(a.Node - b.Node) })
	return t, leaves
}

// node is a new leaf, with the entries lo … hi-1.
func (g *grower) node(parent *node, lo, hi int, of sums, in within) *node {
	n := g.nodes.take()
	n.id, n.depth, n.lo, n.hi, n.sums, n.in, n.parent = 0, 0, lo, hi, of, in, parent
	n.hist, n.best, n.settled = nil, split{}, false
	if parent != nil {
		n.depth = parent.depth + 1
	}
	return n
}

// next takes what is split now: the whole level, or the best leaf, the first of
// equals.
func (g *grower) next(waiting []*node) (now, rest []*node) {
	if !g.rules.LeafWise {
		return waiting, nil
	}
	best := 0
	for i, leaf := range waiting {
		if leaf.best.gain > waiting[best].best.gain {
			best = i
		}
	}
	now = []*node{waiting[best]}
	return now, append(waiting[:best], waiting[best+1:]...)
}

// part gives a leaf two children.
func (g *grower) part(t *Tree, leaf *node) (*part, []*node) {
	s := &leaf.best
	t.split(leaf.id, s, &g.bins.columns[s.column])
	first := int(t.Lefts[leaf.id])
	middle := leaf.lo + int(s.left.rows)
	left, right := g.node(leaf, leaf.lo, middle, s.left, leaf.in), g.node(leaf, middle, leaf.hi, leaf.sums.minus(s.left), leaf.in)
	left.id, right.id = first, first+1
	if way := g.wayOf(s.column); way != 0 {
		in := leaf.in
		middle := (g.rules.weight(left.sums, g.rules.L2, in) + g.rules.weight(right.sums, g.rules.L2, in)) / 2
		if way > 0 {
			left.in.high, right.in.low = middle, middle
		} else {
			left.in.low, right.in.high = middle, middle
		}
	}
	for _, child := range []*node{left, right} {
		t.Covers[child.id] = g.cover(child)
	}
	p := g.parts.take()
	p.node, p.rights, p.direct = leaf, s.rights(), false
	if !g.renews && !g.mayGrow(left) && !g.mayGrow(right) {
		p.direct, left.settled, right.settled = true, true, true
		p.values = [2]float64{float64(g.value(left)), float64(g.value(right))}
	}
	return p, []*node{left, right}
}

func (g *grower) cover(leaf *node) float32 {
	return float32(float64(leaf.sums.hessian) * g.rules.hessian1)
}

// value is what a leaf adds to the score of its rows.
func (g *grower) value(leaf *node) float32 {
	return float32(g.rules.LearningRate * g.rules.weight(leaf.sums, g.rules.L2, leaf.in))
}

func (g *grower) wayOf(column int) int {
	if !g.rules.bounded {
		return 0
	}
	return g.rules.Monotone[g.bins.columns[column].feature]
}

func (g *grower) mayGrow(leaf *node) bool {
	return leaf.depth < g.rules.MaxDepth && g.rules.may(leaf.sums)
}

type buildTask struct {
	leaf   *node
	lo, hi int // entries
	column int
	whole  bool
}

// build makes the histograms of new leaves, given in pairs (or the root alone):
// the smaller one's from its rows; find subtracts it from the parent's, which
// becomes the larger one's.
func (g *grower) build(children []*node) {
	var leaves []*node
	rows := 0
	add := func(leaf *node) { leaves, rows = append(leaves, leaf), rows+leaf.hi-leaf.lo }
	if len(children) == 1 {
		if g.mayGrow(children[0]) {
			add(children[0])
		}
	} else {
		for i := 0; i < len(children); i += 2 {
			left, right := children[i], children[i+1]
			if g.mayGrow(left) || g.mayGrow(right) {
				add(smaller(left, right))
			}
		}
	}
	width := len(g.bins.columns)
	tasks, most := g.building[:0], g.buildRows(rows*((width+buildColumns-1)/buildColumns))
	for _, leaf := range leaves {
		leaf.hist = g.take()
		for column := 0; column < width; column += buildColumns {
			for lo := leaf.lo; lo < leaf.hi; lo += most {
				tasks = append(tasks, buildTask{leaf, lo, min(lo+most, leaf.hi), column, leaf.hi-leaf.lo <= most})
			}
		}
	}
	g.building = tasks
	g.crew.run(len(tasks), func(worker, i int) {
		t := &tasks[i]
		hi := min(t.column+buildColumns, width)
		entries := g.entries[t.lo:t.hi]
		var hessians []int32
		if g.rules.hessians {
			hessians = g.hessians[t.lo:t.hi]
		}
		if t.whole {
			t.leaf.hist.clear(t.column, hi)
			t.leaf.hist.accumulate(g.bins, g.rules.packing, entries, hessians, t.column, hi, t.column)
			return
		}
		own := g.scratch[worker]
		own.clear(0, hi-t.column)
		own.accumulate(g.bins, g.rules.packing, entries, hessians, t.column, hi, 0)
		t.leaf.lock.Lock()
		t.leaf.hist.add(t.column, own, hi-t.column)
		t.leaf.lock.Unlock()
	})
}

// buildRows is how many entries a task gets of all that are to be added, once for
// each span of columns: few enough that every thread has work, even of a single
// small leaf.
func (g *grower) buildRows(rows int) int {
	if g.crew.workers == 1 {
		return buildRows
	}
	share := (rows + 2*g.crew.workers - 1) / (2 * g.crew.workers)
	return min(max(share, buildLeast), buildRows)
}

func smaller(left, right *node) *node {
	if left.hi-left.lo <= right.hi-right.lo {
		return left
	}
	return right
}

// take returns a histogram that is empty or will be cleared by whoever fills it
// whole.
func (g *grower) take() *histogram {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		h.clear(0, len(h.first))
		return h
	}
	return newHistogram(len(g.bins.columns), g.rules.hessians)
}

func (g *grower) release(leaf *node) {
	if leaf.hist != nil {
		g.free = append(g.free, leaf.hist)
		leaf.hist = nil
	}
}
