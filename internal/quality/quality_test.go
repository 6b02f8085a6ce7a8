package quality_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

type bench struct {
	*testing.T
	engine *table.Engine
	out    quality.Outputs
	dir    string
}

func setup(t *testing.T, threads int) *bench {
	t.Helper()
	e, err := table.Open(table.Options{Threads: threads, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	dir := t.TempDir()
	return &bench{T: t, engine: e, dir: dir, out: quality.Outputs{Valid: filepath.Join(dir, "valid"), Quarantined: filepath.Join(dir, "quarantined")}}
}

func (b *bench) check(sql string, rules ...pipeline.Rule) (*quality.Result, error) {
	b.Helper()
	in := filepath.Join(b.dir, "in.parquet")
	info, err := b.engine.Write(context.Background(), sql, in)
	if err != nil {
		b.Fatal(err)
	}
	return quality.Check(context.Background(), b.engine, in, info.Schema, rules, quality.Options{Out: b.out})
}

func (b *bench) must(sql string, rules ...pipeline.Rule) *quality.Result {
	b.Helper()
	r, err := b.check(sql, rules...)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func between(min, max float64) *pipeline.Range { return &pipeline.Range{Min: &min, Max: &max} }

func atLeast(min float64) *pipeline.Range { return &pipeline.Range{Min: &min} }

func share(x float64) *float64 { return &x }

// rows: 0 fine, 1 NULLs, 2 NaN and wrong text, 3 out of range, 4 infinite, 5 a
// copy of 0, 6 another copy.
const rows = `SELECT * FROM (VALUES
	(1, 1.0::DOUBLE, 'a', true), (2, NULL, NULL, NULL), (3, 'nan', 'z', false), (4, 900, 'b', false),
	(5, 'inf', 'a', true), (1, 1.0, 'a', true), (1, 2.0, 'a', true)) t(id, x, s, flag)`

func TestEveryCheckCountsExactly(t *testing.T) {
	b := setup(t, 2)
	cases := []struct {
		rule   pipeline.Rule
		text   string
		failed int64
		passed bool
		first  int64
	}{
		{pipeline.Rule{Column: "x", Range: between(0, 100)}, "x in [0, 100]", 2, false, 3},
		{pipeline.Rule{Column: "x", Range: atLeast(1.5)}, "x ≥ 1.5", 2, false, 0},
		{pipeline.Rule{Column: "x", NotNull: true}, "x is not missing", 2, false, 1},
		{pipeline.Rule{Column: "x", Finite: true}, "x is finite", 1, false, 4},
		{pipeline.Rule{Column: "id", Finite: true}, "id is finite", 0, true, -1},
		{pipeline.Rule{Column: "s", Set: []string{"a", "b"}}, "s in {a, b}", 1, false, 2},
		{pipeline.Rule{Column: "id", Set: []string{"1", "2.0", "3", "4"}}, "id in {1, 2.0, 3, 4}", 1, false, 4},
		{pipeline.Rule{Column: "flag", Set: []string{"true"}}, "flag in {true}", 2, false, 2},
		{pipeline.Rule{Column: "x", MaxNullShare: share(0.3)}, "x missing in at most 30 % of rows", 2, true, 1},
		{pipeline.Rule{Column: "x", MaxNullShare: share(0.2)}, "x missing in at most 20 % of rows", 2, false, 1},
		{pipeline.Rule{Unique: []string{"id"}}, "id unique", 2, false, 5},
		{pipeline.Rule{Unique: []string{"id", "x"}}, "id, x unique", 1, false, 5},
		{pipeline.Rule{Column: "x", Type: "number"}, "x is a number", 0, true, -1},
		{pipeline.Rule{Column: "x", Type: "text"}, "x is text", 7, false, -1},
		{pipeline.Rule{RowCount: between(1, 7)}, "row count in [1, 7]", 0, true, -1},
		{pipeline.Rule{RowCount: atLeast(8)}, "row count ≥ 8", 0, false, -1},
	}
	rules := make([]pipeline.Rule, len(cases))
	for i, c := range cases {
		rules[i] = c.rule
		rules[i].OnFail = pipeline.Warn
	}
	got := b.must(rows, rules...)
	for i, c := range cases {
		r := got.Rules[i]
		if r.Rule != c.text || r.Failed != c.failed || r.Passed != c.passed {
			t.Errorf("%s: %+v", c.text, r)
		}
		if c.first >= 0 && (len(r.Examples) == 0 || r.Examples[0].Row != c.first) || c.first < 0 && len(r.Examples) > 0 {
			t.Errorf("%s: examples %+v", c.text, r.Examples)
		}
	}
	if got.Rows != 7 || got.Valid != 7 || got.Quarantined != 0 || got.Violation() != nil {
		t.Fatalf("%+v %v", got, got.Violation())
	}
	if _, err := os.Stat(b.out.Valid); err == nil {
		t.Fatal("a file was written though nothing is quarantined")
	}
}

// TestTheShareThatMustPassIsOfWhatTheRuleSpeaksOf has, of ten rows, one without a
// value, one with NaN and one that is infinite; two have no key.
func TestTheShareThatMustPassIsOfWhatTheRuleSpeaksOf(t *testing.T) {
	b := setup(t, 2)
	const sql = "SELECT CASE i WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN 'inf' ELSE i END AS x, CASE WHEN i > 1 THEN i % 4 END AS k, 5 AS five FROM range(10) t(i)"
	for _, c := range []struct {
		rule  pipeline.Rule
		known int64
		share float64 // that passes
	}{
		{pipeline.Rule{Column: "x", NotNull: true}, 10, 0.8},
		{pipeline.Rule{Column: "x", NotNaN: true}, 9, 8. / 9},
		{pipeline.Rule{Column: "x", Finite: true}, 8, 7. / 8},
		{pipeline.Rule{Column: "x", AtMost: "k"}, 8, 1. / 8},
		{pipeline.Rule{Column: "k", AtMost: "x"}, 8, 1},
		{pipeline.Rule{SQL: "k >= 2"}, 10, 0.6},
		{pipeline.Rule{Unique: []string{"k"}}, 8, 0.5},
		{pipeline.Rule{NoRepeats: true}, 10, 1},
	} {
		for _, slack := range []float64{-1e-9, 1e-9} {
			c.rule.MinShare, c.rule.OnFail = share(c.share+slack), pipeline.Quarantine
			r := b.must(sql, c.rule).Rules[0]
			if r.Known != c.known || r.Passed != (slack < 0 || c.share == 1) {
				t.Errorf("%+v", r)
			}
		}
	}
	r := b.must(sql, pipeline.Rule{Column: "x", NotNull: true, MinShare: share(0.9), OnFail: pipeline.Warn}).Rules[0]
	if r.Rule != "x is not missing, in at least 90 % of rows" || r.Observed != "80 % pass; 2 of 10 rows fail" {
		t.Errorf("%+v", r)
	}
}

func TestQuarantinedRowsNameTheirRules(t *testing.T) {
	b := setup(t, 2)
	got := b.must(rows,
		pipeline.Rule{Column: "x", NotNull: true, OnFail: pipeline.Quarantine},
		pipeline.Rule{Column: "s", Set: []string{"a", "b"}, OnFail: pipeline.Quarantine},
		pipeline.Rule{Unique: []string{"id", "x"}, OnFail: pipeline.Quarantine},
		pipeline.Rule{Column: "x", Range: between(0, 100), OnFail: pipeline.Warn},
		pipeline.Rule{RowCount: atLeast(5), OnFail: pipeline.Stop})
	if got.Rows != 7 || got.Valid != 4 || got.Quarantined != 3 {
		t.Fatalf("%+v", got)
	}
	caught, err := b.engine.Query(context.Background(), "SELECT id, "+quality.RulesColumn+" FROM "+table.Scan(b.out.Quarantined))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(caught); s != "[[2 x is not missing] [3 x is not missing; s in {a, b}] [1 id, x unique]]" {
		t.Fatal(s)
	}
	valid, err := b.engine.Query(context.Background(), "SELECT * FROM "+table.Scan(b.out.Valid))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(valid); s != "[[1 1 a true] [4 900 b false] [5 +Inf a true] [1 2 a true]]" {
		t.Fatal(s)
	}
	if r := got.Rules[4]; r.Passed || r.Observed != "4 rows after quarantine of 3" {
		t.Fatalf("%+v", r)
	}
	violation := got.Violation()
	if fault.KindOf(violation) != fault.DataContractViolation || !strings.Contains(violation.Error(), "row count ≥ 5: 4 rows") || strings.Contains(violation.Error(), "100") {
		t.Fatal(violation)
	}
}

func TestViolationSaysWhichRuleHowOftenAndWhere(t *testing.T) {
	b := setup(t, 2)
	got := b.must("SELECT i AS delay FROM range(3000) t(i)", pipeline.Rule{Column: "delay", Range: between(-120, 1500)})
	err := got.Violation()
	if fault.KindOf(err) != fault.DataContractViolation || !strings.Contains(err.Error(), "delay in [-120, 1500]: 1499 of 3000 rows, first at row 1501") {
		t.Fatal(err)
	}
	if n := len(got.Rules[0].Examples); n != quality.MaxExamples {
		t.Fatalf("%d examples", n)
	}
	if got.Rules[0].Examples[0].Values == nil {
		t.Fatal("the violation took the examples' values away")
	}
	if v := *got.Rules[0].Examples[19].Values[0]; v != "1520" {
		t.Fatalf("the last example is %s", v)
	}
	details, err2 := json.Marshal(err.(*fault.Error).Details)
	if err2 != nil || len(details) > 2000 {
		t.Fatalf("%d bytes of details, %v", len(details), err2)
	}
}

func TestAllRowsQuarantinedIsEmpty(t *testing.T) {
	b := setup(t, 2)
	got := b.must("SELECT NULL::DOUBLE AS x FROM range(3)", pipeline.Rule{Column: "x", NotNull: true, OnFail: pipeline.Quarantine})
	if err := got.Violation(); fault.KindOf(err) != fault.DatasetEmpty || got.Quarantined != 3 {
		t.Fatal(err)
	}
}

func TestEmptyTable(t *testing.T) {
	b := setup(t, 2)
	p := pipeline.Pipeline{Problem: pipeline.Problem{Target: "x", Task: pipeline.Regression}}
	schema := pipeline.Schema{{Name: "x", Type: "number", SQL: "DOUBLE"}}
	got := b.must("SELECT 1::DOUBLE AS x WHERE false", append(quality.Implicit(p, schema), pipeline.Rule{Column: "x", MaxNullShare: share(0)})...)
	if err := got.Violation(); fault.KindOf(err) != fault.DataContractViolation || !strings.Contains(err.Error(), "row count ≥ 1: 0 rows") {
		t.Fatal(err)
	}
}

func TestRulesThatCannotApply(t *testing.T) {
	b := setup(t, 1)
	for _, c := range []struct {
		rule pipeline.Rule
		kind fault.Kind
	}{
		{pipeline.Rule{Column: "X", NotNull: true}, fault.ColumnMissing},
		{pipeline.Rule{Unique: []string{"id", "no"}}, fault.ColumnMissing},
		{pipeline.Rule{Column: "s", Range: atLeast(0)}, fault.TypeMismatch},
		{pipeline.Rule{Column: "s", Finite: true}, fault.TypeMismatch},
		{pipeline.Rule{Column: "x", Set: []string{"many"}}, fault.TypeMismatch},
		{pipeline.Rule{Column: "x", Type: "text", OnFail: pipeline.Quarantine}, fault.PipelineInvalid},
		{pipeline.Rule{Column: "x"}, fault.PipelineInvalid},
		{pipeline.Rule{NotNull: true}, fault.PipelineInvalid},
	} {
		_, err := b.check(rows, c.rule)
		if fault.KindOf(err) != c.kind || err.(*fault.Error).Remedy == "" {
			t.Errorf("%+v: kind %q: %v", c.rule, fault.KindOf(err), err)
		}
	}
}

func TestHostileNamesAndValues(t *testing.T) {
	b := setup(t, 1)
	name := "'; DROP TABLE \"x\"; --\n😀"
	got := b.must("SELECT 'it''s' AS "+table.Ident(name), pipeline.Rule{Column: name, Set: []string{"'); --"}, OnFail: pipeline.Quarantine}, pipeline.Rule{Unique: []string{name}})
	if got.Rules[0].Failed != 1 || got.Quarantined != 1 || !got.Rules[1].Passed {
		t.Fatalf("%+v", got)
	}
}

func TestSameBytesWithAnyThreads(t *testing.T) {
	var first string
	for _, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		got := b.must("SELECT i AS id, CASE WHEN i % 9 = 0 THEN NULL ELSE i / 3 END AS x, i % 1000 AS k FROM range(260000) t(i)",
			pipeline.Rule{Column: "x", NotNull: true, OnFail: pipeline.Quarantine},
			pipeline.Rule{Column: "id", Range: between(10, 200000), OnFail: pipeline.Quarantine},
			pipeline.Rule{Unique: []string{"k"}, OnFail: pipeline.Warn})
		all, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{b.out.Valid, b.out.Quarantined} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
		if first == "" {
			first = string(all)
		}
		if string(all) != first {
			t.Fatalf("%d threads give other bytes", threads)
		}
	}
}

func TestImplicit(t *testing.T) {
	schema := pipeline.Schema{{Name: "y", Type: "number", SQL: "DOUBLE"}, {Name: "n", Type: "number", SQL: "BIGINT"}, {Name: "x", Type: "number", SQL: "FLOAT"}, {Name: "z", Type: "number", SQL: "DOUBLE"}, {Name: "s", Type: "text", SQL: "VARCHAR"}}
	p := pipeline.Pipeline{
		Problem:    pipeline.Problem{Target: "y", Task: pipeline.Regression},
		Validation: []pipeline.Rule{{Column: "x", Finite: true, OnFail: pipeline.Warn}, {Column: "z", NotNull: true}},
	}
	var got []string
	for _, r := range quality.Implicit(p, schema) {
		got = append(got, quality.Text(r)+": "+string(r.OnFail))
	}
	if s := strings.Join(got, "; "); s != "row count ≥ 1: stop; y is not missing: quarantine; y is absent: stop; y is finite: quarantine; z is finite: quarantine" {
		t.Fatal(s)
	}
	p.Problem.Weight = "n"
	weighs := quality.Implicit(p, schema)
	if a, b := weighs[3], weighs[4]; a.Column != "n" || !a.NotNull || b.Range == nil || *b.Range.Min != 0 || a.Holds(pipeline.Serving) || b.OnFail != pipeline.Quarantine {
		t.Fatalf("a weight must be there and not negative: %+v, %+v", a, b)
	}
}
