package table

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// The multipliers of wyhash (Wang Yi, 2019), odd and with half of their bits set.
const (
	mixA = 0xa0761d6478bd642f
	mixB = 0xe7037ed1a0b428db
	mixC = 0x8ebc6af09c88c6e3
)

// mix makes 64 bits of two words that depend on every bit of both. The first is
// kept beside the product, which a factor of zero would wipe out.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^mixA, b^mixB)
	return hi ^ lo ^ a
}

// HashText is a hash that is the same in every process.
func HashText(s string) uint64 {
	h := mix(uint64(len(s)), mixC)
	for ; len(s) >= 8; s = s[8:] {
		h = mix(h^binary.LittleEndian.Uint64([]byte(s[:8])), mixC)
	}
	var rest [8]byte
	copy(rest[:], s)
	return mix(h^binary.LittleEndian.Uint64(rest[:]), mixC)
}

// Hash folds column j into the hashes of the rows, which begin as any constant:
// rows with equal columns, folded in the same order, have equal hashes in every
// process and on every machine.
func (b *Batch) Hash(j int, rows []uint64) {
	v := &b.vectors[j]
	rows = rows[:b.Rows]
	switch v.kind {
	case mapping.TypeVarchar:
		for i, s := range v.raw(b.Rows) {
			switch {
			case !v.valid(i):
				rows[i] = mix(rows[i], mixA)
			case uint32(s[0]) <= 12: // in place, the rest zero
				rows[i] = mix(rows[i]^s[0], s[1]+mixC)
			default:
				rows[i] = mix(rows[i], HashText(v.text(i)))
			}
		}
	case mapping.TypeBigInt, mapping.TypeUBigInt, mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		for i, w := range values[uint64](v, b.Rows) {
			if !v.valid(i) {
				w = mixB
			}
			rows[i] = mix(rows[i], w+mixC)
		}
	default:
		for i := range rows {
			w := uint64(mixB)
			if v.valid(i) {
				w = v.word(i)
			}
			rows[i] = mix(rows[i], w+mixC)
		}
	}
}

// Meeting returns the places of the words that occur more than once, in order; 0
// is no word. It needs three bytes a word.
func Meeting(words []uint64) []int64 {
	// Words that share no bit of a wide set with another occur once. Four rounds,
	// each by other bits of a hash, leave little to sort.
	found := sharing(words, nil, 0)
	for round := 1; round < 4 && len(found) > 0; round++ {
		found = sharing(words, found, round)
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b int64) int { return cmp.Or(cmp.Compare(words[a], words[b]), cmp.Compare(a, b)) })
	places := found[:0]
	for i, p := range found {
		if i > 0 && words[found[i-1]] == words[p] || i+1 < len(found) && words[found[i+1]] == words[p] {
			places = append(places, p)
		}
	}
	slices.Sort(places)
	return places
}

// sharing returns those of the places (nil: all) whose words share their bit of a
// set with another's. The set has eight bits or more a word.
func sharing(words []uint64, places []int64, round int) []int64 {
	n := len(places)
	if places == nil {
		n = len(words)
	}
	width := max(10, bits.Len(uint(8*n)))
	once, twice := make([]uint64, 1<<(width-6)), make([]uint64, 1<<(width-6))
	multiplier := [...]uint64{1, mixA, mixB, mixC}[round]
	see := func(w uint64) {
		h := w * multiplier >> (64 - width)
		bit := uint64(1) << (h & 63)
		twice[h>>6] |= once[h>>6] & bit
		once[h>>6] |= bit
	}
	seen := func(w uint64) bool {
		h := w * multiplier >> (64 - width)
		return twice[h>>6]>>(h&63)&1 == 1 && w != 0
	}
	out := []int64{}
	if places == nil {
		for _, w := range words {
			if w != 0 {
				see(w)
			}
		}
		for i, w := range words {
			if seen(w) {
				out = append(out, int64(i))
			}
		}
		return out
	}
	for _, p := range places {
		see(words[p])
	}
	for _, p := range places {
		if seen(words[p]) {
			out = append(out, p)
		}
	}
	return out
}
