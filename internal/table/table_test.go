package table_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// bench is an engine and a directory of one test.
type bench struct {
	*testing.T
	engine *table.Engine
	dir    string
	temp   string // the engine's
}

func setup(t *testing.T, threads int) *bench {
	t.Helper()
	temp := t.TempDir()
	e, err := table.Open(table.Options{Threads: threads, TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &bench{T: t, engine: e, dir: t.TempDir(), temp: temp}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) file(name, content string) string {
	b.Helper()
	if err := os.WriteFile(b.path(name), []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	return b.path(name)
}

// parquet writes the rows of trusted SQL as a file.
func (b *bench) parquet(name, sql string) string {
	b.Helper()
	if _, err := b.engine.Write(context.Background(), sql, b.path(name)); err != nil {
		b.Fatal(err)
	}
	return b.path(name)
}

func (b *bench) wantKind(err error, kind fault.Kind) *fault.Error {
	b.Helper()
	if got := fault.KindOf(err); got != kind {
		b.Fatalf("kind %q, want %q: %v", got, kind, err)
	}
	typed := err.(*fault.Error)
	if typed.Remedy == "" {
		b.Fatalf("no remedy: %v", err)
	}
	return typed
}

func (b *bench) noFile(name string) {
	b.Helper()
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == name || e.Name() == name+".partial" {
			b.Fatalf("%s was left behind", e.Name())
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func setupB(b *testing.B) *table.Engine {
	b.Helper()
	e, err := table.Open(table.Options{TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	return e
}
