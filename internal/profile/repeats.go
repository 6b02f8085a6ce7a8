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

// maxMeeting bounds the rows whose hashes are looked for beside those of their keys:
// of more, one after the other.
const maxMeeting = 1 << 22

// hashes are 64 bits of every row, and of its key: if they are all distinct the
// rows are, and rows whose hashes meet are compared value by value.
type hashes struct {
	all, key *fingerprint
	meeting  sync.Mutex // of more than maxMeeting rows
}

// fingerprint is the hashes of the rows in some columns.
type fingerprint struct {
	columns []int
	names   []string     // SQL identifiers
	words   *table.Words // nil: the engine looks for repeats

	folded   int // columns
	compared bool
	places   []int64 // rows whose hashes meet
	repeats  int64
}

func newHashes(e *table.Engine, rows int64, schema pipeline.Schema, key []string) (_ *hashes, err error) {
	h := &hashes{all: &fingerprint{}}
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
		exact := true
		for _, i := range f.columns {
			f.names = append(f.names, table.Ident(schema[i].Name))
			exact = exact && table.Exact(schema[i])
		}
		if exact {
			if f.words, err = e.NewWords(rows); err != nil {
				return nil, err
			}
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
	}
}

// looks fold the columns of each scan into the hashes, and, when they were all
// folded, list the rows whose hashes meet.
func (h *hashes) looks(ctx context.Context, e *table.Engine) func(columns []int) []look {
	return func(columns []int) []look {
		var looks []look
		for _, f := range h.both() {
			some := slices.DeleteFunc(slices.Clone(columns), func(i int) bool { return !slices.Contains(f.columns, i) })
			if f.words == nil || len(some) == 0 {
				continue
			}
			f.folded += len(some)
			l := look{columns: some, take: func(b batch, at []int) error {
				words, err := f.words.Change(int64(b.from), b.Rows)
				if err != nil {
					return err
				}
				for _, j := range at {
					b.Hash(j, words)
				}
				return nil
			}}
			if f.folded == len(f.columns) {
				l.done = func() error {
					if f.words.Rows > maxMeeting {
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

// compared looks at the rows whose hashes meet, if that is how they are compared.
func (h *hashes) compared() []look {
	var looks []look
	for _, f := range h.both() {
		if f.compared && len(f.places) > 0 {
			looks = append(looks, f.look())
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
func (f *fingerprint) meeting(ctx context.Context, e *table.Engine) ([]int64, error) {
	m, err := e.NewMeetings(f.words.Rows)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	some := make([]uint64, table.BatchRows)
	for from := int64(0); from < f.words.Rows; from += int64(len(some)) {
		some = some[:min(int64(len(some)), f.words.Rows-from)]
		words, err := f.words.Look(from, len(some))
		if err != nil {
			return nil, err
		}
		for i, w := range words {
			some[i] = max(1, w) // 0 is no word
		}
		if err := m.Add(some, from); err != nil {
			return nil, err
		}
	}
	return m.Places(ctx, maxCompared)
}

// look counts, among the rows at places, those that repeat an earlier one.
func (f *fingerprint) look() look {
	places := f.places
	seen := make(map[string]struct{}, len(places))
	var row []byte
	return look{columns: f.columns, take: func(b batch, at []int) error {
		for len(places) > 0 && places[0] < int64(b.from+b.Rows) {
			row = row[:0]
			for _, j := range at {
				row = b.AppendValue(row, j, int(places[0])-b.from)
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
