package split_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// Without a key, rows are dealt by all they hold.
func TestTwoThousandColumns(t *testing.T) { wideSplit(t, 2000, 256, nil) }

func TestFourThousandColumns(t *testing.T) { wideSplit(t, 4000, 384, []string{"c0"}) }

// A worker's default memory is enough for ten thousand.
func TestTenThousandColumns(t *testing.T) { wideSplit(t, 10_000, 768, []string{"c0"}) }

func wideSplit(t *testing.T, columns int, limit int64, key []string) {
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
	out := split.Paths{Train: filepath.Join(dir, "train"), Validation: filepath.Join(dir, "validation"), Test: filepath.Join(dir, "test")}
	spec := pipeline.Split{Validation: 0.2, Test: 0.2}
	got, err := split.Apply(ctx, e, in, info.Schema, spec, key, "c3", out)
	if err != nil {
		t.Fatal(err)
	}
	if got.Train.Rows+got.Validation.Rows+got.Test.Rows != testenv.WideRows || got.Left != 0 {
		t.Fatalf("%+v", got)
	}
	schema, err := e.Schema(ctx, out.Train)
	if err != nil || len(schema) != columns+1 {
		t.Fatal(len(schema), err)
	}
	if len(key) > 0 {
		return // sixty scans more
	}
	found, err := split.Crossings(ctx, e, out, info.Schema, spec, []string{"c0"}, "c3")
	if err != nil || len(found) != 2 || found[1].Shared != 0 || len(found[1].Columns) != columns-2 {
		t.Fatalf("%d crossings, %v", len(found), err)
	}
}
