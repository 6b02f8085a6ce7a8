package tree

import (
	"fmt"
	"math"
	"slices"
)

const (
	maxNodes   = 50_000_000
	maxDepth   = 64
	maxOutputs = 1000
	maxColumns = math.MaxUint16
	maxWords   = 1 << 26 // of all sets together, 64 codes each
)

// Validate checks an ensemble that was read from outside so that, sealed, it
// can predict on any matrix of its features.
func (e *Ensemble) Validate() error {
	scores := len(e.Base)
	switch e.Loss {
	case Squared, Absolute, Huber, Quantile, Poisson, Logistic:
		if scores != 1 {
			return fmt.Errorf("%d base scores with the loss %s", scores, e.Loss)
		}
	case Softmax:
		if scores < 2 || scores > maxOutputs {
			return fmt.Errorf("%d base scores with the loss %s", scores, e.Loss)
		}
	default:
		return fmt.Errorf("no loss %q", e.Loss)
	}
	for _, v := range e.Base {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("a base score of %v", v)
		}
	}
	if len(e.Features) > maxColumns {
		return fmt.Errorf("%d features, over the bound of %d", len(e.Features), maxColumns)
	}
	if len(e.Trees)%scores != 0 {
		return fmt.Errorf("%d trees for %d scores", len(e.Trees), scores)
	}
	nodes, words := 0, 0
	for i, t := range e.Trees {
		if t == nil {
			return fmt.Errorf("tree %d is missing", i)
		}
		if nodes += len(t.Lefts); nodes > maxNodes {
			return fmt.Errorf("more than %d nodes", maxNodes)
		}
		if err := t.validate(e.Features); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
		for _, set := range t.Sets {
			if words += (len(e.Features[t.Features[set.Node]].Categories) + 63) / 64; words > maxWords {
				return fmt.Errorf("sets of more than %d codes", 64*maxWords)
			}
		}
	}
	return nil
}

// validate checks that the nodes are one tree: children come in pairs, after
// their parent, each pair once, so that there is no cycle and nothing is left
// over.
func (t *Tree) validate(features []Feature) error {
	n := len(t.Lefts)
	if n%2 == 0 || len(t.Features) != n || len(t.Thresholds) != n || len(t.MissingLeft) != n || len(t.Values) != n || len(t.Gains) != n || len(t.Covers) != n {
		return fmt.Errorf("%d children, %d features, %d thresholds, %d directions, %d values, %d gains and %d covers do not make a tree",
			n, len(t.Features), len(t.Thresholds), len(t.MissingLeft), len(t.Values), len(t.Gains), len(t.Covers))
	}
	depth, claimed, sets := make([]uint8, n), 0, t.Sets
	for id, left := range t.Lefts {
		if !finite32(t.Thresholds[id]) || !finite32(t.Values[id]) || !finite32(t.Gains[id]) || !finite32(t.Covers[id]) || t.Covers[id] < 0 || t.Gains[id] < 0 {
			return fmt.Errorf("node %d has a number that is not finite or negative", id)
		}
		if id > 0 && depth[id] == 0 {
			return fmt.Errorf("node %d is nobody's child", id)
		}
		if left == 0 {
			if t.Features[id] != 0 || t.Thresholds[id] != 0 || t.Gains[id] != 0 || t.MissingLeft[id] {
				return fmt.Errorf("leaf %d says how it splits", id)
			}
			continue
		}
		if left <= int32(id) || left%2 == 0 || int(left) >= n || depth[left] != 0 || depth[id] == maxDepth {
			return fmt.Errorf("node %d of %d cannot have the child %d", id, n, left)
		}
		depth[left], depth[left+1] = depth[id]+1, depth[id]+1
		claimed++
		if t.Values[id] != 0 {
			return fmt.Errorf("node %d has children and a value", id)
		}
		j := t.Features[id]
		if j < 0 || int(j) >= len(features) {
			return fmt.Errorf("node %d looks at feature %d of %d", id, j, len(features))
		}
		if categories := len(features[j].Categories); categories > 0 {
			if len(sets) == 0 || sets[0].Node != int32(id) || t.Thresholds[id] != 0 {
				return fmt.Errorf("node %d looks at categories and has no set of them", id)
			}
			if err := sets[0].validate(categories); err != nil {
				return err
			}
			sets = sets[1:]
		}
	}
	if len(sets) > 0 {
		return fmt.Errorf("the set of node %d belongs to none that looks at categories", sets[0].Node)
	}
	return nil
}

func (s *Set) validate(categories int) error {
	if s.Codes == nil || !slices.IsSorted(s.Codes) || len(slices.Compact(slices.Clone(s.Codes))) != len(s.Codes) {
		return fmt.Errorf("the codes of node %d do not ascend", s.Node)
	}
	if n := len(s.Codes); n > 0 && (s.Codes[0] < 0 || int(s.Codes[n-1]) >= categories) {
		return fmt.Errorf("node %d names a category that is none of %d", s.Node, categories)
	}
	return nil
}

func finite32(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }
