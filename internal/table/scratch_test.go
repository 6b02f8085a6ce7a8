package table_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestScratchHasNoName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "scratch")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, err := e.NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]uint64{{9, 9}, nil, {1, 2, 3}} {
		if len(words) == 3 {
			if err := s.Reset(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Append(words); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]uint64, 2)
	if err := s.Read(got, 1); err != nil || s.Len() != 3 || !slices.Equal(got, []uint64{2, 3}) {
		t.Fatal(got, s.Len(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	if err := s.Read(got, 2); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal("beyond the end:", err)
	}
	s.Close()
	if err := s.Append(got); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := e.NewScratch(); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
}
