package quality

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// RulesColumn is the column of the quarantined rows that names the rules that
// caught each, separated by "; ".
const RulesColumn = pipeline.ReservedPrefix + "rules"

// Outputs are the Parquet files Check writes: Valid if a row was quarantined,
// dropped or corrected, Quarantined if one was quarantined.
type Outputs struct {
	Valid, Quarantined string
}

// Source is a source that rules refer to.
type Source struct {
	Table  table.Table
	Schema pipeline.Schema
}

// Options are what rules may ask for beside the rows.
type Options struct {
	// At is the moment freshness is judged at.
	At time.Time

	// Environment says which rules hold. Default Training.
	Environment pipeline.Environment

	// History is how many rows went on in earlier runs, the latest first.
	History []int64

	// Out is where rows go that do not go on as they are.
	Out Outputs

	// Previous is the Parquet file of the rows that went on in the previous run; ""
	// if there was none.
	Previous string

	// Sources are the sources by name.
	Sources map[string]Source
}

// Check corrects the rows of a Parquet file where rules say so and counts those
// that break each rule. If a rule of severity quarantine failed, it writes the
// rows that none caught to Out.Valid and the others, with RulesColumn, to
// Out.Quarantined, both in the file's order. If nothing was corrected, dropped
// or quarantined it writes nothing and the file itself goes on: see
// Result.Changed.
//
// Rules are judged on the rows as corrected; row_count, row_count_history, balance
// and distribution on those that go on. A unique rule fails for every row but the first, in the file's order, of those
// with equal columns; a row with one of them missing equals no other.
//
// Faults: PipelineInvalid, ColumnMissing, TypeMismatch (a rule that cannot apply
// to its column), QueryInvalid (an expression that does not fit the columns, or fails
// on a row). A failed rule is no error of
// Check: see Result.Violation.
func Check(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, rules []pipeline.Rule, o Options) (_ *Result, err error) {
	if o.Environment == "" {
		o.Environment = pipeline.Training
	}
	rules = slices.DeleteFunc(slices.Clone(rules), func(r pipeline.Rule) bool { return r.OfSplits() || !r.Holds(o.Environment) })
	e, done, err := guarded(ctx, e, in, schema, rules, o)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := tried(ctx, e, schema, rules); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_, _ = os.Remove(o.Out.Valid), os.Remove(o.Out.Quarantined)
		}
		_ = os.Remove(o.corrected())
	}()
	result := &Result{Rules: make([]RuleResult, len(rules)), Columns: []string{}}
	in, schema, err = correct(ctx, e, in, schema, rules, o, result)
	if err != nil {
		return nil, err
	}
	m := &measurement{engine: e, in: in, valid: in, schema: schema, options: o, result: result, checks: make([]check, len(rules)), figures: make([]any, len(rules))}
	for i, r := range rules {
		if m.checks[i], err = bind(r, schema, o); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{m.count, m.quantiles, m.deviations, m.repeats, m.judgeRows, m.examples, m.quarantine, m.distributions} {
		if err := step(ctx); err != nil {
			return nil, m.blamed(ctx, err)
		}
	}
	m.judge()
	return result, nil
}

// corrected is where the corrected rows are before quarantine.
func (o Options) corrected() string { return o.Out.Valid + ".corrected" }

// guarded returns the engine to check with: where people wrote SQL, one that can
// read the given files and write the outputs, and nothing else.
func guarded(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, rules []pipeline.Rule, o Options) (*table.Engine, func(), error) {
	written := func(r pipeline.Rule) bool { return r.SQL != "" }
	if !slices.ContainsFunc(rules, written) {
		return e, func() {}, nil
	}
	read := []string{in}
	if o.Previous != "" {
		read = append(read, o.Previous)
	}
	for _, s := range o.Sources {
		read = append(read, s.Table.Files()...)
	}
	locked, err := e.Locked(ctx, read, []string{o.Out.Valid, o.Out.Quarantined, o.corrected()})
	if err != nil {
		return nil, nil, err
	}
	return locked, locked.Close, nil
}

// tried refuses rules that the engine would fail over.
func tried(ctx context.Context, e *table.Engine, schema pipeline.Schema, rules []pipeline.Rule) error {
	t := &trial{engine: e, schema: slices.Clone(schema)}
	defer t.close()
	mended := pipeline.Repaired(schema, rules)
	for _, r := range rules {
		if r.SQL != "" { // the engine is locked: its own fault says more
			if err := e.CheckExpression(ctx, mended, r.SQL, "the rule sql"); err != nil {
				return err
			}
			continue
		}
		wrong, err := t.rule(ctx, r, mended)
		if err != nil {
			return err
		}
		if len(wrong) > 0 {
			return fault.New(fault.PipelineInvalid, "validation: %q: %s: %s", Text(r), wrong[0].Path, wrong[0].Message).WithRemedy("%s", wrong[0].Remedy)
		}
	}
	return nil
}

// blamed finds the SQL of a rule that the engine failed over, for some row: a cast of
// a text that does not read, a sum beyond its type.
func (m *measurement) blamed(ctx context.Context, err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	for i := range m.checks {
		c := &m.checks[i]
		if c.name != "sql" {
			continue
		}
		why, other := m.engine.Refusal(ctx, "SELECT count(*) FILTER ("+c.fails+") FROM "+table.Scan(m.in))
		if other != nil {
			return other
		}
		if why != "" {
			return fault.New(fault.QueryInvalid, "the rule sql %q fails on a row: %s", c.text, strings.ReplaceAll(why, m.in, "the rows")).
				WithRemedy("write TRY_CAST where a value may not read as the type, and guard what may be beyond it")
		}
	}
	return err
}

// judge fills every verdict once all is counted.
func (m *measurement) judge() {
	for i := range m.checks {
		r := &m.result.Rules[i]
		switch c := &m.checks[i]; {
		case c.name == "balance", c.name == "distribution": // judged where they were measured
			r.Rule, r.Check, r.Severity, r.Columns = c.text, c.name, c.rule.OnFail, []string{c.rule.Column}
		default:
			c.verdict(m.options, m.result, r, m.figures[i], m.schema)
		}
		if r.Corrected > 0 {
			r.Observed = count(int(r.Corrected), "row") + " corrected; " + r.Observed + " fail after it"
		}
	}
}
