package quality

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// measurement is one dataset being checked.
type measurement struct {
	engine  *table.Engine
	in      string
	valid   string // the file of the rows that go on, once quarantine has parted them
	schema  pipeline.Schema
	options Options
	result  *Result
	checks  []check
	figures []any
	places  [][]int64                  // of the first failing rows of each rule
	few     map[string]map[string]bool // by file, the columns of few distinct values
}

const (
	weight = pipeline.ReservedPrefix + "n"
	flag   = pipeline.ReservedPrefix + "fails"
)

// query collects select items, neighbours mostly of the same column, and where their
// values go.
type query struct {
	items []string
	take  []func(v any)
	inner []string // conditions that an aggregate's filter cannot hold
}

func (q *query) add(item string, take func(v any)) {
	q.items, q.take = append(q.items, item), append(q.take, take)
}

func (q *query) run(ctx context.Context, e *table.Engine, from string) error {
	if len(q.items) == 0 {
		return nil
	}
	if len(q.inner) > 0 {
		from = "(SELECT *, " + strings.Join(q.inner, ", ") + " FROM " + from + ")"
	}
	// Planning takes time that grows with the square of the aggregates; a group of
	// them reads only its own columns.
	for i := 0; i < len(q.items); i += grouped {
		end := min(i+grouped, len(q.items))
		row, err := e.QueryRow(ctx, "SELECT "+strings.Join(q.items[i:end], ",\n ")+" FROM "+from)
		if err != nil {
			return err
		}
		for k, v := range row {
			q.take[i+k](v)
		}
	}
	return nil
}

// filter is the condition of a check as an aggregate's filter can hold it.
func (q *query) filter(c *check) string {
	if c.name != "references" {
		return c.fails
	}
	alias := fmt.Sprintf("%s%d", flag, len(q.inner))
	q.inner = append(q.inner, c.fails+" AS "+alias)
	return alias
}

func whole(to *int64) func(any) {
	return func(v any) { *to, _ = v.(int64) }
}

// count fills Rows and what each rule that looks at one row at a time, or at a
// figure of a column, needs: in one pass over the rows, but for columns of few
// distinct values, whose values are counted first and then looked at once each.
func (m *measurement) count(ctx context.Context) error {
	few, err := m.fewValued(ctx, m.in, m.schema)
	if err != nil {
		return err
	}
	pass := &query{}
	pass.add("count(*)", whole(&m.result.Rows))
	grouped := map[string]*query{}
	var order []string
	// valued is the query over the distinct values of the check's only column, nil
	// if it has many.
	valued := func(c *check) *query {
		name := c.alone()
		if name == "" || !few[name] {
			return nil
		}
		if grouped[name] == nil {
			grouped[name], order = &query{}, append(order, name)
		}
		return grouped[name]
	}
	for i := range m.checks {
		c, r := &m.checks[i], &m.result.Rules[i]
		figure := func(v any) { m.figures[i] = v }
		if c.fails != "" {
			q, n := pass, "count(*) FILTER (%s)"
			if g := valued(c); g != nil {
				q, n = g, "coalesce(sum("+weight+") FILTER (%s), 0)"
			}
			if condition := q.filter(c); condition != "false" {
				q.add(fmt.Sprintf(n, condition), whole(&r.Failed))
			}
			if c.rule.MinShare != nil {
				q.add(fmt.Sprintf(n, c.judged()), whole(&r.Known))
			}
		}
		if c.repeats != nil && c.rule.MinShare != nil {
			pass.add("count(*) FILTER ("+c.judged()+")", whole(&r.Known))
		}
		switch {
		case c.figure == "":
		case c.weighted != "" && few[c.alone()]:
			valued(c).add(c.weighted, figure)
		default:
			pass.add(c.figure, figure)
		}
	}
	for _, name := range order {
		if err := grouped[name].run(ctx, m.engine, m.weighed(name)); err != nil {
			return err
		}
	}
	return pass.run(ctx, m.engine, table.Scan(m.in))
}

// weighed is the FROM of a column's distinct values, with how many rows have each.
func (m *measurement) weighed(column string) string {
	return fmt.Sprintf("(SELECT %s, count(*) AS %s FROM %s GROUP BY %[1]s)", table.Ident(column), weight, table.Scan(m.in))
}

// judged is SQL that is true for the rows that min_share is a share of: those that
// have the values the check speaks of. All rows have what may be missing.
func (c *check) judged() string {
	var known []string
	for _, column := range c.columns {
		switch c.name {
		case "not_null":
		case "not_nan":
			known = append(known, table.Ident(column.Name)+" IS NOT NULL")
		default:
			known = append(known, "NOT "+missing(column))
		}
	}
	if len(known) == 0 {
		return "true"
	}
	return "(" + strings.Join(known, " AND ") + ")"
}

// alone is the only column a condition looks at, or "".
func (c *check) alone() string {
	if len(c.columns) == 1 && c.name != "sql" {
		return c.columns[0].Name
	}
	return ""
}

// maxDictionary is the size in bytes, compressed, up to which the distinct values
// of a row group count as few.
const maxDictionary = 16 << 10

// maxByValue bounds the columns of a table whose distinct values are counted, a
// query each: beyond it all are looked at row by row.
const maxByValue = 1000

// fewValued finds the columns whose values the file stores as short dictionaries:
// it costs a look at the footer, once a file.
func (m *measurement) fewValued(ctx context.Context, in string, schema pipeline.Schema) (map[string]bool, error) {
	if len(schema) > maxByValue {
		return nil, nil
	}
	if m.few[in] != nil {
		return m.few[in], nil
	}
	rows, err := m.engine.Query(ctx, fmt.Sprintf(`SELECT path_in_schema FROM parquet_metadata(%s)
		GROUP BY path_in_schema HAVING bool_and(dictionary_page_offset IS NOT NULL AND data_page_offset > dictionary_page_offset AND data_page_offset - dictionary_page_offset <= %d)`,
		table.Literal(in), maxDictionary))
	if err != nil {
		return nil, err
	}
	few := map[string]bool{}
	for _, r := range rows {
		few[r[0].(string)] = true
	}
	if m.few == nil {
		m.few = map[string]map[string]bool{}
	}
	m.few[in] = few
	return few, nil
}

// judgeRows decides which of the rules that catch rows failed; only those
// quarantine.
func (m *measurement) judgeRows(context.Context) error {
	for i := range m.checks {
		c, r := &m.checks[i], &m.result.Rules[i]
		if !c.rule.ByRow() {
			continue
		}
		r.Passed = r.Failed == 0
		if c.rule.MinShare != nil {
			r.Passed = float64(r.Known-r.Failed) >= *c.rule.MinShare*float64(r.Known)
		}
	}
	return nil
}
