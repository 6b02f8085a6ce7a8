package quality

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Quantiles, and the tenths that distributions are compared by, are the engine's own to
// the last bit, whatever the number of values.
func TestQuantilesAreTheEngines(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, in := context.Background(), filepath.Join(t.TempDir(), "in")
	column := pipeline.Column{Name: "x", Type: "number", SQL: "DOUBLE"}
	for n := range 60 {
		if _, err := e.Write(ctx, fmt.Sprintf("SELECT CASE WHEN i < %d THEN sin(i) WHEN i %% 2 = 0 THEN 'nan'::DOUBLE END AS x FROM range(%d) t(i)", n, n+3), in); err != nil {
			t.Fatal(err)
		}
		m := &measurement{engine: e, in: in}
		sql := "quantile_disc(x, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])"
		for k := range 101 {
			p := float64(k) / 100
			m.checks = append(m.checks, check{name: "quantile", rule: pipeline.Rule{Column: "x", Quantile: &pipeline.Quantile{P: p}}})
			sql += fmt.Sprintf(", quantile_cont(x, %s)", number(p))
		}
		m.figures = make([]any, len(m.checks))
		if err := m.quantiles(ctx); err != nil {
			t.Fatal(err)
		}
		edges, err := tenths(ctx, e, "SELECT x FROM "+table.Scan(in)+" WHERE NOT "+missing(column))
		if err != nil {
			t.Fatal(err)
		}
		row, err := e.QueryRow(ctx, "SELECT "+sql+" FROM "+table.Scan(in)+" WHERE isfinite(x)")
		if err != nil {
			t.Fatal(err)
		}
		want, _ := row[0].([]any)
		if len(edges) != len(want) {
			t.Fatalf("%d values: %v, want %v", n, edges, want)
		}
		for k := range want {
			if edges[k] != want[k] {
				t.Errorf("%d values: %v, want %v", n, edges, want)
			}
		}
		for k, figure := range m.figures {
			if figure != row[1+k] {
				t.Errorf("%d values: quantile %d %% is %v, want %v", n, k, figure, row[1+k])
			}
		}
	}
}
