package profile_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
)

// BenchmarkCompute profiles three million flights (the file of ESTEIRA_FLIGHTS, or
// rows like them). bench/peers/profile.py is the same with pandas' describe.
func BenchmarkCompute(b *testing.B) {
	e, err := table.Open(table.Options{Threads: 2, TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	ctx, in := context.Background(), filepath.Join(b.TempDir(), "in")
	sql := `SELECT TIMESTAMP '2001-01-01' + INTERVAL (i // 12) MINUTE AS date, i * 7919 % 900 - 60 AS delay, i * 31 % 4900 + 11 AS distance,
		chr(65 + CAST(i % 26 AS INTEGER)) || 'AX' AS origin, chr(65 + CAST(i * 7 % 26 AS INTEGER)) || 'BY' AS destination FROM range(3000000) t(i)`
	if file := os.Getenv("ESTEIRA_FLIGHTS"); file != "" {
		sql = "SELECT * FROM read_parquet(" + table.Literal(file) + ") ORDER BY ALL"
	}
	info, err := e.Write(ctx, sql, in)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := profile.Compute(ctx, e, in, info.Schema, profile.Options{Target: "delay", Task: pipeline.Regression, EventTime: "date"}); err != nil {
			b.Fatal(err)
		}
	}
}
