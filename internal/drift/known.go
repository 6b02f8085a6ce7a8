package drift

import "fmt"

// TextSet knows the texts of a reference that are too many to list: a Bloom filter
// of about ten bits a text, so that of a hundred new texts one is taken for known.
type TextSet struct {
	Texts int    `json:"texts"` // in it
	Bits  []byte `json:"bits"`
}

// Bounds of a set: texts it is made of at most, bits of each, and places of a text.
const (
	mostKnown   = 20_000
	bitsOfText  = 10
	placesOfOne = 7
)

// knownTexts returns the set of texts, nil if they are none or too many.
func knownTexts(texts []string) *TextSet {
	if len(texts) == 0 || len(texts) > mostKnown {
		return nil
	}
	s := &TextSet{Texts: len(texts), Bits: make([]byte, (len(texts)*bitsOfText+7)/8)}
	for _, text := range texts {
		for k := range uint64(placesOfOne) {
			at := s.place(hashOf(text), k)
			s.Bits[at/8] |= 1 << (at % 8)
		}
	}
	return s
}

// place is one of the places of a hash, by two hashes (Kirsch and Mitzenmacher
// 2008).
func (s *TextSet) place(hash, k uint64) uint64 {
	return (hash + k*(mix(hash)|1)) % uint64(8*len(s.Bits))
}

func (s *TextSet) has(hash uint64) bool {
	if s == nil {
		return false
	}
	for k := range uint64(placesOfOne) {
		if at := s.place(hash, k); s.Bits[at/8]>>(at%8)&1 == 0 {
			return false
		}
	}
	return true
}

func (s *TextSet) validate() error {
	if s != nil && (s.Texts < 1 || s.Texts > mostKnown || len(s.Bits) != (s.Texts*bitsOfText+7)/8) {
		return fmt.Errorf("a set of %d texts has %d bytes", s.Texts, len(s.Bits))
	}
	return nil
}
