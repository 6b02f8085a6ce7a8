package drift_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/frame"
)

// TestStableWindowsAreQuietAndMovedOnesAreFound is the short form of bench/drift
// alarms: windows of 500 rows, the fewest that are judged, drawn from the flights.
func TestStableWindowsAreQuietAndMovedOnesAreFound(t *testing.T) {
	all := flights(t)
	all.Columns = append(all.Columns, answers(all).Columns...)
	r := rand.New(rand.NewPCG(5, 6))
	order := make([]int32, all.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	reference, rest := all.Take(order[:all.Rows/2]), order[all.Rows/2:]
	l := drift.LayoutOf(reference, nil)
	none := func(f *frame.Frame) *frame.Frame { return &frame.Frame{Rows: f.Rows} }
	base := must[*drift.Summary](t)(drift.Summarize(l, reference, none(reference)))
	const windows, rows = 200, 500
	alarms, found := 0, 0
	judge := func(f *frame.Frame) (any, distance bool) {
		s := must[*drift.Summary](t)(drift.Summarize(l, f, none(f)))
		features, _ := must[*drift.Comparison](t)(drift.Compare(l, base, s, drift.Options{})).Drifted()
		for _, name := range features {
			any, distance = true, distance || name == "distance"
		}
		return any, distance
	}
	for range windows {
		picked := make([]int32, rows)
		for i := range picked {
			picked[i] = rest[r.IntN(len(rest))]
		}
		f := all.Take(picked)
		if any, _ := judge(f); any {
			alarms++
		}
		for i := range f.Column("distance").Numbers {
			if i%7 == 0 {
				f.Column("distance").Numbers[i] = math.NaN()
			}
		}
		if _, distance := judge(f); distance {
			found++
		}
	}
	if alarms > windows/50 {
		t.Errorf("%d of %d stable windows alarm", alarms, windows)
	}
	if found < windows*99/100 {
		t.Errorf("a seventh missing is found in %d of %d windows", found, windows)
	}
}
