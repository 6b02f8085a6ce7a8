package split_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
)

type bench struct {
	*testing.T
	engine *table.Engine
	dir    string
}

func setup(t *testing.T, threads int) *bench {
	t.Helper()
	e, err := table.Open(table.Options{Threads: threads, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &bench{T: t, engine: e, dir: t.TempDir()}
}

var half = pipeline.Split{Method: "random", Validation: 0.2, Test: 0.1, Seed: 7}

func (b *bench) paths() split.Paths {
	return split.Paths{Train: filepath.Join(b.dir, "train"), Validation: filepath.Join(b.dir, "validation"), Test: filepath.Join(b.dir, "test")}
}

func (b *bench) apply(sql string, spec pipeline.Split, key []string, eventTime string) (split.Result, error) {
	b.Helper()
	in := filepath.Join(b.dir, "in.parquet")
	info, err := b.engine.Write(context.Background(), sql, in)
	if err != nil {
		b.Fatal(err)
	}
	return split.Apply(context.Background(), b.engine, in, info.Schema, spec, key, eventTime, b.paths())
}

// dealt maps the value of column id (as the file prints it) to part and row number.
func (b *bench) dealt(id string) map[string]string {
	b.Helper()
	where := map[string]string{}
	for part, path := range map[string]string{"train": b.paths().Train, "validation": b.paths().Validation, "test": b.paths().Test} {
		rows, err := b.engine.Query(context.Background(), "SELECT CAST("+id+" AS VARCHAR), "+split.RowColumn+" FROM "+table.Scan(path))
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rows {
			where[r[0].(string)] = fmt.Sprintf("%s %.0f", part, r[1])
		}
	}
	return where
}

func TestRandomMeetsItsSharesAndLosesNoRow(t *testing.T) {
	b := setup(t, 2)
	got, err := b.apply("SELECT i AS id, i * 2 AS x FROM range(50000) t(i)", half, []string{"id"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.Train.Rows+got.Validation.Rows+got.Test.Rows != 50_000 || len(b.dealt("id")) != 50_000 {
		t.Fatalf("%+v", got)
	}
	// Five standard deviations of a binomial share at this size are below 0.01.
	for _, p := range []struct{ got, want float64 }{{got.Train.Share, 0.7}, {got.Validation.Share, 0.2}, {got.Test.Share, 0.1}} {
		if d := p.got - p.want; d > 0.01 || d < -0.01 {
			t.Fatalf("share %v, want %v", p.got, p.want)
		}
	}
}

func TestARowStaysWhereItIsWhenOthersComeAndOrderChanges(t *testing.T) {
	b := setup(t, 1)
	if _, err := b.apply("SELECT i AS id, 'n' || i AS name FROM range(3000) t(i)", half, []string{"id", "name"}, ""); err != nil {
		t.Fatal(err)
	}
	before := b.dealt("id")
	c := setup(t, 8)
	// More rows, another order, another type of the same numbers, another column.
	if _, err := c.apply("SELECT 'n' || i AS name, CAST(i AS DOUBLE) AS id, 1 AS extra FROM range(5000) t(i) ORDER BY hash(i)", half, []string{"id", "name"}, ""); err != nil {
		t.Fatal(err)
	}
	after := c.dealt("CAST(id AS BIGINT)")
	for id, where := range before {
		if after[id] != where {
			t.Fatalf("row %s was %s and is %s", id, where, after[id])
		}
	}
	other := half
	other.Seed++
	if _, err := b.apply("SELECT i AS id, 'n' || i AS name FROM range(3000) t(i)", other, []string{"id", "name"}, ""); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for id, where := range b.dealt("id") {
		if strings.Fields(where)[0] != strings.Fields(before[id])[0] {
			moved++
		}
	}
	if moved < 500 {
		t.Fatalf("another seed moves %d of 3000 rows", moved)
	}
}

func TestKeysThatLookAlikeAreDealtApartAndEqualKeysTogether(t *testing.T) {
	b := setup(t, 2)
	_, err := b.apply(`SELECT * FROM (VALUES ('a', 'bc'), ('ab', 'c'), ('abc', ''), ('abc', NULL), (NULL, 'abc'), ('', 'abc'), ('1:a', ''), ('a', '1:')) t(x, y), range(200) g(i)`,
		half, []string{"x", "y"}, "")
	if err == nil {
		rows := map[string]bool{}
		for _, where := range b.dealt("concat(coalesce(x, 'NULL'), '|', coalesce(y, 'NULL'), '|', i)") {
			rows[strings.Fields(where)[1]] = true
		}
		if len(rows) != 8 {
			t.Fatalf("8 keys have %d row numbers", len(rows))
		}
		return
	}
	// Eight keys may all miss a part; then more keys are needed, and it says so.
	t.Fatal(err)
}

func TestSameBytesWithAnyThreads(t *testing.T) {
	var first string
	for _, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		if _, err := b.apply("SELECT i AS id, i / 7 AS x, TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE AS t FROM range(260000) t(i)", half, nil, ""); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, path := range []string{b.paths().Train, b.paths().Validation, b.paths().Test} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got += string(data)
		}
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%d threads give other bytes", threads)
		}
	}
}

func TestTimeNeverCrossesAndTiesStayTogether(t *testing.T) {
	b := setup(t, 2)
	spec := pipeline.Split{Method: "time", Validation: 0.2, Test: 0.2}
	got, err := b.apply("SELECT i AS id, DATE '2024-01-01' + CAST(i // 30 AS INTEGER) AS day FROM range(1000) t(i) ORDER BY hash(i)", spec, []string{"id"}, "day")
	if err != nil {
		t.Fatal(err)
	}
	// Row 800 is of day 26 (rows 780 to 809), row 600 of day 20 (600 to 629).
	if got.Train.Rows != 600 || got.Validation.Rows != 180 || got.Test.Rows != 220 {
		t.Fatalf("%+v", got)
	}
	if got.ValidationFrom != "2024-01-21 00:00:00" || got.TestFrom != "2024-01-27 00:00:00" {
		t.Fatalf("%+v", got)
	}
	ends, err := b.engine.QueryRow(context.Background(), fmt.Sprintf("SELECT (SELECT max(day) FROM %s) < (SELECT min(day) FROM %s), (SELECT max(day) FROM %s) < (SELECT min(day) FROM %s)",
		table.Scan(b.paths().Train), table.Scan(b.paths().Validation), table.Scan(b.paths().Validation), table.Scan(b.paths().Test)))
	if err != nil || ends[0] != true || ends[1] != true {
		t.Fatal(ends, err)
	}
}

func TestApplyRefuses(t *testing.T) {
	time := pipeline.Split{Method: "time", Validation: 0.2, Test: 0.2}
	for name, c := range map[string]struct {
		sql       string
		spec      pipeline.Split
		key       []string
		eventTime string
		kind      fault.Kind
		says      string
	}{
		"few rows":      {"SELECT 1 AS id", half, nil, "", fault.DatasetEmpty, "split is empty"},
		"no rows":       {"SELECT 1 AS id WHERE false", half, nil, "", fault.DatasetEmpty, "train"},
		"no rows, time": {"SELECT now() AS t WHERE false", time, nil, "t", fault.DatasetEmpty, "no rows"},
		"one moment":    {"SELECT TIMESTAMP '2024-01-01' AS t, i FROM range(100) r(i)", time, nil, "t", fault.DatasetEmpty, "train"},
		"no key":        {"SELECT 1 AS id", half, []string{"ID"}, "", fault.ColumnMissing, `"id"`},
		"no time":       {"SELECT 1 AS id", time, nil, "t", fault.ColumnMissing, "t"},
		"no event time": {"SELECT 1 AS id", time, nil, "", fault.PipelineInvalid, "event_time"},
		"text time":     {"SELECT 'x' AS t", time, nil, "t", fault.TypeMismatch, "text"},
		"null time":     {"SELECT CASE WHEN i > 5 THEN TIMESTAMP '2024-01-01' END AS t FROM range(100) r(i)", time, nil, "t", fault.DataContractViolation, "6 of 100"},
		"shares":        {"SELECT 1 AS id", pipeline.Split{Method: "random", Validation: 0.5, Test: 0.5}, nil, "", fault.PipelineInvalid, "0.5"},
		"method":        {"SELECT 1 AS id", pipeline.Split{Method: "magic", Validation: 0.1, Test: 0.1}, nil, "", fault.PipelineInvalid, "magic"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, 1)
			_, err := b.apply(c.sql, c.spec, c.key, c.eventTime)
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("kind %q, want %q saying %q: %v", fault.KindOf(err), c.kind, c.says, err)
			}
			if _, err := os.Stat(b.paths().Train); err == nil {
				t.Fatal("a part was left behind")
			}
		})
	}
}

func TestFoldsHoldEveryRowOnceAndDependOnTheKeyAlone(t *testing.T) {
	b := setup(t, 2)
	if _, err := b.apply("SELECT i % 2000 AS id, i AS x FROM range(6000) t(i)", half, []string{"id"}, ""); err != nil {
		t.Fatal(err)
	}
	f, err := b.engine.Read(context.Background(), b.paths().Train, []string{"id", split.RowColumn})
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.Folds(f, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	held := map[float64]int{} // key to fold
	rows := 0
	for h, fold := range folds {
		if len(fold.Train)+len(fold.Held) != f.Rows || len(fold.Held) < f.Rows/6 {
			t.Fatalf("fold %d: %d and %d of %d", h, len(fold.Train), len(fold.Held), f.Rows)
		}
		rows += len(fold.Held)
		for _, i := range fold.Held {
			key := f.Columns[0].Numbers[i]
			if other, seen := held[key]; seen && other != h {
				t.Fatalf("key %v is held by folds %d and %d", key, other, h)
			}
			held[key] = h
		}
	}
	if rows != f.Rows {
		t.Fatalf("%d of %d rows are held", rows, f.Rows)
	}
	// A part of the rows, in another order, is dealt the same way.
	some := make([]int32, 0, f.Rows/2)
	for i := f.Rows - 1; i >= 0; i -= 2 {
		some = append(some, int32(i))
	}
	g := f.Take(some)
	again, err := split.Folds(g, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	for h, fold := range again {
		for _, i := range fold.Held {
			if held[g.Columns[0].Numbers[i]] != h {
				t.Fatal("a row changed its fold")
			}
		}
	}
}

func TestFoldsRefuse(t *testing.T) {
	f := &frame.Frame{Rows: 2, Columns: []frame.Column{{Name: split.RowColumn, Numbers: []float64{1, 1}}}}
	for kind, call := range map[fault.Kind]func() ([]split.Fold, error){
		fault.PipelineInvalid: func() ([]split.Fold, error) { return split.Folds(f, 1, 0) },
		fault.DatasetEmpty:    func() ([]split.Fold, error) { return split.Folds(f, 2, 0) },
		fault.ColumnMissing:   func() ([]split.Fold, error) { return split.Folds(&frame.Frame{Rows: 2}, 2, 0) },
	} {
		if _, err := call(); fault.KindOf(err) != kind {
			t.Errorf("kind %q, want %q", fault.KindOf(err), kind)
		}
	}
}
