package quality_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// TestTwoThousandColumns holds a table, half of it texts and times, against what is
// inferred from it, and quarantines a row.
func TestTwoThousandColumns(t *testing.T) { wideContract(t, 2000, 256, 1) }

// TestTenThousandColumns does so with a worker's default memory and every eighth of
// its rules, and parts no rows.
func TestTenThousandColumns(t *testing.T) { wideContract(t, 10_000, 768, 8) }

func wideContract(t *testing.T, columns int, limit int64, every int) {
	ctx, dir := context.Background(), t.TempDir()
	e, err := table.Open(table.Options{Threads: 2, TempDir: dir, MemoryLimit: limit << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := filepath.Join(dir, "wide.parquet")
	info, err := e.Convert(ctx, table.Source{Paths: []string{testenv.Wide(t, columns, 4)}}, in)
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.Pipeline{Problem: pipeline.Problem{Target: "c0", Task: pipeline.Regression}, Dataset: pipeline.Dataset{Key: []string{"c0"}, EventTime: "c3"}}
	suggested, err := quality.Infer(ctx, e, in, info.Schema, p)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	rules := quality.Implicit(p, info.Schema)
	for i, s := range suggested {
		said[quality.Text(s.Rule)] = true
		if i%every == 0 {
			rules = append(rules, s.Rule)
		}
	}
	last := fmt.Sprintf("c%d", columns-3)
	for _, text := range []string{"c0 unique", "c5 missing in at most 19 % of rows", "c5 in {k1, k5, k0, k2, k3, k4, k6}, in at least 99 % of known values", last + " missing in at most 19 % of rows", "c4 in [0, 220]", "c7 is not missing", fmt.Sprintf("c%d is a time", columns-1)} {
		if !said[text] {
			t.Errorf("nobody said %q", text)
		}
	}
	if len(suggested) < 5*columns/2 {
		t.Fatalf("%d suggestions", len(suggested))
	}
	narrow, severity := 1.0, pipeline.Quarantine
	if every > 1 {
		severity = pipeline.Warn
	}
	rules = append(rules, pipeline.Rule{Column: "c0", Range: &pipeline.Range{Min: &narrow}, OnFail: severity})
	o := quality.Options{Out: quality.Outputs{Valid: filepath.Join(dir, "valid"), Quarantined: filepath.Join(dir, "quarantined")}}
	got, err := quality.Check(ctx, e, in, info.Schema, rules, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Rules[:len(got.Rules)-1] {
		if !r.Passed {
			t.Errorf("%s: %s", r.Rule, r.Observed)
		}
	}
	if last := got.Rules[len(got.Rules)-1]; last.Failed != 1 || last.Passed {
		t.Fatalf("%+v", last)
	}
	if every > 1 {
		return
	}
	if got.Quarantined != 1 || got.Valid != testenv.WideRows-1 {
		t.Fatalf("%d rows valid, %d quarantined", got.Valid, got.Quarantined)
	}
	kept, err := e.Schema(ctx, o.Out.Valid)
	if err != nil || len(kept) != columns {
		t.Fatal(len(kept), err)
	}
}
