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

// sample is a column of a table; its scan is "" if there is none.
type sample struct {
	scan   string
	column *pipeline.Column
	few    bool // distinct values
}

// values is the FROM of rows v and n: a value as bins compare it, NULL if it is
// missing, and how many rows have it; a row each where values are many.
func (s sample) values() string {
	c := *s.column
	rows := fmt.Sprintf("SELECT %s AS v, 1 AS n FROM %s", table.Ident(c.Name), s.scan)
	if s.few || c.Type == "text" {
		rows = fmt.Sprintf("SELECT %s AS v, count(*) AS n FROM %s GROUP BY ALL", table.Ident(c.Name), s.scan)
	}
	c.Name = "v"
	value := comparable(c)
	if c.Type == "time" {
		value = "CAST(epoch_us(" + value + ") AS DOUBLE)"
	}
	return fmt.Sprintf("(SELECT CASE WHEN NOT %s THEN %s END AS v, n FROM (%s))", missing(c), value, rows)
}

// reference is where the other distribution of a rule is.
func (m *measurement) reference(ctx context.Context, c *check) (sample, error) {
	name := c.rule.Column
	if source := c.rule.Distribution.Source; source != "" {
		s, ok := m.options.Sources[source]
		if !ok {
			return sample{}, nil
		}
		column := s.Schema.Column(name)
		if column == nil {
			return sample{}, table.MissingColumn(name, s.Schema, "validation: distribution."+source)
		}
		return sample{scan: s.Table.From(), column: column}, nil
	}
	previous := m.options.Previous
	if previous == "" {
		return sample{}, nil
	}
	schema, err := m.engine.Schema(ctx, previous)
	if err != nil {
		return sample{}, err
	}
	few, err := m.fewValued(ctx, previous, schema)
	return m.recast(sample{scan: table.Scan(previous), column: schema.Column(name), few: few[name]}), err
}

// recast reads a column of the previous run as a cast of today's rules would have
// left it: the rule may be new since.
func (m *measurement) recast(s sample) sample {
	for i := range m.checks {
		r, c := m.checks[i].rule, s.column
		if c == nil || c.Type != "text" || r.OnFail != pipeline.Correct || r.Repair != "cast" || r.Column != c.Name {
			continue
		}
		x := table.Ident(c.Name)
		s.scan = fmt.Sprintf("(SELECT %s AS %s FROM %s)", parsed(x, *c, *r.Parse), x, s.scan)
		s.column = &pipeline.Repaired(pipeline.Schema{*c}, []pipeline.Rule{r})[0]
	}
	return s
}

func (m *measurement) distribution(ctx context.Context, c *check, r *RuleResult) error {
	reference, err := m.reference(ctx, c)
	switch other := reference.column; {
	case err != nil:
		return err
	case reference.scan == "":
		r.Passed, r.Observed = true, "no earlier run to compare with"
		return nil
	case other == nil || other.Type != c.columns[0].Type:
		r.Passed, r.Observed = false, "the reference has no such column of this type"
		return nil
	}
	few, err := m.fewValued(ctx, m.valid, m.schema)
	if err != nil {
		return err
	}
	shares, err := m.bins(ctx, reference)
	if err != nil {
		return err
	}
	now, err := shares(sample{scan: table.Scan(m.valid), column: &c.columns[0], few: few[c.columns[0].Name]})
	if err != nil {
		return err
	}
	then, err := shares(reference)
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

// bins returns what counts the rows of a sample in each bin, ” for missing ones:
// tenths of the reference for numbers and times, the value itself for texts, the
// rarer beyond a thousand together.
func (m *measurement) bins(ctx context.Context, reference sample) (func(sample) (map[string]float64, error), error) {
	if reference.column.Type == "text" {
		return m.textBins(ctx, reference)
	}
	edges, err := m.tenths(ctx, reference)
	return func(s sample) (map[string]float64, error) {
		// Counts up to each edge cost a comparison a row; the name of a bin would cost a
		// text a row.
		q, out, below := &query{}, map[string]float64{}, int64(0)
		count := func(condition, bin string, upTo bool) {
			q.add("coalesce(sum(n) FILTER ("+condition+"), 0)::BIGINT", func(v any) {
				n := v.(int64)
				if upTo {
					n, below = n-below, n
				}
				if n > 0 {
					out[bin] = float64(n)
				}
			})
		}
		count("v IS NULL", "", false)
		for i, e := range edges {
			count("v <= "+double(e), fmt.Sprintf("%02d", i), true)
		}
		count("v IS NOT NULL", "above", true)
		return out, q.run(ctx, m.engine, s.values())
	}, err
}

// tenths are the deciles of a sample, the least value of which so many are at most.
func (m *measurement) tenths(ctx context.Context, s sample) ([]float64, error) {
	if !s.few {
		edges, err := tenths(ctx, m.engine, "SELECT CAST(v AS DOUBLE) FROM "+s.values()+" WHERE v IS NOT NULL")
		return slices.Compact(edges), err
	}
	var each []string
	for i := range 9 {
		each = append(each, fmt.Sprintf("CAST(min(v) FILTER (upto * 10 >= total * %d) AS DOUBLE)", i+1))
	}
	from := "(SELECT v, sum(n) OVER (ORDER BY v) AS upto, sum(n) OVER () AS total FROM " + s.values() + " WHERE v IS NOT NULL)"
	row, err := m.engine.QueryRow(ctx, "SELECT "+strings.Join(each, ", ")+" FROM "+from)
	if err != nil {
		return nil, err
	}
	var edges []float64
	for _, v := range row {
		if x, ok := v.(float64); ok {
			edges = append(edges, x)
		}
	}
	return slices.Compact(edges), nil
}

// textBins is bins of texts: each distinct one is looked at once.
func (m *measurement) textBins(ctx context.Context, reference sample) (func(sample) (map[string]float64, error), error) {
	rows, err := m.engine.Query(ctx, "SELECT v FROM "+reference.values()+" WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT 1000")
	if err != nil {
		return nil, err
	}
	known := make([]string, len(rows))
	for i, r := range rows {
		known[i] = table.Literal(r[0].(string))
	}
	if len(known) == 0 {
		known = []string{"NULL"}
	}
	bin := "CASE WHEN v IS NULL THEN '' WHEN v IN (" + strings.Join(known, ", ") + ") THEN '=' || v ELSE 'other' END"
	return func(s sample) (map[string]float64, error) {
		rows, err := m.engine.Query(ctx, "SELECT "+bin+" AS b, sum(n)::BIGINT FROM "+s.values()+" GROUP BY b")
		out := map[string]float64{}
		for _, r := range rows {
			out[r[0].(string)] = float64(r[1].(int64))
		}
		return out, err
	}, nil
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
