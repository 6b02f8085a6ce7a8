package profile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
)

func compute(t *testing.T, threads int, sql, target string, task pipeline.Task) (*profile.Profile, error) {
	t.Helper()
	return computed(t, threads, sql, profile.Options{Target: target, Task: task})
}

// computed is the profile of the rows of a SELECT, by so many threads of the engine
// and of its own.
func computed(t *testing.T, threads int, sql string, o profile.Options) (*profile.Profile, error) {
	t.Helper()
	e, err := table.Open(table.Options{Threads: threads, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := filepath.Join(t.TempDir(), "in.parquet")
	info, err := e.Write(context.Background(), sql, in)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	return profile.Compute(context.Background(), e, in, info.Schema, o)
}

func must(t *testing.T, sql, target string, task pipeline.Task) *profile.Profile {
	t.Helper()
	p, err := compute(t, 2, sql, target, task)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func close(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }

func TestFiguresOfNumbers(t *testing.T) {
	p := must(t, "SELECT * FROM (VALUES (1.0::DOUBLE), (2), (2), (4), (11), (0), (NULL), ('nan'), ('inf'), ('-inf')) t(x)", "", "")
	c := p.Columns[0]
	if p.Rows != 10 || c.Count != 8 || c.Missing != 2 || c.Infinite != 2 || c.Distinct != 5 || c.MissingShare != 0.2 {
		t.Fatalf("%+v", c)
	}
	n := c.Number
	// By hand over [0, 1, 2, 2, 4, 11]: mean 10/3, squared deviations 238/3.
	if n.Min != 0 || n.Max != 11 || !close(n.Mean, 10.0/3) || !close(*n.SD, math.Sqrt(238.0/15)) || n.Zeros != 1 {
		t.Fatalf("%+v", n)
	}
	for i, want := range []float64{0.05, 0.25, 1.25, 2, 3.5, 9.25, 10.65} {
		if !close(n.Quantiles[i].Value, want) {
			t.Errorf("quantile %v is %v, want %v", n.Quantiles[i].P, n.Quantiles[i].Value, want)
		}
	}
	total := c.Histogram.Below + c.Histogram.Above
	for _, b := range c.Histogram.Bins {
		total += b
	}
	if total != 6 || len(c.Histogram.Bins) != 20 || c.Histogram.Bins[19] != 1 {
		t.Fatalf("%+v", c.Histogram)
	}
	if fmt.Sprint(c.Top) != "[{2 2} {0 1} {1 1} {4 1} {11 1}]" {
		t.Fatal(c.Top)
	}
}

func TestFarValuesDoNotFlattenTheHistogram(t *testing.T) {
	p := must(t, "SELECT CASE WHEN i = 0 THEN 1e9 WHEN i = 1 THEN -1e9 ELSE i % 100 END AS x FROM range(10000) t(i)", "", "")
	h := p.Columns[0].Histogram
	if h.Below != 1 || h.Above != 1 || h.From < -200 || h.To > 300 {
		t.Fatalf("%+v", h)
	}
}

func TestFiguresOfTextAndTime(t *testing.T) {
	p := must(t, `SELECT CASE WHEN i < 30 THEN 'aaa' WHEN i < 40 THEN '😀' WHEN i < 41 THEN NULL ELSE 't' || i END AS s,
		TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS t, CASE WHEN i = 5 THEN 'infinity'::DATE ELSE DATE '2024-02-01' + CAST(i % 3 AS INTEGER) END AS d FROM range(100) r(i)`, "", "")
	s, m, d := p.Column("s"), p.Column("t"), p.Column("d")
	if s.Count != 99 || s.Distinct != 61 || len(s.Top) != 20 || s.Top[0] != (profile.Value{Value: "aaa", Count: 30}) || s.Top[1].Value != "😀" || s.Top[2].Value != "t41" {
		t.Fatalf("%+v", s)
	}
	if s.Text.MinLength != 1 || s.Text.MaxLength != 3 {
		t.Fatalf("%+v", s.Text)
	}
	if m.Time.Min != "2024-01-01T00:00:00Z" || m.Time.Max != "2024-01-05T03:00:00Z" || m.Time.Quantiles[3].Value != "2024-01-03T01:00:00Z" || m.Distinct != 100 || m.Top != nil {
		t.Fatalf("%+v", m)
	}
	if d.Infinite != 1 || d.Distinct != 3 || d.Top[0] != (profile.Value{Value: "2024-02-01T00:00:00Z", Count: 34}) {
		t.Fatalf("%+v", d)
	}
}

func TestAssociations(t *testing.T) {
	const sql = `SELECT *, CASE WHEN i % 50 = 0 THEN NULL ELSE y * -3 + 7 END AS opposite, 'g' || (i % 4) AS g FROM
		(SELECT i, (i * 7919 % 101)::DOUBLE + i % 4 * 100 AS y, i * 31 % 17 AS noise, 5 AS constant, CASE WHEN i = 3 THEN 'inf'::DOUBLE ELSE i END AS x FROM range(2000) t(i))`
	p := must(t, sql, "y", pipeline.Regression)
	if a := p.Column("opposite").Association; a.Measure != "pearson" || !close(a.Value, -1) || a.Rows != 1960 {
		t.Fatalf("%+v", a)
	}
	if a := p.Column("noise").Association; math.Abs(a.Value) > 0.1 {
		t.Fatalf("%+v", a)
	}
	// Between groups: four means 100 apart, variance 12,500; within: about 850.
	if a := p.Column("g").Association; a.Measure != "correlation_ratio" || math.Abs(a.Value-math.Sqrt(12500.0/13350)) > 0.002 {
		t.Fatalf("%+v", a)
	}
	if p.Column("constant").Association != nil || p.Column("y").Association != nil {
		t.Fatal("a constant and the target have none")
	}
	if a := p.Column("x").Association; a.Rows != 1999 {
		t.Fatalf("%+v", a)
	}
	kinds := ""
	for _, w := range p.Warnings {
		kinds += w.Kind + " " + w.Column + "; "
	}
	if kinds != "leakage_suspect opposite; constant constant; infinite x; alike x; " {
		t.Fatal(kinds)
	}

	q := must(t, sql, "g", pipeline.Multiclass)
	if a := q.Column("y").Association; a.Measure != "correlation_ratio" || !close(a.Value, p.Column("g").Association.Value) {
		t.Fatalf("eta is not symmetric in what is group and what is number: %+v", a)
	}
}

func TestCramersV(t *testing.T) {
	// scipy.stats.contingency.association([[30, 10], [10, 50]], "cramer", correction=False) = 0.5833333333333334
	p := must(t, `SELECT CASE WHEN i < 40 THEN 'a' ELSE 'b' END AS s, CASE WHEN i < 30 OR i >= 90 THEN 'yes' ELSE 'no' END AS y, CAST(i AS VARCHAR) AS id FROM range(100) t(i)`, "y", pipeline.Binary)
	if a := p.Column("s").Association; a.Measure != "cramers_v" || !close(a.Value, 0.5833333333) {
		t.Fatalf("%+v", a)
	}
	if p.Column("id").Association != nil {
		t.Fatal("an identifier predicts nothing")
	}
	if len(p.Warnings) != 2 || p.Warnings[0].Kind != "number_as_text" || p.Warnings[1].Kind != "identifier" {
		t.Fatalf("%+v", p.Warnings)
	}
}

func TestSameBytesWithAnyThreads(t *testing.T) {
	const sql = `SELECT i AS id, sin(i) * 1e6 AS x, 1 / (1 + i) AS small, CASE WHEN i % 7 > 0 THEN cos(i) END AS y, 'k' || i % 300 AS s,
		TIMESTAMP '2020-01-01' + INTERVAL (i % 90000) MINUTE AS t FROM range(260000) t(i) ORDER BY `
	for _, task := range []struct {
		target string
		task   pipeline.Task
	}{{"y", pipeline.Regression}, {"s", pipeline.Multiclass}} {
		var first string
		for i, threads := range []int{1, 2, 8} {
			p, err := compute(t, threads, sql+[]string{"i", "-i", "hash(i)"}[i], task.target, task.task)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(got)
			}
			if string(got) != first {
				t.Fatalf("%d threads give other bytes:\n%s\n%s", threads, first, got)
			}
		}
	}
}

func TestHostileTables(t *testing.T) {
	for name, sql := range map[string]string{
		"no rows":      "SELECT 1 AS y, 'x' AS s, now() AS t, 1::DOUBLE AS d WHERE false",
		"all null":     "SELECT NULL::DOUBLE AS y, NULL::VARCHAR AS s, NULL::TIMESTAMP AS t FROM range(10)",
		"one row":      "SELECT 1 AS y, 'x' AS s, DATE '2024-01-01' AS t, true AS b",
		"not finite":   "SELECT * FROM (VALUES ('nan'::DOUBLE), ('inf'), ('-inf')) t(y)",
		"extremes":     "SELECT * FROM (VALUES (1.7976931348623157e308), (-1.7976931348623157e308), (0), (5e-324)) t(y)",
		"huge integer": "SELECT 9223372036854775807 AS y, 170141183460469231731687303715884105727::HUGEINT AS h FROM range(3)",
		"names":        `SELECT 1 AS y, 2 AS "'; DROP TABLE x; --", 3 AS "a""b", 'v' AS "new` + "\n" + `line", '<script>alert(1)</script>' AS "<b>😀"`,
		"other types":  "SELECT 1 AS y, TIME '12:00:00' AS clock, uuid() AS u, INTERVAL 1 DAY AS i, 'a'::ENUM('a', 'b') AS e, 1.5::DECIMAL(5, 2) AS dec",
		"far times":    "SELECT 1 AS y, TIMESTAMP '0001-01-01 (BC)' AS t UNION ALL SELECT 2, TIMESTAMP '9999-12-31'",
	} {
		t.Run(name, func(t *testing.T) {
			for _, task := range []pipeline.Task{pipeline.Regression, pipeline.Binary} {
				p := must(t, sql, "y", task)
				if _, err := json.Marshal(p); err != nil {
					t.Fatal(err)
				}
				var page bytes.Buffer
				if err := p.HTML(&page, "<script>", name); err != nil {
					t.Fatal(err)
				}
				if s := page.String(); strings.Contains(s, "<script>") || strings.Contains(s, "NaN") {
					t.Fatal("the page holds a script or NaN")
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	p := must(t, `SELECT CASE WHEN i % 100 = 0 THEN 'rare' ELSE 'common' END AS y, 'only' AS constant, NULL::INTEGER AS empty,
		CASE WHEN i % 10 = 0 THEN i END AS sparse, 'u' || i AS id, 'v' || i // 2 AS many FROM range(4000) t(i)`, "y", pipeline.Binary)
	var got []string
	for _, w := range p.Warnings {
		got = append(got, w.Kind+" "+w.Column)
	}
	if s := strings.Join(got, "; "); s != "empty empty; constant constant; imbalanced y; mostly_missing sparse; identifier id; high_cardinality many" {
		t.Fatal(s)
	}
}

func TestMissingTarget(t *testing.T) {
	if _, err := compute(t, 1, "SELECT 1 AS a", "b", pipeline.Regression); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatal(err)
	}
}

func TestReportOfManyColumnsStaysSmall(t *testing.T) {
	var columns []string
	for i := range 400 {
		columns = append(columns, fmt.Sprintf("i * %d %% 97 AS c%d", i+1, i))
	}
	p := must(t, "SELECT "+strings.Join(columns, ", ")+" FROM range(500) t(i)", "c0", pipeline.Regression)
	var page bytes.Buffer
	if err := p.HTML(&page, "Many columns", "400 columns"); err != nil {
		t.Fatal(err)
	}
	if page.Len() >= 2<<20 || !strings.Contains(page.String(), "first 200 of 400 columns") {
		t.Fatalf("%d bytes", page.Len())
	}
}
