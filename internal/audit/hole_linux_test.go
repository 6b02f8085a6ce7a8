package audit

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// dataIn is how much of a file is written before its first hole: blocks that are
// reserved alone are one.
func dataIn(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_HOLE)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
