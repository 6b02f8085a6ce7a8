package tree

// Tree is one tree: nodes by number, 0 the root. A node whose Left is 0 is a
// leaf; else its children are Left and Left+1.
type Tree struct {
	Features    []int32   `json:"features"`     // that a node looks at; 0 for a leaf
	Thresholds  []float32 `json:"thresholds"`   // of a number: float32(x) ≤ threshold goes left; 0 for a block or leaf
	Lefts       []int32   `json:"lefts"`        // the left child
	MissingLeft []bool    `json:"missing_left"` // where NaN, or a category that is missing or unknown, goes
	Sets        []Set     `json:"sets,omitempty"`
	Values      []float32 `json:"values"` // of a leaf: what it adds to the raw score; 0 for others
	Gains       []float32 `json:"gains"`  // loss saved by the split; 0 for a leaf
	Covers      []float32 `json:"covers"` // sum of hessians of the rows that came by
}

// Set is the codes that go left at a node that looks at a block.
type Set struct {
	Node  int32   `json:"node"`
	Codes []int32 `json:"codes"` // ascending
}

func (t *Tree) add(n int) {
	for range n {
		t.Features = append(t.Features, 0)
		t.Thresholds = append(t.Thresholds, 0)
		t.Lefts = append(t.Lefts, 0)
		t.MissingLeft = append(t.MissingLeft, false)
		t.Values = append(t.Values, 0)
		t.Gains = append(t.Gains, 0)
		t.Covers = append(t.Covers, 0)
	}
}

// split makes leaf id an inner node with two leaves.
func (t *Tree) split(id int, s *split, c *column) {
	t.Lefts[id] = int32(len(t.Lefts))
	t.Features[id] = int32(c.feature)
	t.Gains[id] = float32(s.gain)
	t.MissingLeft[id] = s.missingLeft
	if s.block {
		set := Set{Node: int32(id), Codes: []int32{}}
		for code, bin := range c.of {
			if bin != missing && s.set.has(int(bin)) || bin == missing && s.missingLeft {
				set.Codes = append(set.Codes, int32(code))
			}
		}
		t.Sets = append(t.Sets, set)
	} else {
		t.Thresholds[id] = c.cuts[s.bin]
	}
	t.add(2)
}

// Leaves returns how many there are.
func (t *Tree) Leaves() int { return (len(t.Lefts) + 1) / 2 }

// depth is the number of splits on the longest path.
func (t *Tree) depth() int32 {
	depths, most := make([]int32, len(t.Lefts)), int32(0)
	for id, left := range t.Lefts {
		if most = max(most, depths[id]); left != 0 {
			depths[left], depths[left+1] = depths[id]+1, depths[id]+1
		}
	}
	return most
}
