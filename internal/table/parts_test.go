package table_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestUnifyKeepsEveryValue(t *testing.T) {
	layout := func(sql string, empty bool) table.Info {
		info := table.Info{Rows: 1, Schema: pipeline.Schema{{Name: "x", SQL: sql}}}
		if empty {
			info.Empty = []string{"x"}
		}
		return info
	}
	for _, c := range []struct {
		a, b  table.Info
		want  string
		mixed bool
	}{
		{layout("BIGINT", false), layout("DOUBLE", false), "DOUBLE", false},
		{layout("INTEGER", false), layout("DECIMAL(38,0)", false), "DECIMAL(38,0)", false},
		{layout("DECIMAL(20,0)", false), layout("DECIMAL(12,0)", false), "DECIMAL(38,0)", false},
		{layout("DECIMAL(20,2)", false), layout("DECIMAL(12,0)", false), "DOUBLE", false},
		{layout("UBIGINT", false), layout("BIGINT", false), "DECIMAL(38,0)", false},
		{layout("DATE", false), layout("TIMESTAMP", false), "TIMESTAMP", false},
		{layout("TIMESTAMP", false), layout("TIMESTAMP WITH TIME ZONE", false), "TIMESTAMP WITH TIME ZONE", false},
		{layout("VARCHAR", true), layout("BIGINT", false), "BIGINT", false},
		{layout("BIGINT", false), layout("VARCHAR", true), "BIGINT", false},
		{layout("VARCHAR", false), layout("BIGINT", false), "VARCHAR", true},
		{layout("BOOLEAN", false), layout("BIGINT", false), "VARCHAR", true},
		{layout("DATE", false), layout("BIGINT", false), "VARCHAR", true},
	} {
		schema, mixed := table.Unify([]table.Info{c.a, c.b})
		if schema[0].SQL != c.want || len(mixed) > 0 != c.mixed {
			t.Errorf("%s and %s: %s, mixed %v", c.a.Schema[0].SQL, c.b.Schema[0].SQL, schema[0].SQL, mixed)
		}
	}
}

// The footer of a damaged file may be whole: only its pages tell.
func TestInspectReadsThePagesAFooterPromises(t *testing.T) {
	b := setup(t, 2)
	path := b.parquet("in.parquet", "SELECT i AS a, 't' || i AS b FROM range(100000) t(i)")
	whole, err := b.engine.Inspect(context.Background(), table.Source{Paths: []string{path}, Format: "parquet"})
	if err != nil || whole.Rows != 100_000 {
		t.Fatal(whole, err)
	}
	bytes := []byte(read(t, path))
	for i := len(bytes) / 4; i < len(bytes)/2; i++ {
		bytes[i] ^= 0x5a
	}
	if err := os.WriteFile(path, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = b.engine.Inspect(context.Background(), table.Source{Paths: []string{path}, Format: "parquet"})
	b.wantKind(err, fault.SourceUnreadable)
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a;b\r\n\"x;\"\"y\";2", "\"a\nb\",c\n", "\xef\xbb\xbfa\n", "a,a\n", "\x00", "'", "a\t\"b\n"} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, content string, headless bool) {
		b := setup(t, 2)
		s := table.Source{Paths: []string{b.file("in.csv", content)}, Format: "csv"}
		if headless {
			s.CSV = &pipeline.CSV{Header: new(false), Quote: "'", Null: []string{"NA"}}
		}
		info, err := b.engine.Convert(context.Background(), s, b.path("out.parquet"))
		if err != nil {
			if fault.KindOf(err) == "" || strings.Contains(err.Error(), "Internal") {
				t.Fatalf("%q: %v", content, err)
			}
			b.noFile("out.parquet")
			return
		}
		if f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil); err == nil && int64(f.Rows) != info.Rows {
			t.Fatal(fmt.Sprint(f.Rows, " rows read of ", info.Rows))
		}
	})
}
