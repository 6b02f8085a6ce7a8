package quality

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// distributions judges the rules on how values are spread, balance and
// distribution, of the rows that go on: those are what is learnt from, and what
// earlier runs left to compare with.
func (m *measurement) distributions(ctx context.Context) error {
	for i := range m.checks {
		var err error
		switch c := &m.checks[i]; c.name {
		case "balance":
			err = m.balance(ctx, c, &m.result.Rules[i])
		case "distribution":
			err = m.distribution(ctx, c, &m.result.Rules[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *measurement) balance(ctx context.Context, c *check, r *RuleResult) error {
	column := c.columns[0]
	x := "CAST(" + table.Ident(column.Name) + " AS VARCHAR)"
	row, err := m.engine.QueryRow(ctx, fmt.Sprintf("SELECT count(*), coalesce(sum(n), 0), min(n), max(n), arg_min(v, (n, v)), arg_max(v, (n, v)) FROM (SELECT %s AS v, count(*) AS n FROM %s WHERE NOT %s GROUP BY v)",
		x, table.Scan(m.valid), missing(column)))
	if err != nil {
		return err
	}
	classes, n := row[0].(int64), row[1].(int64)
	if classes < 2 {
		r.Passed, r.Observed = false, count(int(classes), "class")+" among "+count(int(n), "known value")
		return nil
	}
	least, most := float64(row[2].(int64))/float64(n), float64(row[3].(int64))/float64(n)
	bounds := *c.rule.Balance
	r.Passed = (bounds.Min == nil || least >= *bounds.Min) && (bounds.Max == nil || most <= *bounds.Max)
	r.Figure = &least
	r.Observed = fmt.Sprintf("%d classes, from %.4g %% (%v) to %.4g %% (%v)", classes, 100*least, row[4], 100*most, row[5])
	return nil
}

// reference is where the other distribution of a rule is.
func (m *measurement) reference(ctx context.Context, c *check) (scan string, column *pipeline.Column, err error) {
	name := c.rule.Column
	if source := c.rule.Distribution.Source; source != "" {
		s, ok := m.options.Sources[source]
		if !ok {
			return "", nil, nil
		}
		if column = s.Schema.Column(name); column == nil {
			return "", nil, table.MissingColumn(name, s.Schema, "validation: distribution."+source)
		}
		return s.Table.From(), column, nil
	}
	if m.options.Previous == "" {
		return "", nil, nil
	}
	schema, err := m.engine.Schema(ctx, m.options.Previous)
	if err != nil {
		return "", nil, err
	}
	scan, column = m.recast(table.Scan(m.options.Previous), schema, name)
	return scan, column, nil
}

// recast reads a column of the previous run as a cast of today's rules would have
// left it: the rule may be new since.
func (m *measurement) recast(scan string, schema pipeline.Schema, name string) (string, *pipeline.Column) {
	column, x := schema.Column(name), table.Ident(name)
	for i := range m.checks {
		r := m.checks[i].rule
		if r.OnFail != pipeline.Correct || r.Repair != "cast" || r.Column != name || column == nil || column.Type != "text" {
			continue
		}
		scan = fmt.Sprintf("(SELECT %s AS %s FROM %s)", parsed(x, *column, *r.Parse), x, scan)
		column = pipeline.Repaired(schema, []pipeline.Rule{r}).Column(name)
	}
	return scan, column
}

func (m *measurement) distribution(ctx context.Context, c *check, r *RuleResult) error {
	scan, other, err := m.reference(ctx, c)
	switch {
	case err != nil:
		return err
	case scan == "":
		r.Passed, r.Observed = true, "no earlier run to compare with"
		return nil
	case other == nil || other.Type != c.columns[0].Type:
		r.Passed, r.Observed = false, "the reference has no such column of this type"
		return nil
	}
	bin, err := m.bins(ctx, scan, *other)
	if err != nil {
		return err
	}
	now, err := m.shares(ctx, table.Scan(m.valid), bin(c.columns[0]))
	if err != nil {
		return err
	}
	then, err := m.shares(ctx, scan, bin(*other))
	if err != nil {
		return err
	}
	p, q := aligned(now, then)
	distance := map[string]func(p, q []float64) float64{"psi": drift.PSI, "linf": drift.LInf}[c.rule.Distribution.Measure]
	if distance == nil {
		distance = drift.JensenShannon
	}
	d := distance(p, q)
	if math.IsNaN(d) {
		r.Passed, r.Observed = false, "one of the two has no rows"
		return nil
	}
	r.Passed, r.Figure = d <= c.rule.Distribution.Max, &d
	r.Observed = fmt.Sprintf("%s %.4g over %d bins, missing among them", measureName(c.rule.Distribution.Measure), d, len(p))
	return nil
}

// bins returns the SQL of the bin a value falls in, ” for a missing one: tenths
// of the reference for numbers and times, the value itself for texts, the rarer
// beyond a thousand together.
func (m *measurement) bins(ctx context.Context, scan string, c pipeline.Column) (func(pipeline.Column) string, error) {
	if c.Type == "text" {
		rows, err := m.engine.Query(ctx, fmt.Sprintf("SELECT %s AS v FROM %s WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 1000", comparable(c), scan))
		if err != nil {
			return nil, err
		}
		known := make([]string, len(rows))
		for i, r := range rows {
			known[i] = table.Literal("=" + r[0].(string))
		}
		if len(known) == 0 {
			known = []string{"NULL"}
		}
		return func(c pipeline.Column) string {
			v := "'=' || " + comparable(c)
			return "CASE WHEN " + missing(c) + " THEN '' WHEN " + v + " IN (" + strings.Join(known, ", ") + ") THEN " + v + " ELSE 'other' END"
		}, nil
	}
	value := func(c pipeline.Column) string {
		if c.Type == "time" {
			return "CAST(epoch_us(" + comparable(c) + ") AS DOUBLE)"
		}
		return comparable(c)
	}
	row, err := m.engine.QueryRow(ctx, fmt.Sprintf("SELECT quantile_disc(%s, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) FROM %s WHERE NOT %s", value(c), scan, missing(c)))
	if err != nil {
		return nil, err
	}
	var edges []float64
	list, _ := row[0].([]any)
	for _, v := range list {
		edges = append(edges, v.(float64))
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	return func(c pipeline.Column) string {
		sql := "CASE WHEN " + missing(c) + " THEN ''"
		for i, e := range edges {
			sql += fmt.Sprintf(" WHEN %s <= %s THEN '%02d'", value(c), double(e), i)
		}
		return sql + " ELSE 'above' END"
	}, nil
}

func (m *measurement) shares(ctx context.Context, scan, bin string) (map[string]float64, error) {
	rows, err := m.engine.Query(ctx, "SELECT "+bin+" AS b, count(*) FROM "+scan+" GROUP BY b")
	out := map[string]float64{}
	for _, r := range rows {
		out[r[0].(string)] = float64(r[1].(int64))
	}
	return out, err
}

// aligned lists the counts of two tables bin by bin, in order of bin.
func aligned(a, b map[string]float64) (p, q []float64) {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		p, q = append(p, a[k]), append(q, b[k])
	}
	return p, q
}
