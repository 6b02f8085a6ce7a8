package quality

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// repeats counts the rows that repeat others. Hashes of 64 bits that are all
// distinct prove that the rows are; if some are not, the rows that have those are
// compared value by value.
func (m *measurement) repeats(ctx context.Context) error {
	m.places = make([][]int64, len(m.checks))
	for i := range m.checks {
		c := &m.checks[i]
		if c.repeats == nil {
			continue
		}
		where, err := m.engine.Suspects(ctx, m.in, identifiers(c.repeats), c.known())
		if err != nil {
			return err
		}
		if where == "false" {
			continue
		}
		row, err := m.engine.QueryRow(ctx, fmt.Sprintf("SELECT count(*), min(n, %d) FROM (SELECT %s AS n, %s AS twice FROM %s WHERE %s) WHERE twice",
			MaxExamples, table.RowNumber, c.repeated(table.RowNumber), table.Scan(m.in), where))
		if err != nil {
			return err
		}
		m.result.Rules[i].Failed, m.places[i] = row[0].(int64), integers(row[1])
	}
	return nil
}

// known is true for rows that can repeat another: by a key, those that have all
// of it.
func (c *check) known() string {
	if c.name == "no_repeats" {
		return ""
	}
	return c.judged()
}

// repeated is SQL, with a window, that is true for every row but the first of
// those with equal columns.
func (c *check) repeated(position string) string {
	sql := fmt.Sprintf("row_number() OVER (PARTITION BY %s ORDER BY %s) > 1", strings.Join(identifiers(c.repeats), ", "), position)
	if known := c.known(); known != "" {
		sql = known + " AND " + sql
	}
	return "(" + sql + ")"
}

func identifiers(columns []pipeline.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = table.Ident(c.Name)
	}
	return out
}

func integers(list any) []int64 {
	values, _ := list.([]any) // nil: nothing failed
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = v.(int64)
	}
	return out
}
