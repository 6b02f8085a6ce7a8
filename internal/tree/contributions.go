package tree

import (
	"context"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Explain writes x.Rows × Outputs × (len(Features)+1) values into out: what each
// feature added to the raw score, and last the expected score. They are the
// Shapley values of the trees under the distribution the covers describe
// (Lundberg et al., "From local explanations to global understanding with
// explainable AI for trees", 2020, algorithm 2: path-dependent), and add up to
// the raw score: for two classes the log-odds of each, one the negative of the
// other.
func (e *Ensemble) Explain(x *frame.Matrix, out []float64) {
	width := len(e.Features) + 1
	const rows = 256
	newCrew(context.Background()).run((x.Rows+rows-1)/rows, func(_, chunk int) {
		lo, hi := chunk*rows, min((chunk+1)*rows, x.Rows)
		used := e.width()
		buffer, w := make([]int32, (hi-lo)*used), newWalker(e)
		e.load(x, lo, hi-lo, buffer)
		for i := lo; i < hi; i++ {
			row := out[i*e.Outputs()*width : (i+1)*e.Outputs()*width]
			clear(row)
			for k, v := range e.expected {
				row[(k+1)*width-1] = v
			}
			w.row = buffer[(i-lo)*used : (i-lo+1)*used]
			for t := range e.Trees {
				k := t % len(e.Base)
				w.phi = row[k*width : (k+1)*width]
				w.tree, w.root = e.Trees[t], e.roots[t]
				w.walk(0, 0, 0, 1, 1, -1)
			}
			if e.Loss == Logistic {
				for j := range width {
					row[width+j], row[j] = row[j], -row[j]
				}
			}
		}
	})
}

// mean is the raw scores to expect under the covers.
func (e *Ensemble) mean() []float64 {
	out := append([]float64{}, e.Base...)
	for i, t := range e.Trees {
		means := make([]float64, len(t.Lefts))
		for id := len(means) - 1; id >= 0; id-- { // children come after their parent
			if left := t.Lefts[id]; left == 0 {
				means[id] = float64(t.Values[id])
			} else {
				share := t.share(left)
				means[id] = share*means[left] + (1-share)*means[left+1]
			}
		}
		out[i%len(e.Base)] += means[0]
	}
	return out
}

// share is how much of what comes to the parent goes to its left child.
func (t *Tree) share(left int32) float64 {
	a, b := float64(t.Covers[left]), float64(t.Covers[left+1])
	if a+b == 0 {
		return 0.5
	}
	return a / (a + b)
}

// step of a path: a feature, the share of rows that go on where it is unknown,
// and whether this row does; weight is that of subsets of each size.
type pathStep struct {
	feature           int32
	zero, one, weight float64
}

// walker follows all paths of a tree for one row.
type walker struct {
	ensemble *Ensemble
	tree     *Tree
	root     int32
	row      []int32
	phi      []float64
	paths    [][]pathStep // by level, reused
}

func newWalker(e *Ensemble) *walker {
	w := &walker{ensemble: e}
	for level := range maxDepth + 2 {
		w.paths = append(w.paths, make([]pathStep, level+1))
	}
	return w
}

// walk visits a node at a level of the tree; the path to it, n steps of distinct
// features, is in paths[level]. A subtree that
// neither this row nor any row of the covers goes to adds nothing.
func (w *walker) walk(id int32, level, n int, zero, one float64, feature int32) {
	path := w.paths[level]
	extend(path, n, zero, one, feature)
	t := w.tree
	left := t.Lefts[id]
	if left == 0 {
		for i := 1; i <= n; i++ {
			p := &path[i]
			w.phi[p.feature] += unwound(path, n, i) * (p.one - p.zero) * float64(t.Values[id])
		}
		return
	}
	share := t.share(left)
	shares := [2]float64{share, 1 - share}
	s := &w.ensemble.steps[w.root+id]
	hot := w.ensemble.right(s, w.row)
	zeroBefore, oneBefore := 1.0, 1.0
	for i := 1; i <= n; i++ {
		if path[i].feature == t.Features[id] {
			zeroBefore, oneBefore = path[i].zero, path[i].one
			unwind(path, n, i)
			n--
			break
		}
	}
	for side := range int32(2) {
		one := 0.0
		if side == hot {
			one = oneBefore
		}
		if one == 0 && zeroBefore*shares[side] == 0 {
			continue
		}
		next := w.paths[level+1]
		copy(next, path[:n+1])
		w.walk(left+side, level+1, n+1, zeroBefore*shares[side], one, t.Features[id])
	}
}

// extend adds step n to a path.
func extend(path []pathStep, n int, zero, one float64, feature int32) {
	path[n] = pathStep{feature: feature, zero: zero, one: one}
	if n == 0 {
		path[n].weight = 1
	}
	for i := n - 1; i >= 0; i-- {
		path[i+1].weight += one * path[i].weight * float64(i+1) / float64(n+1)
		path[i].weight = zero * path[i].weight * float64(n-i) / float64(n+1)
	}
}

// unwind undoes the extension by step at of a path whose last step is n.
func unwind(path []pathStep, n, at int) {
	zero, one := path[at].zero, path[at].one
	next := path[n].weight
	for i := n - 1; i >= 0; i-- {
		if one != 0 {
			before := path[i].weight
			path[i].weight = next * float64(n+1) / (float64(i+1) * one)
			next = before - path[i].weight*zero*float64(n-i)/float64(n+1)
		} else {
			path[i].weight = path[i].weight * float64(n+1) / (zero * float64(n-i))
		}
	}
	for i := at; i < n; i++ {
		path[i].feature, path[i].zero, path[i].one = path[i+1].feature, path[i+1].zero, path[i+1].one
	}
}

// unwound is the sum of the weights that unwind would leave.
func unwound(path []pathStep, n, at int) float64 {
	zero, one := path[at].zero, path[at].one
	next, total := path[n].weight, 0.0
	for i := n - 1; i >= 0; i-- {
		if one != 0 {
			w := next * float64(n+1) / (float64(i+1) * one)
			total += w
			next = path[i].weight - w*zero*float64(n-i)/float64(n+1)
		} else if zero != 0 {
			total += path[i].weight / (zero * float64(n-i) / float64(n+1))
		}
	}
	return total
}
