package table_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/table"
)

func TestTextsAreCountedAlikeInAndOutOfTheEngine(t *testing.T) {
	b := setup(t, 2)
	for name, sql := range map[string]string{
		"many":      "SELECT 't' || (hash(i) % 5000) AS v FROM range(40000) r(i)",
		"distinct":  "SELECT repeat('x', i % 300) || i AS v FROM range(20000) r(i)",
		"empty":     "SELECT '' AS v FROM range(3) r(i)",
		"some":      "SELECT CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN 'a' END AS v FROM range(300) r(i)",
		"no row":    "SELECT 'a' AS v WHERE false",
		"numbers":   "SELECT i % 7 AS v FROM range(100) r(i)",
		"any bytes": "SELECT chr((i % 300 + 1)::INTEGER) AS v FROM range(900) r(i)",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.parquet")
			if _, err := b.engine.Write(context.Background(), sql, path); err != nil {
				t.Fatal(err)
			}
			want := map[string]int64{}
			count := func(got map[string]int64) func(string, int64) {
				return func(text string, rows int64) {
					if got[text] > 0 {
						t.Errorf("%q comes twice", text)
					}
					got[text] = rows
				}
			}
			if err := b.engine.Counted(context.Background(), path, "v", func() func(string, int64) { return count(want) }); err != nil {
				t.Fatal(err)
			}
			texts := "SELECT CAST(v AS VARCHAR) AS v FROM " + table.Scan(path) + " WHERE v IS NOT NULL"
			for _, most := range []int64{1 << 20, 4 << 10} { // held, and in runs
				restore := table.SortOutside(most)
				got := map[string]int64{}
				err := b.engine.CountSorted(context.Background(), texts, count(got))
				restore()
				if err != nil || !maps.Equal(got, want) {
					t.Fatalf("%v: %d texts, %d in the engine", err, len(got), len(want))
				}
			}
		})
	}
}

// What is counted before the memory ends is forgotten, and counted again.
func TestTextsThatDoNotFitAreCountedAgain(t *testing.T) {
	path, few := filepath.Join(t.TempDir(), "t.parquet"), filepath.Join(t.TempDir(), "few.parquet")
	large, rowsOf := setup(t, 2).engine, "SELECT repeat('x', 2000) || (i // 2) AS v FROM range(%d) r(i)"
	if _, err := large.Write(context.Background(), fmt.Sprintf(rowsOf, 1), few); err != nil {
		t.Fatal(err)
	}
	if _, err := large.Write(context.Background(), fmt.Sprintf(rowsOf, 60_000), path, few); err != nil { // in row groups for long rows
		t.Fatal(err)
	}
	e, err := table.Open(table.Options{MemoryLimit: 40 << 20, TempDir: t.TempDir(), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	begun, texts, rows := 0, 0, int64(0)
	err = e.Counted(context.Background(), path, "v", func() func(string, int64) {
		begun, texts, rows = begun+1, 0, 0
		return func(_ string, n int64) { texts, rows = texts+1, rows+n }
	})
	if err != nil || begun != 2 || texts != 30_000 || rows != 60_000 {
		t.Fatal(begun, texts, rows, err)
	}
}

func TestALongTextIsSeveralValues(t *testing.T) {
	b := setup(t, 2)
	path := filepath.Join(t.TempDir(), "t.parquet")
	if _, err := b.engine.Write(context.Background(), "SELECT i AS n, repeat('y', 1000) AS long FROM range(1000) r(i)", path); err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string][2]int64{"n": {1, 8}, "long": {1000, 1000}} {
		if n, err := b.engine.RowBytes(context.Background(), path, []string{column}); err != nil || n < want[0] || n > want[1] {
			t.Fatal(column, n, err)
		}
	}
	if _, err := b.engine.RowBytes(context.Background(), path, []string{"none"}); err == nil {
		t.Fatal("a column that is not there has a length")
	}
}
