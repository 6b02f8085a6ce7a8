package table

import (
	"context"
	"fmt"
	"strings"
)

// maxHashed bounds the rows whose hashes are held, eight bytes each; beyond it
// the engine, which spills, looks for repeats.
const maxHashed = 1 << 25

// Repeats counts the rows of a Parquet file that repeat an earlier one in the
// given columns (SQL identifiers); NULLs are alike. Hashes of 64 bits that are all
// distinct prove that the rows are; only rows whose hashes meet are compared.
func (e *Engine) Repeats(ctx context.Context, in string, columns []string) (int64, error) {
	list := strings.Join(columns, ", ")
	where, err := e.suspects(ctx, in, "hash("+list+")", "")
	if err != nil || where == "false" {
		return 0, err
	}
	row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM %s WHERE %s GROUP BY %s)", Scan(in), where, list))
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

// Suspects returns SQL that holds for every row that shares its columns' values
// with another, and for few others: "false" if there is none, "true" if they are
// too many to be told apart beforehand. known is SQL of the rows looked at, "" for
// all.
func (e *Engine) Suspects(ctx context.Context, in string, columns []string, known string) (string, error) {
	return e.suspects(ctx, in, "hash("+strings.Join(columns, ", ")+")", known)
}

func (e *Engine) suspects(ctx context.Context, in, hash, known string) (string, error) {
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+Scan(in))
	if err != nil || row[0].(int64) > maxHashed {
		return "true", err
	}
	if known != "" {
		known = " WHERE " + known
	}
	var s hashes
	if err := e.Words(ctx, "SELECT "+hash+" FROM "+Scan(in)+known, s.add); err != nil {
		return "", err
	}
	twice := s.twice()
	const most = 10_000
	switch {
	case len(twice) == 0:
		return "false", nil
	case len(twice) > most:
		return "true", nil
	}
	list := make([]string, len(twice))
	for k, h := range twice {
		list[k] = fmt.Sprint(h)
	}
	return hash + " IN (" + strings.Join(list, ", ") + ")", nil
}

// hashes finds the values that occur twice among many. They are dealt by their
// highest bits to buckets that fit a processor's cache.
type hashes struct{ buckets [1024][]uint64 }

func (s *hashes) add(words []uint64) {
	for _, w := range words {
		b := w >> 54
		s.buckets[b] = append(s.buckets[b], w)
	}
}

// twice returns the values that occur more than once, each once.
func (s *hashes) twice() []uint64 {
	var out, seen []uint64 // seen is open addressing; 0 is empty
	for _, bucket := range s.buckets {
		size := 16
		for size < 2*len(bucket) {
			size *= 2
		}
		if len(seen) < size {
			seen = make([]uint64, size)
		}
		set := seen[:size]
		clear(set)
		zeros, found := 0, map[uint64]bool{}
		for _, w := range bucket {
			if w == 0 {
				zeros++
				continue
			}
			at := int(w) & (size - 1)
			for set[at] != 0 && set[at] != w {
				at = (at + 1) & (size - 1)
			}
			if set[at] == w && !found[w] {
				found[w] = true
				out = append(out, w)
			}
			set[at] = w
		}
		if zeros > 1 {
			out = append(out, 0)
		}
	}
	return out
}
