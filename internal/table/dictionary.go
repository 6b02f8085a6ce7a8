package table

import (
	"math/bits"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Dictionary numbers the distinct texts of a column in order of first appearance
// and counts them.
type Dictionary struct {
	Texts  []string
	Counts []int64

	slots []textSlot // open addressing, at most half full
	bytes int
}

// textSlot is a text as the engine has it, if that is at most twelve bytes, or
// its length and beginning and its hash; code is one more than its number.
type textSlot struct {
	key  [2]uint64
	code int32
}

// The most a Dictionary holds: what is beyond is for the engine, which spills.
const (
	maxTexts     = 1 << 18
	maxTextBytes = 16 << 20
)

// Add counts column j of a batch, which must be of text, and puts the number of
// each row's text into codes, frame.MissingCode where there is none. It returns
// false, and the dictionary is of no more use, if there are too many texts.
func (d *Dictionary) Add(b *Batch, j int, codes []int32) bool {
	v := &b.vectors[j]
	codes = codes[:b.Rows]
	for i, s := range v.raw(b.Rows) {
		if v.validity != nil && !v.valid(i) {
			codes[i] = frame.MissingCode
			continue
		}
		// Most texts are short and where they are looked for first.
		if mask := uint64(len(d.slots) - 1); mask < uint64(len(d.slots)) {
			if slot := &d.slots[hashOf(s)&mask]; slot.key == s && slot.code > 0 && uint32(s[0]) <= 12 {
				codes[i] = slot.code - 1
				d.Counts[slot.code-1]++
				continue
			}
		}
		c := d.code(s, v, i)
		if c < 0 {
			return false
		}
		d.Counts[c]++
		codes[i] = c
	}
	return true
}

func hashOf(key [2]uint64) uint64 {
	hi, lo := bits.Mul64(key[0]^mixA, key[1]^mixB)
	return hi ^ lo
}

func (d *Dictionary) code(s [2]uint64, v *vector, r int) int32 {
	long := uint32(s[0]) > 12
	if long {
		s[1] = HashText(v.text(r))
	}
	if len(d.slots) < 2*len(d.Texts)+2 {
		d.grow()
	}
	mask := len(d.slots) - 1
	for at := int(hashOf(s)) & mask; ; at = (at + 1) & mask {
		slot := &d.slots[at]
		if slot.code == 0 {
			text := strings.Clone(v.text(r))
			if d.bytes += len(text); len(d.Texts) == maxTexts || d.bytes > maxTextBytes {
				return -1
			}
			d.Texts, d.Counts = append(d.Texts, text), append(d.Counts, 0)
			*slot = textSlot{s, int32(len(d.Texts))}
			return slot.code - 1
		}
		if slot.key == s && (!long || d.Texts[slot.code-1] == v.text(r)) {
			return slot.code - 1
		}
	}
}

func (d *Dictionary) grow() {
	old := d.slots
	d.slots = make([]textSlot, max(64, 4*len(old)))
	mask := len(d.slots) - 1
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		at := int(hashOf(s.key)) & mask
		for d.slots[at].code != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = s
	}
}
