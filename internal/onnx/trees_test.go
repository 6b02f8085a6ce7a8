package onnx_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/onnx"
	"github.com/esteira-ml/esteira/internal/tree"
)

// boosted fits trees on x; the target depends on everything.
func boosted(t *testing.T, x *frame.Matrix, classes int, s model.Settings) *model.Boosted {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 1))
	d := model.Data{X: x, Y: make([]float64, x.Rows), Classes: classes}
	for i := range d.Y {
		z := r.NormFloat64()
		for j := range x.Features {
			if f := &x.Features[j]; f.Block() {
				z += math.Cos(float64(3 * f.Codes[i]))
			} else if v := f.Numbers[i]; v == v {
				z += math.Atan(v / 100)
			}
		}
		if d.Y[i] = z; classes > 0 {
			d.Y[i] = float64(min(classes-1, max(0, int(math.Floor(z+float64(classes)/2)))))
		} else if s.Options.Loss == "poisson" {
			d.Y[i] = math.Floor(math.Abs(z * 3))
		}
	}
	learner, err := model.For("boosted_trees")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := learner.Fit(context.Background(), d, s)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*model.Boosted)
}

// compare runs the graph on f and m on x, its features.
func compare(t *testing.T, graph []byte, m model.Model, f *frame.Frame, x *frame.Matrix, what string) {
	t.Helper()
	got := run(t, graph, f)
	want := make([]float64, x.Rows*m.Outputs())
	m.Predict(x, want)
	if len(got.Predictions) != len(want) {
		t.Fatalf("%s: %d answers for %d", what, len(got.Predictions), len(want))
	}
	worst := 0.0
	for i, v := range want {
		worst = max(worst, math.Abs(got.Predictions[i]-v)/max(1, math.Abs(v)))
	}
	if !(worst <= tolerance) {
		t.Errorf("%s: differs by %v", what, worst)
	}
}

func TestTreesAgreeOverEveryTransform(t *testing.T) {
	for name, list := range transforms {
		fitted := fit(t, list, 3)
		train, err := fitted.Apply(table(4, 3000))
		if err != nil {
			t.Fatal(name, err)
		}
		for classes, target := range map[int]*feature.Target{0: regression, 2: binary, 4: multiclass} {
			m := boosted(t, train, classes, model.Settings{Params: model.Params{"max_iter": 15, "min_samples_leaf": 5}})
			graph := export(t, fitted, target, m)
			f := table(5, 2000)
			x, err := fitted.Apply(f)
			if err != nil {
				t.Fatal(name, err)
			}
			compare(t, graph, m, f, x, fmt.Sprintf("%s, %d classes", name, classes))
		}
	}
}

// raw is a table whose columns are features as they are: two numbers and a block
// of many categories, some never seen in training.
func raw(rows []float64, codes []int32) (*frame.Frame, *frame.Matrix, *feature.Fitted) {
	const categories = 90
	block := frame.Feature{Name: "c", Codes: codes}
	s := &feature.OneHotState{Unknown: "ignore"}
	dict := make([]string, categories)
	for i := range dict {
		dict[i] = fmt.Sprintf("k%02d", i)
	}
	block.Categories, s.Categories = dict, dict
	f := &frame.Frame{Rows: len(rows), Columns: []frame.Column{{Name: "x", Numbers: rows}, {Name: "c", Kind: frame.Text, Codes: codes, Dict: dict}}}
	x := &frame.Matrix{Rows: len(rows), Features: []frame.Feature{{Name: "x", Numbers: rows}, block}}
	fitted := &feature.Fitted{
		Inputs: []feature.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}},
		Chains: []feature.Chain{{Name: "x", Column: "x"}, {Name: "c", Column: "c", Steps: []feature.Step{{OneHot: s}}}},
	}
	return f, x, fitted
}

// A number exactly on a threshold, its neighbours in float32 and float64, what is
// missing, tiny, huge or a category that training never saw: the graph goes the
// same way everywhere.
func TestTreesAgreeWhereItIsHard(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	const rows = 6000
	numbers, codes := make([]float64, rows), make([]int32, rows)
	for i := range numbers {
		switch numbers[i] = r.NormFloat64() * math.Pow(10, float64(r.IntN(8)-3)); r.IntN(12) {
		case 0:
			numbers[i] = math.NaN()
		case 1:
			numbers[i] = float64(math.SmallestNonzeroFloat32) * float64(r.IntN(40)-20)
		case 2:
			numbers[i] = math.Copysign(math.MaxFloat32/2, r.NormFloat64())
		}
		codes[i] = int32(r.IntN(81)) - 1
	}
	_, train, fitted := raw(numbers, codes)
	for name, c := range map[string]struct {
		target  *feature.Target
		classes int
		s       model.Settings
	}{
		"squared":    {regression, 0, model.Settings{Params: model.Params{"max_iter": 120}}},
		"leaf wise":  {regression, 0, model.Settings{Params: model.Params{"max_iter": 60, "max_leaves": 60, "cat_smooth": 1}, Options: model.Options{Growth: "leaf"}}},
		"poisson":    {regression, 0, model.Settings{Params: model.Params{"max_iter": 60}, Options: model.Options{Loss: "poisson"}}},
		"quantile":   {regression, 0, model.Settings{Params: model.Params{"max_iter": 60, "quantile": 0.9}, Options: model.Options{Loss: "quantile"}}},
		"binary":     {binary, 2, model.Settings{Params: model.Params{"max_iter": 60}}},
		"multiclass": {multiclass, 4, model.Settings{Params: model.Params{"max_iter": 40}}},
	} {
		m := boosted(t, train, c.classes, c.s)
		graph := export(t, fitted, c.target, m)
		hard := []float64{math.NaN(), 0, math.Copysign(0, -1), 5e-324, -5e-324, 1e-45, 1e300, -1e300, math.MaxFloat32, -math.MaxFloat32, math.MaxFloat64}
		for _, grown := range m.Trees.Trees[:min(20, len(m.Trees.Trees))] {
			for id, left := range grown.Lefts {
				if left > 0 && grown.Features[id] == 0 {
					v := grown.Thresholds[id]
					hard = append(hard, float64(v), math.Nextafter(float64(v), 1e300), math.Nextafter(float64(v), -1e300),
						float64(math.Nextafter32(v, math.MaxFloat32)), float64(math.Nextafter32(v, -math.MaxFloat32)))
				}
			}
		}
		var x []float64
		var k []int32
		for i, v := range hard {
			for code := int32(-1); code < 90; code += int32(1 + i%13) {
				x, k = append(x, v), append(k, code)
			}
		}
		f, matrix, _ := raw(x, k)
		compare(t, graph, m, f, matrix, name)
	}
}

func TestTreesWithoutASplit(t *testing.T) {
	f, x, fitted := raw([]float64{1, 2, 3}, []int32{0, 1, 2})
	m := &model.Boosted{Trees: &tree.Ensemble{Loss: tree.Squared, Base: []float64{2.5}, Features: []tree.Feature{{Name: "x"}, {Name: "c", Categories: x.Features[1].Categories}}}}
	one := &tree.Tree{Features: []int32{0}, Thresholds: []float32{0}, Lefts: []int32{0}, MissingLeft: []bool{false}, Values: []float32{0.25}, Gains: []float32{0}, Covers: []float32{3}}
	for range 3 {
		if err := m.Trees.Validate(); err != nil {
			t.Fatal(err)
		}
		m.Trees.Seal()
		graph := export(t, fitted, regression, m)
		compare(t, graph, m, f, x, fmt.Sprintf("%d trees", len(m.Trees.Trees)))
		m = &model.Boosted{Trees: &tree.Ensemble{Loss: tree.Squared, Base: []float64{2.5}, Features: m.Trees.Features, Trees: append(m.Trees.Trees, one)}}
	}
	other := &model.Boosted{Trees: &tree.Ensemble{Loss: tree.Squared, Base: []float64{1}, Features: []tree.Feature{{Name: "x"}}}}
	if _, err := onnx.Export(fitted, regression, other, "trees"); fault.KindOf(err) != fault.ParityFailed {
		t.Fatal(err)
	}
}
