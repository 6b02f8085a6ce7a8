package tree

// histogram is, for each column, the sums over the rows of a node by bin. The
// first plane holds gradient and count in one integer (see packing), the second
// the hessian; it is nil where every hessian is 1.
type histogram struct {
	first, second [][slots]int64
}

func newHistogram(columns int, hessians bool) *histogram {
	h := &histogram{first: make([][slots]int64, columns)}
	if hessians {
		h.second = make([][slots]int64, columns)
	}
	return h
}

func (h *histogram) clear(lo, hi int) {
	clear(h.first[lo:hi])
	if h.second != nil {
		clear(h.second[lo:hi])
	}
}

// add adds the columns from on of a histogram that starts there.
func (h *histogram) add(from int, other *histogram, n int) {
	addPlane(h.first[from:from+n], other.first[:n])
	if h.second != nil {
		addPlane(h.second[from:from+n], other.second[:n])
	}
}

func addPlane(into, from [][slots]int64) {
	for j := range from {
		a, b := &into[j], &from[j]
		for i := range b {
			a[i] += b[i]
		}
	}
}

// subtract leaves in column j of h what other does not have. Integers make it
// exact: nothing drifts from parent to child.
func (h *histogram) subtract(other *histogram, j int) {
	a, b := &h.first[j], &other.first[j]
	for i := range b {
		a[i] -= b[i]
	}
	if h.second != nil {
		a, b := &h.second[j], &other.second[j]
		for i := range b {
			a[i] -= b[i]
		}
	}
}

// blockRows are added to all columns before the next are: their bins are then
// fetched from memory once.
const blockRows = 2048

// accumulate adds the rows of entries to the columns lo … hi-1, of which the
// histogram has lo at place at. Columns are taken eight at a time, so that the
// sums stay in the nearest cache and one read of a row serves eight.
func (h *histogram) accumulate(b *Bins, p packing, entries []entry, hessians []int32, lo, hi, at int) {
	width := len(b.columns)
	for len(entries) > 0 {
		n := min(blockRows, len(entries))
		block := entries[:n]
		touch(b.wide, block, width, lo, hi)
		if h.second == nil {
			for j := lo; j < hi; {
				first := h.first[at+j-lo:]
				switch left := hi - j; {
				case left >= 8:
					add8((*[8][slots]int64)(first), b.wide, block, width, j, p.shift)
					j += 8
				case left >= 4:
					add4((*[4][slots]int64)(first), b.wide, block, width, j, p.shift)
					j += 4
				case left >= 2:
					add2((*[2][slots]int64)(first), b.wide, block, width, j, p.shift)
					j += 2
				default:
					add1(&first[0], b.wide, block, width, j, p.shift)
					j++
				}
			}
		} else {
			some := hessians[:n]
			for j := lo; j < hi; {
				first, second := h.first[at+j-lo:], h.second[at+j-lo:]
				switch left := hi - j; {
				case left >= 4:
					add4h((*[4][slots]int64)(first), (*[4][slots]int64)(second), b.wide, block, some, width, j, p.shift)
					j += 4
				case left >= 2:
					add2h((*[2][slots]int64)(first), (*[2][slots]int64)(second), b.wide, block, some, width, j, p.shift)
					j += 2
				default:
					add1h(&first[0], &second[0], b.wide, block, some, width, j, p.shift)
					j++
				}
			}
			hessians = hessians[n:]
		}
		entries = entries[n:]
	}
}

// touch reads the first and the last bin of every row, and nothing else: so many
// reads are on their way at a time that the rows of a deep node, each in a cache
// line of its own, come as fast as memory can send them. What follows finds them
// near.
//
//go:noinline
func touch(rows []uint8, entries []entry, width, lo, hi int) (seen uint8) {
	for _, e := range entries {
		at := e.row() * width
		seen |= rows[at+lo] | rows[at+hi-1]
	}
	return seen
}

func add8(h *[8][slots]int64, rows []uint8, entries []entry, width, column int, shift uint8) {
	shift &= 63
	for _, e := range entries {
		r := (*[8]uint8)(rows[e.row()*width+column:])
		v := e.packed(shift)
		h[0][r[0]] += v
		h[1][r[1]] += v
		h[2][r[2]] += v
		h[3][r[3]] += v
		h[4][r[4]] += v
		h[5][r[5]] += v
		h[6][r[6]] += v
		h[7][r[7]] += v
	}
}

func add4(h *[4][slots]int64, rows []uint8, entries []entry, width, column int, shift uint8) {
	shift &= 63
	for _, e := range entries {
		r := (*[4]uint8)(rows[e.row()*width+column:])
		v := e.packed(shift)
		h[0][r[0]] += v
		h[1][r[1]] += v
		h[2][r[2]] += v
		h[3][r[3]] += v
	}
}

func add2(h *[2][slots]int64, rows []uint8, entries []entry, width, column int, shift uint8) {
	shift &= 63
	for _, e := range entries {
		r := (*[2]uint8)(rows[e.row()*width+column:])
		v := e.packed(shift)
		h[0][r[0]] += v
		h[1][r[1]] += v
	}
}

func add1(h *[slots]int64, rows []uint8, entries []entry, width, column int, shift uint8) {
	shift &= 63
	for _, e := range entries {
		h[rows[e.row()*width+column]] += e.packed(shift)
	}
}

func add4h(h, k *[4][slots]int64, rows []uint8, entries []entry, hessians []int32, width, column int, shift uint8) {
	shift &= 63
	hessians = hessians[:len(entries)]
	for i, e := range entries {
		r := (*[4]uint8)(rows[e.row()*width+column:])
		v, w := e.packed(shift), int64(hessians[i])
		h[0][r[0]] += v
		k[0][r[0]] += w
		h[1][r[1]] += v
		k[1][r[1]] += w
		h[2][r[2]] += v
		k[2][r[2]] += w
		h[3][r[3]] += v
		k[3][r[3]] += w
	}
}

func add2h(h, k *[2][slots]int64, rows []uint8, entries []entry, hessians []int32, width, column int, shift uint8) {
	shift &= 63
	hessians = hessians[:len(entries)]
	for i, e := range entries {
		r := (*[2]uint8)(rows[e.row()*width+column:])
		v, w := e.packed(shift), int64(hessians[i])
		h[0][r[0]] += v
		k[0][r[0]] += w
		h[1][r[1]] += v
		k[1][r[1]] += w
	}
}

func add1h(h, k *[slots]int64, rows []uint8, entries []entry, hessians []int32, width, column int, shift uint8) {
	shift &= 63
	hessians = hessians[:len(entries)]
	for i, e := range entries {
		bin := rows[e.row()*width+column]
		h[bin] += e.packed(shift)
		k[bin] += int64(hessians[i])
	}
}
