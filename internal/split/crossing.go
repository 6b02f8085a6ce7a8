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
	met, err := meetings(ctx, e, parts, columns)
	if err != nil {
		return err
	}
	defer met.Close()
	type value struct {
		word        uint64
		rows        [3]int64
		part, first int64 // a row that has it
	}
	var most []value
	err = met.Each(ctx, func(same []table.Print) error {
		v := value{word: same[0].Word}
		v.part, v.first = same[0].Place()
		for _, p := range same {
			part, _ := p.Place()
			v.rows[part] += p.Rows
		}
		n := sum(v.rows)
		if max(v.rows[0], v.rows[1], v.rows[2]) == n {
			return nil
		}
		c.Shared++
		for part := range v.rows {
			c.Rows[part] += v.rows[part]
		}
		if len(most) < MaxCrossingExamples || n > sum(most[len(most)-1].rows) {
			at, _ := slices.BinarySearchFunc(most, v, func(a, b value) int {
				return cmp.Or(cmp.Compare(sum(b.rows), sum(a.rows)), cmp.Compare(a.word, b.word))
			})
			most = slices.Insert(most, at, v)
			most = most[:min(len(most), MaxCrossingExamples)]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range most {
		values, err := example(ctx, e, parts.all()[v.part], v.first, columns)
		if err != nil {
			return err
		}
		c.Examples = append(c.Examples, CrossingExample{Values: values, Rows: v.rows})
	}
	return nil
}

func sum(rows [3]int64) int64 { return rows[0] + rows[1] + rows[2] }

func (p Paths) all() [3]string { return [3]string{p.Train, p.Validation, p.Test} }

// meetings are of the hashes of all rows of the parts in some columns.
func meetings(ctx context.Context, e *table.Engine, parts Paths, columns []pipeline.Column) (_ *table.Meetings, err error) {
	var rows [3]int64
	for part, path := range parts.all() {
		row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(path))
		if err != nil {
			return nil, err
		}
		rows[part] = row[0].(int64)
	}
	m, err := e.NewMeetings(sum(rows))
	if err != nil {
		return nil, err
	}
	for part, path := range parts.all() {
		if err := hashes(ctx, e, path, columns, rows[part], func(words []uint64, from int64) error {
			return m.Add(words, table.TableRow(int64(part), from))
		}); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// hashes gives take those of the rows of one file, some thousand at a time.
func hashes(ctx context.Context, e *table.Engine, path string, columns []pipeline.Column, rows int64, take func(words []uint64, from int64) error) error {
	held, err := e.NewWords(rows)
	if err != nil {
		return err
	}
	defer held.Close()
	for some := range slices.Chunk(columns, maxCrossed) {
		last := &some[len(some)-1] == &columns[len(columns)-1]
		from := int64(0)
		err := e.Batches(ctx, path, some, func(b *table.Batch) error {
			words, err := held.Change(from, b.Rows)
			if err != nil {
				return err
			}
			for j := range some {
				b.Hash(j, words)
			}
			if last {
				for i, w := range words {
					words[i] = max(1, w) // 0 is no word
				}
				err = take(words, from)
			}
			from += int64(b.Rows)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Bounds of an example.
const (
	maxExampleColumns = 12
	maxExampleText    = 60
)

// example is a row of a file.
func example(ctx context.Context, e *table.Engine, path string, at int64, columns []pipeline.Column) ([]string, error) {
	var selected []string
	for _, c := range columns[:min(maxExampleColumns, len(columns))] {
		selected = append(selected, fmt.Sprintf("coalesce(left(CAST(%s AS VARCHAR), %d), '–')", table.Ident(c.Name), maxExampleText))
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
