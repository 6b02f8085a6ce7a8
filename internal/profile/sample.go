package profile

import (
	"math"
	"sync"

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

	drawn []drawn // by column
	asked func() (*question, []tallied)
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
	m.drawn = make([]drawn, len(m.columns))
	// Whoever asks first has all of the sample: the target is among its columns.
	m.asked = sync.OnceValues(func() (*question, []tallied) {
		order := m.order()
		return m.question(s, order), order
	})
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
			m.drawn[k].take(m.columns[k], b, j, rows, values)
		}
		return nil
	}}}
}

// order is which rows of the sample are first, by their hashes.
func (m *sample) order() []tallied {
	rows := make([]tallied, len(m.chosen.rows))
	for i, r := range m.chosen.rows {
		rows[i] = tallied{r.word, int64(i)}
	}
	return inOrder(rows, make([]tallied, len(rows)))
}

// drawn is a column in the rows of the sample, in the order of the file.
type drawn struct {
	numbers []float64 // microseconds for times
	codes   []int32   // of texts
	known   map[string]int32
}

// take adds some rows of a batch, in whose place j the column is.
func (d *drawn) take(c *Column, b batch, j int, rows []int, room []float64) {
	if c.Type != "text" {
		d.numbers = b.some(d.numbers, j, rows, room)
		return
	}
	if d.known == nil {
		d.known = map[string]int32{}
	}
	for _, r := range rows {
		code := int32(missingCode)
		if text, there := b.text(j, r); there {
			var ok bool
			if code, ok = d.known[text]; !ok {
				code = int32(len(d.known))
				d.known[text] = code
			}
		}
		d.codes = append(d.codes, code)
	}
}

// vector is the column in the order of the hashes, infinite numbers missing, and texts
// numbered as they are met in it.
func (d *drawn) vector(c *Column, order []tallied) vector {
	if c.Type == "text" {
		return vector{codes: renumbered(d.codes, order, len(d.known)), classes: len(d.known)}
	}
	values := make([]float64, len(order))
	for i, r := range order {
		if values[i] = d.numbers[r.count]; math.IsInf(values[i], 0) {
			values[i] = math.NaN()
		}
	}
	return newVector(values)
}

// renumbered are the codes in an order, numbered as they are met in it.
func renumbered(codes []int32, order []tallied, classes int) []int32 {
	out, to, met := make([]int32, len(order)), make([]int32, classes), int32(0)
	for i, r := range order {
		c := codes[r.count]
		if out[i] = missingCode; c == missingCode {
			continue
		}
		if to[c] == 0 {
			met++
			to[c] = met
		}
		out[i] = to[c] - 1
	}
	return out
}
