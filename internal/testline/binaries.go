package testline

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var built struct {
	once sync.Once
	dir  string
	err  error
	out  []byte
}

// binaries returns the directory of the three programs: ESTEIRA_BIN if set (make
// test builds them once for all packages), or a fresh build.
func binaries(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("ESTEIRA_BIN"); dir != "" {
		return dir
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "esteira-bin-"); built.err != nil {
			return
		}
		for program, pkg := range map[string]string{"esteira": "./starter", "esteira-worker": "./worker", "esteira-server": "./server"} {
			cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, program), pkg)
			cmd.Dir = Root()
			if built.out, built.err = cmd.CombinedOutput(); built.err != nil {
				return
			}
		}
	})
	if built.err != nil {
		tb.Fatalf("build the programs: %v\n%s", built.err, built.out)
	}
	return built.dir
}

// Root is the root of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
