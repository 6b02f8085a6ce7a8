package model

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The inference of far means, blocks and weights is that of the matrix inverted
// outright.
func TestInferenceIsThatOfTheInverse(t *testing.T) {
	d := weigh(random(3, 900, 3, 1, 4, 0))
	for i := range d.X.Features[0].Numbers {
		d.X.Features[0].Numbers[i] += 1000
	}
	m, report := fit(t, "ols", d, nil)
	l := m.(*Linear)
	x, out := spreadDense(d.X), make([]float64, 900)
	m.Predict(d.X, out)
	squares, rows := 0.0, 0
	root := mat.DenseCopyOf(x)
	for i, w := range d.Weights {
		squares += w * (d.Y[i] - out[i]) * (d.Y[i] - out[i])
		if w > 0 {
			rows++
		}
		for j := range 8 {
			root.Set(i, j, x.At(i, j)*math.Sqrt(w))
		}
	}
	var gram, inverse mat.Dense
	gram.Mul(root.T(), root)
	if err := inverse.Inverse(&gram); err != nil {
		t.Fatal(err)
	}
	got := l.Inference
	if len(report.Dropped) > 0 || got.Rows != rows || got.DegreesOfFreedom != rows-8 || len(got.Coefficients) != 7 {
		t.Fatalf("%+v %+v", report, got)
	}
	variance := squares / float64(rows-8)
	near(t, "residual error", []float64{got.ResidualError}, []float64{math.Sqrt(variance)}, 1e-9)
	for j, e := range append([]Estimate{got.Intercept}, got.Coefficients...) {
		near(t, "standard error of "+e.Name, []float64{e.Error / math.Sqrt(variance*inverse.At(j, j))}, []float64{1}, 1e-6)
		near(t, "value of "+e.Name, []float64{e.Value, e.T, (e.Low + e.High) / 2}, []float64{append(l.Intercepts, l.Coefficients[0]...)[j], e.Value / e.Error, e.Value}, 1e-12)
	}
}

// A residual far under the rounding of the moments comes from the rows.
func TestTheInferenceOfAnAlmostExactFit(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		d := random(3, 2000, 3, 1, 4, 0)
		if weighted {
			d = weigh(d)
		}
		m, _ := fit(t, "ols", d, nil)
		want := m.(*Linear).Inference
		fitted, out := make([]float64, 2000), make([]float64, 2000)
		m.Predict(d.X, fitted)
		for i := range out {
			d.Y[i] = 1e7*fitted[i] + (d.Y[i] - fitted[i])
		}
		m, _ = fit(t, "ols", d, nil)
		got := m.(*Linear).Inference
		near(t, "residual error", []float64{got.ResidualError}, []float64{want.ResidualError}, 1e-6)
		for k := range got.Coefficients {
			near(t, "standard error", []float64{got.Coefficients[k].Error}, []float64{want.Coefficients[k].Error}, 1e-6)
		}
	}
}

func TestWithoutFreedomThereIsNoInference(t *testing.T) {
	for rows, want := range map[int]bool{4: false, 5: true} {
		m, _ := fit(t, "ols", random(2, rows, 3, 0, 0, 0), nil)
		if i := m.(*Linear).Inference; (i != nil) != want {
			t.Errorf("%d rows: %+v", rows, i)
		}
	}
	d := random(2, 100, 3, 0, 0, 0) // every weight but four is 0
	d.Weights = make([]float64, 100)
	for i := range 4 {
		d.Weights[i] = 1
	}
	if m, _ := fit(t, "ols", d, nil); m.(*Linear).Inference != nil {
		t.Error("inference of as many coefficients as rows")
	}
	d = random(2, 100, 1, 0, 0, 0)
	copy(d.Y, d.X.Features[0].Numbers) // an exact fit: no residual, or next to none
	m, _ := fit(t, "ols", d, nil)
	if _, err := Encode(m); err != nil {
		t.Error(err)
	}
	if i := m.(*Linear).Inference; i != nil && i.ResidualError > 1e-12 {
		t.Errorf("%+v", i)
	}
}
