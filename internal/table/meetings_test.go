package table_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// scrambled are n distinct words, but for those that repeat.
func scrambled(n int) []uint64 {
	words := make([]uint64, n)
	for i := range words {
		words[i] = uint64(i+1) * 0x9e3779b97f4a7c15 // the multiplier is odd
	}
	return words
}

// meet adds the words some at a time, as they come.
func meet(t *testing.T, words []uint64, tables int64) *table.Meetings {
	t.Helper()
	m, err := setup(t, 2).engine.NewMeetings(int64(len(words)) * tables)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	for k := range tables {
		from := int64(0)
		for some := range slices.Chunk(words, 777) {
			if err := m.Add(some, table.TableRow(k, from)); err != nil {
				t.Fatal(err)
			}
			from += int64(len(some))
		}
	}
	return m
}

// inMemoryAndOnDisk runs a test in both.
func inMemoryAndOnDisk(t *testing.T, test func(t *testing.T)) {
	t.Run("in memory", test)
	t.Run("on disk", func(t *testing.T) {
		t.Cleanup(table.SpillEarly(1000))
		test(t)
	})
}

func TestMeetingsFindEveryPlaceOfAWordThatRepeats(t *testing.T) {
	inMemoryAndOnDisk(t, func(t *testing.T) {
		words := scrambled(100_000)
		if got, err := meet(t, words, 1).Places(context.Background(), 0); err != nil || len(got) != 0 {
			t.Fatal(got, err)
		}
		words[99_999], words[70], words[71], words[5] = words[4], words[4], 0, 0 // 0 is no word
		words[99] = words[98]
		m := meet(t, words, 1)
		if got, err := m.Places(context.Background(), 5); err != nil || !slices.Equal(got, []int64{4, 70, 98, 99, 99_999}) {
			t.Fatal(got, err)
		}
		if _, err := m.Places(context.Background(), 4); !errors.Is(err, table.ErrManyMeet) {
			t.Fatal(err)
		}
		var found []uint64
		if err := m.Each(context.Background(), func(same []table.Print) error {
			found = append(found, same[0].Word)
			return nil
		}); err != nil || len(found) != 2 || !slices.IsSorted(found) {
			t.Fatal(found, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := m.Each(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

// A word of more rows than a part is meant to have is counted, table by table.
func TestMeetingsCountWhatIsEverywhere(t *testing.T) {
	inMemoryAndOnDisk(t, func(t *testing.T) {
		words := scrambled(50_000)
		for i := range 40_000 {
			words[1000+i] = words[999]
		}
		m := meet(t, words, 3)
		seen := 0
		err := m.Each(context.Background(), func(same []table.Print) error {
			if seen++; same[0].Word != words[999] {
				if len(same) != 3 {
					t.Fatal(same)
				}
				return nil
			}
			rows, first := [3]int64{}, [3]int64{-1, -1, -1}
			for _, p := range same {
				at, row := p.Place()
				if rows[at] += p.Rows; first[at] < 0 {
					first[at] = row
				}
			}
			if rows != [3]int64{40_001, 40_001, 40_001} || first != [3]int64{999, 999, 999} {
				t.Fatal(rows, first)
			}
			return nil
		})
		if err != nil || seen != 10_000 {
			t.Fatal(seen, err)
		}
	})
}

func TestWordsAreKeptFromScanToScan(t *testing.T) {
	inMemoryAndOnDisk(t, func(t *testing.T) {
		const rows = 10_000
		w, err := setup(t, 2).engine.NewWords(rows)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for scan, size := range []int{700, 2048, 31} {
			for from := int64(0); from < rows; from += int64(size) {
				some, err := w.Change(from, int(min(int64(size), rows-from)))
				if err != nil {
					t.Fatal(err)
				}
				for i := range some {
					some[i] += uint64(from) + uint64(i) + uint64(scan)
				}
			}
		}
		for from := int64(0); from < rows; from += 999 {
			some, err := w.Look(from, int(min(999, rows-from)))
			if err != nil {
				t.Fatal(err)
			}
			for i, word := range some {
				if word != 3*(uint64(from)+uint64(i))+3 {
					t.Fatal(from, i, word)
				}
			}
		}
	})
}

// What is spilled is gone with the process, whatever becomes of it; where nothing
// can be, the fault says so.
func TestScratchFilesHaveNoName(t *testing.T) {
	t.Cleanup(table.SpillEarly(1000))
	dir := t.TempDir()
	e, err := table.Open(table.Options{Threads: 2, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	w, err := e.NewWords(5000)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m, err := e.NewMeetings(5000)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := e.NewWords(5000); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
	if _, err := e.NewMeetings(5000); fault.KindOf(err) != fault.ResourceExhausted {
		t.Fatal(err)
	}
}
