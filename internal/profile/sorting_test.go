package profile

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"testing"

	"github.com/esteira-ml/esteira/internal/table"
)

// sortAll returns the series of values, which are added a hundred at a time.
func sortAll(t *testing.T, values []float64) (*sorting, sorted) {
	t.Helper()
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s, err := newSorting(e, nil)
	t.Cleanup(s.close)
	for some := range slices.Chunk(values, 100) {
		if err == nil {
			_, _, err = s.add(context.Background(), some)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.done(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

func TestSortingCountsWhatAMapCounts(t *testing.T) {
	BoundRuns(t, 64, 3, 16) // runs of runs of runs
	r, counts := rand.New(rand.NewPCG(1, 2)), map[float64]int64{}
	values := []float64{0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e-300, -3}
	for range 5000 {
		values = append(values, math.Round(r.NormFloat64()*300)/8)
	}
	for _, x := range values {
		counts[x]++
	}
	_, all := sortAll(t, append(values, math.NaN(), math.Inf(1), math.Inf(-1)))
	var got listed
	if err := all.each(context.Background(), func(some []counted) { got = append(got, some...) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(counts) || !sort.SliceIsSorted(got, func(i, j int) bool { return got[i].value < got[j].value }) {
		t.Fatal(len(got), len(counts))
	}
	for _, v := range got {
		if v.count != counts[v.value] || v.value == 0 && math.Signbit(v.value) {
			t.Fatal(v, counts[v.value])
		}
	}
	// Distances come from disk as they do from memory.
	for _, median := range []float64{got[0].value, -3, 0.01, got[len(got)-1].value} {
		var want, have []counted
		_ = got.apart(context.Background(), median, func(some []counted) { want = append(want, some...) })
		if err := all.apart(context.Background(), median, func(some []counted) { have = append(have, some...) }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(have, want) || !sort.SliceIsSorted(have, func(i, j int) bool { return have[i].value < have[j].value }) {
			t.Fatal(median, have, want)
		}
	}
}

func TestSortingEndsWithItsContext(t *testing.T) {
	BoundRuns(t, 64, 512, 16)
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(-i)
	}
	s, all := sortAll(t, values)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := all.each(ctx, func([]counted) {}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := all.apart(ctx, -500, func([]counted) {}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s.close()
	if err := all.each(context.Background(), func([]counted) {}); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("what is on disk is still there: %v", err)
	}
}

func TestInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 2, 1000} {
		list := make([]tallied, n)
		for i := range list {
			list[i] = tallied{table.OrderedWord(math.Round(r.NormFloat64() * 100)), int64(i)}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b tallied) int {
			if x, y := table.OrderedNumber(a.word), table.OrderedNumber(b.word); x < y {
				return -1
			} else if x > y {
				return 1
			}
			return 0
		})
		if got := inOrder(list, make([]tallied, n)); !slices.Equal(got, want) {
			t.Fatal(got, want)
		}
	}
}
