package metadata_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestEveryModelLooksAtTestRowsOnce(t *testing.T) {
	db := testenv.Database(t)
	look := func(test, model, run string) int {
		t.Helper()
		n, err := db.RecordLook(t.Context(), test, model, run)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		test, model, run string
		want             int
	}{{"t", "a", "r1", 1}, {"t", "b", "r2", 2}, {"t", "a", "r3", 1}, {"other", "a", "r1", 1}, {"t", "c", "r1", 3}} {
		if got := look(c.test, c.model, c.run); got != c.want {
			t.Errorf("%s on %s is look %d, want %d", c.model, c.test, got, c.want)
		}
	}
	if _, err := db.Pool().Exec(t.Context(), `delete from looks`); err == nil {
		t.Error("looks can be forgotten")
	}
}

func TestLooksAtOnceHaveNumbersOfTheirOwn(t *testing.T) {
	db := testenv.Database(t)
	numbers := make([]int, 8)
	var wg sync.WaitGroup
	for i := range numbers {
		wg.Go(func() {
			n, err := db.RecordLook(t.Context(), "t", string(rune('a'+i)), "r")
			if err != nil {
				t.Error(err)
			}
			numbers[i] = n
		})
	}
	wg.Wait()
	slices.Sort(numbers)
	if !slices.Equal(numbers, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Fatal(numbers)
	}
}
