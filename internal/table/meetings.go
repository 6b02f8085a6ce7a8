package table

import (
	"cmp"
	"context"
	"math/bits"
	"os"
	"slices"
)

// Meetings find the words that occur more than once among those of any number of
// rows, in bounded memory: the words are parted by their highest bits, in a scratch
// file if they are many, and looked at part by part.
type Meetings struct {
	shift int // of a word, to the number of its part
	parts []part
	block int      // entries of one part that are put away at once
	held  int64    // entries that are put away in memory
	file  *os.File // of the others; nil: there are none
	ended int64    // bytes of the file

	read   []entry // from the file, of the part at hand
	found  []entry // that may meet another
	prints []Print
}

// Print is a word, where it is, and how often it is there: once, or, of a word that
// so many rows have that they are counted instead of listed, in Rows of the same
// table the first of which is Row.
type Print struct {
	Word uint64
	Row  int64
	Rows int64
}

// entry is a print of one row.
type entry struct {
	word uint64
	row  int64
}

// part are the entries whose words begin alike.
type part struct {
	n       int // in all
	held    [][]entry
	blocks  []int64 // where in the file others begin
	waiting []entry // to be put away
}

// Bounds of Meetings: the entries that are held, 16 MiB, those that a part is meant
// to have, and those that await being put away, if they do not make less than
// minBlock a part.
var (
	maxHeldEntries int64 = 1 << 20
	partEntries    int64 = 1 << 17
)

const (
	waitingEntries = 1 << 18
	minBlock       = 128
)

// TableRow is a row of one of several tables that meet: of number table from 0, at
// most 7.
func TableRow(table, row int64) int64 { return table<<tableBits | row }

const tableBits = 60

// Place is the table and the row that TableRow put together.
func (p Print) Place() (table, row int64) { return p.Row >> tableBits, p.Row & (1<<tableBits - 1) }

// NewMeetings are of about so many rows. Faults: ResourceExhausted (the scratch
// directory).
func (e *Engine) NewMeetings(rows int64) (*Meetings, error) {
	width := bits.Len64(uint64(max(0, rows-1) / partEntries))
	m := &Meetings{shift: 64 - width, parts: make([]part, 1<<width)}
	m.block = max(minBlock, int(min(rows, waitingEntries))>>width)
	if rows > maxHeldEntries {
		var err error
		if m.file, err = e.scratch(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Close removes what is on disk.
func (m *Meetings) Close() {
	if m.file != nil {
		_ = m.file.Close()
	}
	m.parts, m.read, m.found, m.prints = nil, nil, nil, nil
}

// Add takes the words of consecutive rows, the first of which is from; 0 is no word.
func (m *Meetings) Add(words []uint64, from int64) error {
	for i, w := range words {
		if w == 0 {
			continue
		}
		p := &m.parts[w>>m.shift] // nothing, if shifted by 64
		if len(p.waiting) == cap(p.waiting) {
			if err := m.putAway(p); err != nil {
				return err
			}
		}
		p.waiting = append(p.waiting, entry{w, from + int64(i)})
		p.n++
	}
	return nil
}

// putAway makes room for the next entries of a part.
func (m *Meetings) putAway(p *part) error {
	switch {
	case p.waiting == nil:
		p.waiting = make([]entry, 0, m.block)
	case m.file == nil || m.held < maxHeldEntries:
		m.held += int64(m.block)
		p.held = append(p.held, p.waiting)
		p.waiting = make([]entry, 0, m.block)
	default:
		if _, err := m.file.WriteAt(bytesOf(p.waiting), m.ended); err != nil {
			return scratchFault(err)
		}
		p.blocks = append(p.blocks, m.ended)
		m.ended += int64(m.block) * 16
		p.waiting = p.waiting[:0]
	}
	return nil
}

// Each gives take the prints of every word that occurs more than once, word by word
// in ascending order, those of one in the order of their rows. They are valid until
// take returns; its error ends the search.
func (m *Meetings) Each(ctx context.Context, take func(same []Print) error) error {
	for i := range m.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.meet(&m.parts[i]); err != nil {
			return err
		}
		for prints := m.prints; len(prints) > 0; {
			n := 1
			for n < len(prints) && prints[n].Word == prints[0].Word {
				n++
			}
			if n > 1 || prints[0].Rows > 1 {
				if err := take(prints[:n]); err != nil {
					return err
				}
			}
			prints = prints[n:]
		}
	}
	return nil
}

// meet puts the prints of a part that may meet another into m.prints, in order.
func (m *Meetings) meet(p *part) error {
	m.prints = m.prints[:0]
	if int64(p.n) > 4*partEntries {
		return m.tally(p)
	}
	m.read = grown(m.read, len(p.blocks)*m.block)
	for i, at := range p.blocks {
		if _, err := m.file.ReadAt(bytesOf(m.read[i*m.block:][:m.block]), at); err != nil {
			return scratchFault(err)
		}
	}
	m.found = sharing(append(p.held[:len(p.held):len(p.held)], m.read, p.waiting), m.found[:0])
	for _, e := range m.found {
		m.prints = append(m.prints, Print{e.word, e.row, 1})
	}
	m.prints = inOrder(m.prints)
	return nil
}

// tally is meet of so many entries that they are in one part only because they are
// alike: they are counted.
func (m *Meetings) tally(p *part) error {
	for _, some := range p.held {
		m.collect(some)
	}
	m.read = grown(m.read, m.block)
	for _, at := range p.blocks {
		if _, err := m.file.ReadAt(bytesOf(m.read), at); err != nil {
			return scratchFault(err)
		}
		m.collect(m.read)
	}
	m.collect(p.waiting)
	m.prints = counted(inOrder(m.prints))
	return nil
}

// collect adds prints, and counts equal ones whenever they are many more than
// there were.
func (m *Meetings) collect(entries []entry) {
	for _, e := range entries {
		if len(m.prints) == cap(m.prints) && len(m.prints) > 0 {
			n := len(m.prints)
			if m.prints = counted(inOrder(m.prints)); len(m.prints) > n/2 {
				m.prints = slices.Grow(m.prints, n)
			}
		}
		m.prints = append(m.prints, Print{e.word, e.row, 1})
	}
}

func inOrder(prints []Print) []Print {
	slices.SortFunc(prints, func(a, b Print) int { return cmp.Or(cmp.Compare(a.Word, b.Word), cmp.Compare(a.Row, b.Row)) })
	return prints
}

// counted makes one of prints, in order, that are of one word and one table.
func counted(prints []Print) []Print {
	out := prints[:0]
	for _, p := range prints {
		if n := len(out); n > 0 && out[n-1].Word == p.Word && out[n-1].Row>>tableBits == p.Row>>tableBits {
			out[n-1].Rows += p.Rows
		} else {
			out = append(out, p)
		}
	}
	return out
}

// sharing appends those entries of some lists to found whose words share with
// another's a bit of four wide sets in turn, each by other bits of a hash: those
// that share none occur once, and few that occur once are left.
func sharing(lists [][]entry, found []entry) []entry {
	for _, multiplier := range [...]uint64{mixA, mixB, mixC, fibonacci} {
		n := 0
		for _, entries := range lists {
			n += len(entries)
		}
		width := max(10, bits.Len(uint(8*n)))
		seen := make([][2]uint64, 1<<(width-6)) // once, and twice
		for _, entries := range lists {
			for _, e := range entries {
				h := e.word * multiplier >> (64 - width)
				s, bit := &seen[h>>6], uint64(1)<<(h&63)
				s[1] |= s[0] & bit
				s[0] |= bit
			}
		}
		found = found[:0]
		for _, entries := range lists { // the only one, later on, is found itself
			for _, e := range entries {
				if h := e.word * multiplier >> (64 - width); seen[h>>6][1]>>(h&63)&1 == 1 {
					found = append(found, e)
				}
			}
		}
		lists = [][]entry{found}
	}
	return found
}

// fibonacci is 2⁶⁴/φ: the highest bits of a product with it are a hash (Knuth,
// 6.4).
const fibonacci = 0x9e3779b97f4a7c15
