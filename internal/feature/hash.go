package feature

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/frame"
)

// bucket is where scikit-learn's FeatureHasher puts a text among 2^k features:
// the absolute value of its hash as a signed number, modulo 2^k.
func bucket[T string | []byte](text T, k int) int32 {
	h := int32(murmur3(text))
	if h < 0 {
		h = -h // the least number stays itself, and is 0 modulo 2^k like its negation
	}
	return h & (1<<k - 1)
}

// murmur3 is MurmurHash3_x86_32 with seed 0 (Austin Appleby, public domain).
func murmur3[T string | []byte](text T) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h, n := uint32(0), len(text)
	i := 0
	for ; i+4 <= n; i += 4 {
		k := uint32(text[i]) | uint32(text[i+1])<<8 | uint32(text[i+2])<<16 | uint32(text[i+3])<<24
		h ^= bits.RotateLeft32(k*c1, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	var tail [4]byte
	for j := i; j < n; j++ {
		tail[j-i] = text[j]
	}
	if i < n {
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(tail[:])*c1, 15) * c2
	}
	h ^= uint32(n)
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// numbered returns "0" … "n-1".
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// grams counts the n-grams of text into counts, which it does not clear. The
// buffers are returned to be used again.
func (s *NGramsState) grams(text string, squeezed []byte, starts []int, count func(bucket int32)) ([]byte, []int) {
	squeezed, starts = squeeze(text, squeezed[:0], starts[:0])
	characters := len(starts) - 1
	for n := s.Min; n <= min(s.Max, characters); n++ {
		for i := 0; i+n <= characters; i++ {
			count(bucket(squeezed[starts[i]:starts[i+n]], s.Bits))
		}
	}
	return squeezed, starts
}

// squeeze makes one space of two or more white-space characters, as
// scikit-learn's analyzers do, and returns where each character starts, and the
// end.
func squeeze(text string, out []byte, starts []int) ([]byte, []int) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		end := i + size
		spaces := 0
		if unicode.IsSpace(r) {
			for end = i; end < len(text); spaces++ {
				r, size := utf8.DecodeRuneInString(text[end:])
				if !unicode.IsSpace(r) {
					break
				}
				end += size
			}
		}
		starts = append(starts, len(out))
		if spaces > 1 {
			out = append(out, ' ')
		} else {
			out = append(out, text[i:end]...)
		}
		i = end
	}
	return out, append(starts, len(out))
}

// ngrams fills the outputs of a chain of n-grams.
func (s *Scratch) ngrams(i int, column *frame.Column, out []frame.Feature) {
	state := s.fitted.Chains[i].encoder().NGrams
	rows := len(column.Codes)
	for k := range out {
		out[k].Numbers = grow(out[k].Numbers, rows)
		clear(out[k].Numbers)
	}
	b := &s.texts[i]
	for row, code := range column.Codes {
		text := s.text(i, column, code)
		if text == "" {
			continue
		}
		b.squeezed, b.starts = state.grams(text, b.squeezed, b.starts, func(bucket int32) { out[bucket].Numbers[row]++ })
	}
}
