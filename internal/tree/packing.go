package tree

import (
	"math"
	"math/bits"
)

// Sums of floats depend on their order, and so on the number of threads; sums of
// integers do not. Gradients and hessians are therefore rounded to multiples of
// a power of two, chosen in each round so fine that the sums just fit: with two
// million rows a mean gradient is a million units. Parent minus child is exact
// too, and counts are whole.

// packing is the unit of a round's gradients, and where they lie in an integer:
// sum of gradients << shift + number of rows.
type packing struct {
	shift               uint8
	gradient, hessian   float64 // multiply a gradient, and a hessian, to get units
	gradient1, hessian1 float64 // one unit
}

// newPacking fits rows gradients that add up to at most sum in absolute value,
// of which none exceeds top, and hessians alike.
func newPacking(rows int, sum, top, hessianSum, hessianTop float64) packing {
	p := packing{shift: uint8(bits.Len(uint(rows)))}
	p.gradient, p.gradient1 = unit(sum, top, 62-int(p.shift), rows)
	p.hessian, p.hessian1 = unit(hessianSum, hessianTop, 62, rows)
	return p
}

// unit returns the greatest power of two that times sum, each term rounded, is
// below 2^bits, and times top below 2^31; and its inverse.
func unit(sum, top float64, bits, rows int) (scale, inverse float64) {
	if !(top > 0) {
		return 1, 1
	}
	_, exponent := math.Frexp(sum) // sum < 2^exponent
	_, highest := math.Frexp(top)
	e := min(bits-1-exponent, 30-highest)
	e = max(min(e, 1022), -1022)
	return math.Ldexp(1, e), math.Ldexp(1, -e)
}

// entry is a row and its gradient in units.
type entry uint64

func newEntry(row int, gradient int32) entry { return entry(uint32(row)) | entry(uint32(gradient))<<32 }

func (e entry) row() int { return int(uint32(e)) }

func (e entry) packed(shift uint8) int64 { return (int64(e)>>32)<<(shift&63) + 1 }

// sums are those of a node, or of a side of a split, in units.
type sums struct {
	gradient, hessian, rows int64
}

func (p *packing) unpack(first, second int64, hessians bool) sums {
	s := sums{gradient: first >> (p.shift & 63), rows: first & (1<<(p.shift&63) - 1)}
	if s.hessian = second; !hessians {
		s.hessian = s.rows
	}
	return s
}

func (a sums) plus(b sums) sums {
	return sums{a.gradient + b.gradient, a.hessian + b.hessian, a.rows + b.rows}
}

func (a sums) minus(b sums) sums {
	return sums{a.gradient - b.gradient, a.hessian - b.hessian, a.rows - b.rows}
}
