package quality

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/table"
)

// TestFewAndManyValuesAreOneDistribution counts the bins of the same rows by their
// distinct values and row by row.
func TestFewAndManyValuesAreOneDistribution(t *testing.T) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := filepath.Join(t.TempDir(), "in")
	info, err := e.Write(t.Context(), `SELECT CASE WHEN i % 9 > 0 THEN CASE i % 7 WHEN 0 THEN 'nan'::DOUBLE ELSE i * 7919 % 40 END END AS n, i % 13 AS v,
		CASE WHEN i % 5 > 0 THEN TIMESTAMP '2024-01-01' + INTERVAL (i % 100) DAY END AS at, NULL::BIGINT AS nothing FROM range(5000) t(i)`, in)
	if err != nil {
		t.Fatal(err)
	}
	m := &measurement{engine: e}
	for i := range info.Schema {
		var counted [2]map[string]float64
		for k, few := range []bool{true, false} {
			s := sample{scan: table.Scan(in), column: &info.Schema[i], few: few}
			count, err := m.bins(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if counted[k], err = count(s); err != nil {
				t.Fatal(err)
			}
		}
		sum := 0.0
		for _, n := range counted[0] {
			sum += n
		}
		if !maps.Equal(counted[0], counted[1]) || sum != 5000 || (len(counted[0]) < 8) != (info.Schema[i].Name == "nothing") {
			t.Errorf("%s: %v and %v", info.Schema[i].Name, counted[0], counted[1])
		}
	}
}
