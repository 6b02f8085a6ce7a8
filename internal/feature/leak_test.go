package feature_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// pearson is the correlation of two columns.
func pearson(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

// keyed is a key of two rows each on average that has nothing to do with y.
func keyed(rows int) (*frame.Frame, *feature.Target, []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	key := frame.Column{Name: "key", Kind: frame.Text, Codes: make([]int32, rows)}
	for k := range rows / 2 {
		key.Dict = append(key.Dict, fmt.Sprintf("k%06d", k))
	}
	y := make([]float64, rows)
	for i := range rows {
		key.Codes[i], y[i] = int32(r.IntN(len(key.Dict))), r.NormFloat64()
	}
	return &frame.Frame{Rows: rows, Columns: []frame.Column{key}}, &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}, y
}

// What a learner is given about a random key tells nothing of the target, though
// the encodings that serve, averaged over the very same rows, would tell much.
func TestTargetEncodingDoesNotLeak(t *testing.T) {
	f, target, y := keyed(4000)
	for _, smoothing := range []*float64{nil, new(0.0), new(1.0)} {
		list := []pipeline.Feature{entry("key", pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Smoothing: smoothing}})}
		fitted, x, err := feature.FitApply(list, f, feature.Supervised(target, y))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := fitted.Apply(f)
		if err != nil {
			t.Fatal(err)
		}
		learned, served := pearson(x.Features[0].Numbers, y), pearson(whole.Features[0].Numbers, y)
		if math.Abs(learned) > 0.06 || served < 0.4 {
			t.Errorf("learned from with correlation %.3f, served with %.3f", learned, served)
		}
	}
}

// Every cross-fitted value is what a fit on the rows of the other folds gives.
func TestCrossFittingLeavesTheRowOut(t *testing.T) {
	f, target, y := keyed(60)
	list := []pipeline.Feature{entry("key", pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Folds: 20, Smoothing: new(2.0)}})}
	_, x, err := feature.FitApply(list, f, feature.Supervised(target, y))
	if err != nil {
		t.Fatal(err)
	}
	for row := range f.Rows {
		changed := append([]float64{}, y...)
		changed[row] += 1000
		_, other, err := feature.FitApply(list, f, feature.Supervised(target, changed))
		if err != nil {
			t.Fatal(err)
		}
		if x.Features[0].Numbers[row] != other.Features[0].Numbers[row] {
			t.Fatalf("row %d sees its own target", row)
		}
	}
	_, again, err := feature.FitApply(list, f, feature.Supervised(target, y))
	if err != nil {
		t.Fatal(err)
	}
	list[0].Apply[0].TargetEncode.Seed = 9
	_, seeded, err := feature.FitApply(list, f, feature.Supervised(target, y))
	if err != nil {
		t.Fatal(err)
	}
	same, moved := true, false
	for row := range f.Rows {
		same = same && again.Features[0].Numbers[row] == x.Features[0].Numbers[row]
		moved = moved || seeded.Features[0].Numbers[row] != x.Features[0].Numbers[row]
	}
	if !same || !moved {
		t.Fatalf("the same seed gives the same: %t; another seed another: %t", same, moved)
	}
}

// What FitApply gives to learn from is what Apply serves, bit for bit, where
// nothing is cross-fitted.
func TestWhatIsLearnedFromIsWhatIsServed(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		f, list := randomTable(r, 1+r.IntN(300))
		fitted, x, err := feature.FitApply(list, f, supervised(r, f.Rows))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := fitted.Apply(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Features) != len(whole.Features) {
			t.Fatalf("seed %d: %d features and %d", seed, len(x.Features), len(whole.Features))
		}
		for j := range x.Features {
			a, b := &x.Features[j], &whole.Features[j]
			if a.Name != b.Name || fmt.Sprint(a.Categories) != fmt.Sprint(b.Categories) {
				t.Fatalf("seed %d: %q and %q", seed, a.Name, b.Name)
			}
			for row := range f.Rows {
				if a.Block() && a.Codes[row] != b.Codes[row] {
					t.Fatalf("seed %d, %s, row %d: %v and %v", seed, a.Name, row, a.Codes[row], b.Codes[row])
				}
				if !a.Block() && math.Float64bits(a.Numbers[row]) != math.Float64bits(b.Numbers[row]) && !targetEncoded(list, a.Name) {
					t.Fatalf("seed %d, %s, row %d: %v and %v", seed, a.Name, row, a.Numbers[row], b.Numbers[row])
				}
			}
		}
	}
}

func targetEncoded(list []pipeline.Feature, name string) bool {
	for _, e := range list {
		for _, t := range e.Apply {
			if t.TargetEncode != nil && e.Columns[0]+"_target" == name {
				return true
			}
		}
	}
	return false
}

// Several classes have an encoding each.
func TestClassesAreEncodedOneByOne(t *testing.T) {
	f := table(text("c", "a", "a", "b", "b", "-", "a"))
	target := &feature.Target{Column: "y", Kind: "text", Task: pipeline.Multiclass, Classes: []string{"x", "y", "z"}}
	list := []pipeline.Feature{entry("c", pipeline.Transform{TargetEncode: &pipeline.TargetEncode{Smoothing: new(0.0)}})}
	fitted, err := feature.Fit(list, f, feature.Supervised(target, []float64{0, 1, 1, 1, 2, 0}))
	if err != nil {
		t.Fatal(err)
	}
	m, err := fitted.Apply(table(text("c", "a", "b", "-", "new")))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Features) != 3 {
		t.Fatal(m.Names())
	}
	wantNumbers(t, m, 0, 2./3, 0, 0, 2./6)
	wantNumbers(t, m, 1, 1./3, 1, 0, 3./6)
	wantNumbers(t, m, 2, 0, 0, 1, 1./6)
}
