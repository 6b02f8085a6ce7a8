package tree

import (
	"cmp"
	"math"
	"slices"
)

const (
	fewCategories = 4   // up to which every set is tried, without smoothing (max_cat_to_onehot)
	groupRows     = 100 // rows by which a side must grow before it is tried again (min_data_per_group)
)

// category is a bin of a block with its sums in a node.
type category struct {
	bin   int
	sums  sums
	order float64
}

// categories looks for the best set of a block's bins. What is missing is a
// category like any other. Of a few, every set is tried; of more, they are put
// in the order of gradient over hessian, in which the best set of a convex loss
// is a prefix (Fisher 1958), and prefixes are tried from both ends: as in
// LightGBM, categories of few rows stay on the other side, the order is
// smoothed, and the penalty is stronger.
func (r *rules) categories(j int, c *column, h *histogram, node sums, in within, best *split) {
	first, second := r.planes(h, j)
	smooth, seen := r.CatSmooth, make([]category, 0, slots)
	few := c.bins <= fewCategories
	for bin := range slots {
		if first[bin] != 0 {
			seen = append(seen, category{bin: bin, sums: r.unpack(first[bin], second[bin], r.hessians)})
		}
	}
	if len(seen) < 2 {
		return
	}
	t := trial{rules: r, column: j, node: node, in: in, best: best, anyMissing: first[missing] != 0, base: r.saved(node, r.L2, in), l2: r.L2}
	if few {
		for set := 1; set < 1<<(len(seen)-1); set++ { // the last one stays right: its other sets are the same splits
			t.start()
			for i := range seen {
				if set>>i&1 == 1 {
					t.add(seen[i])
				}
			}
			t.end()
		}
		return
	}
	t.l2 += r.CatL2
	seen = slices.DeleteFunc(seen, func(c category) bool { return float64(c.sums.rows) < smooth })
	for i := range seen {
		if h := float64(seen[i].sums.hessian)*r.hessian1 + smooth; h > 0 {
			seen[i].order = float64(seen[i].sums.gradient) * r.gradient1 / h
		}
	}
	slices.SortStableFunc(seen, func(a, b category) int { return cmp.Compare(a.order, b.order) })
	for range 2 {
		t.start()
		var since int64
		for _, c := range seen[:min(len(seen), r.MaxCatThreshold)] {
			t.add(c)
			if since += c.sums.rows; since < groupRows {
				continue
			}
			if t.end() {
				since = 0
			}
		}
		slices.Reverse(seen)
	}
}

// trial is a set of bins that grows.
type trial struct {
	*rules
	column     int
	node, left sums
	in         within
	base, l2   float64
	anyMissing bool
	set        bitset
	best       *split
}

func (t *trial) start() { t.left, t.set = sums{}, bitset{} }

func (t *trial) add(c category) {
	t.left = t.left.plus(c.sums)
	t.set.set(c.bin)
}

// end keeps the set if it is better than the best, and reports whether it may
// be at all.
func (t *trial) end() bool {
	right := t.node.minus(t.left)
	if right.rows == 0 {
		return false
	}
	gain := t.worth(t.left, right, t.l2, t.in) - t.base
	if gain > t.best.gain {
		*t.best = split{gain: gain, column: t.column, block: true, set: t.set, left: t.left, missingLeft: t.set.has(missing)}
		if !t.anyMissing {
			t.best.missingLeft = t.left.rows >= right.rows
		}
	}
	return !math.IsInf(gain, -1)
}
