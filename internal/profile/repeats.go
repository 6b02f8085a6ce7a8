package profile

import (
	"context"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxCompared bounds the rows whose hashes meet that are compared here, and their
// columns; beyond it the engine compares them.
const maxCompared = 1 << 17

// hashes are 64 bits of every row, and of its key: if they are all distinct the
// rows are, and rows whose hashes meet are compared value by value.
type hashes struct {
	all, key *fingerprint
}

// fingerprint is the hashes of the rows in some columns.
type fingerprint struct {
	columns []int
	names   []string // SQL identifiers
	words   []uint64 // nil: the engine looks for repeats

	compared bool
	repeats  int64
}

func newHashes(rows int64, schema pipeline.Schema, key []string) (*hashes, error) {
	h := &hashes{all: &fingerprint{}}
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
		exact := rows <= table.MaxHashed
		for _, i := range f.columns {
			f.names = append(f.names, table.Ident(schema[i].Name))
			exact = exact && table.Exact(schema[i])
		}
		if exact {
			f.words = make([]uint64, rows)
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

// fold takes column i of the schema, j of the batch, into the hashes.
func (h *hashes) fold(b *table.Batch, from, i, j int) {
	for _, f := range h.both() {
		if f.words != nil && (f == h.all || slices.Contains(f.columns, i)) {
			b.Hash(j, f.words[from:])
		}
	}
}

// compared looks at the rows whose hashes meet.
func (h *hashes) compared(schema pipeline.Schema) []look {
	var looks []look
	for _, f := range h.both() {
		if f.words == nil {
			continue
		}
		for i, w := range f.words { // 0 is no word
			if w == 0 {
				f.words[i] = 1
			}
		}
		places := table.Meeting(f.words)
		if len(places) > maxCompared || len(f.columns) > maxScanned && len(places) > 0 {
			continue
		}
		f.compared = true
		if len(places) > 0 {
			looks = append(looks, f.look(places))
		}
	}
	return looks
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
