package profile

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
	"github.com/esteira-ml/esteira/internal/table"
)

// everyKind is rows of every kind of column: few and many distinct values, NULL beside
// NaN, infinite ones and both zeros, whole numbers and times that are not float64, texts
// of any length, columns that are missing together, repeated rows.
const everyKind = `SELECT CASE WHEN i % 9 = 0 THEN NULL WHEN i % 9 = 1 THEN 'nan'::DOUBLE WHEN i % 9 = 2 THEN 'inf'::DOUBLE WHEN i % 9 = 3 THEN '-inf'::DOUBLE WHEN i % 9 = 4 THEN -0.0::DOUBLE WHEN i % 9 = 5 THEN 0 ELSE i % 7 END AS x,
	CASE WHEN i % 5 > 0 THEN i % 50 / 8 END::FLOAT AS f, 9007199254740992 + i % 5 AS vast, sin(i) AS many, i % 2 = 0 AS flag, (i % 40 / 4.0)::DOUBLE AS y,
	TIMESTAMP '2024-01-01' + INTERVAL (i % 700) HOUR AS t, CASE WHEN i % 400 = 0 THEN 'infinity'::TIMESTAMP WHEN i % 400 = 1 THEN TIMESTAMP '9999-12-31 23:59:59.999999' WHEN i % 400 > 9 THEN TIMESTAMP '2024-01-05' + INTERVAL (i % 31) DAY END AS later,
	CASE WHEN i % 6 > 0 THEN 'k' || i % 30 ELSE NULL END AS s, repeat('é', (i % 20)::INTEGER) AS long, md5('' || i) AS id, CASE WHEN i % 3 = 0 THEN '' WHEN i % 3 = 1 THEN 'twelve bytes' ELSE 'thirteen byte' END AS edge
	FROM (SELECT unnest(range(5000)) AS i UNION ALL SELECT unnest(range(0, 5000, 100)))`

// keptTable writes a table for a survey of it.
func keptTable(t *testing.T, sql string) (e *table.Engine, in string, schema pipeline.Schema) {
	t.Helper()
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	in = filepath.Join(t.TempDir(), "in.parquet")
	info, err := e.Write(context.Background(), sql, in)
	if err != nil {
		t.Fatal(err)
	}
	return e, in, info.Schema
}

// However columns are kept, and if they are read again, what is told of them is the
// same, byte by byte.
func TestSameBytesHoweverColumnsAreKept(t *testing.T) {
	sets := "SELECT i % 3 AS y" // of which any may be missing
	for k := range 12 {
		sets += fmt.Sprintf(", CASE WHEN hash(i, %d) %% 3 > 0 THEN i %% %[1]d END AS c%[1]d", k+2)
	}
	for name, sql := range map[string]string{
		"every kind":  everyKind + " ORDER BY hash(i)",
		"exact":       "SELECT x, y, t, s, long, flag FROM (" + everyKind + ")",
		"not exact":   "SELECT *, (i % 9)::DECIMAL(9, 2) AS d, (i % 8)::HUGEINT AS h, i % 3 AS y, 's' || i % 4 AS s FROM range(3000) t(i)",
		"sets":        sets + " FROM range(4000) t(i)",
		"no rows":     everyKind + " WHERE i < 0",
		"all missing": "SELECT NULL::DOUBLE AS x, NULL::VARCHAR AS s, NULL::TIMESTAMP AS t, NULL::DOUBLE AS y FROM range(3000)",
		"one row":     everyKind + " LIMIT 1",
	} {
		t.Run(name, func(t *testing.T) {
			e, in, schema := keptTable(t, sql)
			key := []string{schema[0].Name, schema[len(schema)-1].Name}
			event := ""
			if schema.Column("t") != nil {
				event = "t"
			}
			tell := func() string {
				all := ""
				for _, o := range []Options{{Target: "y", Task: pipeline.Regression, Key: key, EventTime: event}, {Target: key[0], Task: pipeline.Multiclass}, {Target: key[1], Task: pipeline.Multiclass}} {
					p, err := Compute(context.Background(), e, in, schema, o)
					if err != nil {
						t.Fatal(err)
					}
					data, err := json.Marshal(p)
					if err != nil {
						t.Fatal(err)
					}
					all += string(data)
				}
				return all
			}
			BoundKept(t, 0, 0, 0)
			want := tell()
			for name, bound := range map[string]func(t *testing.T){
				"in memory":             func(t *testing.T) { BoundKept(t, 1<<27, 16<<20, 32<<20) },
				"on disk":               func(t *testing.T) { BoundKept(t, 1<<27, 0, 32<<20) },
				"some columns":          func(t *testing.T) { BoundKept(t, 4*5050, 20_000, 32<<20) },
				"of few values":         func(t *testing.T) { BoundKept(t, 1<<27, 16<<20, 700) },
				"with little in memory": func(t *testing.T) { BoundKept(t, 1<<27, 0, 32<<20); Bound(t, 64, 20) },
				"hashed, then looked for": func(t *testing.T) {
					BoundKept(t, 1<<27, 16<<20, 32<<20)
					BoundMeeting(t, 0)
				},
			} {
				t.Run(name, func(t *testing.T) {
					bound(t)
					if got := tell(); got != want {
						t.Fatalf("other bytes:\n%s\n%s", want, got)
					}
				})
			}
		})
	}
}

// A table all columns of which are kept is not read again; one that is not cannot be
// told of when it is gone.
func TestKeptColumnsAreNotReadAgain(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want fault.Kind
	}{
		"few values":  {"SELECT i % 90 AS x, 's' || i % 7 AS s, i % 11 AS y, CASE WHEN i % 3 > 0 THEN 1 END AS c FROM range(70000) t(i)", ""},
		"many values": {"SELECT i AS x, 's' || i % 7 AS s, i % 11 AS y FROM range(300000) t(i)", fault.SourceUnreadable},
	} {
		for where, held := range map[string]int{"memory": 16 << 20, "disk": 0} {
			t.Run(name+" "+where, func(t *testing.T) {
				BoundKept(t, 1<<27, held, 32<<20)
				e, in, schema := keptTable(t, c.sql)
				s, err := begin(context.Background(), e, in, schema, Options{Target: "y", Task: pipeline.Regression})
				if err != nil {
					t.Fatal(err)
				}
				defer s.close()
				if err := s.count(context.Background()); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(in); err != nil {
					t.Fatal(err)
				}
				if err := s.compare(context.Background()); fault.KindOf(err) != c.want {
					t.Fatal(err)
				}
				if c.want == "" && (s.Columns[0].Association == nil || s.Columns[1].Association == nil || len(s.Missingness) != 2 || s.Matrix.Rows < 40_000 || len(s.hashes.all.places) == 0) {
					t.Fatalf("%+v", s.Profile)
				}
			})
		}
	}
}

// A column is kept within bounds of all columns together.
func TestColumnsAreKeptWithinBounds(t *testing.T) {
	e, in, schema := keptTable(t, "SELECT i % 10 AS a, i % 11 AS b, 's' || i % 12 AS c, repeat('x', 1000) || i % 13 AS d FROM range(10000) t(i)")
	for _, c := range []struct {
		codes  int64
		values int
		want   string
	}{
		{1 << 27, 1 << 20, "abcd"}, {39_999, 1 << 20, "abc"}, {20_000, 1 << 20, "ab"}, {9_999, 1 << 20, ""}, {1 << 27, 1000, "abc"}, {1 << 27, 10, ""},
	} {
		BoundKept(t, c.codes, 0, c.values)
		s, err := begin(context.Background(), e, in, schema, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		if err := s.count(context.Background()); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for i, kept := range s.keeper.columns {
			if kept != nil {
				got.WriteString(schema[i].Name)
			}
		}
		if got.String() != c.want {
			t.Errorf("of %d codes and %d bytes of values %q are kept, not %q", c.codes, c.values, got.String(), c.want)
		}
	}
}

// Codes of other rows than the file says it has are of no use.
func TestColumnsOfAFileThatMiscountsAreNotKept(t *testing.T) {
	e, in, schema := keptTable(t, "SELECT i % 10 AS a, 's' || i % 12 AS b FROM range(5000) t(i)")
	s, err := begin(context.Background(), e, in, schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.keeper.rows++
	if err := s.count(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.keeper.columns[0] != nil || s.keeper.columns[1] != nil {
		t.Fatal(s.keeper.columns)
	}
}
