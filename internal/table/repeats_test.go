package table_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/table"
)

func TestRepeatsCountWhatTheEngineCounts(t *testing.T) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx := context.Background()
	for name, c := range map[string]struct {
		sql     string
		columns []string
		want    int64
		where   string
	}{
		"none":            {"SELECT i AS a, 'x' AS b FROM range(5000) t(i)", []string{"a", "b"}, 0, "false"},
		"few":             {"SELECT i % 4990 AS a, 'x' AS b FROM range(5000) t(i)", []string{"a", "b"}, 10, "file_row_number IN (0, 1, "},
		"missing alike":   {"SELECT CASE WHEN i > 10 THEN i END AS a, NULL::DOUBLE AS b FROM range(100) t(i)", []string{"a", "b"}, 10, "file_row_number IN (0, "},
		"minus zero":      {"SELECT unnest([0.0, -0.0, 1.0])::DOUBLE AS a", []string{"a"}, 1, "file_row_number IN (0, 1)"},
		"more than named": {"SELECT i % 10 AS a FROM range(60000) t(i)", []string{"a"}, 59_990, "true"},
	} {
		t.Run(name, func(t *testing.T) {
			in := filepath.Join(t.TempDir(), "in.parquet")
			if _, err := e.Write(ctx, c.sql, in); err != nil {
				t.Fatal(err)
			}
			where, err := e.Suspects(ctx, in, c.columns, "")
			if err != nil || !strings.HasPrefix(where, c.where) {
				t.Fatal(where, err)
			}
			if got, err := e.Repeats(ctx, in, c.columns); err != nil || got != c.want {
				t.Fatal(got, err)
			}
		})
	}
}

// What is found does not depend on whether the hashes are in memory.
func TestSuspectsOnDisk(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT CASE WHEN i % 1000 = 7 THEN 7 ELSE i END AS id, i % 10 AS x FROM range(20000) t(i)")
	find := func() string {
		got, err := b.engine.Suspects(context.Background(), in, []string{"id"}, "x < 9")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	held := find()
	t.Cleanup(table.SpillEarly(3000))
	if got := find(); strings.Count(held, ", ") != 19 || got != held {
		t.Fatal(got, held)
	}
	n, err := b.engine.Repeats(context.Background(), in, []string{"id"})
	if err != nil || n != 19 {
		t.Fatal(n, err)
	}
	if got, err := b.engine.Suspects(context.Background(), in, []string{"id", "x"}, "id <> 7"); err != nil || got != "false" {
		t.Fatal(got, err)
	}
}
