package tree

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

func TestABinIsWhereTheThresholdsSay(t *testing.T) {
	nan := math.NaN()
	columns := [][]float64{
		{1, 2, 3}, {0, math.Copysign(0, -1), 1e-45, 5e-324}, {math.MaxFloat32, 1e300, -1e300, 1}, {nan, 3, nan, 4}, {7, 7, 7},
		{1, float64(math.Nextafter32(1, 2)), float64(math.Nextafter32(1, 0))}, {math.SmallestNonzeroFloat32, 0, -math.SmallestNonzeroFloat32},
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, shape := range []func() float64{r.NormFloat64, r.ExpFloat64, func() float64 { return math.Floor(r.NormFloat64() * 100) }} {
		many := make([]float64, 5000)
		for i := range many {
			many[i] = shape()
		}
		columns = append(columns, many)
	}
	for i, values := range columns {
		for _, most := range []int{2, 3, 17, 255} {
			f := frame.Feature{Numbers: values}
			c := newColumn(&f, sample(len(values)), most, make([]float32, len(values)))
			if len(c.cuts) >= most || c.bins != len(c.cuts)+1 {
				t.Fatalf("column %d: %d cuts make more than %d bins", i, len(c.cuts), most)
			}
			got := make([]uint8, len(values))
			c.binNumbers(values, got)
			for k, v := range values {
				if v != v {
					if got[k] != missing {
						t.Fatalf("column %d: NaN is in bin %d", i, got[k])
					}
					continue
				}
				for b, cut := range c.cuts {
					if math.IsInf(float64(cut), 0) || (float32(v) <= cut) != (int(got[k]) <= b) {
						t.Fatalf("column %d: %v is in bin %d, the cut %d is %v", i, v, got[k], b, cut)
					}
				}
			}
		}
	}
}

func TestBinsHoldAboutAsManyRows(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	values, counts := make([]float64, 50_000), make([]int, slots)
	for i := range values {
		if values[i] = r.ExpFloat64(); i%3 == 0 {
			values[i] = 0.5 // a third of the rows are one value
		}
	}
	f := frame.Feature{Numbers: values}
	c := newColumn(&f, sample(len(values)), 100, make([]float32, len(values)))
	got := make([]uint8, len(values))
	c.binNumbers(values, got)
	for _, b := range got {
		counts[b]++
	}
	large := 0
	for _, n := range counts {
		if n > 1000 {
			large++
		}
	}
	if c.bins < 60 || large != 1 {
		t.Fatalf("%d bins, %d of them large: %v", c.bins, large, counts[:c.bins])
	}
}

func TestTheRarestCategoriesShareABin(t *testing.T) {
	d := made(1, 4000, 0)
	f := &d.X.Features[7]
	c := newColumn(f, nil, 20, nil)
	if c.bins != 20 || !c.missing {
		t.Fatalf("%d bins", c.bins)
	}
	counts, sizes := make([]int, len(f.Categories)), make([]int, slots)
	for _, code := range f.Codes {
		if code >= 0 {
			counts[code]++
		}
	}
	for _, b := range c.of {
		sizes[b]++
	}
	for code, b := range c.of {
		for other, n := range counts {
			if (b < 19) && c.of[other] == 19 && n > counts[code] {
				t.Fatalf("category %d of %d rows shares a bin, %d of %d does not", other, n, code, counts[code])
			}
		}
	}
	if sizes[0] != 1 || sizes[19] < 300 {
		t.Fatal(sizes)
	}
}

// best is the best first split by trying all: every threshold with what is
// missing on either side, every set of categories.
func best(d Table, l2 float64, least int) float64 {
	m := mean(d.Y, nil)
	saved := func(in func(i int) bool) float64 {
		var g, n [2]float64
		for i, y := range d.Y {
			side := 0
			if in(i) {
				side = 1
			}
			g[side] += m - y
			n[side]++
		}
		if n[0] < float64(least) || n[1] < float64(least) {
			return 0
		}
		return g[0]*g[0]/(n[0]+l2) + g[1]*g[1]/(n[1]+l2)
	}
	top := 0.0
	for j := range d.X.Features {
		f := &d.X.Features[j]
		if f.Block() {
			for set := range 1 << (len(f.Categories) + 1) {
				top = max(top, saved(func(i int) bool { return set>>(f.Codes[i]+1)&1 == 1 }))
			}
			continue
		}
		for _, v := range f.Numbers {
			for _, left := range []bool{false, true} {
				top = max(top, saved(func(i int) bool { return f.Numbers[i] <= v || left && f.Numbers[i] != f.Numbers[i] }))
			}
		}
	}
	return top
}

func TestTheFirstSplitIsTheBestOfAll(t *testing.T) {
	for seed := range uint64(40) {
		d := made(seed, 60, 0)
		for j := range 3 {
			one := Table{X: &frame.Matrix{Rows: 60, Features: d.X.Features[3+j : 4+j]}, Y: d.Y}
			s := settings(Squared)
			s.L2, s.Rounds, s.MaxDepth = 0.5, 1, 1
			e, _ := fitted(t, one, s)
			want, got := best(one, s.L2, s.MinSamplesLeaf), 0.0
			if len(e.Trees) > 0 {
				got = float64(e.Trees[0].Gains[0])
			}
			if math.Abs(got-want) > 1e-4*max(1, want) { // the root saves nothing: its gradients add up to 0
				t.Errorf("seed %d, feature %s: saves %v, the best is %v", seed, one.X.Features[0].Name, got, want)
			}
		}
	}
}

func TestGrowthKeepsItsBounds(t *testing.T) {
	d := of(Squared, 3, 3000)
	for _, leafWise := range []bool{false, true} {
		s := settings(Squared)
		s.LeafWise, s.MaxLeaves, s.MaxDepth, s.MinSamplesLeaf, s.MinSplitGain = leafWise, 11, 7, 40, 5
		e, _ := fitted(t, d, s)
		most := 0
		for _, tree := range e.Trees {
			depth := make([]int, len(tree.Lefts))
			most = max(most, tree.Leaves())
			for id, left := range tree.Lefts {
				if left > 0 {
					depth[left], depth[left+1] = depth[id]+1, depth[id]+1
					if tree.Gains[id] <= 5 {
						t.Fatalf("a split saves %v", tree.Gains[id])
					}
				}
				if tree.Covers[id] < 40 || depth[id] > 7 {
					t.Fatalf("a leaf of %v rows at depth %d", tree.Covers[id], depth[id])
				}
			}
		}
		if most != 11 {
			t.Errorf("leaf wise %t: %d leaves", leafWise, most)
		}
	}
	best, even := settings(Squared), settings(Squared)
	best.LeafWise, best.MaxLeaves, best.MaxDepth = true, 16, 30
	even.MaxDepth = 4
	_, a := fitted(t, d, best)
	_, b := fitted(t, d, even)
	if a.Train[11] >= b.Train[11] {
		t.Errorf("16 leaves of the best leaf first have %v, of four levels %v", a.Train[11], b.Train[11])
	}
}

func TestMonotoneHoldsForEveryPair(t *testing.T) {
	for seed := range uint64(6) {
		for _, l := range []Loss{Squared, Quantile, Logistic} {
			d, s := of(l, seed, 1500), settings(l)
			s.Monotone, s.MinSamplesLeaf, s.Rounds = []int{1, -1, 0, 1, 0, 0, 0, 0}, 1, 20
			s.LeafWise, s.MaxLeaves = seed%2 == 1, 31
			e, _ := fitted(t, d, s)
			r := rand.New(rand.NewPCG(seed, 5))
			turned := 0
			for range 200 {
				row := d.X.Take([]int32{int32(r.IntN(d.X.Rows))})
				many := d.X.Take(make([]int32, 60))
				for j := range many.Features {
					for i := range 60 {
						if f := &many.Features[j]; f.Block() {
							f.Codes[i] = row.Features[j].Codes[0]
						} else {
							f.Numbers[i] = row.Features[j].Numbers[0]
						}
					}
				}
				for j, way := range s.Monotone[:4] {
					before := many.Features[j].Numbers
					moved := make([]float64, 60)
					for i := range moved {
						moved[i] = float64(i-30) / 8
					}
					many.Features[j].Numbers = moved
					out := make([]float64, 60*e.Outputs())
					e.Predict(many, out)
					many.Features[j].Numbers = before
					at := e.Outputs() - 1
					for i := 1; i < 60; i++ {
						d := out[i*e.Outputs()+at] - out[(i-1)*e.Outputs()+at]
						if d*float64(way) < 0 {
							t.Fatalf("%s: feature %d moves by %v where it may only go %d", l, j, d, way)
						}
						if way == 0 && d < 0 {
							turned++
						}
					}
				}
			}
			if turned == 0 {
				t.Errorf("%s: even the feature that is free only rises", l)
			}
		}
	}
}

func TestARowIsTheSameAloneAndAmongOthers(t *testing.T) {
	for _, l := range []Loss{Squared, Poisson, Logistic, Softmax} {
		d := of(l, 1, 5000)
		e, _ := fitted(t, d, settings(l))
		k := e.Outputs()
		all := make([]float64, d.X.Rows*k)
		e.Predict(d.X, all)
		for i := 0; i < d.X.Rows; i += 13 {
			one := make([]float64, k)
			e.Predict(d.X.Take([]int32{int32(i)}), one)
			for o, v := range one {
				if math.Float64bits(v) != math.Float64bits(all[i*k+o]) {
					t.Fatalf("%s: row %d is %v alone and %v among others", l, i, v, all[i*k+o])
				}
			}
		}
	}
}

// The answer is the sum, in order, of the leaves that the trees as they are written
// lead to, to the last bit: of few trees and many, shallow and deep, for values that
// are missing, unknown or extreme.
func TestAnAnswerIsWhatTheTreesSay(t *testing.T) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 1e-45, -5e-324, math.MaxFloat32}
	for _, l := range []Loss{Squared, Softmax} {
		for rounds, depth := range map[int]int{3: 4, 21: 6, 9: together + 8} {
			d, s := of(l, 6, 3000), settings(l)
			s.Rounds, s.MaxDepth, s.MinSamplesLeaf, s.LeafWise = rounds, depth, 1, depth > together
			if s.LeafWise {
				s.MaxLeaves = 200
			}
			e, _ := fitted(t, d, s)
			r := rand.New(rand.NewPCG(8, 8))
			for range 300 {
				x := d.X.Take([]int32{int32(r.IntN(d.X.Rows))})
				for j := range x.Features {
					f := &x.Features[j]
					switch r.IntN(4) {
					case 0:
						if f.Block() {
							f.Codes[0] = []int32{-1, int32(len(f.Categories)), math.MaxInt32, math.MinInt32}[r.IntN(4)]
						} else {
							f.Numbers[0] = odd[r.IntN(len(odd))]
						}
					case 1: // on a threshold
						if tree := e.Trees[r.IntN(len(e.Trees))]; !f.Block() && tree.Lefts[0] != 0 && int(tree.Features[0]) == j {
							f.Numbers[0] = float64(tree.Thresholds[0])
						}
					}
				}
				got, scores := make([]float64, e.Outputs()), slices.Clone(e.Base)
				e.Predict(x, got)
				for i, tree := range e.Trees {
					scores[i%len(scores)] += written(tree, x)
				}
				if l == Softmax {
					e.link(scores)
				}
				for k, v := range scores {
					if math.Float64bits(v) != math.Float64bits(got[k]) {
						t.Fatalf("%s, %d trees: %v, as written %v", l, len(e.Trees), got, scores)
					}
				}
			}
		}
	}
}

// written is what a tree says to the first row of x.
func written(t *Tree, x *frame.Matrix) float64 {
	id := int32(0)
	for t.Lefts[id] != 0 {
		f := &x.Features[t.Features[id]]
		left := false
		if f.Block() {
			if code := f.Codes[0]; code < 0 || int(code) >= len(f.Categories) {
				left = t.MissingLeft[id]
			} else {
				at := slices.IndexFunc(t.Sets, func(s Set) bool { return s.Node == id })
				left = slices.Contains(t.Sets[at].Codes, code)
			}
		} else if v := float32(f.Native()[0]); v != v {
			left = t.MissingLeft[id]
		} else {
			left = v <= t.Thresholds[id]
		}
		if id = t.Lefts[id]; !left {
			id++
		}
	}
	return float64(t.Values[id])
}

func TestOneRowAllocatesNothing(t *testing.T) {
	d := of(Squared, 1, 2000)
	e, _ := fitted(t, d, settings(Squared))
	row, out := d.X.Take([]int32{5}), make([]float64, 1)
	if n := testing.AllocsPerRun(200, func() { e.Predict(row, out) }); n >= 1 { // a collection may empty the pool
		t.Fatalf("%v allocations", n)
	}
}

// shapley is the definition: over all orders in which features become known,
// what each adds to the mean of the tree under its covers.
func shapley(e *Ensemble, row []int32) []float64 {
	n := len(e.Features)
	value := func(known int) float64 {
		total := e.Base[0]
		for i, t := range e.Trees {
			var walk func(id int32) float64
			walk = func(id int32) float64 {
				left := t.Lefts[id]
				if left == 0 {
					return float64(t.Values[id])
				}
				if known>>t.Features[id]&1 == 1 {
					s := &e.steps[e.roots[i]+id]
					return walk(left + e.right(s, row))
				}
				return t.share(left)*walk(left) + (1-t.share(left))*walk(left+1)
			}
			total += walk(0)
		}
		return total
	}
	factorial := func(k int) float64 { return math.Gamma(float64(k + 1)) }
	phi := make([]float64, n+1)
	for known := range 1 << n {
		v := value(known)
		if known == 0 {
			phi[n] = v
		}
		size := bits.OnesCount(uint(known))
		for j := range n {
			if known>>j&1 == 0 {
				phi[j] += (value(known|1<<j) - v) * factorial(size) * factorial(n-size-1) / factorial(n)
			}
		}
	}
	return phi
}

func TestContributionsAreShapleyValues(t *testing.T) {
	d, s := of(Squared, 4, 400), settings(Squared)
	s.Rounds, s.MaxDepth, s.MinSamplesLeaf = 3, 6, 2
	e, _ := fitted(t, d, s)
	const rows = 20
	some := d.X.Take([]int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	width := len(e.Features) + 1
	got, out, buffer := make([]float64, rows*width), make([]float64, rows), make([]int32, rows*e.width())
	e.Explain(some, got)
	e.Predict(some, out)
	e.load(some, 0, rows, buffer)
	for i := range rows {
		want := shapley(e, buffer[i*e.width():(i+1)*e.width()])
		for j, v := range want {
			if math.Abs(got[i*width+j]-v) > 1e-9 {
				t.Fatalf("row %d, feature %d: %v, by the definition %v", i, j, got[i*width+j], v)
			}
		}
	}
}

func TestContributionsAddUpToTheScore(t *testing.T) {
	for _, l := range losses {
		d, s := of(l, 5, 1000), settings(l)
		s.MaxDepth, s.LeafWise, s.MaxLeaves = 20, true, 60
		e, _ := fitted(t, d, s)
		k, width := e.Outputs(), len(e.Features)+1
		got, out := make([]float64, d.X.Rows*k*width), make([]float64, d.X.Rows*k)
		e.Explain(d.X, got)
		e.Predict(d.X, out)
		for i := range d.X.Rows {
			scores := make([]float64, k)
			for o := range k {
				for _, v := range got[(i*k+o)*width : (i*k+o+1)*width] {
					scores[o] += v
				}
			}
			if l == Logistic {
				scores[0], scores[1] = sigmoid(scores[0]), sigmoid(scores[1])
			} else {
				e.link(scores)
			}
			for o, v := range scores {
				if math.Abs(v-out[i*k+o]) > 1e-9*max(1, math.Abs(v)) {
					t.Fatalf("%s: row %d adds up to %v, predicted %v", l, i, v, out[i*k+o])
				}
			}
		}
	}
}

func TestImportances(t *testing.T) {
	d := of(Squared, 5, 1000)
	e, _ := fitted(t, d, settings(Squared))
	splits, gain := 0, 0.0
	for j, i := range e.Importances() {
		if splits += i.Splits; (i.Splits == 0) != (i.Gain == 0) {
			t.Fatalf("feature %d: %+v", j, i)
		}
		gain += i.Gain
	}
	inner := 0
	for _, tree := range e.Trees {
		inner += tree.Leaves() - 1
	}
	if splits != inner || gain <= 0 {
		t.Fatalf("%d splits of %d, gain %v", splits, inner, gain)
	}
}

func TestWhatDoesNotMakeATreeIsRefused(t *testing.T) {
	small := func() *Ensemble {
		return &Ensemble{Loss: Squared, Base: []float64{1}, Features: []Feature{{Name: "x"}, {Name: "b", Categories: []string{"p", "q"}}}, Trees: []*Tree{{
			Features: []int32{0, 0, 1, 0, 0}, Thresholds: []float32{0.5, 0, 0, 0, 0}, Lefts: []int32{1, 0, 3, 0, 0}, MissingLeft: make([]bool, 5),
			Values: []float32{0, 1, 0, 2, 3}, Gains: []float32{9, 0, 4, 0, 0}, Covers: []float32{5, 2, 3, 1, 2}, Sets: []Set{{Node: 2, Codes: []int32{1}}},
		}}}
	}
	if err := small().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, breaks := range map[string]func(e *Ensemble, t *Tree){
		"cycle":              func(_ *Ensemble, t *Tree) { t.Lefts[2] = 1 },
		"self":               func(_ *Ensemble, t *Tree) { t.Lefts[2] = 2 },
		"child out of range": func(_ *Ensemble, t *Tree) { t.Lefts[2] = 5 },
		"negative child":     func(_ *Ensemble, t *Tree) { t.Lefts[0] = -1 },
		"orphan":             func(_ *Ensemble, t *Tree) { t.Lefts[0], t.Lefts[2] = 3, 0 },
		"short":              func(_ *Ensemble, t *Tree) { t.Covers = t.Covers[:4] },
		"no feature":         func(_ *Ensemble, t *Tree) { t.Features[0] = 2 },
		"negative feature":   func(_ *Ensemble, t *Tree) { t.Features[0] = -1 },
		"no set":             func(_ *Ensemble, t *Tree) { t.Sets = nil },
		"another's set":      func(_ *Ensemble, t *Tree) { t.Sets[0].Node = 0 },
		"two sets":           func(_ *Ensemble, t *Tree) { t.Sets = append(t.Sets, t.Sets[0]) },
		"unknown code":       func(_ *Ensemble, t *Tree) { t.Sets[0].Codes = []int32{2} },
		"code twice":         func(_ *Ensemble, t *Tree) { t.Sets[0].Codes = []int32{1, 1} },
		"no codes":           func(_ *Ensemble, t *Tree) { t.Sets[0].Codes = nil },
		"value of a node":    func(_ *Ensemble, t *Tree) { t.Values[0] = 1 },
		"split of a leaf":    func(_ *Ensemble, t *Tree) { t.Thresholds[1] = 1 },
		"infinite value":     func(_ *Ensemble, t *Tree) { t.Values[1] = float32(math.Inf(1)) },
		"NaN threshold":      func(_ *Ensemble, t *Tree) { t.Thresholds[0] = float32(math.NaN()) },
		"negative cover":     func(_ *Ensemble, t *Tree) { t.Covers[0] = -1 },
		"empty":              func(_ *Ensemble, t *Tree) { *t = Tree{} },
		"no tree":            func(e *Ensemble, _ *Tree) { e.Trees[0] = nil },
		"no loss":            func(e *Ensemble, _ *Tree) { e.Loss = "hinge" },
		"no base":            func(e *Ensemble, _ *Tree) { e.Base = nil },
		"a base too many":    func(e *Ensemble, _ *Tree) { e.Base = []float64{1, 2} },
		"infinite base":      func(e *Ensemble, _ *Tree) { e.Base[0] = math.Inf(1) },
		"trees of no class":  func(e *Ensemble, _ *Tree) { e.Loss, e.Base = Softmax, []float64{1, 2} },
	} {
		e := small()
		breaks(e, e.Trees[0])
		if err := e.Validate(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	broad := small()
	broad.Features[1].Categories = make([]string, 1<<22)
	for range 1 << 11 {
		broad.Trees = append(broad.Trees, broad.Trees[0])
	}
	if err := broad.Validate(); err == nil {
		t.Error("sets beyond the bound are accepted")
	}
	deep := &Tree{}
	deep.add(1)
	for id := 0; id < 2*maxDepth+4; id += 2 {
		deep.Lefts[max(0, id-1)] = int32(id + 1)
		deep.add(2)
	}
	e := small()
	e.Trees[0] = deep
	if err := e.Validate(); err == nil {
		t.Error("a tree deeper than the bound is accepted")
	}
}

func TestMoreMemoryThanThereIsIsRefused(t *testing.T) {
	s := settings(Squared)
	d := Table{X: &frame.Matrix{Rows: 1 << 29, Features: make([]frame.Feature, 1<<15)}}
	err := Affordable(d, nil, &s)
	if fault.KindOf(err) != fault.ResourceExhausted || !strings.Contains(err.Error(), fmt.Sprint(Estimate(1<<29, 0, 1<<15, false, &s)>>20)) {
		t.Fatal(err)
	}
	d.X.Features = d.X.Features[:1<<10]
	d.X.Rows = 1 << 10
	if err := Affordable(d, nil, &s); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*frame.Matrix{{Rows: 1<<30 + 1}, {Rows: 1, Features: make([]frame.Feature, 1<<16)}} {
		if err := Affordable(Table{X: x}, nil, &s); fault.KindOf(err) != fault.ResourceExhausted {
			t.Fatal(err)
		}
	}
	if a, b := Estimate(1000, 0, 10, false, &s), Estimate(1000, 500, 10, true, &s); a <= 0 || b <= a {
		t.Fatal(a, b)
	}
}

func TestSumsFitWhateverTheGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, scale := range []float64{1e-300, 1e-10, 1, 1e10, 1e290} {
		for _, rows := range []int{1, 2, 1000, 100_000} {
			values, sum, top := make([]float64, rows), 0.0, 0.0
			for i := range values {
				values[i] = scale * r.ExpFloat64() * r.ExpFloat64()
				sum, top = sum+values[i], max(top, values[i])
			}
			p := newPacking(rows, sum, top, 1, 1)
			var first, total int64
			for i, v := range values {
				q := round(v * p.gradient)
				if math.Abs(q) > math.MaxInt32 {
					t.Fatalf("%v times %v does not fit", v, p.gradient)
				}
				total += int64(q)
				first += newEntry(i, int32(q)).packed(p.shift)
			}
			if got := p.unpack(first, 0, false); got.rows != int64(rows) || got.gradient != total {
				t.Fatalf("%d rows of %v: got %+v, want %d", rows, scale, got, total)
			}
			if exact := float64(total) * p.gradient1; math.Abs(exact-sum) > 1e-4*sum {
				t.Fatalf("%d rows of %v add up to %v, in units to %v", rows, scale, sum, exact)
			}
		}
	}
}

func TestColumnsAreSampled(t *testing.T) {
	d, s := of(Squared, 3, 500), settings(Squared)
	s.ColsampleByTree = 0.25
	e, _ := fitted(t, d, s)
	whole := map[int32]bool{}
	for _, tree := range e.Trees {
		used := map[int32]bool{}
		for id, left := range tree.Lefts {
			if left > 0 {
				used[tree.Features[id]], whole[tree.Features[id]] = true, true
			}
		}
		if len(used) > 2 {
			t.Fatalf("a tree splits on %d of 8 columns", len(used))
		}
	}
	if len(whole) < 5 {
		t.Fatalf("all trees split on %d columns", len(whole))
	}
	s.Seed++
	if other, _ := fitted(t, d, s); encoded(t, other) == encoded(t, e) {
		t.Fatal("another seed draws the same")
	}
}
