package quality

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxExampleColumns and maxExampleText bound what an example shows.
const (
	maxExampleColumns = 50
	maxExampleText    = 200
)

// examples finds the first failing rows of every rule that failed, in one pass,
// and fetches them, all in one query.
func (m *measurement) examples(ctx context.Context) error {
	q := &query{}
	for i := range m.checks {
		if c := &m.checks[i]; c.fails != "" && m.result.Rules[i].Failed > 0 {
			q.add(fmt.Sprintf("min(%s, %d) FILTER (%s)", table.RowNumber, MaxExamples, q.filter(c)), func(v any) { m.places[i] = integers(v) })
		}
	}
	if len(q.inner) > 0 {
		q.inner = append(q.inner, table.RowNumber)
	}
	if err := q.run(ctx, m.engine, table.Scan(m.in)); err != nil {
		return err
	}
	m.result.Columns = exampleColumns(m.schema)
	found, err := fetch(ctx, m.engine, m.in, m.schema, m.places)
	for i := range found {
		if len(found[i]) > 0 { // a corrected rule keeps the rows as they were
			m.result.Rules[i].Examples = found[i]
		}
	}
	return err
}

func exampleColumns(schema pipeline.Schema) []string {
	names := []string{}
	for _, c := range schema[:min(maxExampleColumns, len(schema))] {
		names = append(names, c.Name)
	}
	return names
}

// fetch reads the rows at the given positions.
func fetch(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, places [][]int64) ([][]Example, error) {
	selected := []string{table.RowNumber}
	for _, name := range exampleColumns(schema) {
		selected = append(selected, fmt.Sprintf("left(CAST(%s AS VARCHAR), %d)", table.Ident(name), maxExampleText))
	}
	out := make([][]Example, len(places))
	all := slices.Concat(places...)
	if len(all) == 0 {
		return out, nil
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var wanted []string
	for _, p := range all {
		wanted = append(wanted, fmt.Sprint(p))
	}
	// By the range, which says no more, the engine knows what not to read.
	rows, err := e.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %[3]s BETWEEN %[4]d AND %[5]d AND %[3]s IN (%[6]s)",
		strings.Join(selected, ", "), table.Scan(in), table.RowNumber, all[0], all[len(all)-1], strings.Join(wanted, ", ")))
	if err != nil {
		return nil, err
	}
	byPlace := map[int64][]*string{}
	for _, r := range rows {
		values := make([]*string, len(r)-1)
		for j, v := range r[1:] {
			if text, ok := v.(string); ok {
				values[j] = &text
			}
		}
		byPlace[r[0].(int64)] = values
	}
	for i, list := range places {
		for _, p := range list {
			out[i] = append(out[i], Example{Row: p, Values: byPlace[p]})
		}
	}
	return out, nil
}

// quarantine parts the rows if a rule of that severity failed.
func (m *measurement) quarantine(ctx context.Context) error {
	m.result.Valid = m.result.Rows
	position, caught := pipeline.ReservedPrefix+"position", pipeline.ReservedPrefix+"caught"
	var names []string
	for i, c := range m.checks {
		if r := m.result.Rules[i]; c.rule.OnFail != pipeline.Quarantine || r.Failed == 0 || r.Passed {
			continue
		}
		fails := c.fails
		if fails == "" {
			fails = c.repeated(table.RowNumber)
		}
		names = append(names, fmt.Sprintf("CASE WHEN %s THEN %s END", fails, table.Literal(c.text)))
	}
	corrected := m.options.corrected()
	if len(names) == 0 {
		if m.in == corrected {
			m.valid = m.options.Out.Valid
			return os.Rename(corrected, m.options.Out.Valid)
		}
		return nil
	}
	m.result.Changed, m.valid = true, m.options.Out.Valid
	rows := fmt.Sprintf("(SELECT *, %s AS %s, nullif(concat_ws('; ', %s), '') AS %s FROM %s)", table.RowNumber, position, strings.Join(names, ", "), caught, table.Scan(m.in))
	info, err := m.engine.WriteBy(ctx, fmt.Sprintf("SELECT * EXCLUDE (%[1]s) FROM %[2]s WHERE %[1]s IS NULL", caught, rows), position, m.options.Out.Valid, m.in)
	if err != nil {
		return err
	}
	m.result.Valid = info.Rows
	info, err = m.engine.WriteBy(ctx, fmt.Sprintf("SELECT * EXCLUDE (%[1]s), %[1]s AS %[3]s FROM %[2]s WHERE %[1]s IS NOT NULL", caught, rows, RulesColumn), position, m.options.Out.Quarantined, m.in)
	m.result.Quarantined = info.Rows
	return err
}
