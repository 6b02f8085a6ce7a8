package profile

import (
	"math"

	"github.com/esteira-ml/esteira/internal/table"
)

// sampleRows is how many rows, about, a sample has.
const sampleRows = 50_000

// choice chooses rows by the hash of what they hold: it depends neither on threads nor
// on the order of the rows.
type choice struct {
	below uint64    // rows whose hash is at most this are taken
	rows  []tallied // hashes, and which rows, in the order of these
}

func newChoice(rows int64) *choice {
	c := &choice{below: math.MaxUint64}
	if rows > sampleRows {
		c.below = uint64(float64(sampleRows) / float64(rows) * (1 << 63) * 2)
	}
	return c
}

func (c *choice) see(hashes []uint64, from int64) {
	for i, h := range hashes {
		if h <= c.below {
			c.rows = append(c.rows, tallied{h, from + int64(i)})
		}
	}
}

// within adds the rows chosen of a batch to to, of which seen are of batches before.
func (c *choice) within(b batch, to []int, seen int) (rows []int, _ int) {
	for ; seen < len(c.rows) && c.rows[seen].count < int64(b.from+b.rows); seen++ {
		to = append(to, int(c.rows[seen].count)-b.from)
	}
	return to, seen
}

// sample is the rows chosen, and ordered, by their hashes.
type sample struct {
	columns []*Column
	rest    []*Column // that are set in relation to the target alone
	places  []int
	chosen  *choice
	hashed  bool // rows were chosen in the first scan; else by these columns

	numbers [][]float64 // by column; microseconds for times
	texts   [][]string  // "" and false if missing
	known   [][]bool
}

// sample is of the columns that are worth comparing with each other.
func (s *survey) sample() *sample {
	m := &sample{chosen: s.hashes.all.chosen, hashed: s.hashes.all.exact}
	m.columns, m.rest = s.related()
	if len(m.columns) < 2 || s.Rows < 2 {
		return nil
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
	hashes, values := make([]uint64, table.BatchRows), make([]float64, table.BatchRows)
	var rows []int // of a batch
	seen := 0      // of those chosen
	return []look{{columns: m.places, file: !m.hashed, first: true, take: func(b batch, at []int) error {
		if !m.hashed {
			clear(hashes)
			for _, j := range at {
				b.hash(j, hashes)
			}
			m.chosen.see(hashes[:b.rows], int64(b.from))
		}
		if rows, seen = m.chosen.within(b, rows[:0], seen); len(rows) == 0 {
			return nil
		}
		for k, j := range at {
			if m.columns[k].Type != "text" {
				m.numbers[k] = b.some(m.numbers[k], j, rows, values)
				continue
			}
			for _, r := range rows {
				text, known := b.text(j, r)
				m.texts[k], m.known[k] = append(m.texts[k], text), append(m.known[k], known)
			}
		}
		return nil
	}}}
}

// vectors are the columns of the sample in the order of the hashes, infinite
// numbers missing.
func (m *sample) vectors() []vector {
	order := m.order()
	out := make([]vector, len(m.columns))
	beside(len(out), func(k int) { out[k] = m.vector(k, order) })
	return out
}

// order is which rows of the sample are first, by their hashes.
func (m *sample) order() []tallied {
	rows := make([]tallied, len(m.chosen.rows))
	for i, r := range m.chosen.rows {
		rows[i] = tallied{r.word, int64(i)}
	}
	return inOrder(rows, make([]tallied, len(rows)))
}

func (m *sample) vector(k int, order []tallied) vector {
	if m.columns[k].Type != "text" {
		return numbersOf(m.numbers[k], order)
	}
	codes, known := make([]int32, len(order)), map[string]int32{}
	for i, r := range order {
		codes[i] = missingCode
		if m.known[k][r.count] {
			text := m.texts[k][r.count]
			if _, there := known[text]; !there {
				known[text] = int32(len(known))
			}
			codes[i] = known[text]
		}
	}
	return vector{codes: codes, classes: len(known)}
}

func numbersOf(numbers []float64, order []tallied) vector {
	values := make([]float64, len(order))
	for i, r := range order {
		if values[i] = numbers[r.count]; math.IsInf(values[i], 0) {
			values[i] = math.NaN()
		}
	}
	return newVector(values)
}
