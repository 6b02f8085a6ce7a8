package profile

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxCompared bounds the rows whose hashes meet that are compared here, and their
// columns; beyond it the engine compares them. Tests have a smaller one.
var maxCompared = 1 << 17

// maxMeeting bounds the rows whose hashes are looked for while they are made, and beside
// those of their keys: of more, afterwards and one after the other. Tests have a smaller
// one.
var maxMeeting int64 = 1 << 22

// hashes are 64 bits of every row, and of its key: if they are all distinct the
// rows are, and rows whose hashes meet are compared value by value.
type hashes struct {
	all, key *fingerprint
	meeting  sync.Mutex // of more than maxMeeting rows
}

// fingerprint is the hashes of the rows in some columns.
type fingerprint struct {
	columns []int
	names   []string // SQL identifiers
	rows    int64
	exact   bool // else the engine looks for repeats

	// words are hashes of the columns that were folded; nil if all are folded at once.
	words  *table.Words
	folded int // columns

	chosen   *choice // nil: no sample is taken by these
	meetings *table.Meetings
	compared bool
	places   []int64 // rows whose hashes meet
	repeats  int64
}

func newHashes(e *table.Engine, rows int64, schema pipeline.Schema, key []string) (_ *hashes, err error) {
	h := &hashes{all: &fingerprint{chosen: newChoice(rows)}}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	for i := range schema {
		h.all.columns = append(h.all.columns, i)
	}
	if len(key) > 0 {
		h.key = &fingerprint{}
		for _, name := range key {
			i := slices.IndexFunc(schema, func(c pipeline.Column) bool { return c.Name == name })
			if i < 0 {
				return nil, table.MissingColumn(name, schema, "dataset.key")
			}
			h.key.columns = append(h.key.columns, i)
		}
	}
	for _, f := range h.both() {
		f.rows, f.exact = rows, true
		for _, i := range f.columns {
			f.names = append(f.names, table.Ident(schema[i].Name))
			f.exact = f.exact && table.Exact(schema[i])
		}
		switch {
		case !f.exact:
		case rows <= maxMeeting && len(schema) <= atOnce(rows):
			f.meetings, err = e.NewMeetings(rows)
		default:
			f.words, err = e.NewWords(rows)
		}
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *hashes) both() []*fingerprint {
	if h.key == nil {
		return []*fingerprint{h.all}
	}
	return []*fingerprint{h.all, h.key}
}

func (h *hashes) close() {
	for _, f := range h.both() {
		if f.words != nil {
			f.words.Close()
		}
		if f.meetings != nil {
			f.meetings.Close()
		}
	}
}

// looks fold the columns of each scan into the hashes, and, when they were all
// folded, list the rows whose hashes meet.
func (h *hashes) looks(ctx context.Context, e *table.Engine) func(columns []int) []look {
	return func(columns []int) []look {
		var looks []look
		for _, f := range h.both() {
			some := slices.DeleteFunc(slices.Clone(columns), func(i int) bool { return !slices.Contains(f.columns, i) })
			if !f.exact || len(some) == 0 {
				continue
			}
			f.folded += len(some)
			l := look{columns: some, take: f.fold()}
			if f.folded == len(f.columns) {
				l.done = func() error {
					if f.rows > maxMeeting {
						h.meeting.Lock()
						defer h.meeting.Unlock()
					}
					return f.meet(ctx, e)
				}
			}
			looks = append(looks, l)
		}
		return looks
	}
}

// fold folds columns into the hashes of a batch.
func (f *fingerprint) fold() func(b batch, at []int) error {
	room := make([]uint64, table.BatchRows)
	return func(b batch, at []int) error {
		hashes := room[:b.rows]
		if f.words != nil {
			var err error
			if hashes, err = f.words.Change(int64(b.from), b.rows); err != nil {
				return err
			}
		} else {
			clear(hashes)
		}
		for _, j := range at {
			b.hash(j, hashes)
		}
		if f.words != nil {
			return nil
		}
		return f.see(hashes, int64(b.from))
	}
}

// see takes the hashes of rows of which every column was folded, and changes them.
func (f *fingerprint) see(hashes []uint64, from int64) error {
	if f.chosen != nil {
		f.chosen.see(hashes, from)
	}
	for i, w := range hashes {
		hashes[i] = max(1, w) // 0 is no word
	}
	return f.meetings.Add(hashes, from)
}

// compared looks at the rows whose hashes meet, if that is how they are compared.
func (h *hashes) compared(k *keeper) []look {
	var looks []look
	for _, f := range h.both() {
		if f.compared && len(f.places) > 0 {
			l := f.look()
			l.file = slices.ContainsFunc(f.columns, func(i int) bool { return k.columns[i] != nil && !k.columns[i].exact })
			looks = append(looks, l)
		}
	}
	return looks
}

// meet finds the rows whose hashes meet.
func (f *fingerprint) meet(ctx context.Context, e *table.Engine) error {
	places, err := f.meeting(ctx, e)
	if errors.Is(err, table.ErrManyMeet) || len(f.columns) > maxScanned && len(places) > 0 {
		return nil // the engine compares them
	}
	f.compared, f.places = err == nil, places
	return err
}

// meeting lists the rows whose hashes meet.
func (f *fingerprint) meeting(ctx context.Context, e *table.Engine) (_ []int64, err error) {
	if f.words != nil {
		if f.meetings, err = e.NewMeetings(f.rows); err != nil {
			return nil, err
		}
		if err := f.seeWords(); err != nil {
			return nil, err
		}
	}
	defer f.meetings.Close()
	return f.meetings.Places(ctx, maxCompared)
}

func (f *fingerprint) seeWords() error {
	some := make([]uint64, table.BatchRows)
	for from := int64(0); from < f.rows; from += int64(len(some)) {
		words, err := f.words.Look(from, int(min(int64(len(some)), f.rows-from)))
		if err != nil {
			return err
		}
		if err := f.see(some[:copy(some, words)], from); err != nil {
			return err
		}
	}
	return nil
}

// look counts, among the rows at places, those that repeat an earlier one.
func (f *fingerprint) look() look {
	places := f.places
	seen := make(map[string]struct{}, len(places))
	var row []byte
	return look{columns: f.columns, take: func(b batch, at []int) error {
		for len(places) > 0 && places[0] < int64(b.from+b.rows) {
			row = row[:0]
			for _, j := range at {
				row = b.appendValue(row, j, int(places[0])-b.from)
			}
			places = places[1:]
			if _, there := seen[string(row)]; there {
				f.repeats++
			} else {
				seen[string(row)] = struct{}{}
			}
		}
		return nil
	}}
}

// repeats counts the rows that repeat an earlier one in every column, and those
// that repeat one in the key.
func (s *survey) repeats(ctx context.Context) error {
	for _, f := range s.hashes.both() {
		if !f.compared {
			n, err := s.engine.Repeats(ctx, s.in, f.names)
			if err != nil {
				return err
			}
			f.repeats = n
		}
	}
	s.DuplicateRows = s.hashes.all.repeats
	if s.hashes.key != nil {
		s.RepeatedKeys = &s.hashes.key.repeats
	}
	return nil
}
