package tree

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
)

// router finds the leaf of rows in bins, for those that a tree was not grown on.
type router struct {
	columns []int32 // of each node
	rights  []*[slots]uint8
	tree    *Tree
}

// newRouter errs if the tree was grown on other bins.
func newRouter(t *Tree, b *Bins) (*router, error) {
	r := &router{columns: make([]int32, len(t.Lefts)), rights: make([]*[slots]uint8, len(t.Lefts)), tree: t}
	sets := t.Sets
	for id, left := range t.Lefts {
		if left == 0 {
			continue
		}
		j := slices.IndexFunc(b.columns, func(c column) bool { return c.feature == int(t.Features[id]) })
		if j < 0 {
			return nil, otherBins()
		}
		c := &b.columns[j]
		s := split{block: c.block(), missingLeft: t.MissingLeft[id]}
		if !s.block {
			bin, found := slices.BinarySearch(c.cuts, t.Thresholds[id])
			if !found {
				return nil, otherBins()
			}
			s.bin = bin
		} else {
			if len(sets) == 0 || sets[0].Node != int32(id) {
				return nil, otherBins()
			}
			for _, code := range sets[0].Codes {
				if int(code) >= len(c.of) {
					return nil, otherBins()
				}
				s.set.set(int(c.of[code]))
			}
			sets = sets[1:]
		}
		rights := s.rights()
		r.columns[id], r.rights[id] = int32(j), &rights
	}
	return r, nil
}

func otherBins() error {
	return fault.New(fault.Internal, "the checkpoint of boosted_trees was made on other data")
}

// value returns what the tree adds to the score of a row of bins.
func (r *router) value(bins []uint8) float64 {
	id := int32(0)
	for r.tree.Lefts[id] != 0 {
		id = r.tree.Lefts[id] + int32(r.rights[id][bins[r.columns[id]]])
	}
	return float64(r.tree.Values[id])
}
