package profile

import (
	"context"
	"fmt"
	"math/bits"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Pattern is a set of columns that are missing together.
type Pattern struct {
	Columns []string `json:"columns"` // none: the rows that have everything
	Rows    int64    `json:"rows"`
}

const (
	maxPatternColumns = 60
	maxPatterns       = 12
)

// patterns finds which columns are missing together, the most frequent first.
func (p *Profile) patterns(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema) error {
	var columns []string
	mask := "0::BIGINT"
	for i, c := range p.Columns {
		if c.Missing == 0 || len(columns) == maxPatternColumns {
			continue
		}
		x := table.Ident(c.Name)
		gone := x + " IS NULL"
		if table.IsFloat(schema[i]) {
			gone = "(" + gone + " OR isnan(" + x + "))"
		}
		mask += fmt.Sprintf(" + CASE WHEN %s THEN %d ELSE 0 END", gone, int64(1)<<len(columns))
		columns = append(columns, c.Name)
	}
	if len(columns) == 0 {
		return nil
	}
	rows, err := e.Query(ctx, fmt.Sprintf("SELECT %s AS m, count(*) AS n FROM %s GROUP BY m ORDER BY n DESC, m LIMIT %d", mask, table.Scan(in), maxPatterns))
	if err != nil {
		return err
	}
	for _, r := range rows {
		pattern := Pattern{Columns: []string{}, Rows: r[1].(int64)}
		for m := uint64(r[0].(int64)); m != 0; m &= m - 1 {
			pattern.Columns = append(pattern.Columns, columns[bits.TrailingZeros64(m)])
		}
		p.Missingness = append(p.Missingness, pattern)
	}
	return nil
}

// duplicates counts the rows that repeat an earlier one in every column, and
// those that repeat one in the key.
func (p *Profile) duplicates(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, key []string) error {
	var all []string
	for _, c := range schema {
		all = append(all, table.Ident(c.Name))
	}
	var err error
	if p.DuplicateRows, err = e.Repeats(ctx, in, all); err != nil || len(key) == 0 {
		return err
	}
	var keys []string
	for _, name := range key {
		if schema.Column(name) == nil {
			return table.MissingColumn(name, schema, "dataset.key")
		}
		keys = append(keys, table.Ident(name))
	}
	n, err := e.Repeats(ctx, in, keys)
	p.RepeatedKeys = &n
	return err
}

// future counts, for every other column of times, the rows in which it is later
// than the event: they could not have been known then.
func (p *Profile) future(ctx context.Context, e *table.Engine, in, eventTime string) error {
	at := p.Column(eventTime)
	if at == nil || at.Type != "time" {
		return nil
	}
	var items []string
	var columns []*Column
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Type == "time" && c.Name != eventTime {
			items = append(items, fmt.Sprintf("count(*) FILTER (CAST(%s AS TIMESTAMP) > CAST(%s AS TIMESTAMP))", table.Ident(c.Name), table.Ident(eventTime)))
			columns = append(columns, c)
		}
	}
	if len(items) == 0 {
		return nil
	}
	row, err := e.QueryRow(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+table.Scan(in))
	for i, v := range row {
		columns[i].AfterEvent = v.(int64)
	}
	return err
}
