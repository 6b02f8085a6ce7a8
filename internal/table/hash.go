package table

import (
	"encoding/binary"
	"math/bits"

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
	case mapping.TypeDouble:
		hashFloats[float64](v, rows)
	case mapping.TypeFloat:
		hashFloats[float32](v, rows)
	case mapping.TypeBigInt, mapping.TypeUBigInt, mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		hashWords[uint64](v, rows)
	case mapping.TypeInteger, mapping.TypeUInteger:
		hashWords[uint32](v, rows)
	case mapping.TypeSmallInt, mapping.TypeUSmallInt:
		hashWords[uint16](v, rows)
	default:
		hashWords[uint8](v, rows)
	}
}

func hashWords[T uint8 | uint16 | uint32 | uint64](v *vector, rows []uint64) {
	for i, x := range values[T](v, len(rows)) {
		hashWord(v, rows, i, uint64(x))
	}
}

func hashFloats[T float32 | float64](v *vector, rows []uint64) {
	for i, x := range values[T](v, len(rows)) {
		hashWord(v, rows, i, floatWord(float64(x)))
	}
}

// hashWord folds a value of fixed width, as vector.word has it.
func hashWord(v *vector, rows []uint64, i int, w uint64) {
	if !v.valid(i) {
		w = mixB
	}
	rows[i] = mix(rows[i], w+mixC)
}
