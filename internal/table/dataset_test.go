package table_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestIntegrateGivesTheSameBytesWithAnyThreadsAndOrder(t *testing.T) {
	const sql = `SELECT f.id, f.origin, a.city, f.value, f.value * 2 AS twice
		FROM flights f LEFT JOIN airports a ON f.origin = a.iata`
	var first string
	for i, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		order := []string{"id", "id DESC", "hash(id)"}[i]
		flights := b.parquet("flights.parquet", `SELECT i AS id, 'A' || i % 50 AS origin,
			CASE WHEN i % 10 = 0 THEN NULL WHEN i % 11 = 0 THEN 'nan'::DOUBLE WHEN i % 13 = 0 THEN '-0.0'::DOUBLE WHEN i % 17 = 0 THEN 0 ELSE i / 7 END AS value
			FROM (SELECT i % 90000 AS i FROM range(200000) t(i)) ORDER BY `+order)
		airports := b.parquet("airports.parquet", "SELECT 'A' || i AS iata, 'city ' || i AS city FROM range(40) t(i)")
		info, err := b.engine.Integrate(context.Background(), map[string]table.Table{"flights": table.Parts(flights), "airports": table.Parts(airports)}, sql, []string{"origin", "id"}, b.path("out.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Rows != 200_000 || len(info.Schema) != 5 {
			t.Fatalf("%+v", info)
		}
		got := read(t, b.path("out.parquet"))
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%d threads over rows by %s give other bytes", threads, order)
		}
	}
}

func TestIntegrateSortsByKeyThenByAll(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT * FROM (VALUES (2, 'b', 1), (NULL, 'a', 2), (2, 'a', 4), (1, NULL, 3)) t(n, key, x)")
	if _, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, "", []string{"key"}, b.path("out.parquet")); err != nil {
		t.Fatal(err)
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.Columns[0].Numbers); got != "[4 2 1 3]" {
		t.Fatal(got)
	}
}

func TestUserSQLReachesNothingElse(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT 1 AS a")
	secret := b.parquet("secret.parquet", "SELECT 'secret' AS a")
	b.file("secret.txt", "secret")
	for _, sql := range []string{
		"SELECT * FROM read_csv('/etc/passwd')",
		"SELECT * FROM '/etc/passwd'",
		"SELECT * FROM read_text('" + b.path("secret.txt") + "')",
		"SELECT * FROM read_blob('/etc/*')",
		"SELECT * FROM glob('" + b.dir + "/*')",
		"SELECT * FROM read_parquet('" + secret + "')",
		"SELECT * FROM read_parquet('" + b.dir + "/*.parquet')",
		"SELECT * FROM parquet_metadata('" + secret + "')",
		"SELECT count(*) AS n FROM sniff_csv('/etc/passwd')",
		"SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
		"SELECT a, (SELECT content FROM read_text('/etc/passwd')) AS b FROM \"in\"",
		"COPY \"in\" TO '" + b.path("copied.csv") + "'",
		"COPY (SELECT 1) TO '" + b.path("copied.csv") + "'",
		"ATTACH '" + b.path("copied.db") + "' AS x",
		"INSTALL httpfs", "LOAD httpfs",
		"SET memory_limit = '100GB'", "PRAGMA memory_limit='100GB'", "SET enable_external_access = true", "RESET allowed_paths",
		"PRAGMA database_list", "CALL pragma_version()",
		"CREATE TABLE x (a INTEGER)", "DROP VIEW \"in\"", "INSERT INTO \"in\" VALUES (1)", "EXPORT DATABASE '" + b.path("copied") + "'",
		"SELECT 1 AS a; SELECT 2 AS a", "SELECT 1 AS a; COPY (SELECT 1) TO '" + b.path("copied.csv") + "'",
		"SELECT 1 AS a) TO '" + b.path("copied.csv") + "' --",
		"SELECT 1 AS a UNION ALL SELECT * FROM __esteira_dataset",
		"SELECT ? AS a", "SELECT $x AS a", "-- nothing", "SELECT", "EXPLAIN SELECT 1",
		"SELECT getenv('HOME') AS a", "SELECT * FROM nowhere", "SELECT nothing FROM \"in\"",
	} {
		_, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, sql, nil, b.path("out.parquet"))
		if got := fault.KindOf(err); got != fault.QueryInvalid {
			t.Errorf("%s: kind %q: %v", sql, got, err)
		}
		b.noFile("out.parquet")
		b.noFile("copied.csv")
		b.noFile("copied.db")
		b.noFile("copied")
	}
}

func TestUserSQLMayEndAsPeopleEndIt(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT 1 AS a")
	for _, sql := range []string{"SELECT a FROM \"in\";", "SELECT a FROM \"in\" -- all", "SELECT a FROM \"in\"; -- all\n", "FROM \"in\"", "WITH x AS (SELECT * FROM \"in\") SELECT * FROM x", "(SELECT a FROM \"in\")", "VALUES (1)"} {
		info, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, sql, nil, b.path("out.parquet"))
		if err != nil || info.Rows != 1 {
			t.Errorf("%s: %+v %v", sql, info, err)
		}
	}
}

func TestIntegrateRefusesWhatNoStepCanUse(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT 1 AS a, 2 AS b")
	for sql, kind := range map[string]fault.Kind{
		`SELECT a, b AS "A" FROM "in"`:                    fault.QueryInvalid,
		`SELECT a, b AS a FROM "in"`:                      fault.QueryInvalid,
		`SELECT a AS "" FROM "in"`:                        fault.QueryInvalid,
		`SELECT a AS __esteira_row FROM "in"`:             fault.QueryInvalid,
		`SELECT [a, b] AS ab FROM "in"`:                   fault.TypeMismatch,
		`SELECT CAST('x' || a AS INTEGER) AS a FROM "in"`: fault.QueryInvalid,
	} {
		_, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, sql, nil, b.path("out.parquet"))
		if got := fault.KindOf(err); got != kind {
			t.Errorf("%s: kind %q: %v", sql, got, err)
		}
	}
	_, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, "", []string{"B"}, b.path("out.parquet"))
	if f := b.wantKind(err, fault.ColumnMissing); !strings.Contains(f.Remedy, `"b"`) {
		t.Fatal(f)
	}
	_, err = b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, "", []string{"c"}, b.path("out.parquet"))
	if f := b.wantKind(err, fault.ColumnMissing); !strings.Contains(f.Remedy, "a, b") {
		t.Fatal(f)
	}
	_, err = b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in), "other": table.Parts(in)}, "", nil, b.path("out.parquet"))
	b.wantKind(err, fault.QueryInvalid)
}

func TestIntegrateStopsWhenTold(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT * FROM range(100000) t(i)")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := b.engine.Integrate(ctx, map[string]table.Table{"in": table.Parts(in)}, `SELECT count(*) AS n FROM "in" a, "in" b, "in" c WHERE a.i + b.i > c.i`, nil, b.path("out.parquet"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Fatalf("it took %v to stop", took)
	}
	b.noFile("out.parquet")
	if _, err := b.engine.Query(context.Background(), "SELECT 1"); err != nil {
		t.Fatalf("the engine is unusable after an interrupt: %v", err)
	}
}

func TestTooLittleMemoryIsSaidSo(t *testing.T) {
	b := setup(t, 1)
	in := b.parquet("in.parquet", "SELECT * FROM range(1000000) t(i)")
	small, err := table.Open(table.Options{MemoryLimit: 8 << 20, Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	_, err = small.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, `SELECT list(i || 'some longer text')::VARCHAR AS l FROM "in"`, nil, b.path("out.parquet"))
	b.wantKind(err, fault.ResourceExhausted)
	b.noFile("out.parquet")
}

func TestBindQueryKnowsTheDatasetBeforeAnythingRuns(t *testing.T) {
	b := setup(t, 1)
	schemas := map[string]pipeline.Schema{
		"flights":   {{Name: "date", SQL: "TIMESTAMP"}, {Name: "delay", SQL: "BIGINT"}, {Name: "origin", SQL: "VARCHAR"}},
		"air \"x\"": {{Name: "iata", SQL: "VARCHAR"}, {Name: "lat", SQL: "DOUBLE"}},
	}
	got, err := b.engine.BindQuery(context.Background(), schemas, `SELECT f.*, a.lat / 2 AS half FROM flights f JOIN "air ""x""" a ON origin = iata`)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got); s != "[{date time time TIMESTAMP} {delay number number BIGINT} {origin text text VARCHAR} {half number number DOUBLE}]" {
		t.Fatal(s)
	}
	_, err = b.engine.BindQuery(context.Background(), schemas, "SELECT dleay FROM flights")
	if f := b.wantKind(err, fault.QueryInvalid); !strings.Contains(f.Error(), "delay") {
		t.Fatalf("no candidate is named: %v", f)
	}
}

func TestNumbersKeepNaNAndInfinity(t *testing.T) {
	b := setup(t, 1)
	in := b.parquet("in.parquet", "SELECT * FROM (VALUES ('nan'::DOUBLE), ('inf'::DOUBLE), ('-inf'::DOUBLE), (NULL), (1)) t(x)")
	if _, err := b.engine.Integrate(context.Background(), map[string]table.Table{"in": table.Parts(in)}, "", nil, b.path("out.parquet")); err != nil {
		t.Fatal(err)
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := f.Columns[0].Numbers
	if !math.IsInf(x[0], -1) || x[1] != 1 || !math.IsInf(x[2], 1) || !math.IsNaN(x[3]) || !math.IsNaN(x[4]) {
		t.Fatal(x)
	}
}

// A retraining learns from the rows of its window alone.
func TestRowsBeforeAMomentAreLeftOut(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", `SELECT * FROM (VALUES (1, TIMESTAMP '2026-01-01'), (2, TIMESTAMP '2026-02-01 00:00:00.5'), (3, TIMESTAMP '2026-03-01'), (4, NULL)) t(n, "when seen")`)
	since := table.Since{Column: "when seen", At: time.Date(2026, 2, 1, 0, 0, 0, 500_000_000, time.UTC)}
	info, err := b.engine.IntegrateSince(context.Background(), map[string]table.Table{"in": table.Parts(in)}, "", []string{"n"}, since, b.path("out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.Columns[0].Numbers); got != "[2 3]" || info.Rows != 2 {
		t.Fatal(got, info.Rows)
	}
}
