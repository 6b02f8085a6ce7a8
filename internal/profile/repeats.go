package profile

import (
	"context"
	"errors"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxCompared bounds the rows whose hashes meet that are compared here, and their
// columns; beyond it the engine compares them. Tests have a smaller one.
var maxCompared = 1 << 17

// hashes are 64 bits of every row, and of its key: if they are all distinct the
// rows are, and rows whose hashes meet are compared value by value.
type hashes struct {
	all, key *fingerprint
}

// fingerprint is the hashes of the rows in some columns.
type fingerprint struct {
	columns []int
	names   []string     // SQL identifiers
	words   *table.Words // nil: the engine looks for repeats

	compared bool
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

// fold takes column i of the schema, j of the batch, into the hashes.
func (h *hashes) fold(b *table.Batch, from, i, j int) error {
	for _, f := range h.both() {
		if f.words != nil && (f == h.all || slices.Contains(f.columns, i)) {
			words, err := f.words.Change(int64(from), b.Rows)
			if err != nil {
				return err
			}
			b.Hash(j, words)
		}
	}
	return nil
}

// compared looks at the rows whose hashes meet.
func (h *hashes) compared(ctx context.Context, e *table.Engine) ([]look, error) {
	var looks []look
	for _, f := range h.both() {
		if f.words == nil {
			continue
		}
		places, err := f.meeting(ctx, e)
		if errors.Is(err, table.ErrManyMeet) || len(f.columns) > maxScanned && len(places) > 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.compared = true
		if len(places) > 0 {
			looks = append(looks, f.look(places))
		}
	}
	return looks, nil
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
func (f *fingerprint) look(places []int64) look {
	seen := make(map[string]struct{}, len(places))
	var row []byte
	return look{columns: f.columns, take: func(b *table.Batch, from int, at []int) error {
		for len(places) > 0 && places[0] < int64(from+b.Rows) {
			row = row[:0]
			for _, j := range at {
				row = b.AppendValue(row, j, int(places[0])-from)
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
