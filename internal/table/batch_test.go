package table_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

func written(t *testing.T, sql string) (*table.Engine, string, table.Info) {
	t.Helper()
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	in := filepath.Join(t.TempDir(), "in.parquet")
	info, err := e.Write(context.Background(), sql, in)
	if err != nil {
		t.Fatal(err)
	}
	return e, in, info
}

func TestBatchesGiveEveryTypeInTheFilesOrder(t *testing.T) {
	types := []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(9, 2)"}
	sql := "SELECT i"
	for _, name := range types {
		sql += fmt.Sprintf(", CASE WHEN i %% 10 > 0 THEN CAST(i %% 2 AS %s) END AS %q", name, name)
	}
	e, in, info := written(t, sql+", CASE WHEN i % 10 > 0 THEN TIMESTAMP '1970-01-01' + to_microseconds(i) WHEN i % 20 > 0 THEN '-infinity' END AS t, CASE WHEN i % 10 > 0 THEN 'k' || i END AS s FROM range(5000) r(i)")
	to, row := make([]float64, table.BatchRows), 0
	err := e.Batches(context.Background(), in, info.Schema, func(b *table.Batch) error {
		if b.Rows > table.BatchRows {
			t.Fatal(b.Rows)
		}
		for j := range info.Schema {
			if info.Schema[j].Type == "text" {
				for r := range b.Rows {
					text, ok := b.Text(j, r)
					if want := fmt.Sprintf("k%d", row+r); ok != ((row+r)%10 > 0) || ok && text != want {
						t.Fatalf("row %d is %q, %v", row+r, text, ok)
					}
				}
				continue
			}
			missing := int64(0)
			for r, x := range b.Numbers(j, to) {
				i := row + r
				want := float64(i % 2)
				switch name := info.Schema[j].Name; {
				case name == "i", name == "t" && i%10 > 0:
					want = float64(i)
				case i%10 == 0 && name == "t" && i%20 > 0:
					want = math.Inf(-1)
				case i%10 == 0:
					want = math.NaN()
					missing++
				}
				if x != want && !(math.IsNaN(x) && math.IsNaN(want)) {
					t.Fatalf("%s of row %d is %v, want %v", info.Schema[j].Name, i, x, want)
				}
			}
			if got := b.Nulls(j); got != missing {
				t.Fatalf("%s has %d NULLs, want %d", info.Schema[j].Name, got, missing)
			}
		}
		row += b.Rows
		return nil
	})
	if err != nil || row != 5000 {
		t.Fatal(row, err)
	}
	enough := errors.New("enough")
	if err := e.Batches(context.Background(), in, info.Schema, func(*table.Batch) error { return enough }); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if err := e.Batches(context.Background(), in+"x", info.Schema, func(*table.Batch) error { return nil }); fault.KindOf(err) != fault.SourceUnreadable {
		t.Fatal(err)
	}
}

func TestHashesAndValuesTellRowsApart(t *testing.T) {
	for name, c := range map[string]struct {
		sql   string // two rows
		equal bool
	}{
		"equal":            {"SELECT 1 AS a, 'x' AS b FROM range(2)", true},
		"missing":          {"SELECT NULL::BIGINT AS a, NULL::VARCHAR AS b, NULL::DOUBLE AS c FROM range(2)", true},
		"missing or zero":  {"SELECT unnest([NULL, 0]) AS a", false},
		"missing or blank": {"SELECT unnest([NULL, '']) AS a", false},
		"beyond 2^53":      {"SELECT unnest([9007199254740992, 9007199254740993]) AS a", false},
		"minus zero":       {"SELECT unnest([0.0, -0.0])::DOUBLE AS a", true},
		"minus zero, real": {"SELECT unnest([0.0, -0.0])::FLOAT AS a", true},
		"NaN":              {"SELECT unnest(['nan', '-nan'])::DOUBLE AS a", true},
		"long texts":       {"SELECT 'thirteen byte' || i AS a FROM range(2) t(i)", false},
		"one long text":    {"SELECT 'a text of more than twelve bytes' AS a FROM range(2) t(i)", true},
		"other columns":    {"SELECT unnest(['a', '']) AS a, unnest(['', 'a']) AS b", false},
		"before a missing": {"SELECT unnest([1, 2]) AS a, NULL::VARCHAR AS b, NULL::DOUBLE AS c", false},
		"before a factor":  {"SELECT unnest([1, 2]) AS a, 6361074855842636280::UBIGINT AS b", false},
		"cut elsewhere":    {"SELECT unnest(['ab', 'a']) AS a, unnest(['c', 'bc']) AS b", false},
	} {
		t.Run(name, func(t *testing.T) {
			e, in, info := written(t, c.sql)
			err := e.Batches(context.Background(), in, info.Schema, func(b *table.Batch) error {
				words := make([]uint64, b.Rows)
				var rows [2][]byte
				for j, column := range info.Schema {
					if !table.Exact(column) {
						t.Error(column)
					}
					b.Hash(j, words)
					for r := range rows {
						rows[r] = b.AppendValue(rows[r], j, r)
					}
				}
				if (words[0] == words[1]) != c.equal || slices.Equal(rows[0], rows[1]) != c.equal {
					t.Errorf("%x %x", words, rows)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, sql := range []string{"HUGEINT", "INTERVAL", "INTEGER[]", "DECIMAL(20,2)", "TIMESTAMP_NS", "STRUCT(a DOUBLE)"} {
		if table.Exact(pipeline.Column{SQL: sql}) {
			t.Errorf("a batch does not tell every %s apart", sql)
		}
	}
}

func TestDictionaryNumbersAndCountsTexts(t *testing.T) {
	const long = "a text of more than twelve bytes, "
	e, in, info := written(t, "SELECT CASE WHEN i % 11 > 0 THEN CASE WHEN i % 2 = 0 THEN 'k' ELSE '"+long+"' END || i % 700 END AS s FROM range(9000) t(i)")
	d, codes, row := &table.Dictionary{}, make([]int32, table.BatchRows), 0
	total := map[string]int64{}
	err := e.Batches(context.Background(), in, info.Schema, func(b *table.Batch) error {
		if !d.Add(b, 0, codes) {
			t.Fatal("too many")
		}
		for r, code := range codes[:b.Rows] {
			i := row + r
			want := fmt.Sprintf("%s%d", []string{"k", long}[i%2], i%700)
			switch {
			case i%11 == 0 && code != -1:
				t.Fatalf("row %d is %d", i, code)
			case i%11 == 0:
			case d.Texts[code] != want:
				t.Fatalf("row %d is %q, want %q", i, d.Texts[code], want)
			default:
				total[want]++
			}
		}
		row += b.Rows
		return nil
	})
	if err != nil || len(d.Texts) != len(total) {
		t.Fatal(len(d.Texts), len(total), err)
	}
	for i, text := range d.Texts {
		if d.Counts[i] != total[text] {
			t.Fatalf("%q is counted %d times, want %d", text, d.Counts[i], total[text])
		}
	}
	for name, sql := range map[string]string{
		"too many texts": "SELECT 'k' || i AS s FROM range(300000) t(i)",
		"too many bytes": "SELECT repeat('x', 1000000) || i AS s FROM range(20) t(i)",
	} {
		e, in, info := written(t, sql)
		d, fit := &table.Dictionary{}, true
		err := e.Batches(context.Background(), in, info.Schema, func(b *table.Batch) error {
			fit = fit && d.Add(b, 0, codes)
			return nil
		})
		if err != nil || fit {
			t.Error(name, fit, err)
		}
	}
}

func TestHashTextIsTheSameEverywhere(t *testing.T) {
	// By the definition, in Python with integers of 64 bits.
	for text, want := range map[string]uint64{"": 0xae733b1aa2bea5db, "abc": 0xcd3d4bff6824ab45, strings.Repeat("x", 20): 0x81b3b9300effb777} {
		if got := table.HashText(text); got != want {
			t.Errorf("%q is %#x, want %#x", text, got, want)
		}
	}
}

// Groups hold the batches that Batches gives, no more at once than is bounded: long
// texts come in small groups.
func TestGroupsAreTheBatchesInTheirOrder(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, c := range []struct {
		sql  string
		most int
	}{
		{"SELECT i AS n, 'k' || i % 9 AS s FROM range(200000) t(i)", table.GroupBatches},
		{"SELECT i AS n, repeat('k' || i % 9, 1500) AS s FROM range(20000) t(i)", 1},
	} {
		in := filepath.Join(t.TempDir(), "in.parquet")
		info, err := e.Write(context.Background(), c.sql, in)
		if err != nil {
			t.Fatal(err)
		}
		rows, most, values := 0, 0, make([]float64, table.BatchRows)
		err = e.Groups(context.Background(), in, info.Schema, func(group []table.Batch) error {
			most = max(most, len(group))
			for k := range group {
				for r, x := range group[k].Numbers(0, values) {
					text, _ := group[k].Text(1, r)
					if x != float64(rows) || !strings.HasPrefix(text, fmt.Sprint("k", rows%9)) {
						return fmt.Errorf("row %d is %v, %.4s", rows, x, text)
					}
					rows++
				}
			}
			return nil
		})
		if err != nil || int64(rows) != info.Rows || most != c.most {
			t.Fatalf("%v: %d rows, %d batches at once", err, rows, most)
		}
		enough, groups := errors.New("enough"), 0
		for _, after := range []int{1, 2} { // the last group comes when the rows have ended
			if err := e.Groups(context.Background(), in, info.Schema, func([]table.Batch) error {
				if groups++; groups >= after {
					return enough
				}
				return nil
			}); !errors.Is(err, enough) {
				t.Fatal(err)
			}
		}
		if err := e.Groups(context.Background(), in+"x", info.Schema, func([]table.Batch) error { return nil }); fault.KindOf(err) != fault.SourceUnreadable {
			t.Fatal(err)
		}
	}
}

// NULLs anywhere in the masks of 64 rows, and NaN beside them, are missing where they are.
func TestMissingRows(t *testing.T) {
	e, in, info := written(t, `SELECT i, CASE WHEN i % 64 NOT IN (0, 63) AND i <> 4999 THEN CASE WHEN i % 7 = 0 THEN 'nan'::DOUBLE ELSE i END END AS d,
		CASE WHEN i % 3 = 0 THEN 'nan'::FLOAT ELSE 1 END AS f, CASE WHEN i NOT BETWEEN 100 AND 300 THEN 'x' END AS s FROM range(5000) t(i)`)
	null := func(j, i int) bool {
		return j == 1 && (i%64 == 0 || i%64 == 63 || i == 4999) || j == 3 && i >= 100 && i <= 300
	}
	row := 0
	err := e.Batches(context.Background(), in, info.Schema, func(b *table.Batch) error {
		for j := range info.Schema {
			got, nulls := make([]bool, b.Rows), int64(0)
			b.Missing(j, func(r int) {
				if got[r] {
					t.Fatalf("row %d of column %d twice", row+r, j)
				}
				got[r] = true
			})
			for r := range got {
				i := row + r
				want := null(j, i) || j == 1 && i%7 == 0 || j == 2 && i%3 == 0
				if got[r] != want {
					t.Fatalf("row %d of column %d: %v", i, j, got[r])
				}
				if null(j, i) {
					nulls++
				}
			}
			if b.Nulls(j) != nulls {
				t.Fatal(j, b.Nulls(j), nulls)
			}
		}
		row += b.Rows
		return nil
	})
	if err != nil || row != 5000 {
		t.Fatal(row, err)
	}
}
