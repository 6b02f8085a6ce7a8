package table

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

// pastOf writes the values of a type and returns those past a mark, and the mark they
// leave themselves.
func pastOf(t *testing.T, sql string, values []string, mark string) (past []string, watermark string, err error) {
	t.Helper()
	e, err := Open(Options{Threads: 2})
	require.NoError(t, err)
	defer e.Close()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.parquet"), filepath.Join(dir, "out.parquet")
	literal := make([]string, len(values))
	for i, v := range values {
		literal[i] = "(CAST(" + Literal(v) + " AS " + sql + "))"
	}
	_, err = e.Write(t.Context(), "SELECT * FROM (VALUES "+strings.Join(literal, ", ")+") AS v(\"at\")", in)
	require.NoError(t, err)
	if _, err = e.Convert(t.Context(), Source{Paths: []string{in}, Past: Past{"at", mark}}, out); err != nil {
		return nil, "", err
	}
	require.NoError(t, e.Stream(t.Context(), "SELECT CAST(\"at\" AS VARCHAR) FROM "+Scan(out)+" ORDER BY \"at\"", func(row []any) error {
		past = append(past, row[0].(string))
		return nil
	}))
	watermark, err = e.Watermark(t.Context(), out, "at")
	return past, watermark, err
}

func TestOneOrderForAllTypesOfAWatermark(t *testing.T) {
	for name, c := range map[string]struct {
		sql          string
		mark         string
		values, past string
	}{
		"whole past a fraction":             {"BIGINT", "10.5", "10 11", "11"},
		"whole past a negative fraction":    {"BIGINT", "-10.5", "-11 -10", "-10"},
		"whole past a whole DOUBLE":         {"BIGINT", "11.0", "11 12", "12"},
		"BIGINT past a neighbour":           {"BIGINT", "9007199254740992", "9007199254740992 9007199254740993", "9007199254740993"},
		"DOUBLE past a BIGINT it rounds to": {"DOUBLE", "9007199254740993", "9007199254740992 9007199254740994", "9007199254740994.0"},
		"DOUBLE past a BIGINT it exceeds":   {"DOUBLE", "9007199254740991", "9007199254740990 9007199254740992", "9007199254740992.0"},
		"UBIGINT past a BIGINT":             {"UBIGINT", "9223372036854775807", "1 9223372036854775808", "9223372036854775808"},
		"TINYINT past what it cannot hold":  {"TINYINT", "1e+30", "1 127", ""},
		"TINYINT past less than it holds":   {"TINYINT", "-1e+300", "-128 127", "-128 127"},
		"DECIMAL past a finer one":          {"DECIMAL(10,2)", "1.505", "1.50 1.51", "1.51"},
		"DECIMAL past a DOUBLE":             {"DECIMAL(30,15)", "1700000000.1", "1700000000.1 1700000000.100000000000001", "1700000000.100000000000001"},
		"FLOAT past its own":                {"FLOAT", "0.10000000149011612", "0.1 0.2", "0.2"},
		"DATE past a time of its day":       {"DATE", "2024-01-02 10:00:00", "2024-01-02 2024-01-03", "2024-01-03"},
		"TIMESTAMP past a date":             {"TIMESTAMP", "2024-01-02", "2024-01-02 00:00:00|2024-01-02 10:00:00", "2024-01-02 10:00:00"},
		"TIMESTAMP past one with a zone":    {"TIMESTAMP", "2024-01-02 10:00:00+00", "2024-01-02 10:00:00|2024-01-02 10:00:00.000001", "2024-01-02 10:00:00.000001"},
		"TIMESTAMPTZ past one without":      {"TIMESTAMP WITH TIME ZONE", "2024-01-02 10:00:00", "2024-01-02 11:00:00+01|2024-01-02 11:00:01+01", "2024-01-02 10:00:01+00"},
		"TIMESTAMP_NS past its neighbour":   {"TIMESTAMP_NS", "2024-01-02 10:00:00.000000001", "2024-01-02 10:00:00.000000001|2024-01-02 10:00:00.000000002", "2024-01-02 10:00:00.000000002"},
		"TIMESTAMP past nanoseconds":        {"TIMESTAMP", "2024-01-02 10:00:00.000000001", "2024-01-02 10:00:00|2024-01-02 10:00:00.000001", "2024-01-02 10:00:00.000001"},
		"TIMESTAMP_NS past a far year":      {"TIMESTAMP_NS", "3000-01-01", "2024-01-02 10:00:00|2200-01-01 00:00:00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			split := func(list string) []string {
				if list == "" {
					return nil
				}
				if strings.Contains(list, ":") {
					return strings.Split(list, "|")
				}
				return strings.Fields(list)
			}
			past, watermark, err := pastOf(t, c.sql, split(c.values), c.mark)
			require.NoError(t, err)
			require.Equal(t, split(c.past), past)
			if watermark == "" {
				require.Empty(t, past)
				return
			}
			latest, err := Latest([]string{c.mark, watermark, c.mark})
			require.NoError(t, err)
			require.Equal(t, watermark, latest, "what is past a mark is later than it")
			past, _, err = pastOf(t, c.sql, split(c.values), watermark)
			require.NoError(t, err)
			require.Empty(t, past, "nothing comes twice")
		})
	}
}

func TestWhatHasNoPlaceInTheOrderIsRefused(t *testing.T) {
	for sql, values := range map[string][]string{
		"DOUBLE": {"nan", "inf", "-inf"}, "FLOAT": {"nan", "inf"}, "DATE": {"infinity", "-infinity", "20000-01-01"},
		"TIMESTAMP": {"infinity", "-infinity"}, "TIMESTAMP WITH TIME ZONE": {"infinity"},
	} {
		good, mark := "1", "0"
		if strings.HasPrefix(sql, "DATE") || strings.HasPrefix(sql, "TIME") {
			good, mark = "2024-01-02", "2024-01-01"
		}
		for _, value := range values {
			for _, mark := range []string{"", mark} { // the first run and the next
				_, _, err := pastOf(t, sql, []string{good, value}, mark)
				require.Equal(t, fault.SourceUnreadable, fault.KindOf(err), "%s %s past %q: %v", sql, value, mark, err)
			}
		}
	}
	_, _, err := pastOf(t, "BIGINT", []string{"1"}, "2024-01-02")
	require.Equal(t, fault.TypeMismatch, fault.KindOf(err), "%v", err)
	_, err = Latest([]string{"1", "2024-01-02"})
	require.Equal(t, fault.TypeMismatch, fault.KindOf(err), "%v", err)
	_, err = Latest([]string{"1", "infinity"})
	require.Equal(t, fault.TypeMismatch, fault.KindOf(err), "%v", err)
}
