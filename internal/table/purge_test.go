package table_test

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
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
		debug.FreeOSMemory() // what tests before have left
		n, err := memory.Resident(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return n >> 20
	}
	table.Purge()
	before := resident()
	for _, sql := range []string{"CREATE TABLE held AS SELECT hash(i) AS h FROM range(20000000) t(i)", "DROP TABLE held"} {
		if err := e.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
		if more := resident() - before; sql != "DROP TABLE held" && more < 120 {
			t.Fatalf("%d MiB more with a table of 152", more)
		}
	}
	table.Purge()
	if more := resident() - before; more > 60 {
		t.Fatalf("%d MiB more are held by nothing", more)
	}
}
