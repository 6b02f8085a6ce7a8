package quality

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// RulesColumn is the column of the quarantined rows that names the rules that
// caught each, separated by "; ".
const RulesColumn = table.ReservedPrefix + "rules"

// Outputs are the Parquet files Check writes if it quarantines a row.
type Outputs struct {
	Valid, Quarantined string
}

// Check counts the rows of a Parquet file that break each rule. If a rule of
// severity quarantine caught any, it writes the rows that none caught to
// out.Valid and the others, with RulesColumn, to out.Quarantined, both in the
// file's order; if not, it writes nothing and the file itself goes on.
//
// A unique rule fails for every row but the first, in the file's order, of those
// with equal columns; a row with one of them missing equals no other. row_count
// is judged on the rows that go on.
//
// Faults: PipelineInvalid, ColumnMissing, TypeMismatch (a rule that cannot apply
// to its column). A failed rule is no error of Check: see Result.Violation.
func Check(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, rules []pipeline.Rule, out Outputs) (*Result, error) {
	checks := make([]check, len(rules))
	for i, r := range rules {
		var err error
		if checks[i], err = bind(r, schema); err != nil {
			return nil, err
		}
	}
	result := &Result{Rules: make([]RuleResult, len(rules))}
	places, err := measure(ctx, e, in, checks, result)
	if err != nil {
		return nil, err
	}
	if err := examples(ctx, e, in, schema, places, result); err != nil {
		return nil, err
	}
	if err := quarantine(ctx, e, in, checks, result, out); err != nil {
		_, _ = os.Remove(out.Valid), os.Remove(out.Quarantined)
		return nil, err
	}
	for i, c := range checks {
		judge(c, result, &result.Rules[i])
	}
	return result, nil
}

// measure fills Rows and every rule's Failed, and returns the positions of the
// first failing rows of each rule.
func measure(ctx context.Context, e *table.Engine, in string, checks []check, result *Result) ([][]int64, error) {
	query := "SELECT count(*)"
	for _, c := range checks {
		if c.fails != "" {
			query += fmt.Sprintf(",\n count(*) FILTER (%[1]s), min(%[2]s, %[3]d) FILTER (%[1]s)", c.fails, table.RowNumber, MaxExamples)
		}
	}
	row, err := e.QueryRow(ctx, query+" FROM "+table.Scan(in))
	if err != nil {
		return nil, err
	}
	result.Rows = row[0].(int64)
	places := make([][]int64, len(checks))
	next := 1
	for i, c := range checks {
		switch {
		case c.fails != "":
			result.Rules[i].Failed = row[next].(int64)
			places[i] = integers(row[next+1])
			next += 2
		case len(c.rule.Unique) > 0:
			r, err := e.QueryRow(ctx, fmt.Sprintf("SELECT count(*), min(n, %d) FROM (SELECT %s AS n, %s AS twice FROM %s) WHERE twice",
				MaxExamples, table.RowNumber, c.repeated(table.RowNumber), table.Scan(in)))
			if err != nil {
				return nil, err
			}
			result.Rules[i].Failed, places[i] = r[0].(int64), integers(r[1])
		case c.rule.Type != "" && c.columns[0].Type != c.rule.Type:
			result.Rules[i].Failed = result.Rows
		}
	}
	return places, nil
}

// repeated is SQL, with a window, that is true for every row but the first of
// those with equal columns.
func (c *check) repeated(position string) string {
	var columns, known []string
	for _, column := range c.columns {
		columns = append(columns, table.Ident(column.Name))
		known = append(known, "NOT "+missing(column))
	}
	return fmt.Sprintf("(%s AND row_number() OVER (PARTITION BY %s ORDER BY %s) > 1)", strings.Join(known, " AND "), strings.Join(columns, ", "), position)
}

func integers(list any) []int64 {
	values, _ := list.([]any) // nil: nothing failed
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = v.(int64)
	}
	return out
}

// judge fills a rule's verdict once all is counted.
func judge(c check, result *Result, r *RuleResult) {
	r.Rule, r.Severity, r.Passed = c.text, c.rule.OnFail, r.Failed == 0
	for _, column := range c.columns {
		r.Columns = append(r.Columns, column.Name)
	}
	if result.Rows > 0 {
		r.Share = float64(r.Failed) / float64(result.Rows)
	}
	r.Observed = fmt.Sprintf("%d of %d rows", r.Failed, result.Rows)
	switch {
	case c.rule.Type != "":
		r.Passed = c.columns[0].Type == c.rule.Type
		r.Observed = c.columns[0].Type + " (" + c.columns[0].SQL + ")"
	case c.rule.MaxNullShare != nil:
		r.Passed = r.Share <= *c.rule.MaxNullShare
		r.Observed = fmt.Sprintf("%.4g %% missing, %s", 100*r.Share, r.Observed)
	case c.rule.RowCount != nil:
		n := float64(result.Valid)
		r.Passed = (c.rule.RowCount.Min == nil || n >= *c.rule.RowCount.Min) && (c.rule.RowCount.Max == nil || n <= *c.rule.RowCount.Max)
		r.Observed = count(int(result.Valid), "row")
		if result.Quarantined > 0 {
			r.Observed += fmt.Sprintf(" after quarantine of %d", result.Quarantined)
		}
	}
}
