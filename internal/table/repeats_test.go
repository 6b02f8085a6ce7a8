package table_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/table"
)

func TestMeetingFindsEveryPlaceOfAWordThatRepeats(t *testing.T) {
	words := make([]uint64, 100_000)
	for i := range words {
		words[i] = uint64(i+1) * 0x9e3779b97f4a7c15 // distinct: the multiplier is odd
	}
	if got := table.Meeting(words); got != nil {
		t.Fatal(got)
	}
	words[99_999], words[70], words[71], words[5] = words[4], words[4], 0, 0
	words[99] = words[98]
	if got := table.Meeting(words); !slices.Equal(got, []int64{4, 70, 98, 99, 99_999}) {
		t.Fatal(got)
	}
}

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

// What is found does not depend on how many hashes are held at once.
func TestSuspectsInPasses(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT CASE WHEN i % 1000 = 7 THEN 7 ELSE i END AS id, i % 10 AS x FROM range(20000) t(i)")
	find := func() string {
		got, err := b.engine.Suspects(context.Background(), in, []string{"id"}, "x < 9")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	once := find()
	t.Cleanup(table.HashAtOnce(3000)) // seven passes
	ids := func(sql string) []string {
		list := strings.Split(strings.TrimSuffix(strings.TrimPrefix(sql, table.RowNumber+" IN ("), ")"), ", ")
		slices.Sort(list)
		return list
	}
	if got := find(); len(ids(once)) != 20 || !slices.Equal(ids(got), ids(once)) {
		t.Fatal(got, once)
	}
	n, err := b.engine.Repeats(context.Background(), in, []string{"id"})
	if err != nil || n != 19 {
		t.Fatal(n, err)
	}
	if got, err := b.engine.Suspects(context.Background(), in, []string{"id", "x"}, "id <> 7"); err != nil || got != "false" {
		t.Fatal(got, err)
	}
}
