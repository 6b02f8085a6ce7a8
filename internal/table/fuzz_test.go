package table_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// typed says that an error is one that people can act on.
func typed(err error) bool {
	return fault.KindOf(err) != "" && fault.KindOf(err) != fault.Internal
}

// Whatever a JSON or NDJSON file holds becomes a table that reads back, or a
// typed refusal.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`[{"a":1,"b":"x"},{"a":2.5}]`, "{\"a\":1}\n{\"a\":\"x\"}\n", `{"a":{"b":[1,{"c":null}]}}`, `[{"a":1},`, `[1,2]`, `{"a":1}{"a":2}`, "\xef\xbb\xbf[]",
		`[{"a":1,"A":2}]`, `{"":1}`, `{"a":"\ud800"}`, `{"a":1e999}`, `{"a":99999999999999999999}`, "null", "{\"a\":\"2020-01-01\"}\n{\"a\":\"01/02/2020\"}", `{"__esteira_row":1}`,
		strings.Repeat(`{"a":`, 99) + "1" + strings.Repeat("}", 99),
	} {
		f.Add(seed)
	}
	e, err := table.Open(table.Options{Threads: 2, TempDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(e.Close)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content string) {
		in, out := dir+"/in.json", dir+"/out.parquet"
		if err := os.WriteFile(in, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := e.Convert(context.Background(), table.Source{Paths: []string{in}, Format: "json"}, out)
		if err != nil {
			if !typed(err) {
				t.Fatalf("%q: %v", content, err)
			}
			return
		}
		frame, err := e.Read(context.Background(), out, nil)
		if err != nil && !typed(err) || err == nil && int64(frame.Rows) != info.Rows {
			t.Fatalf("%q: %d rows written, read: %v", content, info.Rows, err)
		}
	})
}

// A Parquet file may say anything: it is read to its last page, or refused, and
// the process lives.
func FuzzParquet(f *testing.F) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: f.TempDir(), MemoryLimit: 256 << 20})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(e.Close)
	dir := f.TempDir()
	for i, sql := range []string{
		"SELECT 1 AS a, 'x' AS b", "SELECT i AS a, i / 3 AS b, 'v' || i % 3 AS c, i % 2 = 0 AS d, DATE '2020-01-01' + i::INT AS e FROM range(40) t(i)",
		"SELECT {'x': 1, 'y': [2]} AS nested, NULL AS n", "SELECT 1.5::DECIMAL(9,2) AS a WHERE false",
	} {
		path := dir + "/seed.parquet"
		if _, err := e.Write(context.Background(), sql, path); err != nil {
			f.Fatal(err)
		}
		seed, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		f.Add(seed[:len(seed)-i-1])
		f.Add([]byte("PAR1" + strings.Repeat("\xff", i*8) + "\xff\xff\xff\x7fPAR1"))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		in, out := dir+"/in.parquet", dir+"/out.parquet"
		if err := os.WriteFile(in, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s := table.Source{Paths: []string{in}, Format: "parquet"}
		info, err := e.Inspect(context.Background(), s)
		if err != nil {
			if !typed(err) {
				t.Fatalf("inspect: %v", err)
			}
			return
		}
		converted, err := e.Convert(context.Background(), s, out)
		if err != nil && !typed(err) || err == nil && converted.Rows != info.Rows {
			t.Fatalf("%d rows inspected, %d converted: %v", info.Rows, converted.Rows, err)
		}
	})
}
