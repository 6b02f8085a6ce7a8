package onnxruntime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestALibraryThatCannotBeLoaded(t *testing.T) {
	opening.Lock()
	before := opened
	opened = ""
	opening.Unlock()
	defer func() { opened = before }()
	broken := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(broken, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, broken + ".absent"} {
		err := Open(path)
		if fault.KindOf(err) != fault.ConfigInvalid || !strings.Contains(err.Error(), "make setup") {
			t.Fatalf("%s: %v", path, err)
		}
	}
}
