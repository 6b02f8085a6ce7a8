package model

import (
	"reflect"
	"testing"

	"github.com/esteira-ml/esteira/internal/tree"
)

func TestGainsAreSharesOfWhatAllSplitsSaved(t *testing.T) {
	b := &Boosted{Trees: &tree.Ensemble{
		Features: []tree.Feature{{Name: "x"}, {Name: "never"}, {Name: "origin", Categories: []string{"a", "b"}}},
		Trees: []*tree.Tree{
			{Features: []int32{0, 2, 0, 0, 0}, Lefts: []int32{1, 3, 0, 0, 0}, Gains: []float32{1, 4, 0, 0, 0}},
			{Features: []int32{2, 0, 0}, Lefts: []int32{1, 0, 0}, Gains: []float32{3, 0, 0}},
		},
	}}
	want := []Gain{{"origin", 7. / 8, 2}, {"x", 1. / 8, 1}}
	if got := Gains(b); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	if Gains(&Linear{}) != nil || len(Gains(&Boosted{Trees: &tree.Ensemble{Features: b.Trees.Features}})) != 0 {
		t.Fatal("gains of no trees")
	}
}
