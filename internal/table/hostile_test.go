package table_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// gigabyte writes head, a hole of 1 GiB and tail.
func gigabyte(t *testing.T, path, head, tail string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(head)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(tail), int64(len(head))+1<<30)
	require.NoError(t, err)
}

// A cell of 1 GiB is refused, and never held: the conversion runs in a process of
// its own, whose greatest size is asked when it has ended.
func TestACellOfAGigabyteIsRefusedInBoundedMemory(t *testing.T) {
	if path := os.Getenv("ESTEIRA_TEST_CELL"); path != "" {
		b := setup(t, 2)
		_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{path}}, b.path("out.parquet"))
		b.wantKind(err, fault.SourceUnreadable)
		return
	}
	const most = 640 << 10 // KiB: the engine's own bound of 512 MiB, and the test's
	for name, c := range map[string]struct{ head, tail string }{
		"value.csv":  {"a,b\n1,2\n1,", "\n"},
		"quoted.csv": {"a,b\n1,\"", "\"\n"},
		"name.csv":   {"a,", "\n1,2\n"},
		"value.json": {`[{"a":"`, `"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/" + name
			gigabyte(t, path, c.head, c.tail)
			cmd := exec.Command(os.Args[0], "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$")
			cmd.Env = append(os.Environ(), "ESTEIRA_TEST_CELL="+path)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
			require.Less(t, used, int64(most), "KiB")
		})
	}
}

// A Parquet file of some kilobytes may hold a text of a gigabyte.
func TestAHugeCellOfParquetIsRefused(t *testing.T) {
	b := setup(t, 2)
	large, err := table.Open(table.Options{MemoryLimit: 2 << 30, Threads: 2})
	require.NoError(t, err)
	defer large.Close()
	write := func(size int) string {
		path := b.path(fmt.Sprintf("%d.parquet", size))
		_, err := large.Write(t.Context(), fmt.Sprintf("SELECT i AS n, CASE i WHEN 500 THEN repeat('x', %d) ELSE 'a' END AS x FROM range(1000) t(i)", size), path)
		require.NoError(t, err)
		return path
	}
	inspect := func(e *table.Engine, path string) error {
		_, err := e.Inspect(t.Context(), table.Source{Paths: []string{path}, Format: "parquet"})
		return err
	}
	require.NoError(t, inspect(b.engine, write(16<<20)))
	err = inspect(b.engine, write(16<<20+1))
	b.wantKind(err, fault.SourceUnreadable)
	require.ErrorContains(t, err, "more than 16777216, the bound of one")
	small, err := table.Open(table.Options{MemoryLimit: 64 << 20, Threads: 2})
	require.NoError(t, err)
	defer small.Close()
	b.wantKind(inspect(small, write(100_000_000)), fault.ResourceExhausted)
}

func TestDatesOfThreeFormatsStayText(t *testing.T) {
	b := setup(t, 2)
	values := []string{"2024-01-02", "01/02/2024", "2 Jan 2024", "13/02/2024", "2024-01-02 10:00:00"}
	for name, content := range map[string]string{
		"in.csv":  "when\n" + strings.Join(values, "\n") + "\n",
		"in.json": `[{"when":"` + strings.Join(values, `"},{"when":"`) + `"}]`,
	} {
		info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file(name, content)}}, b.path("out.parquet"))
		require.NoError(t, err)
		require.Equal(t, "VARCHAR", info.Schema[0].SQL, "nobody guesses which day 01/02 is")
		f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil)
		require.NoError(t, err)
		require.Equal(t, values, f.Columns[0].Dict, "as they were written")
	}
	// One format that is not ISO's is one format.
	info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file("one.csv", "when\n13/02/2024\n01/02/2024\n")}}, b.path("out.parquet"))
	require.NoError(t, err)
	require.Equal(t, "DATE", info.Schema[0].SQL)
}

func TestFormulaCellsAreTexts(t *testing.T) {
	b := setup(t, 2)
	cells := []string{`=cmd()`, `=cmd|' /C calc'!A0`, `+1+cmd()`, `-2+3`, `@SUM(A1)`, `=HYPERLINK("http://x","y")`}
	quoted := make([]string, len(cells))
	for i, c := range cells {
		quoted[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
	}
	_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file("in.csv", "a\n"+strings.Join(quoted, "\n")+"\n")}}, b.path("out.parquet"))
	require.NoError(t, err)
	f, err := b.engine.Read(context.Background(), b.path("out.parquet"), nil)
	require.NoError(t, err)
	require.Equal(t, cells, f.Columns[0].Dict, "nothing is computed")
}

func TestTablesWithoutRows(t *testing.T) {
	b := setup(t, 2)
	for name, content := range map[string]string{"header.csv": "a,b\n", "header.tsv": "a\tb", "crlf.csv": "a,b\r\n"} {
		info, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file(name, content)}}, b.path("out.parquet"))
		require.NoError(t, err, name)
		require.Zero(t, info.Rows)
		require.Len(t, info.Schema, 2, name)
	}
	info, err := b.engine.Inspect(context.Background(), table.Source{Paths: []string{b.parquet("in.parquet", "SELECT 1 AS a, 'x' AS b WHERE false")}})
	require.NoError(t, err)
	require.Zero(t, info.Rows)
	require.Len(t, info.Schema, 2)
	for name, content := range map[string]string{"none.csv": "", "none.json": "", "array.json": "[]", "blank.ndjson": "\n\n", "object.json": "{}", "objects.ndjson": "{}\n{}\n"} {
		_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{b.file(name, content)}}, b.path("none.parquet"))
		if len(content) == 0 {
			b.wantKind(err, fault.DatasetEmpty)
		} else {
			b.wantKind(err, fault.SourceUnreadable)
		}
		require.ErrorContains(t, err, name)
		b.noFile("none.parquet")
	}
}
