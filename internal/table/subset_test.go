package table_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// The values are those that Read gives of the same rows, whatever their types were.
func TestASubsetHasTheValuesThatReadGives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := table.Open(table.Options{TempDir: dir})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	whole := filepath.Join(dir, "whole.parquet")
	_, err = e.Write(t.Context(), `SELECT i::DECIMAL(9,2) / 4 AS "a ""b""", i % 3 = 0 AS flag, CASE WHEN i % 5 > 0 THEN 'é,' || i % 5 END AS word, `+
		`DATE '2020-01-01' + i::INT AS day, CASE WHEN i = 7 THEN 'infinity'::TIMESTAMP ELSE make_timestamp(i * 1000001) END AS at, [i] AS list FROM range(9000) t(i) ORDER BY i`, whole)
	require.NoError(t, err)
	rows := []int32{0, 1, 7, 8, 3000, 8999}
	names := []string{"word", `a "b"`, "flag", "day", "at"}
	s := table.Subset{Columns: names, Rows: rows, Class: "species", Codes: []int32{0, 1, 2, 2, 1, 0}, Classes: []string{"a'b", "c\nd", "e"}}
	out := filepath.Join(dir, "out.parquet")
	info, err := e.WriteSubset(t.Context(), whole, s, dir, out)
	require.NoError(t, err)
	require.Equal(t, int64(6), info.Rows)
	types := map[string]string{}
	for _, c := range info.Schema {
		types[c.Name] = c.SQL
	}
	require.Equal(t, map[string]string{"word": "VARCHAR", `a "b"`: "DOUBLE", "flag": "DOUBLE", "day": "TIMESTAMP", "at": "TIMESTAMP", "species": "VARCHAR"}, types)

	all, err := e.Read(t.Context(), whole, names)
	require.NoError(t, err)
	want := all.Take(rows)
	got, err := e.Read(t.Context(), out, append(names, "species"))
	require.NoError(t, err)
	for _, name := range names {
		w, g := want.Column(name), got.Column(name)
		for i := range rows {
			require.Equal(t, w.Missing(i), g.Missing(i), "%s %d", name, i)
			switch {
			case w.Missing(i):
			case w.Kind == frame.Text:
				require.Equal(t, w.Dict[w.Codes[i]], g.Dict[g.Codes[i]])
			case w.Kind == frame.Time:
				require.Equal(t, w.Times[i], g.Times[i])
			default:
				require.InDelta(t, w.Numbers[i], g.Numbers[i], 0)
			}
		}
	}
	species := got.Column("species")
	require.Equal(t, "c\nd", species.Dict[species.Codes[1]])
	require.True(t, got.Column("at").Missing(2), "an infinite time is missing")

	info, err = e.WriteSubset(t.Context(), whole, table.Subset{Columns: names, Class: "species", Classes: []string{"a"}}, dir, filepath.Join(dir, "none.parquet"))
	require.NoError(t, err)
	require.Zero(t, info.Rows)
	_, err = e.WriteSubset(t.Context(), whole, table.Subset{Columns: []string{"list"}}, dir, out)
	require.Equal(t, fault.TypeMismatch, fault.KindOf(err))
	_, err = e.WriteSubset(t.Context(), whole, table.Subset{Columns: []string{"nobody"}}, dir, out)
	require.Equal(t, fault.ColumnMissing, fault.KindOf(err))
}
