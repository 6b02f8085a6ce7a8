package profile

import (
	"math"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxTallied bounds the distinct values of a column that are counted in memory;
// beyond it they are sorted on disk. Tests have a smaller one.
var maxTallied = 1 << 18

// Codes of what is no finite number; those of finite ones follow.
const (
	missingCode  = frame.MissingCode
	infiniteCode = 0 // +∞; −∞ has the next
	firstCode    = 2
)

// numbering numbers the distinct finite numbers of a column in the order of their first
// appearance, and counts them, as table.Dictionary does texts. It is open addressing, at
// most half full.
type numbering struct {
	slots []numberSlot
	shift int
	used  int
}

// numberSlot is a finite number, and both its code and how often it was seen; 0 is the
// word of none.
type numberSlot struct {
	word uint64
	seen uint64 // in units of seenOnce, and the code below
}

const seenOnce = 1 << 24 // over any code; 2⁴⁰ of it are over any number of rows

func (s numberSlot) code() int32  { return int32(s.seen % seenOnce) }
func (s numberSlot) count() int64 { return int64(s.seen / seenOnce) }

func newNumbering() *numbering { return &numbering{slots: make([]numberSlot, 64), shift: 58} }

// add counts numbers and puts their codes into codes, and says how many of the values
// are missing and infinite. It sees the first n of them: of all unless the next is one
// distinct number too many.
func (t *numbering) add(values []float64, codes []int32) (n int, missing, infinite int64) {
	codes = codes[:len(values)]
	for i, x := range values {
		if x-x != 0 { // neither NaN nor infinite is 0 from itself
			switch {
			case x != x:
				codes[i] = missingCode
				missing++
			case x > 0:
				codes[i] = infiniteCode
				infinite++
			default:
				codes[i] = infiniteCode + 1
				infinite++
			}
			continue
		}
		word := table.OrderedWord(x)
		// Most values are known, and where they are looked for first.
		s := &t.slots[word*fibonacci>>(t.shift&63)]
		if s.word != word {
			if s = t.slot(word); s == nil {
				return i, missing, infinite
			}
		}
		s.seen += seenOnce
		codes[i] = s.code()
	}
	return len(values), missing, infinite
}

// slot is where a word is counted, or nil if it would be one too many.
func (t *numbering) slot(word uint64) *numberSlot {
	for at := word * fibonacci >> t.shift; ; at = (at + 1) & uint64(len(t.slots)-1) {
		switch s := &t.slots[at]; {
		case s.word == word:
			return s
		case s.word != 0:
		case t.used == maxTallied:
			return nil
		case 2*t.used == len(t.slots):
			t.grow()
			return t.slot(word)
		default:
			*s = numberSlot{word, uint64(firstCode + t.used)}
			t.used++
			return s
		}
	}
}

func (t *numbering) grow() {
	old := t.slots
	wider := 2
	if len(old) >= maxTallied { // then twice is enough for all there may be
		wider = 1
	}
	*t = numbering{slots: make([]numberSlot, len(old)<<wider), shift: t.shift - wider, used: t.used}
	for _, s := range old {
		if s.word == 0 {
			continue
		}
		at := s.word * fibonacci >> t.shift
		for t.slots[at].word != 0 {
			at = (at + 1) & uint64(len(t.slots)-1)
		}
		t.slots[at] = s
	}
}

// ascending returns the numbers that were counted, in order.
func (t *numbering) ascending() listed {
	words := make([]tallied, 0, t.used)
	for _, s := range t.slots {
		if s.word != 0 {
			words = append(words, tallied{s.word, s.count()})
		}
	}
	list := make(listed, len(words))
	for i, w := range inOrder(words, make([]tallied, len(words))) {
		list[i] = counted{table.OrderedNumber(w.word), w.count}
	}
	return list
}

// numbers are what the codes stand for, each at the place one after its code.
func (t *numbering) numbers() []float64 {
	numbers := make([]float64, 1+firstCode+t.used)
	numbers[0], numbers[1+infiniteCode], numbers[2+infiniteCode] = math.NaN(), math.Inf(1), math.Inf(-1)
	for _, s := range t.slots {
		if s.word != 0 {
			numbers[1+s.code()] = table.OrderedNumber(s.word)
		}
	}
	return numbers
}
