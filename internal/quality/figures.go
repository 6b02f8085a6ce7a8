package quality

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// aggregate sets the SQL of the figure a check of a whole column is judged by.
// The aggregates give the same bits whatever the number of threads.
func (c *check) aggregate(column pipeline.Column) error {
	x, known := table.Ident(column.Name), "NOT "+missing(column)
	finite := "isfinite(CAST(" + x + " AS DOUBLE))"
	switch c.name {
	case "mean", "deviation", "quantile":
		if column.Type != "number" {
			return c.mismatch(column, "a number", "drop the rule, or cast the column in dataset.sql")
		}
	case "freshness":
		if column.Type != "time" {
			return c.mismatch(column, "a time", "cast the column in dataset.sql")
		}
	}
	switch c.name {
	case "max_null_share":
		c.fails = missing(column)
	case "mean", "deviation":
		v := "CAST(" + x + " AS DOUBLE)"
		c.figure = fmt.Sprintf("[fsum(%[1]s) FILTER (%[2]s), CAST(count(*) FILTER (%[2]s) AS DOUBLE)]", v, finite)
		c.weighted = fmt.Sprintf("[fsum(%[1]s * %[3]s) FILTER (%[2]s), CAST(sum(%[3]s) FILTER (%[2]s) AS DOUBLE)]", v, finite, weight)
	case "distinct":
		c.figure = fmt.Sprintf("count(DISTINCT %s) FILTER (%s)", x, known)
		c.weighted = fmt.Sprintf("count(*) FILTER (%s)", known)
	case "freshness":
		c.figure = fmt.Sprintf("epoch_us(max(CAST(%s AS TIMESTAMP)) FILTER (isfinite(CAST(%[1]s AS TIMESTAMP))))", x)
		c.weighted = c.figure
	}
	return nil
}

// verdict judges a rule once all is counted.
func (c *check) verdict(o Options, result *Result, r *RuleResult, figure any, schema pipeline.Schema) {
	r.Rule, r.Check, r.Severity, r.Passed = c.text, c.name, c.rule.OnFail, r.Failed == 0
	for _, column := range c.columns {
		r.Columns = append(r.Columns, column.Name)
	}
	if result.Rows > 0 {
		r.Share = float64(r.Failed) / float64(result.Rows)
	}
	r.Observed = fmt.Sprintf("%d of %d rows", r.Failed, result.Rows)
	if c.rule.MinShare != nil && r.Failed > 0 {
		ok := 1 - float64(r.Failed)/math.Max(1, float64(r.Known))
		r.Passed = ok >= *c.rule.MinShare
		r.Observed = fmt.Sprintf("%.6g %% pass; %d of %d %s fail", 100*ok, r.Failed, r.Known, judgedName(c.name))
	}
	switch c.name {
	case "exists", "absent":
		there := schema.Column(c.rule.Column) != nil
		r.Columns, r.Passed = []string{c.rule.Column}, there == (c.name == "exists")
		r.Observed = map[bool]string{true: "it is there", false: "it is not there"}[there]
	case "columns":
		r.Passed, r.Observed = compareColumns(*c.rule.Columns, schema)
	case "type":
		r.Passed = c.columns[0].Type == c.rule.Type
		r.Observed = c.columns[0].Type + " (" + c.columns[0].SQL + ")"
		if !r.Passed {
			r.Failed = result.Rows
		}
	case "max_null_share":
		r.Passed = r.Share <= *c.rule.MaxNullShare
		r.Observed = fmt.Sprintf("%.4g %% missing, %s", 100*r.Share, r.Observed)
	case "row_count":
		c.bounded(r, float64(result.Valid), *c.rule.RowCount)
		r.Observed = count(int(result.Valid), "row")
		if result.Quarantined > 0 {
			r.Observed += fmt.Sprintf(" after quarantine of %d", result.Quarantined)
		}
	case "row_count_history":
		c.history(o, result, r)
	case "mean":
		c.number(r, meanOf(figure), *c.rule.Mean)
	case "deviation":
		c.number(r, figure, *c.rule.Deviation)
	case "quantile":
		c.number(r, figure, pipeline.Range{Min: c.rule.Quantile.Min, Max: c.rule.Quantile.Max})
	case "distinct":
		c.number(r, figure, *c.rule.Distinct)
	case "freshness":
		c.fresh(o, r, figure)
	}
}

func (c *check) number(r *RuleResult, figure any, bounds pipeline.Range) {
	x, ok := 0.0, false
	switch v := figure.(type) {
	case int64:
		x, ok = float64(v), true
	case float64:
		x, ok = v, !math.IsNaN(v)
	}
	if !ok {
		r.Passed, r.Observed = false, "no known value"
		return
	}
	// Compensated sums may differ in the last digits by the order of the rows.
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 11, 64), 64)
	c.bounded(r, x, bounds)
	r.Observed = fmt.Sprintf("%.6g", x)
}

func (c *check) bounded(r *RuleResult, x float64, bounds pipeline.Range) {
	r.Passed, r.Figure = inside(x, bounds), &x
}

// meanOf is the mean of a sum and a count; nil where there is none.
func meanOf(figure any) any {
	list, _ := figure.([]any)
	if len(list) != 2 || list[0] == nil || list[1] == nil || list[1] == 0.0 {
		return nil
	}
	return list[0].(float64) / list[1].(float64)
}

// deviations makes sample standard deviations of what the columns that have such a
// rule have in count: another pass over those columns, for a sum of squares that is
// not taken about the mean loses all digits where the mean is large (Chan, Golub and
// LeVeque 1983, the corrected two-pass algorithm).
func (m *measurement) deviations(ctx context.Context) error {
	few, err := m.fewValued(ctx, m.in, m.schema)
	if err != nil {
		return err
	}
	all := &query{}
	for i := range m.checks {
		c := &m.checks[i]
		if c.name != "deviation" {
			continue
		}
		mean, ok := meanOf(m.figures[i]).(float64)
		if !ok {
			m.figures[i] = nil
			continue
		}
		n := m.figures[i].([]any)[1].(float64)
		m.figures[i] = nil
		name, q, each := c.columns[0].Name, all, "1"
		if few[name] {
			q, each = &query{}, weight
		}
		v := "CAST(" + table.Ident(name) + " AS DOUBLE)"
		off := "(" + v + " - " + double(mean) + ")"
		q.add(fmt.Sprintf("[fsum(%[1]s * %[2]s) FILTER (%[3]s), fsum(%[1]s * %[1]s * %[2]s) FILTER (%[3]s)]", off, each, "isfinite("+v+")"),
			func(v any) { m.figures[i] = deviationOf(v.([]any), n, mean) })
		if q != all {
			if err := q.run(ctx, m.engine, m.weighed(name)); err != nil {
				return err
			}
		}
	}
	return all.run(ctx, m.engine, table.Scan(m.in))
}

// deviationOf is the sample standard deviation of n values by sums about their mean, of
// what is off it and of its square; nil of one value.
func deviationOf(sums []any, n, mean float64) any {
	off, squares := sums[0].(float64), sums[1].(float64)
	if n < 2 {
		return nil
	}
	deviation := math.Sqrt(math.Max(0, squares-off*off/n) / (n - 1))
	if deviation < math.Abs(mean)*0x1p-70 { // of equal values, whose mean is rounded
		deviation = 0
	}
	return deviation
}

func (c *check) fresh(o Options, r *RuleResult, figure any) {
	age, err := pipeline.ParseDuration(c.rule.Freshness)
	newest, ok := figure.(int64)
	if !ok || err != nil {
		r.Passed, r.Observed = false, "no known time"
		return
	}
	at := time.UnixMicro(newest).UTC()
	old := o.At.Sub(at)
	hours := old.Hours()
	r.Passed, r.Figure = old <= age, &hours
	r.Observed = fmt.Sprintf("newest %s, %.1f h before the run", at.Format(time.RFC3339), hours)
}

func (c *check) history(o Options, result *Result, r *RuleResult) {
	earlier := slices.Clone(o.History)
	earlier = earlier[:min(len(earlier), max(1, c.rule.RowsSince.Runs))]
	if len(earlier) == 0 {
		r.Passed, r.Observed = true, fmt.Sprintf("%d rows; no earlier run to compare with", result.Valid)
		return
	}
	slices.Sort(earlier)
	k := len(earlier)
	median := float64(earlier[(k-1)/2]+earlier[k/2]) / 2
	ratio := math.Inf(1)
	if median > 0 {
		ratio = float64(result.Valid) / median
	}
	r.Passed = inside(ratio, pipeline.Range{Min: c.rule.RowsSince.Min, Max: c.rule.RowsSince.Max})
	if !math.IsInf(ratio, 0) {
		r.Figure = &ratio
	}
	r.Observed = fmt.Sprintf("%d rows, %.3g × the median %g of %s", result.Valid, ratio, median, count(k, "earlier run"))
}

func compareColumns(want pipeline.ColumnSet, schema pipeline.Schema) (bool, string) {
	found := make([]string, len(schema))
	for i, c := range schema {
		found[i] = c.Name
	}
	less := func(a, b []string) (out []string) {
		there := make(map[string]bool, len(b))
		for _, x := range b {
			there[x] = true
		}
		for _, x := range a {
			if !there[x] {
				out = append(out, x)
			}
		}
		return out
	}
	absent, extra := less(want.Names, found), less(found, want.Names)
	switch {
	case len(absent) > 0 && want.Match != "within":
		return false, "missing: " + list(absent)
	case len(extra) > 0 && want.Match != "contain":
		return false, "unexpected: " + list(extra)
	case want.Match == "order" && !slices.Equal(want.Names, found):
		return false, "in another order: " + list(found)
	}
	return true, count(len(found), "column") + " as expected"
}
