package table_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestCheckExpression(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	schema := pipeline.Schema{{Name: "x", SQL: "BIGINT"}, {Name: `a "b"`, SQL: "VARCHAR"}}
	for expression, kind := range map[string]fault.Kind{
		"x > 0": "", `"a ""b""" LIKE 'q%' -- (remark`: "", "x IN (1, 2)": "", "[x][1] = 1": "",
		"x > 0) OR (true": fault.QueryInvalid, "true][1] OR [false": fault.QueryInvalid, "x > 0, true": fault.TypeMismatch,
		"true) FROM read_csv('/etc/passwd') --": fault.QueryInvalid, "sum(x) > 1": fault.QueryInvalid, "x": fault.TypeMismatch,
		"EXISTS (SELECT 1)": fault.QueryInvalid, "y > 1": fault.QueryInvalid, "": fault.QueryInvalid, "true); DROP TABLE t; SELECT (1": fault.QueryInvalid,
	} {
		if err := e.CheckExpression(context.Background(), schema, expression, "the rule"); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestLockedReadsAndWritesTheGivenFilesAlone(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, dir := context.Background(), t.TempDir()
	in, out, other := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "other")
	for _, path := range []string{in, other} {
		if _, err := e.Write(ctx, "SELECT 1 AS x", path); err != nil {
			t.Fatal(err)
		}
	}
	locked, err := e.Locked(ctx, []string{in}, []string{out})
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close()
	if _, err := locked.Write(ctx, "SELECT * FROM "+table.Scan(in), out); err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Query(ctx, "SELECT * FROM "+table.Scan(other)); err == nil {
		t.Fatal("another file was read")
	}
	if err := locked.Exec(ctx, "COPY (SELECT 1) TO "+table.Literal(filepath.Join(dir, "new"))); err == nil {
		t.Fatal("another file was written")
	}
	if err := locked.Exec(ctx, "SET enable_external_access = true"); err == nil {
		t.Fatal("the lock was opened")
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Fatal("another file is there")
	}
}

func TestWords(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	sum, n := uint64(0), 0
	if err := e.Words(context.Background(), "SELECT i::UBIGINT FROM range(100000) t(i)", func(words []uint64) error {
		n += len(words)
		for _, w := range words {
			sum += w
		}
		return nil
	}); err != nil || n != 100_000 || sum != 99_999*50_000 {
		t.Fatal(n, sum, err)
	}
	if err := e.Words(context.Background(), "SELECT 'x'", func([]uint64) error { return nil }); fault.KindOf(err) != fault.Internal {
		t.Fatal(err)
	}
	if err := e.Words(context.Background(), "SELECT i FROM range(100000) t(i)", func([]uint64) error { return context.Canceled }); err != context.Canceled {
		t.Fatal(err)
	}
}
