package table_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// ranked asks for places of the values v of sql, from end to end, and compares them with
// those of the values as the engine orders them.
func ranked[T int64 | float64](t *testing.T, e *table.Engine, sql, value string) {
	t.Helper()
	rows, err := e.Query(context.Background(), "SELECT "+value+" AS w FROM ("+sql+") WHERE isfinite(v) OR isinf(v) ORDER BY w")
	if err != nil {
		t.Fatal(err)
	}
	var places []int64
	got, err := table.Ranked[T](context.Background(), e, sql, func(n int64) []int64 {
		if n != int64(len(rows)) {
			t.Fatalf("%d values of %d", n, len(rows))
		}
		for at := int64(0); at < n; at += max(1, n/50) {
			places = append(places, at)
		}
		if n > 0 {
			places = append(places, n-1, n/2, n/2)
		}
		return places
	})
	if err != nil || len(got) != len(places) {
		t.Fatal(len(got), err)
	}
	for i, at := range places {
		if want := rows[at][0].(T); got[i] != want || math.Signbit(float64(got[i])) != (want < 0) {
			t.Fatalf("place %d of %s is %v, want %v", at, sql, got[i], want)
		}
	}
}

func TestRankedAreTheValuesInOrder(t *testing.T) {
	inMemoryAndOnDisk(t, func(t *testing.T) {
		e := setup(t, 2).engine
		for _, v := range []string{
			"sin(i) * pow(10, i % 600 - 300)",
			"CASE i WHEN 7 THEN 'inf'::DOUBLE WHEN 70 THEN '-inf'::DOUBLE WHEN 700 THEN '-0'::DOUBLE ELSE sin(i) END",
			"(i % 3 - 1)::DOUBLE",
			"CASE i % 8 WHEN 3 THEN NULL WHEN 5 THEN 'nan'::DOUBLE ELSE 0.1::DOUBLE END", // all the same
			"CASE WHEN i < 0 THEN 0::DOUBLE END",                                         // none
		} {
			ranked[float64](t, e, "SELECT "+v+" AS v FROM range(20000) t(i)", "v")
		}
		ranked[int64](t, e, "SELECT i * 7919 % 20011 * 1000000 - 5000000000 AS v FROM range(20000) t(i)", "v")
		ranked[int64](t, e, "SELECT CASE WHEN i % 5 > 0 THEN make_timestamp(i * 7919 % 20011 * 1000000 - 5000000000) END AS v FROM range(20000) t(i)", "epoch_us(v)")
	})
}

func TestRanksOfATypeThatHasNone(t *testing.T) {
	_, err := table.Ranked[int64](context.Background(), setup(t, 2).engine, "SELECT 'a'", func(int64) []int64 { return nil })
	if fault.KindOf(err) != fault.Internal {
		t.Fatal(err)
	}
}

// Rows that share the key with a row of another file are found, and no others, though
// they repeat within one.
func TestSharedAreTheRowsOfSeveralFiles(t *testing.T) {
	inMemoryAndOnDisk(t, func(t *testing.T) {
		b := setup(t, 2)
		files := []string{
			b.parquet("a.parquet", "SELECT i AS id, 'x' AS s FROM range(10000) t(i)"),
			b.parquet("b.parquet", "SELECT i % 3000 + 9990 AS id, 'x' AS s FROM range(4000) t(i)"),
			b.parquet("c.parquet", "SELECT CASE WHEN i > 1 THEN i + 50000 END AS id, 'x' AS s FROM range(3000) t(i)"),
		}
		shared := func(known string, files ...string) []string {
			t.Helper()
			got, err := b.engine.Shared(context.Background(), files, []string{"id", "s"}, known)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		want := []string{
			"file_row_number IN (9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999)",
			"file_row_number IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3000, 3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009)",
			"false",
		}
		if got := shared("", files...); !slices.Equal(got, want) {
			t.Fatal(got)
		}
		if got := shared("id > 9999", files...); !slices.Equal(got, []string{"false", "false", "false"}) {
			t.Fatal(got)
		}
		if got := shared("id IS NOT NULL", files[2], files[2]); !slices.Equal(got[:1], got[1:]) || len(got[0]) < 2998*5 {
			t.Fatal(got)
		}
		one := b.parquet("one.parquet", "SELECT 1 AS id, 'x' AS s FROM range(60000) t(i)")
		if got := shared("", one, files[0]); !slices.Equal(got, []string{"true", "true"}) {
			t.Fatal(got)
		}
	})
}
