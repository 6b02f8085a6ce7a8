package drift

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// kept bounds the texts of a tally, shownText the bytes of each that are kept to show.
const (
	kept      = 64
	shownText = 60
)

// Tally counts texts that nobody listed, of which there may be as many as rows. It
// keeps those of least hash: whether one is kept then depends on which others there
// are, not on when they came, so that the tally of all is the merger of the tallies
// of parts, to the last bit and in any order. What it keeps is counted exactly;
// the rest is Rows less those.
type Tally struct {
	Rows  int64  `json:"rows"` // with any of them
	Texts []Item `json:"texts,omitempty"`
}

// Item is one text of a tally.
type Item struct {
	Hash uint64 `json:"hash,string"` // of the whole text; equal hashes are taken for one text
	Text string `json:"text"`        // its first 60 bytes
	Rows int64  `json:"rows"`
}

// hashOf is of SHA-256, so that no client can choose what is kept.
func hashOf(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// tallied returns the tally of items in any order, each hash once.
func tallied(items []Item) *Tally {
	if len(items) == 0 {
		return nil
	}
	t := &Tally{}
	for _, i := range items {
		t.Rows += i.Rows
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Hash, b.Hash) })
	t.Texts = slices.Clone(items[:min(kept, len(items))])
	return t
}

func newItem(text string, hash uint64, rows int64) Item {
	shown := strings.ToValidUTF8(text, "�")
	if len(shown) > shownText {
		shown = strings.ToValidUTF8(shown[:shownText], "") + "…"
	}
	return Item{Hash: hash, Text: shown, Rows: rows}
}

// merge returns the tally of the rows of both; nil is none.
func (t *Tally) merge(o *Tally) *Tally {
	if t == nil || o == nil {
		return cmp.Or(t, o)
	}
	out := &Tally{Rows: t.Rows + o.Rows}
	for i, j := 0, 0; len(out.Texts) < kept && (i < len(t.Texts) || j < len(o.Texts)); {
		switch {
		case j == len(o.Texts) || i < len(t.Texts) && t.Texts[i].Hash < o.Texts[j].Hash:
			out.Texts = append(out.Texts, t.Texts[i])
			i++
		case i == len(t.Texts) || o.Texts[j].Hash < t.Texts[i].Hash:
			out.Texts = append(out.Texts, o.Texts[j])
			j++
		default:
			both := t.Texts[i]
			both.Text = min(both.Text, o.Texts[j].Text)
			both.Rows += o.Texts[j].Rows
			out.Texts = append(out.Texts, both)
			i, j = i+1, j+1
		}
	}
	return out
}

// Distinct is how many texts there are: exact while all are kept, else estimated
// by how densely their hashes lie (Beyer and others 2007), within about a quarter.
func (t *Tally) Distinct() int64 {
	if t == nil {
		return 0
	}
	if len(t.Texts) < kept {
		return int64(len(t.Texts))
	}
	return int64(math.Round((kept - 1) / (float64(t.Texts[kept-1].Hash) / (1 << 63) / 2)))
}
