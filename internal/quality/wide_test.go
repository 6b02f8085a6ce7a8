package quality_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestTenThousandColumns(t *testing.T) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir(), MemoryLimit: 768 << 20}) // a worker's default
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, dir := context.Background(), t.TempDir()
	in := filepath.Join(dir, "wide.parquet")
	info, err := e.Convert(ctx, table.Source{Paths: []string{testenv.Wide(t, 10_000)}}, in)
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.Pipeline{Name: "wide", Problem: pipeline.Problem{Target: "c0", Task: pipeline.Regression}, Dataset: pipeline.Dataset{Key: []string{"c0"}}}
	suggested, err := quality.Infer(ctx, e, in, info.Schema, p)
	if err != nil || len(suggested) < 10_000 {
		t.Fatal(len(suggested), err)
	}
	rules := quality.Implicit(p, info.Schema)
	for _, s := range suggested {
		rules = append(rules, s.Rule)
	}
	got, err := quality.Check(ctx, e, in, info.Schema, rules, quality.Options{Out: quality.Outputs{Valid: filepath.Join(dir, "valid"), Quarantined: filepath.Join(dir, "quarantined")}})
	if err != nil || got.Violation() != nil || got.Rows != testenv.WideRows {
		t.Fatal(got, err)
	}
	for _, r := range got.Rules {
		if !r.Passed {
			t.Errorf("what was inferred does not hold: %s: %s", r.Rule, r.Observed)
		}
	}
	var page bytes.Buffer
	if err := got.HTML(&page, "wide", "x"); err != nil || page.Len() > 2<<20 {
		t.Fatal(page.Len(), err)
	}
}
