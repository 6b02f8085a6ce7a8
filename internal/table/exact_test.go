package table_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/table"
)

const long = "123456789012345678901234567890123456789" // one digit more than any number has

func TestWholeNumbersBeyondBIGINTStayApart(t *testing.T) {
	small := strings.Repeat("7\n", 30_000) // more than the engine's sample
	for name, c := range map[string]struct {
		file, content, sql string
		distinct           int64
	}{
		"csv":                 {"a.csv", "id\n12345678901234567890\n12345678901234567891\n", "DECIMAL(38,0)", 2},
		"csv, negative":       {"a.csv", "id\n-12345678901234567890\n-12345678901234567891\n3\n\n", "DECIMAL(38,0)", 3},
		"csv, beyond sample":  {"a.csv", "id\n" + small + "12345678901234567890\n12345678901234567891\n", "DECIMAL(38,0)", 3},
		"csv, longest":        {"a.csv", "id\n99999999999999999999999999999999999999\n99999999999999999999999999999999999998\n", "DECIMAL(38,0)", 2},
		"csv, too long":       {"a.csv", "id\n" + long + "0\n" + long + "1\n7\n", "VARCHAR", 3},
		"csv, with fractions": {"a.csv", "id\n12345678901234567890\n0.5\n", "DOUBLE", 2},
		"csv, with NaN":       {"a.csv", "id\n12345678901234567890\nnan\n", "DOUBLE", 2},
		"csv, exponents":      {"a.csv", "id\n1e30\n2e30\n", "DOUBLE", 2},
		"json":                {"a.json", `{"id":12345678901234567890}` + "\n" + `{"id":12345678901234567891}`, "DECIMAL(38,0)", 2},
		"json, array":         {"a.json", `[{"id":12345678901234567890},{"id":12345678901234567891},{"id":-4}]`, "DECIMAL(38,0)", 3},
		"json, thirty digits": {"a.json", `{"id":123456789012345678901234567890}` + "\n" + `{"id":123456789012345678901234567891}`, "DECIMAL(38,0)", 2},
		"json, too long":      {"a.json", `{"id":` + long + `0}` + "\n" + `{"id":` + long + `1}`, "VARCHAR", 2},
		"json, with fraction": {"a.json", `{"id":123456789012345678901234567890}` + "\n" + `{"id":0.5}`, "DOUBLE", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, 2)
			out := b.path("out.parquet")
			info, err := b.engine.Convert(t.Context(), table.Source{Paths: []string{b.file(c.file, c.content)}}, out)
			require.NoError(t, err)
			require.Equal(t, c.sql, info.Schema.Column("id").SQL)
			row, err := b.engine.QueryRow(t.Context(), "SELECT count(DISTINCT id)::BIGINT FROM "+table.Scan(out))
			require.NoError(t, err)
			require.Equal(t, c.distinct, row[0])
		})
	}
}

// Of JSON the column is read by itself: its values stay in their rows.
func TestExactColumnsOfJSONStayBesideTheirRows(t *testing.T) {
	b := setup(t, 4)
	var lines strings.Builder
	const rows = 150_000
	for i := range rows {
		fmt.Fprintf(&lines, `{"day": "%02d/01/2024", "n": %d, "id": 1234567890123456789012%06d, "word": "w%d"}`+"\n", i%28+1, i, i, i)
	}
	out := b.path("out.parquet")
	info, err := b.engine.Convert(t.Context(), table.Source{Paths: []string{b.file("a.json", lines.String())}}, out)
	require.NoError(t, err)
	require.EqualValues(t, rows, info.Rows)
	require.Equal(t, []string{"day", "n", "id", "word"}, []string{info.Schema[0].Name, info.Schema[1].Name, info.Schema[2].Name, info.Schema[3].Name})
	row, err := b.engine.QueryRow(t.Context(), "SELECT count(*)::BIGINT FROM "+table.Scan(out)+" WHERE id - 1234567890123456789012000000 = n AND word = 'w' || n AND n = "+table.RowNumber)
	require.NoError(t, err)
	require.EqualValues(t, rows, row[0])
}

// Parts that have such numbers and parts that have none make one column of them.
func TestPartsWithVastNumbersAreOneColumn(t *testing.T) {
	b := setup(t, 2)
	var layouts []table.Info
	tab := table.Table{}
	for i, content := range []string{"id\n1\n9007199254740993\n", "id\n12345678901234567890\n12345678901234567891\n9007199254740992\n"} {
		out := b.path(fmt.Sprintf("%d.parquet", i))
		info, err := b.engine.Convert(t.Context(), table.Source{Paths: []string{b.file(fmt.Sprintf("%d.csv", i), content)}}, out)
		require.NoError(t, err)
		layouts = append(layouts, info)
		tab.Groups = append(tab.Groups, table.Group{Paths: []string{out}, Schema: info.Schema})
	}
	tab.Schema, _ = table.Unify(layouts)
	info, err := b.engine.Integrate(context.Background(), map[string]table.Table{"s": tab}, "SELECT DISTINCT id FROM s", []string{"id"}, b.path("dataset.parquet"))
	require.NoError(t, err)
	require.EqualValues(t, 5, info.Rows)
	require.Equal(t, "DECIMAL(38,0)", info.Schema.Column("id").SQL)
	repeats, err := b.engine.Repeats(t.Context(), b.path("dataset.parquet"), []string{"id"})
	require.NoError(t, err)
	require.Zero(t, repeats)
}
