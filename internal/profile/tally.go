package profile

import (
	"math/bits"
)

// tally counts words by open addressing; it is at most half full.
type tally struct {
	slots []tallied // count 0: free
	shift int
	used  int
	most  int // distinct words; 0: any number
}

// fibonacci is 2⁶⁴/φ: the highest bits of a product with it are a hash (Knuth,
// 6.4).
const fibonacci = 0x9e3779b97f4a7c15

func newTally(most int) *tally { return &tally{slots: make([]tallied, 64), shift: 58, most: most} }

// add counts a word n times; false says that it would be one distinct word too
// many, and then nothing is counted.
func (t *tally) add(word uint64, n int64) bool {
	for at := word * fibonacci >> t.shift; ; at = (at + 1) & uint64(len(t.slots)-1) {
		s := &t.slots[at]
		if s.count == 0 {
			if t.used == t.most && t.most > 0 {
				return false
			}
			*s = tallied{word, n}
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
	*t = tally{slots: make([]tallied, len(old)<<wider), shift: t.shift - wider, most: t.most}
	for _, s := range old {
		if s.count > 0 {
			t.add(s.word, s.count)
		}
	}
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
