package quality_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
)

// with checks rows with options; sources and the previous dataset are SQL.
func (b *bench) with(sql string, sources map[string]string, previous string, o quality.Options, rules ...pipeline.Rule) (*quality.Result, error) {
	b.Helper()
	write := func(name, sql string) (string, pipeline.Schema) {
		path := filepath.Join(b.dir, name+".parquet")
		info, err := b.engine.Write(context.Background(), sql, path)
		if err != nil {
			b.Fatal(err)
		}
		return path, info.Schema
	}
	in, schema := write("in", sql)
	o.Out, o.Sources = b.out, map[string]quality.Source{}
	for name, sql := range sources {
		path, schema := write(name, sql)
		o.Sources[name] = quality.Source{Table: table.Parts(path), Schema: schema}
	}
	if previous != "" {
		o.Previous, _ = write("previous", previous)
	}
	return quality.Check(context.Background(), b.engine, in, schema, rules, o)
}

func (b *bench) rowsOf(path string) string {
	b.Helper()
	rows, err := b.engine.Query(context.Background(), "SELECT * FROM "+table.Scan(path))
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// sample has, from row 0: a fine row, a row of missing values, tokens and spaces,
// odd texts, a copy of row 0.
const sample = `SELECT * FROM (VALUES
	(1, 1.5::DOUBLE, 'AAA', '2024-01-01', TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', 'x1'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL),
	(3, 'nan', ' n/A ', '31/12/2023', TIMESTAMP '2024-01-03', TIMESTAMP '2024-01-02', '1.5'),
	(4, 'inf', 'B' || chr(65533), '2024-02-30', TIMESTAMP '2024-01-04', TIMESTAMP '2024-01-04', '7'),
	(1, 1.5, 'AAA', '2024-01-01', TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-02', 'x1'))
	t(id, x, s, d, t0, t1, n)`

func TestTheOtherChecksCountExactly(t *testing.T) {
	b := setup(t, 2)
	num := func(x float64) *float64 { return &x }
	cases := []struct {
		rule   pipeline.Rule
		text   string
		failed int64
		passed bool
		first  int64 // first failing row, -1 for none
	}{
		{pipeline.Rule{Column: "id", Exists: true}, "id exists", 0, true, -1},
		{pipeline.Rule{Column: "gone", Exists: true}, "gone exists", 0, false, -1},
		{pipeline.Rule{Column: "gone", Absent: true}, "gone is absent", 0, true, -1},
		{pipeline.Rule{Column: "id", Absent: true}, "id is absent", 0, false, -1},
		{pipeline.Rule{Columns: &pipeline.ColumnSet{Names: []string{"n", "id", "x", "s", "d", "t0", "t1"}, Match: "set"}}, "the columns are exactly n, id, x, s, d, t0, t1", 0, true, -1},
		{pipeline.Rule{Columns: &pipeline.ColumnSet{Names: []string{"n", "id", "x", "s", "d", "t0", "t1"}, Match: "order"}}, "the columns are, in order, n, id, x, s, d, t0, t1", 0, false, -1},
		{pipeline.Rule{Columns: &pipeline.ColumnSet{Names: []string{"id", "x", "s"}, Match: "within"}}, "no column beside id, x, s", 0, false, -1},
		{pipeline.Rule{Columns: &pipeline.ColumnSet{Names: []string{"id", "y"}, Match: "contain"}}, "the columns include id, y", 0, false, -1},
		{pipeline.Rule{Column: "s", MissingTokens: []string{"N/A", "?"}}, "s holds no word for missing: N/A, ?", 1, false, 2},
		{pipeline.Rule{Column: "x", NotNaN: true}, "x is not NaN", 1, false, 2},
		{pipeline.Rule{Column: "s", Pattern: "^[A-Z]{3}$"}, "s matches ^[A-Z]{3}$", 2, false, 2},
		{pipeline.Rule{Column: "s", Pattern: "^[A-Z]{3}$", MinShare: num(0.5)}, "s matches ^[A-Z]{3}$, in at least 50 % of known values", 2, true, 2},
		{pipeline.Rule{Column: "s", Pattern: "^[A-Z]{3}$", MinShare: num(0.51)}, "s matches ^[A-Z]{3}$, in at least 51 % of known values", 2, false, 2},
		{pipeline.Rule{Column: "s", Set: []string{"AAA"}, MinShare: num(0.5)}, "s in {AAA}, in at least 50 % of known values", 2, true, 2},
		{pipeline.Rule{Column: "s", Length: between(3, 4)}, "length of s in [3, 4]", 2, false, 2},
		{pipeline.Rule{Column: "s", UTF8: true}, "s is sound UTF-8", 1, false, 3},
		{pipeline.Rule{Column: "d", Parse: &pipeline.ParseAs{As: "time"}}, "d reads as a time", 2, false, 2},
		{pipeline.Rule{Column: "d", Parse: &pipeline.ParseAs{As: "time", Format: "%d/%m/%Y"}}, "d reads as a time (%d/%m/%Y)", 3, false, 0},
		{pipeline.Rule{Column: "n", Parse: &pipeline.ParseAs{As: "number"}}, "n reads as a number", 2, false, 0},
		{pipeline.Rule{Column: "n", Parse: &pipeline.ParseAs{As: "integer"}}, "n reads as a whole number", 3, false, 0},
		{pipeline.Rule{Column: "t0", AtMost: "t1"}, "t0 ≤ t1", 1, false, 2},
		{pipeline.Rule{Unique: []string{"id", "n"}}, "id, n unique", 1, false, 4},
		{pipeline.Rule{NoRepeats: true}, "no row repeats another", 1, false, 4},
		{pipeline.Rule{Column: "id", References: &pipeline.Reference{Source: "ids", Column: "key"}}, "id is among ids.key", 1, false, 3},
		{pipeline.Rule{SQL: "id < 3 OR x > 0"}, "id < 3 OR x > 0", 0, true, -1},
		{pipeline.Rule{SQL: "id <\n 3"}, "id < 3", 2, false, 2},
		{pipeline.Rule{Column: "id", Mean: between(2.2, 2.2)}, "mean of id in [2.2, 2.2]", 0, true, -1},
		{pipeline.Rule{Column: "x", Mean: between(2, 3)}, "mean of x in [2, 3]", 0, false, -1},
		{pipeline.Rule{Column: "id", Deviation: between(1.30, 1.31)}, "standard deviation of id in [1.3, 1.31]", 0, true, -1},
		{pipeline.Rule{Column: "id", Quantile: &pipeline.Quantile{P: 0.5, Max: num(1.9)}}, "quantile 0.5 of id ≤ 1.9", 0, false, -1},
		{pipeline.Rule{Column: "id", Distinct: between(4, 4)}, "distinct values of id in [4, 4]", 0, true, -1},
		{pipeline.Rule{Column: "id", Distinct: atLeast(5)}, "distinct values of id ≥ 5", 0, false, -1},
		{pipeline.Rule{Column: "id", Balance: between(0.2, 0.4)}, "share of every class of id in [0.2, 0.4]", 0, true, -1},
		{pipeline.Rule{Column: "id", Balance: between(0.21, 1)}, "share of every class of id in [0.21, 1]", 0, false, -1},
		{pipeline.Rule{Column: "t0", Freshness: "36h"}, "newest t0 at most 36h old", 0, true, -1},
		{pipeline.Rule{Column: "t0", Freshness: "1h"}, "newest t0 at most 1h old", 0, false, -1},
		{pipeline.Rule{RowsSince: &pipeline.RowsSince{Runs: 3, Min: num(0.5), Max: num(2)}}, "row count by that of earlier runs in [0.5, 2]", 0, true, -1},
		{pipeline.Rule{RowsSince: &pipeline.RowsSince{Runs: 4, Max: num(0.05)}}, "row count by that of earlier runs ≤ 0.05", 0, false, -1},
		{pipeline.Rule{Column: "id", Distribution: &pipeline.Distribution{Max: 0.01}}, "id is distributed as in the previous run: Jensen-Shannon distance ≤ 0.01", 0, true, -1},
		{pipeline.Rule{Column: "s", Distribution: &pipeline.Distribution{Measure: "linf", Max: 0.1}}, "s is distributed as in the previous run: largest difference of a share ≤ 0.1", 0, false, -1},
		{pipeline.Rule{Column: "key", Exists: true, Environment: pipeline.Serving}, "", 0, true, -1},
	}
	var rules []pipeline.Rule
	for _, c := range cases {
		c.rule.OnFail = pipeline.Warn
		rules = append(rules, c.rule)
	}
	got, err := b.with(sample, map[string]string{"ids": "SELECT unnest([1, 2, 3, NULL])::BIGINT AS key"}, "SELECT id, 'AAA' AS s FROM ("+sample+")",
		quality.Options{At: time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC), History: []int64{4, 6, 100, 100}}, rules...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rules) != len(cases)-1 {
		t.Fatal("a rule of the other environment was held")
	}
	for i, r := range got.Rules {
		c := cases[i]
		if r.Rule != c.text || r.Failed != c.failed || r.Passed != c.passed || r.Check != c.rule.Check() {
			t.Errorf("%s: %+v", c.text, r)
		}
		if c.first >= 0 && (len(r.Examples) == 0 || r.Examples[0].Row != c.first) || c.first < 0 && len(r.Examples) > 0 {
			t.Errorf("%s: examples %+v", c.text, r.Examples)
		}
		if r.Observed == "" {
			t.Errorf("%s says nothing", c.text)
		}
	}
}

// TestWholeNumbersAreComparedExactly has neighbours that one DOUBLE stands for, and
// narrower types beside wider ones.
func TestWholeNumbersAreComparedExactly(t *testing.T) {
	b := setup(t, 2)
	const big = "9007199254740993"
	got, err := b.with("SELECT "+big+"::BIGINT AS a, "+big+" - 1 AS b, 18446744073709551615::UBIGINT AS u, 7::TINYINT AS s, "+big+"::BIGINT AS same",
		map[string]string{"ids": "SELECT unnest([" + big + " - 1, 7]) AS key, unnest([" + big + ", 8])::UBIGINT AS unsigned"}, "", quality.Options{},
		pipeline.Rule{Column: "a", AtMost: "b", OnFail: pipeline.Warn},
		pipeline.Rule{Column: "a", References: &pipeline.Reference{Source: "ids", Column: "key"}, OnFail: pipeline.Warn},
		pipeline.Rule{Column: "a", Set: []string{"9007199254740992", "1.5"}, OnFail: pipeline.Warn},
		pipeline.Rule{Column: "a", Set: []string{"1.5"}, OnFail: pipeline.Warn},
		pipeline.Rule{Column: "u", Set: []string{"18446744073709551614", "-1"}, OnFail: pipeline.Warn},
		pipeline.Rule{Column: "a", Range: &pipeline.Range{Max: share(9007199254740992)}, OnFail: pipeline.Warn},
		pipeline.Rule{Column: "b", AtMost: "a"},
		pipeline.Rule{Column: "a", References: &pipeline.Reference{Source: "ids", Column: "unsigned"}},
		pipeline.Rule{Column: "s", References: &pipeline.Reference{Source: "ids", Column: "key"}},
		pipeline.Rule{Column: "a", Set: []string{big}},
		pipeline.Rule{Column: "u", Set: []string{"18446744073709551615"}},
		pipeline.Rule{Column: "s", Set: []string{"7.0", "300", "-1"}},
		pipeline.Rule{Column: "b", Range: &pipeline.Range{Max: share(9007199254740992)}},
		pipeline.Rule{Unique: []string{"a"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got.Rules {
		if r.Passed != (i > 5) {
			t.Errorf("%s: %+v", r.Rule, r)
		}
	}
	distinct := b.must("SELECT "+big+" - i AS a FROM range(3) t(i)", pipeline.Rule{Column: "a", Distinct: between(3, 3)}, pipeline.Rule{Unique: []string{"a"}})
	if err := distinct.Violation(); err != nil {
		t.Error(err)
	}
}

// TestADeviationIsExactAtALargeMean holds columns that differ by little far from
// zero, few-valued and not, against their deviation by integer arithmetic.
func TestADeviationIsExactAtALargeMean(t *testing.T) {
	b := setup(t, 2)
	got := b.must("SELECT 1700000000.0::DOUBLE + i % 2 AS two, 1700000000000 + i AS ms, 0.1::DOUBLE AS same, CASE WHEN i > 0 THEN 'nan'::DOUBLE ELSE 1 END AS one FROM range(1000) t(i)",
		pipeline.Rule{Column: "two", Deviation: between(0.50025, 0.500251), OnFail: pipeline.Warn},
		pipeline.Rule{Column: "ms", Deviation: between(288.8194, 288.8195), OnFail: pipeline.Warn},
		pipeline.Rule{Column: "same", Deviation: between(0, 0), OnFail: pipeline.Warn},
		pipeline.Rule{Column: "ms", Mean: between(1700000000499.5, 1700000000499.5), OnFail: pipeline.Warn},
		pipeline.Rule{Column: "one", Deviation: between(0, 1), OnFail: pipeline.Warn})
	for i, r := range got.Rules {
		if r.Passed != (i < 3) {
			t.Errorf("%+v", r)
		}
	}
	if mean := got.Rules[3].Figure; mean == nil || *mean != 1.7000000005e12 { // eleven digits are told
		t.Errorf("%v", mean)
	}
}

func TestNothingToCompareWithPasses(t *testing.T) {
	b := setup(t, 2)
	got := b.must(sample, pipeline.Rule{Column: "id", Distribution: &pipeline.Distribution{Max: 0.1}}, pipeline.Rule{RowsSince: &pipeline.RowsSince{Min: share(0.5)}})
	for _, r := range got.Rules {
		if !r.Passed || !strings.Contains(r.Observed, "no earlier run") {
			t.Errorf("%+v", r)
		}
	}
}

func TestMissingValuesArePartOfADistribution(t *testing.T) {
	b := setup(t, 2)
	const now, then = "SELECT CASE WHEN i % 2 = 0 THEN i % 10 END AS x FROM range(1000) t(i)", "SELECT i % 10 AS x FROM range(0, 1000, 2) t(i)"
	for _, measure := range []string{"jensen_shannon", "psi", "linf"} {
		got, err := b.with(now, nil, then, quality.Options{}, pipeline.Rule{Column: "x", Distribution: &pipeline.Distribution{Measure: measure, Max: 0.3}})
		if err != nil || got.Rules[0].Passed {
			t.Errorf("%s does not see that half is missing: %+v %v", measure, got, err)
		}
	}
}

// TestWhatGoesOnIsCompared has rows that a repair mends and others that are put
// aside: neither shows against what an earlier run let go on, be it with the
// column as text still.
func TestWhatGoesOnIsCompared(t *testing.T) {
	b := setup(t, 2)
	const now = "SELECT CAST(i AS VARCHAR) AS x, CASE WHEN i % 10 = 0 THEN 'bad' ELSE 'good' END AS s FROM range(1000) t(i)"
	for _, then := range []string{"SELECT i AS x FROM range(1000) t(i) WHERE i % 10 > 0", "SELECT CAST(i AS VARCHAR) AS x FROM range(1000) t(i) WHERE i % 10 > 0"} {
		got, err := b.with(now, nil, then+" UNION ALL SELECT 10000", quality.Options{History: []int64{900}},
			pipeline.Rule{Column: "x", Parse: &pipeline.ParseAs{As: "integer"}, OnFail: pipeline.Correct, Repair: "cast"},
			pipeline.Rule{Column: "s", Set: []string{"good"}, OnFail: pipeline.Quarantine},
			pipeline.Rule{Column: "x", Distribution: &pipeline.Distribution{Measure: "linf", Max: 0.002}},
			pipeline.Rule{Column: "s", Balance: between(0.1, 1), OnFail: pipeline.Warn},
			pipeline.Rule{RowsSince: &pipeline.RowsSince{Runs: 1, Min: share(1), Max: share(1)}})
		if err != nil {
			t.Fatal(err)
		}
		if r := got.Rules[2]; !r.Passed || r.Figure == nil || *r.Figure == 0 {
			t.Errorf("%+v", r)
		}
		if r := got.Rules[3]; r.Passed || r.Observed != "1 class among 900 known values" {
			t.Errorf("%+v", r)
		}
		if r := got.Rules[4]; !r.Passed {
			t.Errorf("%+v", r)
		}
	}
}

func TestRepairsMendAndAreCounted(t *testing.T) {
	b := setup(t, 2)
	text := func(s string) *string { return &s }
	got, err := b.with(`SELECT * FROM (VALUES (1, ' 10 ', 5.0::DOUBLE, 'no'), (2, 'ten', 500, 'n/a'), (3, NULL, NULL, 'yes'), (3, '7', -3, 'yes'), (3, '7', -3, 'yes')) t(id, n, x, s)`, nil, "", quality.Options{},
		pipeline.Rule{Column: "n", Parse: &pipeline.ParseAs{As: "number"}, OnFail: pipeline.Correct, Repair: "cast"},
		pipeline.Rule{Column: "n", NotNull: true, OnFail: pipeline.Correct, Repair: "impute", Value: text("0")},
		pipeline.Rule{Column: "n", Range: between(0, 8), OnFail: pipeline.Correct, Repair: "clip"},
		pipeline.Rule{Column: "x", Range: between(0, 100), OnFail: pipeline.Correct, Repair: "clip"},
		pipeline.Rule{Column: "s", Set: []string{"no", "yes"}, OnFail: pipeline.Correct, Repair: "map", Map: map[string]string{"n/a": ""}},
		pipeline.Rule{Unique: []string{"id"}, OnFail: pipeline.Correct, Repair: "drop_duplicate"},
		pipeline.Rule{Column: "n", Mean: between(2.66, 2.67)},
	)
	if err != nil {
		t.Fatal(err)
	}
	var corrected []int64
	for _, r := range got.Rules {
		corrected = append(corrected, r.Corrected)
		if !r.Passed {
			t.Errorf("%+v", r)
		}
	}
	// The cast mends one text; two are then missing; one is above 8 after that.
	if fmt.Sprint(corrected) != "[1 2 1 3 1 2 0]" || !got.Changed || got.Dropped != 2 || got.Rows != 3 || got.Valid != 3 {
		t.Fatalf("%v %+v", corrected, got)
	}
	if e := got.Rules[0].Examples; len(e) != 1 || e[0].Row != 1 || *e[0].Values[1] != "ten" {
		t.Fatalf("the example is not the row as it was: %+v", e)
	}
	if s := b.rowsOf(b.out.Valid); s != "[[1 8 5 no] [2 0 100 <nil>] [3 0 <nil> yes]]" {
		t.Fatal(s)
	}
}

func TestWhatARepairLeavesStopsTheRun(t *testing.T) {
	b := setup(t, 2)
	rule := pipeline.Rule{Column: "s", Pattern: "^[a-z]+$", OnFail: pipeline.Correct, Repair: "trim"}
	got := b.must("SELECT unnest([' a ', 'b', 'C']) AS s", rule)
	err := got.Violation()
	if fault.KindOf(err) != fault.DataContractViolation || got.Rules[0].Corrected != 1 || got.Rules[0].Failed != 1 || got.Rules[0].Observed != "1 row corrected; 1 of 3 rows fail after it" {
		t.Fatalf("%+v %v", got.Rules[0], err)
	}
	if got := b.must("SELECT 'b' AS s", rule); got.Changed || got.Violation() != nil {
		t.Fatalf("nothing was to mend: %+v", got)
	}
}

// TestARepairTouchesWhatFailsAlone counts rows that differ afterwards, not those that
// failed, and leaves those that pass as they were.
func TestARepairTouchesWhatFailsAlone(t *testing.T) {
	b := setup(t, 2)
	for _, c := range []struct {
		name, sql string
		rule      pipeline.Rule
		corrected int64
		failed    int64
		rows      string // of the valid dataset, "" if it is the one that came
	}{
		{"trim", "SELECT unnest([' a ', ' b  ', 'long']) AS s", pipeline.Rule{Column: "s", Length: between(0, 3), Repair: "trim"}, 1, 1, "[[ a ] [b] [long]]"},
		{"map", "SELECT unnest(['x', 'n/a', 'zz']) AS s", pipeline.Rule{Column: "s", Set: []string{"x"}, Repair: "map", Map: map[string]string{"n/a": "", "x": "y"}}, 1, 1, "[[x] [<nil>] [zz]]"},
		{"nothing", "SELECT unnest(['x', 'zz']) AS s", pipeline.Rule{Column: "s", Set: []string{"x"}, Repair: "map", Map: map[string]string{"n/a": ""}}, 0, 1, ""},
		{"impute", "SELECT unnest([NULL, 'nan'::DOUBLE, 2]) AS x", pipeline.Rule{Column: "x", NotNull: true, Repair: "impute", Value: new("1")}, 2, 0, "[[1] [1] [2]]"},
		{"clip", "SELECT unnest([NULL, 'nan'::DOUBLE, 2, 9]) AS x", pipeline.Rule{Column: "x", Range: between(0, 3), Repair: "clip"}, 1, 0, "[[<nil>] [NaN] [2] [3]]"},
	} {
		c.rule.OnFail = pipeline.Correct
		got := b.must(c.sql, c.rule)
		if r := got.Rules[0]; r.Corrected != c.corrected || r.Failed != c.failed || got.Changed != (c.rows != "") {
			t.Errorf("%s: %+v", c.name, r)
		}
		if got.Changed {
			if rows := b.rowsOf(b.out.Valid); rows != c.rows {
				t.Errorf("%s: %s", c.name, rows)
			}
		}
	}
}

func TestCorrectedRowsAreQuarantinedAsCorrected(t *testing.T) {
	b := setup(t, 2)
	got := b.must("SELECT i AS id, i * 10 AS x FROM range(5) t(i)",
		pipeline.Rule{Column: "x", Range: between(0, 30), OnFail: pipeline.Correct, Repair: "clip"},
		pipeline.Rule{Column: "id", Range: between(0, 3), OnFail: pipeline.Quarantine})
	if s := b.rowsOf(b.out.Quarantined); s != "[[4 30 id in [0, 3]]]" || got.Valid != 4 || got.Quarantined != 1 {
		t.Fatalf("%s %+v", s, got)
	}
}

func TestExpressionsAreLockedIn(t *testing.T) {
	b := setup(t, 2)
	for sql, kind := range map[string]fault.Kind{
		"x > 0) OR (true":                          fault.QueryInvalid,
		"true) FROM read_csv('/etc/passwd') --":    fault.QueryInvalid,
		"x > 0; DROP TABLE t":                      fault.QueryInvalid,
		"x > (SELECT count(*) FROM '/etc/passwd')": fault.QueryInvalid,
		"count(*) > 0":                             fault.QueryInvalid,
		"nothing > 0":                              fault.QueryInvalid,
		"x +":                                      fault.QueryInvalid,
		"x + 1":                                    fault.TypeMismatch,
	} {
		_, err := b.check("SELECT 1 AS x", pipeline.Rule{SQL: sql})
		if fault.KindOf(err) != kind {
			t.Errorf("%s: %v", sql, err)
		}
	}
	got := b.must("SELECT 1 AS x", pipeline.Rule{SQL: "x > 0 -- a remark"}, pipeline.Rule{SQL: "x IN (2, 3)", OnFail: pipeline.Quarantine})
	if !got.Rules[0].Passed || got.Quarantined != 1 {
		t.Fatalf("%+v", got)
	}
}

// TestManyRepeatsAndNone compares what hashing finds with what was put there.
func TestManyRepeatsAndNone(t *testing.T) {
	b := setup(t, 2)
	got := b.must("SELECT i AS id, i // 2 AS pair, i % 7 AS k FROM range(60000) t(i)",
		pipeline.Rule{Unique: []string{"id"}, OnFail: pipeline.Warn}, pipeline.Rule{Unique: []string{"pair"}, OnFail: pipeline.Warn}, pipeline.Rule{Unique: []string{"k"}, OnFail: pipeline.Warn})
	if got.Rules[0].Failed != 0 || got.Rules[1].Failed != 30000 || got.Rules[2].Failed != 60000-7 {
		t.Fatalf("%+v", got.Rules)
	}
	if e := got.Rules[1].Examples; len(e) != quality.MaxExamples || e[0].Row != 1 || e[19].Row != 39 {
		t.Fatalf("%+v", e)
	}
}

// TestFewAndManyValuesAgree holds the same rules against a column the file stores
// as a dictionary and against one it does not.
func TestFewAndManyValuesAgree(t *testing.T) {
	b := setup(t, 2)
	rules := func(column string) []pipeline.Rule {
		return []pipeline.Rule{
			{Column: column, Pattern: "^a", OnFail: pipeline.Warn}, {Column: column, NotNull: true, OnFail: pipeline.Warn},
			{Column: column, Set: []string{"a1", "b2"}, MinShare: share(0.1), OnFail: pipeline.Warn}, {Column: column, MaxNullShare: share(0.05), OnFail: pipeline.Warn},
		}
	}
	got := b.must(`SELECT CASE WHEN i % 11 > 0 THEN chr(97 + CAST(i % 3 AS INTEGER)) || (i % 5) END AS few, few || CASE WHEN i < 0 THEN md5(CAST(i AS VARCHAR)) ELSE '' END AS same,
		few || left(md5(CAST(i AS VARCHAR)), 0) AS other, md5(CAST(i AS VARCHAR)) AS many FROM range(200000) t(i)`, append(rules("few"), rules("other")...)...)
	for i := range rules("") {
		a, b := got.Rules[i], got.Rules[i+4]
		if a.Failed != b.Failed || a.Known != b.Known || a.Passed != b.Passed || a.Failed == 0 {
			t.Errorf("%+v\n%+v", a, b)
		}
	}
}

func TestEnvironments(t *testing.T) {
	p := pipeline.Pipeline{Problem: pipeline.Problem{Target: "y", Task: pipeline.Regression}, Validation: []pipeline.Rule{
		{Column: "y", Range: between(0, 1)}, {Column: "x", NotNull: true}, {Column: "x", Set: []string{"1"}, Environment: pipeline.Serving}, {NoLeakage: &pipeline.NoLeakage{}},
	}}
	schema := pipeline.Schema{{Name: "y", Type: "number", SQL: "DOUBLE"}, {Name: "x", Type: "number", SQL: "BIGINT"}}
	said := func(e pipeline.Environment) string {
		var out []string
		for _, r := range quality.For(p, schema, e) {
			out = append(out, quality.Text(r))
		}
		return strings.Join(out, "; ")
	}
	if s := said(pipeline.Training); s != "row count ≥ 1; y is not missing; y is finite; y in [0, 1]; x is not missing" {
		t.Error(s)
	}
	if s := said(pipeline.Serving); s != "row count ≥ 1; y is absent; x is not missing; x in {1}" {
		t.Error(s)
	}
}
