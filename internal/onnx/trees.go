package onnx

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/tree"
)

// trees is link(base + sum of the trees), over one float column a feature: its
// number, or the code of its category, NaN where it has none.
//
// The operator compares float32, as training did, and adds float32, which would
// lose digits in an order of its own. So every leaf is split in two targets, a
// multiple of a grid so coarse that all sums of it are exact in float32, and the
// small rest; both are added in float64. What is left of the difference is about
// 1e-11 of the largest score.
func (g *graph) trees(e *tree.Ensemble, x matrix, rows string) (string, int, error) {
	if len(e.Features) != len(x.features) {
		return "", 0, fault.New(fault.ParityFailed, "the trees read %d features and the graph has %d", len(e.Features), len(x.features))
	}
	forest := newForest(e)
	if len(forest.used) == 0 { // every tree is one leaf
		base := slices.Clone(e.Base)
		for i, t := range e.Trees {
			base[i%len(base)] += float64(t.Values[0])
		}
		return g.link(e, g.repeat(base, rows))
	}
	columns := make([]string, len(forest.used))
	for i, j := range forest.used {
		if columns[i] = g.column(x.features[j], len(e.Features[j].Categories) > 0); columns[i] == "" {
			return "", 0, fault.New(fault.ParityFailed, "feature %q of the trees is not a single column of the graph", e.Features[j].Name)
		}
	}
	all := g.node("Concat", columns, intAttribute("axis", 1))
	all = g.node("Cast", []string{all}, intAttribute("to", int64(pb.TensorProto_FLOAT)))
	sums := g.toDouble(g.node("TreeEnsembleRegressor", []string{all}, forest.attributes()...))
	k := len(e.Base)
	coarse := g.node("Gather", []string{sums, g.ints([]int64{int64(k)}, counting(k)...)}, intAttribute("axis", 1))
	rest := g.node("Gather", []string{sums, g.ints([]int64{int64(k)}, from(k, counting(k))...)}, intAttribute("axis", 1))
	return g.link(e, g.op("Add", g.repeat(e.Base, rows), g.op("Add", coarse, rest)))
}

// link turns raw scores into outputs.
func (g *graph) link(e *tree.Ensemble, z string) (string, int, error) {
	g.note(z, scoresNote)
	switch e.Loss {
	case tree.Poisson:
		return g.op("Exp", z), 1, nil
	case tree.Logistic:
		return g.sigmoids(z), 2, nil
	case tree.Softmax:
		return g.node("Softmax", []string{z}, intAttribute("axis", 1)), len(e.Base), nil
	}
	return z, 1, nil
}

func from(first int, values []int64) []int64 {
	for i := range values {
		values[i] += int64(first)
	}
	return values
}

// column is what the trees look at of a feature, or "" if it has none.
func (g *graph) column(feature string, block bool) string {
	if !block {
		return g.native(feature)
	}
	code := g.codes[feature]
	if code == "" {
		return ""
	}
	return g.op("Where", g.op("Less", code, g.int(0)), g.float(math.NaN()), g.toDouble(code))
}

// native is a number of the graph as a learner that knows missing values reads it:
// before the implicit imputer (frame.Feature.Raw), a product as one of such.
func (g *graph) native(feature string) string {
	if raw := g.raws[feature]; raw != "" {
		return raw
	}
	of, product := g.factors[feature]
	if !product {
		return feature
	}
	a, b := g.native(of[0]), g.native(of[1])
	if a == of[0] && b == of[1] {
		return feature
	}
	return g.op("Mul", a, b)
}

// forest is the attributes of TreeEnsembleRegressor.
type forest struct {
	used    []int // features of the ensemble, in the order of the columns
	place   []int64
	targets int64

	trees, ids, columns, yes, no, missingYes []int64
	modes                                    []string
	values                                   []float32

	leafTrees, leafIDs, leafTargets []int64
	weights                         []float32
}

func newForest(e *tree.Ensemble) *forest {
	f := &forest{place: make([]int64, len(e.Features)), targets: 2 * int64(len(e.Base))}
	for j, importance := range e.Importances() {
		if f.place[j] = int64(len(f.used)); importance.Splits > 0 {
			f.used = append(f.used, j)
		}
	}
	grids := gridsOf(e)
	for i, t := range e.Trees {
		k := i % len(e.Base)
		f.tree(int64(i), t, e.Features, int64(k), grids[k])
	}
	return f
}

// gridsOf are powers of two, one an output, of which any sum of leaves rounded to
// them has at most 24 bits.
func gridsOf(e *tree.Ensemble) []float64 {
	most := make([]float64, len(e.Base))
	for i, t := range e.Trees {
		top := 0.0
		for _, v := range t.Values {
			top = max(top, math.Abs(float64(v)))
		}
		most[i%len(most)] += top
	}
	for k, m := range most {
		_, exponent := math.Frexp(m)
		most[k] = math.Ldexp(1, max(exponent-22, -149))
	}
	return most
}

func (f *forest) tree(i int64, t *tree.Tree, features []tree.Feature, k int64, grid float64) {
	next, sets := int64(len(t.Lefts)), t.Sets // nodes beyond those of the tree are links of chains
	for id, left := range t.Lefts {
		switch {
		case left == 0:
			f.node(i, int64(id), "LEAF", 0, 0, 0, 0, false)
			coarse := math.RoundToEven(float64(t.Values[id])/grid) * grid
			for target, w := range []float64{coarse, float64(t.Values[id]) - coarse} {
				f.leafTrees, f.leafIDs = append(f.leafTrees, i), append(f.leafIDs, int64(id))
				f.leafTargets = append(f.leafTargets, k+int64(target)*f.targets/2)
				f.weights = append(f.weights, float32(w))
			}
		case len(features[t.Features[id]].Categories) > 0:
			next = f.chain(i, int64(id), t, &sets[0], len(features[t.Features[id]].Categories), next)
			sets = sets[1:]
		default:
			f.node(i, int64(id), "BRANCH_LEQ", f.place[t.Features[id]], t.Thresholds[id], int64(left), int64(left)+1, t.MissingLeft[id])
		}
	}
}

// chain asks for one code after the other, those that go left or those that go
// right, whichever are fewer; the first link also sends on what is missing. It
// returns the next free number of a node.
func (f *forest) chain(i, id int64, t *tree.Tree, set *tree.Set, categories int, next int64) int64 {
	yes, no, missingYes := int64(t.Lefts[id]), int64(t.Lefts[id])+1, t.MissingLeft[id]
	codes := set.Codes
	if 2*len(codes) > categories {
		yes, no, missingYes = no, yes, !missingYes
		codes = without(codes, categories)
	}
	if len(codes) == 0 {
		codes = []int32{-1} // no code at all: the link is there for what is missing
	}
	for n, code := range codes {
		after := next
		if n == len(codes)-1 {
			after = no
		} else {
			next++
		}
		f.node(i, id, "BRANCH_EQ", f.place[t.Features[set.Node]], float32(code), yes, after, missingYes)
		id = after
	}
	return next
}

func without(codes []int32, categories int) []int32 {
	var others []int32
	for code := range int32(categories) {
		if len(codes) > 0 && codes[0] == code {
			codes = codes[1:]
		} else {
			others = append(others, code)
		}
	}
	return others
}

func (f *forest) node(i, id int64, mode string, column int64, value float32, yes, no int64, missingYes bool) {
	f.trees, f.ids, f.modes = append(f.trees, i), append(f.ids, id), append(f.modes, mode)
	f.columns, f.values = append(f.columns, column), append(f.values, value)
	f.yes, f.no = append(f.yes, yes), append(f.no, no)
	tracks := int64(0)
	if missingYes {
		tracks = 1
	}
	f.missingYes = append(f.missingYes, tracks)
}

func (f *forest) attributes() []*pb.AttributeProto {
	return []*pb.AttributeProto{
		intAttribute("n_targets", f.targets),
		intsAttribute("nodes_treeids", f.trees),
		intsAttribute("nodes_nodeids", f.ids),
		intsAttribute("nodes_featureids", f.columns),
		textsAttribute("nodes_modes", f.modes),
		floatsAttribute("nodes_values", f.values),
		intsAttribute("nodes_truenodeids", f.yes),
		intsAttribute("nodes_falsenodeids", f.no),
		intsAttribute("nodes_missing_value_tracks_true", f.missingYes),
		intsAttribute("target_treeids", f.leafTrees),
		intsAttribute("target_nodeids", f.leafIDs),
		intsAttribute("target_ids", f.leafTargets),
		floatsAttribute("target_weights", f.weights),
	}
}
