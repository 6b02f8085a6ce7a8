package table_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// Codes of one, two and four bytes, from the missing one to the greatest of each width,
// in memory, on disk and in both, are read as they were written: anywhere, and several
// columns at once.
func TestCodesAreReadAsTheyWereWritten(t *testing.T) {
	const rows = 50_000
	var columns [][]int32
	for _, most := range []int32{-1, 0, 254, 255, 65534, 65535, 1<<31 - 2} {
		column := make([]int32, rows)
		for i := range column {
			column[i] = int32(uint32(i)*2654435769>>1) % max(1, most)
		}
		column[0], column[1], column[rows-1] = -1, most, most
		columns = append(columns, column)
	}
	for name, held := range map[string]int{"memory": 1 << 30, "disk": 0, "both": 300_000} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e, err := table.Open(table.Options{TempDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			shelf := e.NewShelf(held)
			defer shelf.Close()
			var all sync.WaitGroup
			for _, column := range columns {
				all.Go(func() {
					codes := shelf.NewCodes()
					for at, n := 0, 1; at < rows; at, n = at+n, n%3000+7 {
						n = min(n, rows-at)
						if err := codes.Append(column[at : at+n]); err != nil {
							t.Error(err)
						}
					}
					if err := codes.End(); err != nil || codes.Len() != rows {
						t.Error(codes.Len(), err)
					}
					for _, span := range [][2]int{{0, rows}, {0, 1}, {1, 2}, {8191, 8193}, {8192, 16384}, {16000, 40001}, {rows - 1, rows}} {
						got := make([]int32, span[1]-span[0])
						if err := codes.Read(got, int64(span[0])); err != nil || !slices.Equal(got, column[span[0]:span[1]]) {
							t.Error(column[1], span, err)
						}
					}
				})
			}
			all.Wait()
			if left, err := filepath.Glob(filepath.Join(dir, "esteira-scratch-*")); err != nil || len(left) > 0 {
				t.Fatal(left, err)
			}
		})
	}
}

func TestCodesWithoutADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	e, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	shelf := e.NewShelf(0)
	defer shelf.Close()
	codes := shelf.NewCodes()
	if err := codes.Append([]int32{1}); err != nil {
		t.Fatal(err)
	}
	if err := codes.End(); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
}
