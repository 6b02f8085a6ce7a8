package table_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/table"
)

// Long rows are laid out in short row groups, in every file that is made of them;
// rows of the usual size in the engine's own.
func TestLongRowsMakeShortRowGroups(t *testing.T) {
	b := setup(t, 2)
	e, dir := b.engine, b.dir
	groups := func(path string) int64 {
		row, err := e.QueryRow(t.Context(), "SELECT num_row_groups FROM parquet_file_metadata("+table.Literal(path)+")")
		require.NoError(t, err)
		return row[0].(int64)
	}
	reached := func(least, got int64, what string) {
		require.GreaterOrEqual(t, got, least, what)
		require.Equal(t, least > 1, got > 1, what)
	}
	for long, want := range map[int]int64{16: 1, 4000: 4} {
		csv, whole := filepath.Join(dir, "in.csv"), filepath.Join(dir, fmt.Sprint(long, ".parquet"))
		require.NoError(t, e.Exec(t.Context(), fmt.Sprintf("COPY (SELECT i, repeat(chr((65 + i %% 26)::INTEGER), %d) AS story FROM range(20000) r(i)) TO %s", long, table.Literal(csv))))
		_, err := e.Convert(t.Context(), table.Source{Paths: []string{csv}}, whole)
		require.NoError(t, err)
		reached(want, groups(whole), "collected")
		again := filepath.Join(dir, "again.parquet")
		_, err = e.Write(t.Context(), "SELECT * FROM "+table.Scan(whole), again, whole)
		require.NoError(t, err)
		reached(want, groups(again), "written")
		_, err = e.WriteColumns(t.Context(), []string{"story", "i"}, "FROM "+table.Scan(whole), table.RowNumber, whole, again)
		require.NoError(t, err)
		reached(want, groups(again), "columns")
		_, err = e.Integrate(t.Context(), map[string]table.Table{"rows": table.Parts(whole)}, "", []string{"i"}, again)
		require.NoError(t, err)
		reached(want, groups(again), "integrated")
	}
}
