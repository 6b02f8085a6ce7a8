package table_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestConvertKeepsOrderAndTypes(t *testing.T) {
	b := setup(t, 2)
	one := b.file("1.csv", "id,when,day,name,ratio,flag\n2,2024-01-02 03:04:05,2024-01-02,Zoë,1.5,true\n1,,,\"a,\"\"b\"\"\",NaN,false\n")
	two := b.file("2.csv", "name,id,when,day,ratio,flag\nx,3,2024-01-02 03:04:05,2024-01-02,-2.5,true\n")
	info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{one, two}}, b.path("out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range info.Schema {
		got = append(got, c.Name+" "+c.Type+" "+c.SQL)
	}
	want := "id number BIGINT|when time TIMESTAMP|day time DATE|name text VARCHAR|ratio number DOUBLE|flag number BOOLEAN"
	if strings.Join(got, "|") != want || info.Rows != 3 {
		t.Fatalf("%v, %d rows", got, info.Rows)
	}
	rows, err := b.engine.Query(context.Background(), "SELECT id, name FROM "+table.Scan(b.path("out.parquet")))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(rows); s != `[[2 Zoë] [1 a,"b"] [3 x]]` {
		t.Fatal(s)
	}
}

func TestConvertGivesTheSameBytesWithAnyThreads(t *testing.T) {
	var content strings.Builder
	content.WriteString("id,text,value\n")
	for i := range 300_000 {
		fmt.Fprintf(&content, "%d,t%d,%g\n", i, i*7919%1000, float64(i)/3)
	}
	var first string
	for _, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		in := b.file("in.csv", content.String())
		if _, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{in}}, b.path("out.parquet")); err != nil {
			t.Fatal(err)
		}
		got := read(t, b.path("out.parquet"))
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%d threads give other bytes", threads)
		}
	}
}

func TestConvertOfOddRowGroupsGivesTheSameBytesWithAnyThreads(t *testing.T) {
	var first string
	for _, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		for _, n := range []string{"30000", "70001", "2000"} {
			err := b.engine.Exec(context.Background(), "COPY (SELECT i AS id, i % 77 AS x FROM range("+n+"0) t(i)) TO "+table.Literal(b.path(n+".parquet"))+" (FORMAT parquet, ROW_GROUP_SIZE "+n+")")
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.path("30000.parquet"), b.path("2000.parquet"), b.path("70001.parquet")}}, b.path("out.parquet")); err != nil {
			t.Fatal(err)
		}
		got := read(t, b.path("out.parquet"))
		if first == "" {
			first = got
		}
		if got != first {
			t.Fatalf("%d threads give other bytes", threads)
		}
	}
}

func TestConvertReadsEveryValueWhenTheSampleMisleads(t *testing.T) {
	b := setup(t, 2)
	in := b.file("in.csv", "a,b\n"+strings.Repeat("1,2\n", 30_000)+"late,3\n")
	info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{in}}, b.path("out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Rows != 30_001 || info.Schema[0].Type != "text" || info.Schema[1].Type != "number" {
		t.Fatalf("%+v", info)
	}
}

func TestConvertReadsCompressedAndOddlyNamedFiles(t *testing.T) {
	b := setup(t, 2)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprint(w, "a;b\n1,5;2\n")
	w.Close()
	for name, content := range map[string]string{"z.csv.gz": z.String(), "star*[1].csv": "a;b\n1,5;2\n", "bom.csv": "\xef\xbb\xbfa;b\n1,5;2\n"} {
		info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file(name, content)}}, b.path("out.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Rows != 1 || len(info.Schema) != 2 || info.Schema[0].Name != "a" {
			t.Fatalf("%s: %+v", name, info)
		}
	}
}

func TestConvertKeepsHostileNames(t *testing.T) {
	b := setup(t, 2)
	in := b.file("in.csv", "\"a \"\"q\"\"\",\"new\nline\",😀,'; DROP TABLE x; --\n1,2,3,4\n")
	info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{in}}, b.path("out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`a "q"`, "new\nline", "😀", "'; DROP TABLE x; --"} {
		if info.Schema[i].Name != want {
			t.Fatalf("%q, want %q", info.Schema[i].Name, want)
		}
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), []string{"'; DROP TABLE x; --", `a "q"`})
	if err != nil {
		t.Fatal(err)
	}
	if f.Columns[0].Numbers[0] != 4 || f.Columns[1].Numbers[0] != 1 {
		t.Fatalf("%+v", f)
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, c := range []struct {
		name, content string
		kind          fault.Kind
		says          string
	}{
		{"ragged.csv", "a,b\n1,2\n3\n4,5,6\n", fault.SourceUnreadable, "line 3"},
		{"wide.csv", "a,b\n1,2\n3,4,5\n", fault.SourceUnreadable, "line 3"},
		{"tail.csv", "a,b\n1,2\n3,\"abc", fault.SourceUnreadable, "line 3"},
		{"short.csv", "a,b\n1,2\n3", fault.SourceUnreadable, "line 3"},
		{"latin.csv", "a,b\nx,1\n\xff\xfe,1\n", fault.SourceUnreadable, "line 3"},
		{"case.csv", "a,A\n1,2\n", fault.SourceUnreadable, "differ only in case"},
		{"twice.csv", "a,a\n1,2\n", fault.SourceUnreadable, "two columns"},
		{"unnamed.csv", "a,\n1,2\n", fault.SourceUnreadable, "column 2 has no name"},
		{"reserved.csv", "__esteira_row\n1\n", fault.SourceUnreadable, "reserved"},
		{"nothing.csv", "", fault.DatasetEmpty, "no columns"},
		{"blank.csv", "\n", fault.DatasetEmpty, "no header"},
		{"open.csv", "\"a,b\n1,2\n", fault.SourceUnreadable, "never closed"},
		{"cut.json", `[{"a":1},{"a":2},`, fault.SourceUnreadable, "never closed"},
		{"broken.json", `[{"a":1},{"a":]`, fault.SourceUnreadable, "broken.json"},
		{"numbers.json", `[1,2,3]`, fault.SourceUnreadable, "records"},
		{"case.json", `[{"a":1,"A":2}]`, fault.SourceUnreadable, "differ only in case"},
		{"cut.parquet", "PAR1xxxxxxxxPAR1", fault.SourceUnreadable, "cut.parquet"},
		{"what.xyz", "a\n", fault.SourceUnreadable, "format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setup(t, 2)
			_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file(c.name, c.content)}}, b.path("out.parquet"))
			if f := b.wantKind(err, c.kind); !strings.Contains(f.Error(), c.says) {
				t.Fatalf("%q does not say %q", f, c.says)
			}
			b.noFile("out.parquet")
		})
	}
}

func TestUnreadableSourceNamesFileAndLine(t *testing.T) {
	b := setup(t, 2)
	good, bad := b.file("good.csv", "a,b\n1,2\n"), b.file("bad.csv", "a,b\n1,2\n1,2\n1,2,3\n")
	_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{good, bad}}, b.path("out.parquet"))
	place, ok := b.wantKind(err, fault.SourceUnreadable).Details.(table.Place)
	if !ok || place.File != bad || place.Line != 4 || place.Reason == "" {
		t.Fatalf("%+v", place)
	}
}

func TestConvertOfParquetSeesNamesAsWritten(t *testing.T) {
	b := setup(t, 1)
	// The engine cannot write such names; their bytes can be changed in the file.
	written := read(t, b.parquet("good.parquet", "SELECT {'x': 1, 'y': [2]} AS nested, 1 AS column1, 2 AS COLUMN2"))
	in := b.file("in.parquet", strings.ReplaceAll(written, "COLUMN2", "COLUMN1"))
	_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{in}}, b.path("out.parquet"))
	if f := b.wantKind(err, fault.SourceUnreadable); !strings.Contains(f.Message, "differ only in case") {
		t.Fatal(f)
	}
}

func TestJSONOfSeveralTypesIsText(t *testing.T) {
	b := setup(t, 1)
	in := b.file("in.json", `{"a":1,"n":null,"b_1":1}`+"\n"+`{"a":"x","n":null,"b_1":2.5}`)
	source := table.Source{Paths: []string{in}}
	info, err := b.engine.Convert(context.Background(), source, b.path("out.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(f.Columns[0].Dict, f.Columns[1].Codes, f.Columns[2].Numbers) != "[1 x] [-1 -1] [1 2.5]" {
		t.Fatalf("%+v", f)
	}
	described, err := b.engine.Describe(context.Background(), source)
	if err != nil || fmt.Sprint(described) != fmt.Sprint(info.Schema) {
		t.Fatalf("described %v (%v), converted %v", described, err, info.Schema)
	}
}

func TestHeaderOnlyIsATableWithoutRows(t *testing.T) {
	b := setup(t, 1)
	info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file("in.csv", "a,b\n")}}, b.path("out.parquet"))
	if err != nil || info.Rows != 0 || len(info.Schema) != 2 {
		t.Fatalf("%+v %v", info, err)
	}
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil)
	if err != nil || f.Rows != 0 || len(f.Columns) != 2 {
		t.Fatalf("%+v %v", f, err)
	}
}

func TestMissingFile(t *testing.T) {
	b := setup(t, 1)
	for _, paths := range [][]string{nil, {b.path("no.csv")}} {
		_, err := b.engine.Describe(context.Background(), table.Source{Paths: paths, Format: "csv"})
		b.wantKind(err, fault.SourceNotFound)
	}
}
