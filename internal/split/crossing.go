package split

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// MaxCrossingExamples bounds Crossing.Examples.
const MaxCrossingExamples = 20

// Crossing is what rows of several splits have in common: a model that has learnt
// one of them has seen the other.
type Crossing struct {
	What    string   `json:"what"` // "key", or "alike": equal in all but key and event time
	Columns []string `json:"columns"`
	Why     string   `json:"why,omitempty"` // why nothing was looked for

	Shared   int64             `json:"shared"`             // values that occur in more than one split
	Rows     [3]int64          `json:"rows"`               // that have them, in train, validation and test
	Examples []CrossingExample `json:"examples,omitempty"` // those in most rows first
}

// CrossingExample is one value, its first columns as text, and its rows in train,
// validation and test.
type CrossingExample struct {
	Values []string `json:"values"`
	Rows   [3]int64 `json:"rows"`
}

// Crossings tells which keys, and which rows alike but for key and event time,
// are in several parts: in one scan of them, by hashes of 64 bits, which take two
// different values for one once in millions of tables.
//
// Faults: ColumnMissing (of the key).
func Crossings(ctx context.Context, e *table.Engine, parts Paths, schema pipeline.Schema, spec pipeline.Split, key []string, eventTime string) ([]Crossing, error) {
	columns, err := named(schema, key, "dataset.key")
	if err != nil {
		return nil, err
	}
	var found []Crossing
	if len(key) > 0 {
		found = append(found, crossing("key", columns))
		switch together := found[0].Columns; {
		case spec.Method == "" || spec.Method == "random":
			found[0].Why = "rows are dealt by it: equal keys are never apart"
		case spec.Method == "time" && slices.Contains(together, eventTime):
			found[0].Why = "it holds the event time, by which rows are dealt"
		}
	}
	var rest []pipeline.Column
	for _, c := range schema {
		if c.Name != eventTime && !slices.Contains(key, c.Name) {
			rest = append(rest, c)
		}
	}
	if len(rest) > 0 {
		found = append(found, crossing("alike", rest))
		if len(key) == 0 && eventTime == "" && (spec.Method == "" || spec.Method == "random") {
			found[len(found)-1].Why = "rows are dealt by all they hold: equal rows are never apart"
		}
	}
	for i := range found {
		if err := found[i].look(ctx, e, parts, schema); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func crossing(what string, columns []pipeline.Column) Crossing {
	c := Crossing{What: what}
	for _, column := range columns {
		c.Columns = append(c.Columns, column.Name)
	}
	return c
}

// maxCrossed bounds the columns of one scan.
const maxCrossed = 512

func (c *Crossing) look(ctx context.Context, e *table.Engine, parts Paths, schema pipeline.Schema) error {
	if c.Why != "" {
		return nil
	}
	columns, err := named(schema, c.Columns, "dataset.key")
	if err != nil {
		return err
	}
	var words [3][]uint64
	total := 0
	for part, path := range parts.all() {
		if words[part], err = hashes(ctx, e, path, columns, uint64(part), table.MaxHashed-total); err != nil {
			return err
		}
		if total += len(words[part]); words[part] == nil {
			c.Why = fmt.Sprintf("there are more than %d rows", table.MaxHashed)
			return nil
		}
	}
	type value struct {
		word uint64
		rows [3]int64
	}
	all := slices.Concat(words[:]...)
	slices.Sort(all) // the part is in the lowest bits
	var most []value
	for len(all) > 0 {
		v := value{word: all[0] >> 2}
		n := 0
		for ; n < len(all) && all[n]>>2 == v.word; n++ {
			v.rows[all[n]&3]++
		}
		all = all[n:]
		if max(v.rows[0], v.rows[1], v.rows[2]) == int64(n) {
			continue
		}
		c.Shared++
		for part := range v.rows {
			c.Rows[part] += v.rows[part]
		}
		if len(most) < MaxCrossingExamples || int64(n) > sum(most[len(most)-1].rows) {
			at, _ := slices.BinarySearchFunc(most, v, func(a, b value) int {
				return cmp.Or(cmp.Compare(sum(b.rows), sum(a.rows)), cmp.Compare(a.word, b.word))
			})
			most = slices.Insert(most, at, v)
			most = most[:min(len(most), MaxCrossingExamples)]
		}
	}
	for _, v := range most {
		values, err := example(ctx, e, parts, columns, words, v.word)
		if err != nil {
			return err
		}
		c.Examples = append(c.Examples, CrossingExample{Values: values, Rows: v.rows})
	}
	return nil
}

func sum(rows [3]int64) int64 { return rows[0] + rows[1] + rows[2] }

func (p Paths) all() [3]string { return [3]string{p.Train, p.Validation, p.Test} }

// hashes are those of the rows of one part, with its number in the two lowest
// bits; nil if there are more than most.
func hashes(ctx context.Context, e *table.Engine, path string, columns []pipeline.Column, part uint64, most int) ([]uint64, error) {
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(path))
	if err != nil || row[0].(int64) > int64(most) {
		return nil, err
	}
	words := make([]uint64, row[0].(int64))
	for some := range slices.Chunk(columns, maxCrossed) {
		from := 0
		err := e.Batches(ctx, path, some, func(b *table.Batch) error {
			for j := range some {
				b.Hash(j, words[from:])
			}
			from += b.Rows
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range words {
		words[i] = words[i]&^3 | part
	}
	return words, nil
}

// Bounds of an example.
const (
	maxExampleColumns = 12
	maxExampleText    = 60
)

// example reads the first row that has the word.
func example(ctx context.Context, e *table.Engine, parts Paths, columns []pipeline.Column, words [3][]uint64, word uint64) ([]string, error) {
	var selected []string
	for _, c := range columns[:min(maxExampleColumns, len(columns))] {
		selected = append(selected, fmt.Sprintf("coalesce(left(CAST(%s AS VARCHAR), %d), '–')", table.Ident(c.Name), maxExampleText))
	}
	for part, path := range parts.all() {
		at := slices.IndexFunc(words[part], func(w uint64) bool { return w>>2 == word })
		if at < 0 {
			continue
		}
		row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = %d", strings.Join(selected, ", "), table.Scan(path), table.RowNumber, at))
		if err != nil {
			return nil, err
		}
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = v.(string)
		}
		return values, nil
	}
	return nil, nil
}
