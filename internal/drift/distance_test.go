package drift_test

import (
	"math"
	"testing"

	"github.com/esteira-ml/esteira/internal/drift"
)

func TestDistances(t *testing.T) {
	for _, c := range []struct {
		name string
		got  float64
		want float64
	}{
		// scipy.spatial.distance.jensenshannon([.1,.9],[.5,.5], base=2) = 0.38313587985994224
		{"js", drift.JensenShannon([]float64{1, 9}, []float64{5, 5}), 0.38313587985994224},
		{"js alike", drift.JensenShannon([]float64{1, 3}, []float64{2, 6}), 0},
		{"js apart", drift.JensenShannon([]float64{1, 0}, []float64{0, 4}), 1},
		// (0.1-0.5) ln(0.1/0.5) + (0.9-0.5) ln(0.9/0.5)
		{"psi", drift.PSI([]float64{1, 9}, []float64{5, 5}), 0.4*math.Log(5) + 0.4*math.Log(1.8)},
		{"linf", drift.LInf([]float64{1, 9, 0}, []float64{5, 4, 1}), 0.5},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
	if d := drift.PSI([]float64{10, 0}, []float64{5, 5}); math.IsInf(d, 0) || d < 0.25 {
		t.Errorf("an empty bin gives %v", d)
	}
	for _, d := range []float64{drift.JensenShannon(nil, []float64{1}), drift.PSI([]float64{0}, []float64{1}), drift.LInf([]float64{1}, []float64{0})} {
		if !math.IsNaN(d) {
			t.Error("no rows have no distance")
		}
	}
}
