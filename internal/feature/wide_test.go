package feature_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/pipeline"
	engine "github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// TestAutoOfTenThousandColumns reads, plans, fits and applies them, half of them
// texts and times, with the memory of a worker's engine.
func TestAutoOfTenThousandColumns(t *testing.T) {
	const columns = 10_000
	ctx, dir := context.Background(), t.TempDir()
	e, err := engine.Open(engine.Options{Threads: 2, TempDir: dir, MemoryLimit: 768 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := filepath.Join(dir, "wide.parquet")
	info, err := e.Convert(ctx, engine.Source{Paths: []string{testenv.Wide(t, columns, 4)}}, in)
	if err != nil {
		t.Fatal(err)
	}
	problem, auto := pipeline.Problem{Target: "c0", Task: pipeline.Regression}, pipeline.Features{Auto: true}
	rows, err := e.Read(ctx, in, append(feature.Columns(auto, problem, info.Schema), "c0"))
	if err != nil {
		t.Fatal(err)
	}
	plan, choices, err := feature.Plan(auto, problem, info.Schema, feature.FactsOf(rows))
	if err != nil {
		t.Fatal(err)
	}
	target, err := feature.FitTarget(problem, rows.Column("c0"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := target.Values(rows.Column("c0"))
	if err != nil {
		t.Fatal(err)
	}
	fitted, made, err := feature.FitApply(plan, rows, feature.Supervised(target, y))
	if err != nil {
		t.Fatal(err)
	}
	if len(choices) < columns-1 || len(fitted.Inputs) < columns*9/10 || len(made.Features) < columns || made.Rows != testenv.WideRows {
		t.Fatalf("%d choices, %d inputs, %d features of %d rows", len(choices), len(fitted.Inputs), len(made.Features), made.Rows)
	}
}
