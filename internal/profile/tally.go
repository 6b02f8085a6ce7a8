package profile

import (
	"math"
	"math/bits"
	"slices"
)

// maxTallied bounds the distinct values of a column that are counted here; beyond
// it the engine, which spills, groups and sorts them. Tests have a smaller one.
var maxTallied = 1 << 18

// tally counts words by open addressing; it is at most half full.
type tally struct {
	slots []slot
	shift int
	used  int
	most  int  // distinct words; 0: any number
	full  bool // there were more, and none is kept
}

// fibonacci is 2⁶⁴/φ: the highest bits of a product with it are a hash (Knuth,
// 6.4).
const fibonacci = 0x9e3779b97f4a7c15

type slot struct {
	word  uint64
	count int64 // 0: free
}

func newTally(most int) *tally { return &tally{slots: make([]slot, 64), shift: 58, most: most} }

// add counts a word n times; false says that it would be one distinct word too
// many, and then nothing is counted.
func (t *tally) add(word uint64, n int64) bool {
	for at := word * fibonacci >> t.shift; ; at = (at + 1) & uint64(len(t.slots)-1) {
		s := &t.slots[at]
		if s.count == 0 {
			if t.used == t.most && t.most > 0 {
				return false
			}
			*s = slot{word, n}
			if t.used++; 2*t.used > len(t.slots) {
				t.grow()
			}
			return true
		}
		if s.word == word {
			s.count += n
			return true
		}
	}
}

func (t *tally) grow() {
	old := t.slots
	wider := 2
	if t.most > 0 && len(old) >= t.most { // then twice is enough for all there may be
		wider = 1
	}
	*t = tally{slots: make([]slot, len(old)<<wider), shift: t.shift - wider, most: t.most}
	for _, s := range old {
		if s.count > 0 {
			t.add(s.word, s.count)
		}
	}
}

// addFinite counts finite numbers, unless the tally is full, and says how many of
// the values are missing and infinite.
func (t *tally) addFinite(values []float64) (missing, infinite int64) {
	for _, x := range values {
		if x-x != 0 { // neither NaN nor infinite is 0 from itself
			if x != x {
				missing++
			} else {
				infinite++
			}
			continue
		}
		if t.full {
			continue
		}
		word := math.Float64bits(x + 0) // −0 is 0
		// Most values are known, and where they are looked for first.
		if s := &t.slots[word*fibonacci>>(t.shift&63)]; s.word == word && s.count > 0 {
			s.count++
			continue
		}
		if !t.add(word, 1) {
			t.full, t.slots = true, nil
		}
	}
	return missing, infinite
}

// ascending returns the numbers that were counted, in order.
func (t *tally) ascending() []counted {
	list := make([]counted, 0, t.used)
	for _, s := range t.slots {
		if s.count > 0 {
			list = append(list, counted{math.Float64frombits(s.word), s.count})
		}
	}
	slices.SortFunc(list, func(a, b counted) int {
		if a.value < b.value {
			return -1
		}
		return 1
	})
	return list
}

// wide is a sum of products of whole numbers, 128 bits, so that it depends on no
// order.
type wide struct{ hi, lo uint64 }

func (w *wide) add(a, b int64) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	hi -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a)
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, lo, 0)
	w.hi += hi + carry
}

// addSquare adds n times the square of q.
func (w *wide) addSquare(q, n int64) {
	hi, lo := bits.Mul64(uint64(max(q, -q)), uint64(max(q, -q)))
	over, lo := bits.Mul64(lo, uint64(n))
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, lo, 0)
	w.hi += hi*uint64(n) + over + carry
}

func (w *wide) minus(other wide) {
	var borrow uint64
	w.lo, borrow = bits.Sub64(w.lo, other.lo, 0)
	w.hi -= other.hi + borrow
}

func (w wide) float() float64 { return float64(int64(w.hi))*0x1p64 + float64(w.lo) }
