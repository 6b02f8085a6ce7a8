package drift

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// reference is what bench/reference/drift.py wrote.
type reference struct {
	Samples []struct {
		Name         string
		A, B, Edges  []float64
		KS           float64 `json:"ks"`
		KSP          float64 `json:"ks_p"`
		Wasserstein  float64
		Normed       float64
		EvidentlyPSI float64 `json:"evidently_psi"`
		EvidentlyJS  float64 `json:"evidently_js"`
	}
	Tails []struct {
		N    int
		D, P float64
	}
	Counts []struct {
		P, Q         []float64
		JS           float64  `json:"js"`
		EvidentlyPSI float64  `json:"evidently_psi"`
		EvidentlyJS  float64  `json:"evidently_js"`
		Statistic    float64  `json:"chi2"`
		PValue       float64  `json:"chi2_p"`
		FitP         *float64 `json:"fit_p"`
		Total        float64  `json:"tvd"`
		Degrees      int
	}
	Proportions []struct {
		N, Rows, N2, Rows2 int64
		Z, P               float64
		EvidentlyP         float64 `json:"evidently_p"`
	}
	P, Q    []float64
	Streams []struct {
		Name           string
		Values         []float64
		ADWIN, Widths  []int
		PageHinkley    []int `json:"page_hinkley"`
		Width          int
		Mean, Variance float64
	}
	Isotonic struct{ X, Y, At, Values []float64 }
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// near fails unless a figure is the reference's to 1e-9, relative where it is large.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestSamplesAsScipyAndEvidentlyMeasureThem(t *testing.T) {
	r := readReference(t)
	if len(r.Samples) < 6 {
		t.Fatal("the reference is short")
	}
	for _, s := range r.Samples {
		a, b := Sorted(s.A), Sorted(s.B)
		ks := KolmogorovSmirnov(a, b)
		near(t, s.Name+" ks", ks.Statistic, s.KS)
		near(t, s.Name+" ks p", ks.P, s.KSP)
		near(t, s.Name+" wasserstein", Wasserstein(a, b), s.Wasserstein)
		near(t, s.Name+" normed", NormedWasserstein(a, b), s.Normed)
		edges := SturgesEdges(a, b)
		if len(edges) != len(s.Edges) {
			t.Fatalf("%s has %d edges, want %d", s.Name, len(edges), len(s.Edges))
		}
		for i := range edges {
			near(t, s.Name+" edge", edges[i], s.Edges[i])
		}
		p, q := Counts(a, edges), Counts(b, edges)
		near(t, s.Name+" psi", FilledPSI(p, q), s.EvidentlyPSI)
		near(t, s.Name+" js", JensenShannon(p, q)*math.Sqrt(math.Ln2), s.EvidentlyJS)
	}
}

func TestTailsOfKolmogorov(t *testing.T) {
	r := readReference(t)
	for _, c := range r.Tails {
		if got := kolmogorovTail(c.N, c.D); !(math.Abs(got-c.P) <= 1e-9) {
			t.Errorf("n %d d %v: p is %v, want %v", c.N, c.D, got, c.P)
		}
	}
}

func TestCountsAsScipyAndEvidentlyMeasureThem(t *testing.T) {
	for i, c := range readReference(t).Counts {
		near(t, "js", JensenShannon(c.P, c.Q), c.JS)
		near(t, "js, natural", JensenShannon(c.P, c.Q)*math.Sqrt(math.Ln2), c.EvidentlyJS)
		near(t, "divergence", JensenShannonDivergence(c.P, c.Q), c.JS*c.JS)
		near(t, "tvd", TotalVariation(c.P, c.Q), c.Total)
		if chi := ChiSquare(c.P, c.Q); chi.Degrees != c.Degrees {
			t.Errorf("counts %d have %d degrees of freedom, want %d", i, chi.Degrees, c.Degrees)
		} else {
			near(t, "chi-square", chi.Statistic, c.Statistic)
			near(t, "chi-square p", chi.P, c.PValue)
		}
		if fit := ChiSquareFit(c.Q, c.P); c.FitP != nil {
			near(t, "fit p", fit.P, *c.FitP)
		}
		// Evidently knows no bin that both lack.
		var p, q []float64
		for j := range c.P {
			if c.P[j]+c.Q[j] > 0 {
				p, q = append(p, c.P[j]), append(q, c.Q[j])
			}
		}
		near(t, "evidently's psi", FilledPSI(p, q), c.EvidentlyPSI)
		if !slices.Contains(p, 0) && !slices.Contains(q, 0) {
			near(t, "psi", PSI(p, q), c.EvidentlyPSI)
		}
	}
	if ChiSquareFit([]float64{1, 2}, []float64{0, 3}) != nil {
		t.Error("rows that nothing expects have no finite statistic")
	}
}

func TestProportionsAndCorrection(t *testing.T) {
	r := readReference(t)
	for _, c := range r.Proportions {
		got := TwoProportions(c.N, c.Rows, c.N2, c.Rows2)
		near(t, "z", got.Z, c.Z)
		near(t, "p", got.P, c.P)
		near(t, "evidently's p", got.P, c.EvidentlyP)
	}
	if p := TwoProportions(0, 500, 0, 700); p.Z != 0 || p.P != 1 {
		t.Errorf("nothing on both sides is %+v", p)
	}
	for i, q := range BenjaminiHochberg(append([]float64{math.NaN()}, r.P...)) {
		if i > 0 {
			near(t, "q", q, r.Q[i-1])
		} else if !math.IsNaN(q) {
			t.Error("a column without p has no q")
		}
	}
}
