package model

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

// weigh gives the rows of d weights of 0 to 3.
func weigh(d Data) Data {
	r := rand.New(rand.NewPCG(8, 8))
	d.Weights = make([]float64, d.X.Rows)
	for i := range d.Weights {
		d.Weights[i] = float64(r.IntN(4))
	}
	return d
}

// counted turns the target of d into counts, unless it is classes.
func counted(d Data) Data {
	if d.Classes == 0 {
		d.Y = slices.Clone(d.Y)
		for i, y := range d.Y {
			d.Y[i] = math.Floor(math.Exp(min(y, 5)))
		}
	}
	return d
}

// repeated is d with each row as often as its weight says.
func repeated(d Data) Data {
	var rows []int32
	var y []float64
	for i, w := range d.Weights {
		for range int(w) {
			rows, y = append(rows, int32(i)), append(y, d.Y[i])
		}
	}
	return Data{X: d.X.Take(rows), Y: y, Classes: d.Classes}
}

type weightedCase struct {
	kind    string
	classes int
	s       Settings
}

func weightedCases() []weightedCase {
	tight := Params{"tol": 1e-10, "max_iter": 10_000}
	with := func(name string, v float64) Params { return Params{"tol": 1e-10, "max_iter": 10_000, name: v} }
	return []weightedCase{
		{"baseline", 0, Settings{}}, {"baseline", 3, Settings{}}, {"ols", 0, Settings{}}, {"ridge", 0, Settings{}},
		{"lasso", 0, Settings{Params: with("alpha", 0.05)}}, {"elastic_net", 0, Settings{Params: with("alpha", 0.05)}}, {"poisson", 0, Settings{Params: tight}},
		{"logistic", 2, Settings{Params: tight}}, {"logistic", 3, Settings{Params: tight}},
		{"logistic", 2, Settings{Params: tight, Options: Options{ClassWeight: "balanced"}}},
		{"logistic", 3, Settings{Params: tight, Options: Options{ClassWeight: "balanced", Penalty: "l1"}}},
	}
}

// predictions of the rows of d by what is fitted on the rows of from.
func predictions(t *testing.T, c weightedCase, from, d Data) []float64 {
	t.Helper()
	m, report := fitBy(t, c.kind, from, c.s)
	if !report.Converged {
		t.Fatalf("%+v: %+v", c, report)
	}
	out := make([]float64, d.X.Rows*m.Outputs())
	m.Predict(d.X, out)
	return out
}

func TestAWeightIsThatManyRows(t *testing.T) {
	for _, c := range weightedCases() {
		d := weigh(counted(random(5, 3000, 3, 2, 4, c.classes)))
		near(t, fmt.Sprintf("%+v", c), predictions(t, c, d, d), predictions(t, c, repeated(d), d), 1e-7)
	}
}

func TestEqualWeightsAreNone(t *testing.T) {
	for _, c := range weightedCases() {
		d := counted(random(6, 3000, 3, 2, 4, c.classes))
		want := predictions(t, c, d, d)
		d.Weights = slices.Repeat([]float64{1}, d.X.Rows)
		near(t, fmt.Sprintf("%+v", c), predictions(t, c, d, d), want, 1e-9)
	}
}

// The scale of the weights is nothing to means, however near it is to the end of
// what a number can hold.
func TestTheScaleOfWeightsIsNothingToMeans(t *testing.T) {
	for _, c := range weightedCases()[:7] {
		if c.kind == "ridge" {
			continue // its penalty is beside a sum
		}
		d := weigh(counted(random(7, 500, 3, 1, 4, c.classes)))
		want := predictions(t, c, d, d)
		for _, scale := range []float64{1e-311, 1e-300, 1e300} {
			scaled := d
			scaled.Weights = slices.Clone(d.Weights)
			for i := range scaled.Weights {
				scaled.Weights[i] *= scale
			}
			near(t, fmt.Sprintf("%+v × %v", c, scale), predictions(t, c, scaled, d), want, 1e-9)
		}
	}
}

func TestAColumnThatOnlyVariesWithoutWeightIsConstant(t *testing.T) {
	d := random(3, 200, 2, 1, 2, 0)
	d.Weights = slices.Repeat([]float64{0.1}, 200)
	d.Weights[7] = 0
	for i := range d.Y {
		d.X.Features[1].Numbers[i], d.X.Features[2].Codes[i] = 0.3, 1
	}
	d.X.Features[1].Numbers[7], d.X.Features[2].Codes[7] = 5, 0
	for _, kind := range []string{"ols", "ridge", "lasso"} {
		if _, report := fit(t, kind, d, nil); strings.Join(report.Dropped, " ") != "x1 b0=0 b0=1" {
			t.Errorf("%s drops %v", kind, report.Dropped)
		}
	}
}

// What a fit allocates depends on the columns: beyond 16 partial sums a row more
// costs nothing, weighted or not.
func TestMomentsNeedNoMoreMemoryForMoreRows(t *testing.T) {
	allocated := func(rows int, weighted bool) float64 {
		d := random(1, rows, 5, 1, 10, 0)
		if weighted {
			d = weigh(d)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, kind := range []string{"ols", "ridge", "lasso", "elastic_net"} {
			fit(t, kind, d, nil)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	for _, weighted := range []bool{false, true} {
		few, many := allocated(100_000, weighted), allocated(400_000, weighted)
		if many > 1.1*few || many > 8*400_000 {
			t.Errorf("weighted %v: %v bytes for 100,000 rows, %v for 400,000", weighted, few, many)
		}
	}
}

func TestWeightsWithoutMeaningAreRefused(t *testing.T) {
	for name, weights := range map[string][]float64{
		"NaN": {1, math.NaN()}, "-1": {-1, 2}, "+Inf": {math.Inf(1), 1}, "add up to 0": {0, 0}, "add up to +Inf": {1.5e308, 1.5e308}, "3 weights for 2 rows": {1, 1, 1},
	} {
		for _, kind := range Kinds() {
			learner, err := For(kind)
			if err != nil {
				t.Fatal(err)
			}
			d := counted(random(1, 2, 1, 0, 0, 0))
			if learner.Check(0, Settings{}) != nil {
				d.Classes, d.Y = 2, []float64{0, 1}
			}
			d.Weights = weights
			_, _, err = learner.Fit(context.Background(), d, Settings{})
			want := fault.TrainingFailed
			if len(weights) == 3 {
				want = fault.Internal
			}
			if fault.KindOf(err) != want || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %s: %v", kind, name, err)
			}
		}
	}
}

func TestAClassWithoutWeightIsRefused(t *testing.T) {
	d := random(1, 100, 1, 0, 0, 2)
	d.Weights = make([]float64, 100)
	copy(d.Weights, d.Y)
	if _, _, err := (logistic{}).Fit(context.Background(), d, Settings{}); fault.KindOf(err) != fault.TrainingFailed || !strings.Contains(err.Error(), "class 0 of 2") {
		t.Fatal(err)
	}
}
