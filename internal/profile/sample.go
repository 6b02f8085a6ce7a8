package profile

import (
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// sampleRows is how many rows, about, a sample has.
const sampleRows = 50_000

// sample is rows chosen, and ordered, by the hash of what they hold: it depends
// neither on threads nor on the order of the rows.
type sample struct {
	columns []*Column
	places  []int
	below   uint64       // rows whose hash is below are taken
	words   *table.Words // of all rows, or nil: then their related columns are hashed

	hashes  []uint64
	numbers [][]float64 // by column; microseconds for times
	texts   [][]string  // "" and false if missing
	known   [][]bool
}

// sample is of the columns that are worth comparing with each other.
func (s *survey) sample() *sample {
	m := &sample{columns: s.related(), below: math.MaxUint64, words: s.hashes.all.words}
	if len(m.columns) < 2 || s.Rows < 2 {
		return nil
	}
	if s.Rows > sampleRows {
		m.below = uint64(float64(sampleRows) / float64(s.Rows) * (1 << 63) * 2)
	}
	for _, c := range m.columns {
		m.places = append(m.places, s.place(c.Name))
	}
	n := len(m.columns)
	m.numbers, m.texts, m.known = make([][]float64, n), make([][]string, n), make([][]bool, n)
	return m
}

func (m *sample) looks() []look {
	if m == nil {
		return nil
	}
	words, values := make([]uint64, table.BatchRows), make([]float64, table.BatchRows)
	var chosen []int
	return []look{{columns: m.places, take: func(b batch, at []int) error {
		hashes := words[:b.Rows]
		if m.words != nil {
			var err error
			if hashes, err = m.words.Look(int64(b.from), b.Rows); err != nil {
				return err
			}
		} else {
			clear(hashes)
			for _, j := range at {
				b.Hash(j, hashes)
			}
		}
		chosen = chosen[:0]
		for r, h := range hashes {
			if h <= m.below {
				chosen = append(chosen, r)
				m.hashes = append(m.hashes, h)
			}
		}
		if len(chosen) == 0 {
			return nil
		}
		for k, j := range at {
			if m.columns[k].Type == "text" {
				for _, r := range chosen {
					text, known := b.Text(j, r)
					m.texts[k], m.known[k] = append(m.texts[k], strings.Clone(text)), append(m.known[k], known)
				}
				continue
			}
			all := b.Numbers(j, values)
			for _, r := range chosen {
				m.numbers[k] = append(m.numbers[k], all[r])
			}
		}
		return nil
	}}}
}

// vectors are the columns of the sample in the order of the hashes, infinite
// numbers missing.
func (m *sample) vectors() []vector {
	rows := make([]tallied, len(m.hashes))
	for i, h := range m.hashes {
		rows[i] = tallied{h, int64(i)}
	}
	rows = inOrder(rows, make([]tallied, len(rows)))
	out := make([]vector, len(m.columns))
	beside(len(out), func(k int) {
		if m.columns[k].Type != "text" {
			values := make([]float64, len(rows))
			for i, r := range rows {
				if values[i] = m.numbers[k][r.count]; math.IsInf(values[i], 0) {
					values[i] = math.NaN()
				}
			}
			out[k] = newVector(values)
			return
		}
		codes, known := make([]int32, len(rows)), map[string]int32{}
		for i, r := range rows {
			codes[i] = frame.MissingCode
			if m.known[k][r.count] {
				text := m.texts[k][r.count]
				if _, there := known[text]; !there {
					known[text] = int32(len(known))
				}
				codes[i] = known[text]
			}
		}
		out[k] = vector{codes: codes, classes: len(known)}
	})
	return out
}
