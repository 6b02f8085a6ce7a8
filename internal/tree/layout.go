package tree

import (
	"math"
	"slices"
)

// layout is trees in the form that predictions read. A row is the keys of the
// features that some tree looks at, whole numbers in the order of their values:
// two for each feature, that of a missing value being the least in the first and
// the greatest in the second, so that a node says by which of them it reads where
// missing values go, and compares once, without a branch, which no processor could
// predict.
type layout struct {
	steps  []step    // all trees, one after the other
	values []float32 // of each step that is a leaf
	roots  []int32   // where each tree begins
	depths []int32   // how many splits are on its longest path
	sets   []uint64  // of the codes that go right, one more than each; 0 for what is missing
	used   []int32   // the features that some tree looks at
}

// step is a node: 12 bytes, a tree's in a row. A leaf leads to itself, wherever a
// row's keys point.
type step struct {
	threshold int32 // a greater key goes right; of a block the first word of its set in sets
	next      int32 // the left child
	column    uint32
}

const isSet = 1 << 31 // in the column of a step that looks at a block

func newLayout(features []Feature, trees []*Tree) layout {
	var l layout
	place := make([]int32, len(features))
	for i := range place {
		place[i] = -1
	}
	for _, t := range trees {
		for id, left := range t.Lefts {
			if j := t.Features[id]; left != 0 && place[j] < 0 {
				place[j] = 0
			}
		}
	}
	for j := range place {
		if place[j] == 0 {
			place[j] = int32(len(l.used))
			l.used = append(l.used, int32(j))
		}
	}
	for _, t := range trees {
		root := int32(len(l.steps))
		l.roots = append(l.roots, root)
		l.depths = append(l.depths, t.depth())
		sets := t.Sets
		for id, left := range t.Lefts {
			s := step{threshold: math.MaxInt32, next: root + int32(id)}
			if left != 0 {
				s = step{threshold: key(t.Thresholds[id]), next: root + left, column: 2 * uint32(place[t.Features[id]])}
				if categories := len(features[t.Features[id]].Categories); categories > 0 {
					s.column |= isSet
					s.threshold = int32(len(l.sets))
					l.addSet(categories, sets[0].Codes, t.MissingLeft[id])
					sets = sets[1:]
				} else if !t.MissingLeft[id] {
					s.column++
				}
			}
			l.steps, l.values = append(l.steps, s), append(l.values, t.Values[id])
		}
	}
	return l
}

// addSet adds the set of the codes that do not go left.
func (l *layout) addSet(categories int, left []int32, missingLeft bool) {
	set := make([]uint64, categories/64+1)
	for i := range set {
		set[i] = math.MaxUint64
	}
	for _, code := range left {
		set[(code+1)>>6] &^= 1 << ((code + 1) & 63)
	}
	if missingLeft {
		set[0] &^= 1
	}
	l.sets = append(l.sets, set...)
}

// key orders whole numbers as the numbers they are of; NaN, which has none, comes
// after all. Both zeros are one.
func key(x float32) int32 {
	bits := int32(math.Float32bits(x + 0))
	return bits ^ bits>>31&math.MaxInt32
}

// width is that of a row of keys; a leaf looks at one, too.
func (l *layout) width() int { return max(1, 2*len(l.used)) }

// right returns 1 if a row goes right at the step, 0 if left.
func (l *layout) right(s *step, row []int32) int32 {
	if s.column&isSet != 0 {
		k := row[s.column&^isSet]
		return int32(l.sets[s.threshold+k>>6] >> (k & 63) & 1)
	}
	return toInt(row[s.column] > s.threshold)
}

// toInt is compiled without a branch.
func toInt(b bool) int32 {
	var i int32
	if b {
		i = 1
	}
	return i
}

// value returns what a tree adds to the score of a row.
func (l *layout) value(tree int, row []int32) float64 {
	at := l.roots[tree]
	for {
		s := &l.steps[at]
		if s.next == at {
			return float64(l.values[at])
		}
		at = s.next + l.right(s, row)
	}
}

// fourRows adds what a tree adds to four rows, step by step together: while one
// waits for memory, the others go on.
func (l *layout) fourRows(tree int, rows []int32, width int, out []float64, stride int) {
	steps := l.steps
	a := l.roots[tree]
	b, c, d := a, a, a
	r0, r1, r2, r3 := rows[:width], rows[width:2*width], rows[2*width:3*width], rows[3*width:4*width]
	for range l.depths[tree] {
		s := &steps[a]
		a = s.next + l.right(s, r0)
		s = &steps[b]
		b = s.next + l.right(s, r1)
		s = &steps[c]
		c = s.next + l.right(s, r2)
		s = &steps[d]
		d = s.next + l.right(s, r3)
	}
	out[0] += float64(l.values[a])
	out[stride] += float64(l.values[b])
	out[2*stride] += float64(l.values[c])
	out[3*stride] += float64(l.values[d])
}

// eightTrees writes what trees add to the score of a row, walked together as
// fourRows walks, all to the depth of the deepest: whoever arrives earlier waits at
// its leaf.
func (l *layout) eightTrees(tree int, row []int32, added *[8]float32) {
	steps, roots := l.steps, l.roots[tree:tree+8]
	a, b, c, d, e, f, g, h := roots[0], roots[1], roots[2], roots[3], roots[4], roots[5], roots[6], roots[7]
	for range slices.Max(l.depths[tree : tree+8]) {
		s := &steps[a]
		a = s.next + l.right(s, row)
		s = &steps[b]
		b = s.next + l.right(s, row)
		s = &steps[c]
		c = s.next + l.right(s, row)
		s = &steps[d]
		d = s.next + l.right(s, row)
		s = &steps[e]
		e = s.next + l.right(s, row)
		s = &steps[f]
		f = s.next + l.right(s, row)
		s = &steps[g]
		g = s.next + l.right(s, row)
		s = &steps[h]
		h = s.next + l.right(s, row)
	}
	*added = [8]float32{l.values[a], l.values[b], l.values[c], l.values[d], l.values[e], l.values[f], l.values[g], l.values[h]}
}
