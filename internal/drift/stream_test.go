package drift

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

// through returns the state after a detour through JSON.
func through[T any](t *testing.T, state *T) *T {
	t.Helper()
	data, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	back := new(T)
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestStreamsChangeWhereRiverFindsIt(t *testing.T) {
	for _, s := range readReference(t).Streams {
		adwin, hinkley := NewADWIN(), NewPageHinkley()
		hinkley.Threshold = 10
		var changes, widths, others []int
		for i, x := range s.Values {
			if i%97 == 0 { // a state goes on where it was kept
				adwin, hinkley = through(t, adwin), through(t, hinkley)
				if err := adwin.Validate(); err != nil {
					t.Fatal(err)
				}
				if err := hinkley.Validate(); err != nil {
					t.Fatal(err)
				}
				if adwin.Add(math.NaN()) || hinkley.Add(math.Inf(1)) {
					t.Fatal("a value that is none is a change")
				}
			}
			if adwin.Add(x) {
				changes, widths = append(changes, i), append(widths, adwin.Width)
			}
			if hinkley.Add(x) {
				others = append(others, i)
			}
		}
		if !slices.Equal(changes, s.ADWIN) || !slices.Equal(widths, s.Widths) || adwin.Width != s.Width {
			t.Errorf("%s: ADWIN changes at %v with %v left, river's at %v with %v", s.Name, changes, widths, s.ADWIN, s.Widths)
		}
		near(t, s.Name+" mean", adwin.Mean(), s.Mean)
		near(t, s.Name+" variance", adwin.Variance, s.Variance)
		if !slices.Equal(others, s.PageHinkley) {
			t.Errorf("%s: Page-Hinkley changes at %v, river's at %v", s.Name, others, s.PageHinkley)
		}
	}
	broken := NewADWIN()
	broken.Width = 3
	if fault.KindOf(broken.Validate()) != fault.ArtifactCorrupt || fault.KindOf((&PageHinkley{}).Validate()) != fault.ArtifactCorrupt {
		t.Error("a state that cannot be is accepted")
	}
}
