package table

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/frame"
)

// What is appended comes back as it was, over the bounds of a batch, in order.
func TestAppendedRowsComeBack(t *testing.T) {
	e, err := Open(Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	rows := 2*BatchRows + 17
	f := &frame.Frame{Rows: rows, Columns: []frame.Column{
		{Name: "n", Kind: frame.Number}, {Name: "a \"text\"", Kind: frame.Text, Dict: []string{"", "short", strings.Repeat("long ", 10), "x\x00y"}}, {Name: "t", Kind: frame.Time},
	}}
	for i := range rows {
		number, code, at := float64(i)/3, int32(i%5)-1, int64(i)*1e6
		if i%7 == 3 {
			number, at = math.NaN(), frame.MissingTime
		}
		f.Columns[0].Numbers = append(f.Columns[0].Numbers, number)
		f.Columns[1].Codes = append(f.Columns[1].Codes, code)
		f.Columns[2].Times = append(f.Columns[2].Times, at)
	}
	require.NoError(t, e.Create(t.Context(), "rows", f))
	require.NoError(t, e.Append(t.Context(), "rows", f))
	at := 0
	require.NoError(t, e.EachFrameOf(t.Context(), `SELECT * FROM rows`, func(got *frame.Frame) error {
		for i := range got.Rows {
			for j := range f.Columns {
				want, have := &f.Columns[j], &got.Columns[j]
				require.Equal(t, want.Missing(at), have.Missing(i), "row %d of %s", at, want.Name)
				switch {
				case want.Missing(at):
				case want.Kind == frame.Text:
					require.Equal(t, want.Dict[want.Codes[at]], have.Dict[have.Codes[i]])
				case want.Kind == frame.Time:
					require.Equal(t, want.Times[at], have.Times[i])
				default:
					require.Equal(t, want.Numbers[at], have.Numbers[i])
				}
			}
			at++
		}
		return nil
	}))
	require.Equal(t, rows, at)
	require.Error(t, e.Append(t.Context(), "no such table", f))

	out := filepath.Join(t.TempDir(), "out.csv")
	require.NoError(t, e.WriteCSV(t.Context(), `SELECT n FROM rows WHERE n < 1 ORDER BY n`, out))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "n\n0.0\n0.3333333333333333\n0.6666666666666666\n", string(text))
}
