package quality

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Suggestion is a rule that data suggest, and why.
type Suggestion struct {
	Rule   pipeline.Rule `json:"rule"`
	Reason string        `json:"reason"`
}

// tokens are the texts that most often stand for a missing value.
var tokens = []string{"na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "missing", "unknown", "#n/a", "."}

// maxSuggestedSet is the number of distinct texts up to which a set is suggested.
const maxSuggestedSet = 30

// shapes are the patterns that a column of texts may follow without exception.
var shapes = []struct{ pattern, said string }{
	{`^[0-9]+$`, "digits"}, {`^[A-Z]+$`, "capital letters"}, {`^[a-z]+$`, "small letters"}, {`^[A-Z0-9]+$`, "capital letters and digits"},
	{`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, "UUIDs"}, {`^[^@\s]+@[^@\s]+\.[^@\s]+$`, "addresses of mail"},
}

// Infer suggests a contract from the rows of a Parquet file, for people to edit:
// each rule holds for these rows, with room for those to come, and comes with
// what it was suggested from.
func Infer(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, p pipeline.Pipeline) ([]Suggestion, error) {
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(in))
	if err != nil {
		return nil, err
	}
	f := &inference{engine: e, in: in, rows: row[0].(int64), pipeline: p}
	least := math.Floor(float64(f.rows) / 2)
	f.add(fmt.Sprintf("%d rows now; half of them would be a broken source", f.rows), pipeline.Rule{RowCount: &pipeline.Range{Min: &least}})
	if f.rows == 0 {
		return f.out, nil
	}
	f.add("a sudden change of size is worth a look, measured against the runs before", pipeline.Rule{RowsSince: &pipeline.RowsSince{Runs: 5, Min: new(0.5), Max: new(2.0)}, OnFail: pipeline.Warn})
	names := make([]string, len(schema))
	for i, c := range schema {
		names[i] = c.Name
	}
	f.add("the columns there are; a new one is harmless until a feature uses it", pipeline.Rule{Columns: &pipeline.ColumnSet{Names: names, Match: "contain"}})
	if err := f.key(ctx, schema); err != nil {
		return nil, err
	}
	for _, c := range schema {
		if err := f.column(ctx, c); err != nil {
			return nil, err
		}
	}
	if p.Problem.Target != "" {
		if err := f.label(ctx, schema); err != nil {
			return nil, err
		}
	}
	return f.out, nil
}

type inference struct {
	engine   *table.Engine
	in       string
	rows     int64
	pipeline pipeline.Pipeline
	out      []Suggestion
}

func (f *inference) add(reason string, r pipeline.Rule) {
	if r.OnFail == "" {
		r.OnFail = pipeline.Stop
	}
	f.out = append(f.out, Suggestion{Rule: r, Reason: reason})
}

func (f *inference) key(ctx context.Context, schema pipeline.Schema) error {
	key := f.pipeline.Dataset.Key
	if len(key) == 0 {
		return nil
	}
	result, err := Check(ctx, f.engine, f.in, schema, []pipeline.Rule{{Unique: key, OnFail: pipeline.Warn}}, Options{Out: Outputs{Valid: f.in + ".valid", Quarantined: f.in + ".quarantined"}})
	if err != nil {
		return err
	}
	if n := result.Rules[0].Failed; n > 0 {
		f.add(fmt.Sprintf("the key of the dataset, yet %d rows repeat one: find out why before it may stop a run", n), pipeline.Rule{Unique: key, OnFail: pipeline.Warn})
	} else {
		f.add("the key of the dataset, and no row repeats one", pipeline.Rule{Unique: key})
	}
	return nil
}

func (f *inference) column(ctx context.Context, c pipeline.Column) error {
	row, err := f.engine.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FILTER (%s) FROM %s", missing(c), table.Scan(f.in)))
	if err != nil {
		return err
	}
	gone := row[0].(int64)
	f.add("stored as "+c.SQL, pipeline.Rule{Column: c.Name, Type: c.Type})
	share := float64(gone) / float64(f.rows)
	switch {
	case c.Name == f.pipeline.Problem.Target: // implicit rules see to it
	case gone == 0:
		f.add("never missing", pipeline.Rule{Column: c.Name, NotNull: true, OnFail: pipeline.Quarantine})
	case gone < f.rows:
		most := math.Min(1, math.Ceil(share*150+1-1e-9)/100)
		f.add(fmt.Sprintf("missing in %.3g %% of the rows; room for half as many again", 100*share), pipeline.Rule{Column: c.Name, MaxNullShare: &most})
	}
	if gone == f.rows {
		return nil
	}
	switch c.Type {
	case "number":
		return f.numbers(ctx, c)
	case "text":
		return f.texts(ctx, c)
	default:
		return nil
	}
}

func (f *inference) numbers(ctx context.Context, c pipeline.Column) error {
	if c.SQL == "BOOLEAN" || slices.Contains(f.pipeline.Dataset.Key, c.Name) { // keys grow
		return nil
	}
	x := "CAST(" + table.Ident(c.Name) + " AS DOUBLE)"
	row, err := f.engine.QueryRow(ctx, fmt.Sprintf("SELECT min(%s) FILTER (isfinite(%[1]s)), max(%[1]s) FILTER (isfinite(%[1]s)) FROM %s", x, table.Scan(f.in)))
	if err != nil {
		return err
	}
	low, ok1 := row[0].(float64)
	high, ok2 := row[1].(float64)
	if !ok1 || !ok2 {
		return nil
	}
	from, to := roomy(low, high)
	f.add(fmt.Sprintf("from %s to %s; a tenth of that wider", number(low), number(high)), pipeline.Rule{Column: c.Name, Range: &pipeline.Range{Min: &from, Max: &to}, OnFail: pipeline.Quarantine})
	return nil
}

// roomy widens an interval by a tenth and rounds it outwards; it does not cross
// zero where the values do not.
func roomy(low, high float64) (float64, float64) {
	span := high - low
	if span == 0 {
		span = math.Max(1, math.Abs(high))
	}
	unit := math.Pow(10, math.Floor(math.Log10(span))-1)
	from, to := math.Floor((low-span/10)/unit)*unit, math.Ceil((high+span/10)/unit)*unit
	if low >= 0 && from < 0 {
		from = 0
	}
	if high <= 0 && to > 0 {
		to = 0
	}
	trim := func(x float64) float64 {
		v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
		return v
	}
	return trim(from), trim(to)
}

func (f *inference) texts(ctx context.Context, c pipeline.Column) error {
	x := "CAST(" + table.Ident(c.Name) + " AS VARCHAR)"
	items := []string{"count(*)", "coalesce(sum(n), 0)", "min(length(v))", "max(length(v))", "list(v ORDER BY v) FILTER (trim(lower(v)) IN (" + literals(tokens) + "))",
		"coalesce(sum(n) FILTER (TRY_CAST(v AS TIMESTAMP) IS NOT NULL), 0)", "coalesce(sum(n) FILTER (TRY_CAST(trim(v) AS DOUBLE) IS NOT NULL), 0)"}
	for _, s := range shapes {
		items = append(items, "bool_and(regexp_matches(v, "+table.Literal(s.pattern)+"))")
	}
	row, err := f.engine.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM (SELECT %s AS v, count(*) AS n FROM %s WHERE v IS NOT NULL GROUP BY v)", strings.Join(items, ", "), x, table.Scan(f.in)))
	if err != nil {
		return err
	}
	distinct, known := row[0].(int64), float64(row[1].(int64))
	if found := listOf(row[4]); len(found) > 0 {
		f.add("these look like words for a missing value: map them, or say so in the SQL", pipeline.Rule{Column: c.Name, MissingTokens: found, OnFail: pipeline.Warn})
	}
	for i, kind := range []string{"time", "number"} {
		if n := float64(row[5+i].(int64)); n >= 0.99*known {
			share := math.Floor(n/known*1000) / 1000
			f.add(fmt.Sprintf("%.4g %% of the texts read as a %s: a cast would say so", 100*n/known, kind), pipeline.Rule{Column: c.Name, Parse: &pipeline.ParseAs{As: kind}, MinShare: &share, OnFail: pipeline.Warn})
			return nil
		}
	}
	if distinct <= maxSuggestedSet && float64(distinct) <= known/3 {
		return f.set(ctx, c, x)
	}
	for i, s := range shapes {
		if row[7+i] == true {
			f.add("every text is of "+s.said, pipeline.Rule{Column: c.Name, Pattern: s.pattern, OnFail: pipeline.Quarantine})
			break
		}
	}
	low, high := float64(row[2].(int64)), float64(row[3].(int64))
	if high > 2*low {
		low, high = 0, 2*high
	}
	f.add(fmt.Sprintf("%d to %d characters, %d distinct texts", row[2], row[3], distinct), pipeline.Rule{Column: c.Name, Length: &pipeline.Range{Min: &low, Max: &high}, OnFail: pipeline.Warn})
	return nil
}

func (f *inference) set(ctx context.Context, c pipeline.Column, x string) error {
	rows, err := f.engine.Query(ctx, fmt.Sprintf("SELECT %s AS v FROM %s WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v", x, table.Scan(f.in)))
	if err != nil {
		return err
	}
	var values []string
	for _, r := range rows {
		values = append(values, r[0].(string))
	}
	f.add(fmt.Sprintf("%d distinct texts, the most frequent first; a new one in less than one row of a hundred passes", len(values)),
		pipeline.Rule{Column: c.Name, Set: values, MinShare: new(0.99), OnFail: pipeline.Warn})
	return nil
}

// label suggests what keeps the target learnable.
func (f *inference) label(ctx context.Context, schema pipeline.Schema) error {
	target, problem := schema.Column(f.pipeline.Problem.Target), f.pipeline.Problem
	if target == nil {
		return nil
	}
	f.add("the target: a shift of what is to be predicted is a shift of the problem", pipeline.Rule{Column: target.Name, Distribution: &pipeline.Distribution{Measure: "jensen_shannon", Max: 0.1}, OnFail: pipeline.Warn})
	if problem.Task != pipeline.Regression {
		m := &measurement{engine: f.engine, in: f.in, schema: schema}
		var r RuleResult
		if err := m.balance(ctx, &check{rule: pipeline.Rule{Balance: &pipeline.Range{}}, columns: []pipeline.Column{*target}}, &r); err != nil {
			return err
		}
		if r.Figure != nil {
			least := math.Floor(*r.Figure/2*1000) / 1000
			f.add("the target's classes: "+r.Observed, pipeline.Rule{Column: target.Name, Balance: &pipeline.Range{Min: &least}, OnFail: pipeline.Warn})
		}
	}
	leak := &pipeline.NoLeakage{Time: f.pipeline.Split.Method == "time"}
	if f.pipeline.Split.Method == "grouped" {
		leak.Across = f.pipeline.Split.By
	}
	f.add("no model may be judged on rows it could have learnt from", pipeline.Rule{NoLeakage: leak})
	return nil
}

func listOf(v any) []string {
	values, _ := v.([]any)
	out := make([]string, len(values))
	for i, s := range values {
		out[i] = s.(string)
	}
	return out
}

func literals(values []string) string {
	out := make([]string, len(values))
	for i, s := range values {
		out[i] = table.Literal(s)
	}
	return strings.Join(out, ", ")
}
