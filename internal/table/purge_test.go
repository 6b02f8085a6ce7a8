package table_test

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/table"
)

// What the engine has freed does not stay with the process.
func TestFreedMemoryIsGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	e := setup(t, 2).engine
	resident := func() int64 {
		n, err := memory.Resident(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return n >> 20
	}
	for _, sql := range []string{"CREATE TABLE held AS SELECT hash(i) AS h FROM range(20000000) t(i)", "DROP TABLE held"} {
		if err := e.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
		if sql != "DROP TABLE held" && resident() < 150 {
			t.Fatalf("%d MiB with a table of 152", resident())
		}
	}
	table.Purge()
	if n := resident(); n > 130 {
		t.Fatalf("%d MiB are held by nothing", n)
	}
}
