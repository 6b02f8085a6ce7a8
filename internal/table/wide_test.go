package table_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// wide is an engine with the memory limit, in MiB, that wide tables must pass with.
func wide(t *testing.T, limit int64) *bench {
	t.Helper()
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir(), MemoryLimit: limit << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &bench{T: t, engine: e, dir: t.TempDir()}
}

// Half of the columns are texts and times, whose vectors take the most.
func TestTenThousandMixedColumns(t *testing.T) {
	b := wide(t, 768) // a worker's default
	b.mixed(10_000)
}

func TestMixedColumnsInStripes(t *testing.T) {
	narrow, roomy := wide(t, 192), wide(t, 1024) // 2,000 columns take 251 MiB at once
	if a, c := narrow.mixed(2000), roomy.mixed(2000); a != c {
		t.Fatalf("the memory limit changes what is written: %s and %s", a, c)
	}
}

// mixed converts a table of so many columns and returns what is in it.
func (b *bench) mixed(columns int) string {
	b.Helper()
	ctx := context.Background()
	out := b.path("wide.parquet")
	info, err := b.engine.Convert(ctx, table.Source{Paths: []string{testenv.Wide(b, columns, 4)}}, out)
	if err != nil {
		b.Fatal(err)
	}
	if len(info.Schema) != columns || info.Rows != testenv.WideRows || info.Schema.Column("c5").SQL != "VARCHAR" || info.Schema.Column("c7").SQL != "TIMESTAMP" {
		b.Fatalf("%d columns, %d rows, %+v", len(info.Schema), info.Rows, info.Schema[:8])
	}
	last := fmt.Sprintf("c%d", columns-2)
	row, err := b.engine.QueryRow(ctx, "SELECT sum(c0)::BIGINT, sum(c0 * c4), sum(c0 * "+last+"), count(c5), min(c"+fmt.Sprint(columns-1)+")::VARCHAR FROM "+table.Scan(out))
	if err != nil {
		b.Fatal(err)
	}
	if row[0] != int64(199*100) || row[3] != int64(177) {
		b.Fatal(row)
	}
	left, err := filepath.Glob(out + ".*")
	if err != nil || len(left) > 0 {
		b.Fatal(left, err)
	}
	if _, err := os.Stat(out); err != nil {
		b.Fatal(err)
	}
	return fmt.Sprint(row, info.Schema)
}

func TestColumnsBeyondTheMemoryLimit(t *testing.T) {
	b := wide(t, 128)
	_, err := b.engine.Convert(context.Background(), table.Source{Paths: []string{testenv.Wide(t, 2000, 4)}}, b.path("out.parquet"))
	if got := b.wantKind(err, fault.ResourceExhausted).Error(); got != "2000 columns take 189 MB of the engine's memory, whose limit is 128 MB; raise the memory limit, or make do with 1024 columns" {
		t.Fatal(got)
	}
}
