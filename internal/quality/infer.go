package quality

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Suggestion is a rule that data suggest, and why.
type Suggestion struct {
	Rule   pipeline.Rule `json:"rule"`
	Reason string        `json:"reason"`
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
	facts, err := factsOf(ctx, e, in, schema)
	if err != nil {
		return nil, err
	}
	for i, c := range schema {
		f.column(c, &facts[i])
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

func (f *inference) column(c pipeline.Column, known *facts) {
	f.add("stored as "+c.SQL, pipeline.Rule{Column: c.Name, Type: c.Type})
	share := float64(known.missing) / float64(f.rows)
	switch {
	case c.Name == f.pipeline.Problem.Target: // implicit rules see to it
	case known.missing == 0:
		f.add("never missing", pipeline.Rule{Column: c.Name, NotNull: true, OnFail: pipeline.Quarantine})
	case known.missing < f.rows:
		most := math.Min(1, math.Ceil(share*150+1-1e-9)/100)
		f.add(fmt.Sprintf("missing in %.3g %% of the rows; room for half as many again", 100*share), pipeline.Rule{Column: c.Name, MaxNullShare: &most})
	}
	switch {
	case known.missing == f.rows:
	case c.Type == "number":
		f.numbers(c, known)
	case known.text != nil:
		f.texts(c, known.text)
	}
}

func (f *inference) numbers(c pipeline.Column, known *facts) {
	if c.SQL == "BOOLEAN" || slices.Contains(f.pipeline.Dataset.Key, c.Name) { // keys grow
		return
	}
	if known.low > known.high { // no finite one
		return
	}
	from, to := roomy(known.low, known.high)
	f.add(fmt.Sprintf("from %s to %s; a tenth of that wider", number(known.low), number(known.high)), pipeline.Rule{Column: c.Name, Range: &pipeline.Range{Min: &from, Max: &to}, OnFail: pipeline.Quarantine})
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

func (f *inference) texts(c pipeline.Column, t *textFacts) {
	if len(t.tokens) > 0 {
		f.add("these look like words for a missing value: map them, or say so in the SQL", pipeline.Rule{Column: c.Name, MissingTokens: t.tokens, OnFail: pipeline.Warn})
	}
	known := float64(t.known)
	for _, as := range []struct {
		kind string
		n    int64
	}{{"time", t.times}, {"number", t.numbers}} {
		if n := float64(as.n); n >= 0.99*known {
			share := math.Floor(n/known*1000) / 1000
			f.add(fmt.Sprintf("%.4g %% of the texts read as a %s: a cast would say so", 100*n/known, as.kind), pipeline.Rule{Column: c.Name, Parse: &pipeline.ParseAs{As: as.kind}, MinShare: &share, OnFail: pipeline.Warn})
			return
		}
	}
	if t.few() {
		f.add(fmt.Sprintf("%d distinct texts, the most frequent first; a new one in less than one row of a hundred passes", len(t.set)),
			pipeline.Rule{Column: c.Name, Set: t.set, MinShare: new(0.99), OnFail: pipeline.Warn})
		return
	}
	if t.shape != nil {
		f.add("every text is of "+t.shape.said, pipeline.Rule{Column: c.Name, Pattern: t.shape.pattern, OnFail: pipeline.Quarantine})
	}
	low, high := float64(t.shortest), float64(t.longest)
	if high > 2*low {
		low, high = 0, 2*high
	}
	f.add(fmt.Sprintf("%d to %d characters, %d distinct texts", t.shortest, t.longest, t.distinct), pipeline.Rule{Column: c.Name, Length: &pipeline.Range{Min: &low, Max: &high}, OnFail: pipeline.Warn})
}

// label suggests what keeps the target learnable.
func (f *inference) label(ctx context.Context, schema pipeline.Schema) error {
	target, problem := schema.Column(f.pipeline.Problem.Target), f.pipeline.Problem
	if target == nil {
		return nil
	}
	f.add("the target: a shift of what is to be predicted is a shift of the problem", pipeline.Rule{Column: target.Name, Distribution: &pipeline.Distribution{Measure: "jensen_shannon", Max: 0.1}, OnFail: pipeline.Warn})
	if problem.Task != pipeline.Regression {
		m := &measurement{engine: f.engine, valid: f.in, schema: schema}
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
