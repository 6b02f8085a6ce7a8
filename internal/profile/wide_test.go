package profile_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestTenThousandColumns(t *testing.T) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir(), MemoryLimit: 768 << 20}) // a worker's default
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := filepath.Join(t.TempDir(), "wide.parquet")
	info, err := e.Convert(context.Background(), table.Source{Paths: []string{testenv.Wide(t, 10_000, 100)}}, in)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Compute(context.Background(), e, in, info.Schema, profile.Options{Target: "c0", Task: pipeline.Regression, Key: []string{"c0"}, EventTime: "c3"})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Columns) != 10_000 || p.Column("c9901").Missing != 23 || p.Column("c9903").Time == nil || len(p.Matrix.Columns) != 30 || *p.RepeatedKeys != 0 {
		t.Fatalf("%d %+v", len(p.Columns), p.Column("c9901"))
	}
	if a := p.Column("c2").Association; a == nil || a.Value != 1 || p.Column("c9999").Association == nil || p.Column("c9901").Association == nil {
		t.Fatalf("%+v", a)
	}
	var page bytes.Buffer
	if err := p.HTML(&page, "wide", "x"); err != nil || page.Len() > 2<<20 {
		t.Fatal(page.Len(), err)
	}
}
