package profile_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
)

// Columns of more distinct values than are counted in memory have the same figures.
func TestFiguresOfManyDistinctValues(t *testing.T) {
	const n = 300_000
	p := must(t, "SELECT i::DOUBLE AS x, 'k' || i AS s, CASE WHEN i < 10 THEN 'k0' ELSE 'k' || i END AS twice, TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE AS t, i % 1000 + i / 1e9 AS y FROM range(300000) t(i)", "y", pipeline.Regression)
	x, s, twice, at := p.Column("x"), p.Column("s"), p.Column("twice"), p.Column("t")
	if x.Distinct != n || x.Number.Mean != (n-1)/2.0 || !close(*x.Number.SD, math.Sqrt(n*(n+1)/12.0)) || x.Number.Quantiles[3].Value != (n-1)/2.0 || math.Abs(*x.Number.Skew) > 1e-9 {
		t.Fatalf("%+v", x.Number)
	}
	if s.Distinct != n || s.Text.MinLength != 2 || s.Text.MaxLength != 7 || s.Top[0] != (profile.Value{Value: "k0", Count: 1}) || s.Top[2].Value != "k10" {
		t.Fatalf("%+v %+v", s.Text, s.Top)
	}
	if twice.Distinct != n-9 || twice.Top[0] != (profile.Value{Value: "k0", Count: 10}) {
		t.Fatalf("%+v", twice)
	}
	if at.Distinct != n || at.Time.Coverage.Days != 209 {
		t.Fatalf("%+v", at.Time)
	}
	// numpy.corrcoef of the same rows.
	if a := x.Association; a == nil || a.Rows != n || math.Abs(a.Value-0.0033336317) > 1e-9 {
		t.Fatalf("%+v", a)
	}
}

// crowded is rows of which columns hold many distinct values: skewed, with outliers
// on both sides, ties, an infinite one and missing ones; few distinct ones; moments
// with a gap; texts of 17 MB.
const crowded = `SELECT CASE WHEN i % 11 = 0 THEN NULL WHEN i = 5 THEN 'inf'::DOUBLE WHEN i % 500 = 1 THEN -1e4 * i ELSE exp(sin(i) * 3) END AS x,
	(i % 700 - 350)::BIGINT AS n, i % 7 AS few, (i % 13)::DOUBLE / 13 AS y, 5e307 * sin(i) AS vast, CASE WHEN i = 7 THEN -1.7e308 ELSE 1e308 + i * 1e292 END AS edge, repeat(md5('' || i % 2999), 180) AS s,
	TIMESTAMP '1969-06-01 12:34:56.789' + INTERVAL (i * 97 + CASE WHEN i > 1500 THEN 90000 ELSE 0 END) MINUTE AS t FROM range(3000) t(i)`

func crowd(t *testing.T, threads int, sql string, previous *profile.Profile) (*profile.Profile, string) {
	t.Helper()
	p, err := computed(t, threads, sql, profile.Options{Target: "y", Task: pipeline.Regression, Previous: previous, PreviousRun: "before"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(got)
}

// Columns of more distinct values than are held have every figure all the same.
func TestFiguresOfMoreValuesThanAreHeld(t *testing.T) {
	before := explore(t, "SELECT cos(i) * 9 AS x, i % 90 AS n, TIMESTAMP '1969-07-01' + INTERVAL (i) HOUR AS t FROM range(3000) t(i)", profile.Options{})
	usual, want := crowd(t, 2, crowded, before)
	x, at := usual.Column("x"), usual.Column("t")
	if o := x.Number.Outliers; x.Number.Skew == nil || o.IQR == 0 || o.RobustZ == 0 || o.IQR == o.RobustZ || x.Number.Negative == 0 || x.Drift == nil || x.Infinite != 1 {
		t.Fatalf("%+v %+v", x, x.Number)
	}
	if v := at.Time.Coverage; v.GapHours < 1500 || v.Days == v.SpanDays || at.Drift == nil || warned(usual)["time_gap t"] == "" {
		t.Fatalf("%+v", at.Time.Coverage)
	}
	profile.Bound(t, 64, 1<<17)
	for name, runs := range map[string][3]int{"one run": {1 << 16, 512, 512}, "many runs": {100, 512, 512}, "runs of runs": {50, 3, 4}} {
		t.Run(name, func(t *testing.T) {
			profile.BoundRuns(t, runs[0], runs[1], runs[2])
			if _, got := crowd(t, 2, crowded, before); got != want {
				t.Fatalf("other bytes:\n%s\n%s", want, got)
			}
		})
	}
}

// What is sorted on disk, and what the engine does, once a bound is passed gives the
// same bytes whatever its threads and the order of the rows.
func TestSameBytesOutOfCoreWithAnyThreads(t *testing.T) {
	const sql = `SELECT CASE WHEN i % 11 > 0 THEN exp(sin(i) * 3) END AS x, (i % 700 - 350)::BIGINT AS n, cos(i % 5000) AS y, 'k' || i AS s,
		TIMESTAMP '1969-06-01 12:34:56.789' + INTERVAL (i) MINUTE AS t FROM (SELECT unnest(range(300000)) AS i UNION ALL SELECT unnest(range(1000))) ORDER BY `
	before := explore(t, "SELECT cos(i) * 9 AS x, TIMESTAMP '1969-07-01' + INTERVAL (i) HOUR AS t FROM range(3000) t(i)", profile.Options{})
	profile.Bound(t, 64, 100)
	profile.BoundRuns(t, 1000, 4, 16)
	var first string
	for i, threads := range []int{1, 2, 8, 8} {
		p, got := crowd(t, threads, sql+[]string{"i", "-i", "hash(i)", "i"}[i], before)
		if p.DuplicateRows != 1000 || p.Column("s").Distinct != 300_000 || p.Column("x").Number.Outliers == nil || p.Column("x").Drift == nil {
			t.Fatal(p.DuplicateRows, p.Column("s").Distinct)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%d threads give other bytes:\n%s\n%s", threads, first, got)
		}
	}
}

func TestRepeatsAreComparedByValue(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want int64
	}{
		"beyond 2^53":         {"SELECT 9007199254740992 + i AS a, 'x' AS b FROM range(4) t(i)", 0},
		"intervals":           {"SELECT unnest([INTERVAL 1 MONTH, INTERVAL 30 DAY]) AS a", 1}, // equal to the engine, with two texts
		"many digits":         {"SELECT unnest(['1234567890123456.01', '1234567890123456.02'])::DECIMAL(18, 2) AS a", 0},
		"missing and NaN":     {"SELECT unnest([NULL, NULL, 'nan', 'nan', '1'])::DOUBLE AS a", 2},
		"too many to compare": {"SELECT i % 100000 AS a FROM range(200000) t(i)", 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			p := explore(t, c.sql, profile.Options{Key: []string{"a"}})
			if p.DuplicateRows != c.want || *p.RepeatedKeys != c.want {
				t.Fatal(p.DuplicateRows, *p.RepeatedKeys)
			}
		})
	}
}

func TestClassesOfEveryKindOfTarget(t *testing.T) {
	const rows = "SELECT i %% 4 = 0 AS flag, (i %% 4)::DOUBLE AS n, 'c' || i %% 4 AS c, DATE '2024-01-01' + CAST(i %% 4 AS INTEGER) AS d, i %% 4 * 10 + i %% 3 AS x, 't' || i %% 8 AS s FROM range(2400) t(i) ORDER BY %s"
	for _, target := range []string{"n", "c", "d"} {
		var first string
		for _, order := range []string{"i", "hash(i)"} {
			p := must(t, fmt.Sprintf(rows, order), target, pipeline.Multiclass)
			// Four means 10 apart, variance 125; within each 0, 1 and 2, variance 2/3.
			if a := p.Column("x").Association; !close(a.Value, round(math.Sqrt(125/(125+2.0/3)))) || a.Rows != 2400 {
				t.Errorf("%s: %+v", target, a)
			}
			if a := p.Column("s").Association; a.Measure != "cramers_v" || !close(a.Value, 1) {
				t.Errorf("%s: %+v", target, a)
			}
			data, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(data)
			}
			if string(data) != first {
				t.Errorf("%s: another order of the rows gives other bytes", target)
			}
		}
	}
	if a := must(t, fmt.Sprintf(rows, "i"), "flag", pipeline.Binary).Column("x").Association; a == nil || a.Measure != "correlation_ratio" {
		t.Errorf("%+v", a)
	}
}

func round(x float64) float64 { return math.Round(x*1e10) / 1e10 }

// A table is scanned some columns at a time if its rows are many: what a column has to
// do with the target does not depend on how.
func TestAssociationsOfColumnsScannedApart(t *testing.T) {
	columns := ""
	for k := range 18 { // more than are scanned at once
		columns += fmt.Sprintf(", (i * 7919 %% 1000 + %d)::DOUBLE AS c%[1]d", k)
	}
	const rows = " FROM range(270000) t(i)"
	p := must(t, "SELECT (i * 7919 % 1000)::DOUBLE AS y"+columns+rows, "y", pipeline.Regression)
	q := must(t, "SELECT 't' || i * 7919 % 100 AS y"+columns+rows, "y", pipeline.Multiclass)
	for k := range 18 {
		name := fmt.Sprint("c", k)
		if a := p.Column(name).Association; a == nil || a.Value != 1 {
			t.Errorf("%s with a number: %+v", name, a)
		}
		if a, first := q.Column(name).Association, q.Column("c0").Association; a == nil || a.Value != first.Value || a.Rows != 270_000 {
			t.Errorf("%s with classes: %+v %+v", name, a, first)
		}
	}
}
