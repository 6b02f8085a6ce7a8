package tree

import "math"

// split is the best way found to part a node.
type split struct {
	gain        float64 // loss saved
	column      int
	bin         int    // of a number: bins up to it go left
	set         bitset // of a block: bins that go left
	block       bool
	missingLeft bool
	left        sums
}

// bitset holds bins.
type bitset [slots / 64]uint64

func (b *bitset) set(bin int)      { b[bin>>6] |= 1 << (bin & 63) }
func (b *bitset) has(bin int) bool { return b[bin>>6]>>(bin&63)&1 == 1 }

// rights returns 1 for each bin that goes right, 0 for each that goes left.
func (s *split) rights() (t [slots]uint8) {
	for bin := range t {
		left := bin <= s.bin
		if s.block {
			left = s.set.has(bin)
		}
		if bin == missing {
			left = s.missingLeft
		}
		if !left {
			t[bin] = 1
		}
	}
	return t
}

// rules say what a split is worth.
type rules struct {
	*Settings
	packing
	hessians bool // a histogram has them
	bounded  bool // some column is monotone: weights keep within their node's bounds
}

// within are the bounds of a node's weight, and which way it may lead.
type within struct {
	low, high float64
	way       int
}

var unbounded = within{low: math.Inf(-1), high: math.Inf(1)}

// weight is the w that minimises G·w + ½(H+λ)w² + α|w| within the bounds, the
// second-order form of the loss in a leaf (Chen and Guestrin, XGBoost, 2016,
// equation 5).
func (r *rules) weight(s sums, l2 float64, in within) float64 {
	g, h := r.penalised(s), float64(s.hessian)*r.hessian1+l2
	if h <= 0 {
		return min(max(0, in.low), in.high)
	}
	return min(max(-g/h, in.low), in.high)
}

// penalised is the sum of gradients, drawn to 0 by the L1 penalty.
func (r *rules) penalised(s sums) float64 {
	g := float64(s.gradient) * r.gradient1
	if r.L1 > 0 {
		switch {
		case g > r.L1:
			return g - r.L1
		case g < -r.L1:
			return g + r.L1
		}
		return 0
	}
	return g
}

// saved is twice the loss that the best weight saves.
func (r *rules) saved(s sums, l2 float64, in within) float64 {
	h := float64(s.hessian)*r.hessian1 + l2
	if h <= 0 {
		return 0
	}
	if !r.bounded {
		g := r.penalised(s)
		return g * g / h
	}
	w := r.weight(s, l2, in)
	return -(2*float64(s.gradient)*r.gradient1*w + h*w*w + 2*r.L1*math.Abs(w))
}

// worth is what both sides save, or -Inf if they may not be parted like this.
func (r *rules) worth(left, right sums, l2 float64, in within) float64 {
	if left.rows < int64(r.MinSamplesLeaf) || right.rows < int64(r.MinSamplesLeaf) ||
		float64(left.hessian)*r.hessian1 < r.MinChildWeight || float64(right.hessian)*r.hessian1 < r.MinChildWeight {
		return math.Inf(-1)
	}
	if in.way != 0 {
		if a, b := r.weight(left, l2, in), r.weight(right, l2, in); float64(in.way)*(b-a) < 0 {
			return math.Inf(-1)
		}
	}
	return r.saved(left, l2, in) + r.saved(right, l2, in)
}

// may reports whether a node can have two children.
func (r *rules) may(s sums) bool {
	return s.rows >= 2*int64(r.MinSamplesLeaf) && s.rows >= 2 && float64(s.hessian)*r.hessian1 >= 2*r.MinChildWeight
}

// least is the gain a split of a node must exceed: besides min_split_gain, what
// rounding alone makes.
func (r *rules) least(node sums, in within) float64 {
	return max(r.MinSplitGain, 1e-12*math.Abs(r.saved(node, r.L2, in)))
}

// number looks for the best threshold of a column of numbers, with what is
// missing on either side, and keeps it in best if it is better.
func (r *rules) number(j int, c *column, h *histogram, node sums, in within, best *split) {
	first, second := r.planes(h, j)
	base := r.saved(node, r.L2, in)
	none := r.unpack(first[missing], second[missing], r.hessians)
	try := func(start sums, missingLeft bool) {
		left := start
		for bin := range c.bins - 1 {
			if first[bin] == 0 {
				continue // no rows: the same as the bin before
			}
			left = left.plus(r.unpack(first[bin], second[bin], r.hessians))
			right := node.minus(left)
			if right.rows < int64(r.MinSamplesLeaf) {
				return
			}
			gain := r.worth(left, right, r.L2, in) - base
			if gain > best.gain {
				*best = split{gain: gain, column: j, bin: bin, left: left, missingLeft: missingLeft}
				if none.rows == 0 {
					best.missingLeft = left.rows >= right.rows
				}
			}
		}
	}
	try(sums{}, false)
	if none.rows > 0 {
		try(none, true)
	}
}

var zeros [slots]int64

func (r *rules) planes(h *histogram, j int) (first, second *[slots]int64) {
	if r.hessians {
		return &h.first[j], &h.second[j]
	}
	return &h.first[j], &zeros
}
