package tree

import (
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

func TestATreeIsGrownOnAShareOfTheRows(t *testing.T) {
	const rows = 8000
	d, s := of(Squared, 5, rows), settings(Squared)
	all, _ := fitted(t, d, s)
	s.Subsample = 0.25
	some, _ := fitted(t, d, s)
	if encoded(t, all) == encoded(t, some) {
		t.Fatal("subsample changes nothing")
	}
	covers := map[float32]bool{}
	for i, tree := range some.Trees { // a hessian of ½(y-s)² is 1: a cover counts rows
		if got := float64(tree.Covers[0]); math.Abs(got/rows-0.25) > 0.03 {
			t.Errorf("tree %d is grown on %v of %d rows", i, got, rows)
		}
		covers[tree.Covers[0]] = true
	}
	if len(covers) < len(some.Trees)/2 {
		t.Errorf("%d trees are grown on %d numbers of rows: each draws its own", len(some.Trees), len(covers))
	}
	if got := all.Trees[0].Covers[0]; got != rows {
		t.Errorf("without sampling, a tree is grown on %v rows", got)
	}
}

// With one column to look at, a node has no choice: in every node it is another.
func TestANodeMaySplitOnAShareOfTheColumns(t *testing.T) {
	d, s := of(Squared, 6, 4000), settings(Squared)
	s.Rounds = 40
	all, _ := fitted(t, d, s)
	s.ColsampleByNode = 1e-6 // of eight columns: one
	some, _ := fitted(t, d, s)
	if encoded(t, all) == encoded(t, some) {
		t.Fatal("colsample_bynode changes nothing")
	}
	roots, within := map[int32]bool{}, 0
	for _, tree := range some.Trees {
		roots[tree.Features[0]] = true
		used := map[int32]bool{}
		for id, left := range tree.Lefts {
			if left != 0 {
				used[tree.Features[id]] = true
			}
		}
		within = max(within, len(used))
	}
	if len(roots) != len(d.X.Features) {
		t.Errorf("of %d columns, %d are at a root", len(d.X.Features), len(roots))
	}
	if within < 2 {
		t.Error("all nodes of a tree look at one column: it is drawn by tree")
	}
	importances := some.Importances()
	for j, i := range importances {
		if i.Splits == 0 {
			t.Errorf("column %d is never split on", j)
		}
	}
}

// Twenty rows each of y = 1 and y = 5 begin at 3: their gradients add up to ±40, and
// a leaf is -(40-α)/(20+λ) times the learning rate, or 0 where α is more.
func TestL1DrawsLeavesToZero(t *testing.T) {
	d := Table{X: &frame.Matrix{Rows: 40, Features: []frame.Feature{{Name: "x", Numbers: make([]float64, 40)}}}, Y: make([]float64, 40)}
	for i := range 40 {
		d.Y[i] = 1
		if i%2 == 1 {
			d.X.Features[0].Numbers[i], d.Y[i] = 1, 5
		}
	}
	s := settings(Squared)
	s.Rounds, s.MaxDepth, s.LearningRate, s.L2 = 1, 1, 0.5, 1
	for l1, want := range map[float64]float64{0: 0.5 * 40 / 21, 8: 0.5 * 32 / 21, 39: 0.5 * 1 / 21, 45: 0} {
		s.L1 = l1
		e, _ := fitted(t, d, s)
		if want == 0 {
			if len(e.Trees) != 0 {
				t.Errorf("l1 %v: %d trees that add nothing", l1, len(e.Trees))
			}
			continue
		}
		tree := e.Trees[0]
		if tree.Leaves() != 2 {
			t.Errorf("l1 %v: %d leaves", l1, tree.Leaves())
			continue
		}
		left, right := float64(tree.Values[1]), float64(tree.Values[2])
		if math.Abs(left+want) > 1e-6 || math.Abs(right-want) > 1e-6 {
			t.Errorf("l1 %v: leaves of %v and %v, not ±%v", l1, left, right, want)
		}
	}
}
