package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

func compared(t testing.TB, l *Layout, a, b *Summary, o Options) *Comparison {
	t.Helper()
	c, err := Compare(l, a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(c); err != nil { // no NaN hides in it
		t.Fatal(err)
	}
	return c
}

// numbers is a frame of one column.
func numbers(name string, values ...float64) *frame.Frame {
	return &frame.Frame{Rows: len(values), Columns: []frame.Column{{Name: name, Numbers: values}}}
}

func texts(name string, values ...string) *frame.Frame {
	c := frame.Column{Name: name, Kind: frame.Text}
	for _, v := range values {
		at := slices.Index(c.Dict, v)
		if at < 0 {
			at, c.Dict = len(c.Dict), append(c.Dict, v)
		}
		c.Codes = append(c.Codes, int32(at))
	}
	return &frame.Frame{Rows: len(values), Columns: []frame.Column{c}}
}

func repeated(n int, values ...float64) []float64 {
	out := make([]float64, 0, n)
	for len(out) < n {
		out = append(out, values...)
	}
	return out[:n]
}

// against compares one column with the reference it is laid out by.
func against(t testing.TB, reference, window *frame.Frame) Result {
	t.Helper()
	l := LayoutOf(reference, nil)
	a := summarised(t, l, reference, &frame.Frame{Rows: reference.Rows})
	b := summarised(t, l, window, &frame.Frame{Rows: window.Rows})
	return compared(t, l, a, b, Options{}).Features[0]
}

func TestEveryOddColumnHasADeclaredOutcome(t *testing.T) {
	normal, _ := rowsOf(1, 2000, 0)
	usual := numbers("n", normal.Columns[0].Numbers...)
	nan, inf := math.NaN(), math.Inf(1)
	var fresh, few []string
	for i := range 1000 {
		fresh, few = append(fresh, fmt.Sprintf("new %d", i)), append(few, []string{"a", "b", "c", ""}[i%4])
	}
	for _, c := range []struct {
		name              string
		reference, window *frame.Frame
		want              Outcome
	}{
		{"the same rows", usual, usual, Stable},
		{"no rows", usual, numbers("n"), Insufficient},
		{"one row", usual, numbers("n", 1), Insufficient},
		{"no reference", numbers("n"), usual, Insufficient},
		{"499 rows", usual, numbers("n", repeated(499, 3)...), Insufficient},
		{"500 rows", usual, numbers("n", repeated(500, 3)...), Drifted},
		{"all became null", usual, numbers("n", repeated(600, nan)...), Drifted},
		{"all were null", numbers("n", repeated(600, nan)...), usual, Drifted},
		{"all null, as before", numbers("n", repeated(600, nan)...), numbers("n", repeated(700, nan)...), Stable},
		{"a constant, as before", numbers("n", repeated(600, 5)...), numbers("n", repeated(700, 5)...), Stable},
		{"another constant", numbers("n", repeated(600, 5)...), numbers("n", repeated(700, 7)...), Drifted},
		{"a constant began to vary", numbers("n", repeated(600, 5)...), usual, Drifted},
		{"infinities", usual, numbers("n", repeated(600, inf, -inf)...), Drifted},
		{"some infinities, as before", numbers("n", repeated(900, 1, 2, inf)...), numbers("n", repeated(600, 1, 2, inf)...), Stable},
		{"greatest values", numbers("n", repeated(600, math.MaxFloat64, -math.MaxFloat64, 0)...), numbers("n", repeated(600, math.MaxFloat64, -math.MaxFloat64, 0)...), Stable},
		{"a new text every row", texts("s", few...), texts("s", fresh...), Drifted},
		{"new texts every row, as before", texts("s", fresh...), texts("s", fresh...), Stable},
		{"the same texts", texts("s", few...), texts("s", few[:600]...), Stable},
		{"texts became numbers", texts("s", few...), numbers("s", repeated(600, 1)...), Failed},
		{"gone", usual, texts("s", few...), Failed},
	} {
		r := against(t, c.reference, c.window)
		if r.Outcome != c.want || (r.Reason == "") != (c.want == Stable || c.want == Drifted) {
			t.Errorf("%s: %s (%s), effect %v, q %v; want %s", c.name, r.Outcome, r.Reason, r.Effect, r.Q, c.want)
		}
	}
}

func TestFiguresOfAComparison(t *testing.T) {
	r := against(t, numbers("n", repeated(1000, 1, 2, 3, 4, math.NaN())...), numbers("n", repeated(1000, 1, 2, 3, 9, math.NaN(), math.NaN(), math.Inf(1), -1)...))
	if m := r.Missing; m.Reference != .2 || m.Window != .25 || m.Z < 2.6 || m.Z > 2.7 {
		t.Errorf("missing %+v", m)
	}
	if o := r.OutOfRange; o.Reference != 0 || o.Window != .375 {
		t.Errorf("out of range %+v", o)
	}
	if v := r.Values; v[0].Mean != 2.5 || math.Abs(v[1].Mean-2.8) > 1e-12 || v[1].Greatest != 9 || v[1].Least != -1 {
		t.Errorf("moments %+v", v)
	}
	total := Sides{}
	for _, b := range r.Bins {
		total.Reference, total.Window = total.Reference+b.Reference, total.Window+b.Window
	}
	if total != (Sides{1000, 1000}) {
		t.Errorf("bins hold %+v rows", total)
	}
	s := against(t, texts("s", repeatedText(1000, "a", "b")...), texts("s", repeatedText(1000, "a", "b", "c", "d", "d")...))
	if s.New.Window != .6 || !s.NewKnown || len(s.NewTexts) != 2 || s.NewTexts[0].Text != "d" || s.NewTexts[0].Rows != 400 || s.Outcome != Drifted {
		t.Errorf("texts %+v", s)
	}
}

func repeatedText(n int, values ...string) []string {
	var out []string
	for len(out) < n {
		out = append(out, values...)
	}
	return out[:n]
}

func TestBinnedMeasuresAreNearThoseOfValues(t *testing.T) {
	for _, shift := range []float64{0, .1, .5, 2} {
		reference, answers := rowsOf(1, 20_000, 0)
		window, later := rowsOf(2, 20_000, shift)
		l := LayoutOf(reference, answers)
		c := compared(t, l, summarised(t, l, reference, answers), summarised(t, l, window, later), Options{})
		binned := c.Features[0]
		c.SharpenAll(reference, window)
		raw := c.Features[0]
		if !raw.Raw || c.Features[2].Raw {
			t.Fatal("numbers, and only these, are measured by their values")
		}
		if d := raw.KolmogorovSmirnov.Statistic - binned.KolmogorovSmirnov.Statistic; d < 0 || d > .011 {
			t.Errorf("shift %v: Kolmogorov-Smirnov %v by bins, %v by values", shift, binned.KolmogorovSmirnov.Statistic, raw.KolmogorovSmirnov.Statistic)
		}
		if math.Abs(*raw.Wasserstein-*binned.Wasserstein) > .02+.05**raw.Wasserstein {
			t.Errorf("shift %v: Wasserstein %v by bins, %v by values", shift, *binned.Wasserstein, *raw.Wasserstein)
		}
		if (raw.Outcome == Drifted) != (shift >= .5) {
			t.Errorf("shift %v: %s, effect %v", shift, raw.Outcome, raw.Effect)
		}
	}
}

func TestFewBinsExactlyAreTheValues(t *testing.T) {
	// Of no more values than fine bins, every value is a bin of its own.
	a, b := repeated(900, 1, 2, 2, 3, 5, 8), repeated(800, 1, 1, 2, 3, 5, 5, 8)
	r := against(t, numbers("n", a...), numbers("n", b...))
	near(t, "ks", r.KolmogorovSmirnov.Statistic, KolmogorovSmirnov(Sorted(a), Sorted(b)).Statistic)
}

func TestVerdictNeedsEffectAndSignificance(t *testing.T) {
	f, o := rowsOf(1, 600, 0)
	g, p := rowsOf(2, 600, 0.45)
	l := LayoutOf(f, o)
	a, b := summarised(t, l, f, o), summarised(t, l, g, p)
	for _, c := range []struct {
		o    Options
		want Outcome
	}{
		{Options{}, Drifted},
		{Options{Alpha: 1e-30}, Stable},
		{Options{Threshold: .9}, Stable},
		{Options{Measure: ByPSI, Threshold: .1}, Drifted},
		{Options{Measure: ByPSI, Threshold: 2}, Stable},
		{Options{Measure: ByTotalVariation, Threshold: .05}, Drifted},
		{Options{MinRows: 601}, Insufficient},
	} {
		if got := compared(t, l, a, b, c.o).Features[0]; got.Outcome != c.want {
			t.Errorf("%+v: %s, effect %v, q %v", c.o, got.Outcome, got.Effect, got.Q)
		}
	}
	other := LayoutOf(g, p)
	if _, err := Compare(other, a, b, Options{}); fault.KindOf(err) != fault.Internal {
		t.Errorf("another layout: %v", err)
	}
}

func TestNewTextsAreFoundAmongManyKnown(t *testing.T) {
	var known, later []string
	for i := range 3000 {
		known = append(known, fmt.Sprintf("airport %d", i%1500))
		later = append(later, fmt.Sprintf("airport %d", i%1500))
		if i%5 == 0 {
			later[i] = fmt.Sprintf("never seen %d", i)
		}
	}
	if r := against(t, texts("s", known...), texts("s", known...)); r.Outcome != Stable || r.New.Window != 0 || !r.NewKnown {
		t.Errorf("the same texts: %+v", r)
	}
	if r := against(t, texts("s", known...), texts("s", later...)); r.Outcome != Drifted || math.Abs(r.New.Window-.2) > .01 {
		t.Errorf("a fifth is new: %+v", r)
	}
}

func TestTimesAreMeasuredAndNotJudged(t *testing.T) {
	a, _ := rowsOf(1, 700, 0)
	b, _ := rowsOf(2, 700, 0)
	for i := range b.Columns[3].Times {
		if b.Columns[3].Times[i] != frame.MissingTime {
			b.Columns[3].Times[i] += 1 << 40
		}
	}
	l := LayoutOf(a, nil)
	c := compared(t, l, summarised(t, l, a, &frame.Frame{Rows: 700}), summarised(t, l, b, &frame.Frame{Rows: 700}), Options{})
	if r := c.Features[3]; r.Outcome != Unjudged || r.Reason == "" || r.OutOfRange.Window < .9 {
		t.Errorf("%+v", r)
	}
	if r := c.Features[0]; r.Outcome != Stable {
		t.Errorf("%+v", r)
	}
}

func TestASingleRowWhereTheReferenceHasNoneIsNoEvidence(t *testing.T) {
	a, b := pooled([]float64{9000, 900, 0, 3}, []float64{450, 50, 1, 0})
	if !slices.Equal(a, []float64{9000, 903}) || !slices.Equal(b, []float64{450, 51}) {
		t.Errorf("pooled to %v and %v", a, b)
	}
	if a, b = pooled([]float64{400, 3, 4, 5, 100}, []float64{380, 4, 5, 3, 120}); !slices.Equal(a, []float64{400, 100, 12}) || !slices.Equal(b, []float64{380, 120, 12}) {
		t.Errorf("pooled to %v and %v", a, b)
	}
}

// The bounds that doc.go gives of what bins tell of values, on distributions that are
// smooth, in lumps and beyond the reference's range.
func TestTheErrorOfBinnedMeasuresIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 4))
	draw := func(n int, of func() float64) (out []float64) {
		for range n {
			out = append(out, of())
		}
		return out
	}
	for name, sides := range map[string][2]func() float64{
		"normal":  {r.NormFloat64, func() float64 { return .3 + r.NormFloat64() }},
		"skewed":  {r.ExpFloat64, func() float64 { return 1.5 * r.ExpFloat64() }},
		"lumps":   {func() float64 { return math.Round(3 * r.NormFloat64()) }, func() float64 { return math.Round(3*r.NormFloat64()) + .5 }},
		"outside": {r.Float64, func() float64 { return .5 + r.Float64() }},
		"same":    {r.Float64, r.Float64},
	} {
		x, y := draw(5000, sides[0]), draw(3000, sides[1])
		a, b := numbers("x", x...), numbers("x", y...)
		l := LayoutOf(a, nil)
		var s [2]*Summary
		for i, f := range []*frame.Frame{a, b} {
			var err error
			if s[i], err = Summarize(l, f, &frame.Frame{Rows: f.Rows}); err != nil {
				t.Fatal(err)
			}
		}
		bins := compared(t, l, s[0], s[1], Options{}).Features[0]
		exact := bins
		exact.Sharpen(Sorted(x), Sorted(y))
		low, high := min(*s[0].Features[0].Least, *s[1].Features[0].Least), max(*s[0].Features[0].Greatest, *s[1].Features[0].Greatest)
		var largest, within float64
		edges := append(append([]float64{low}, l.Features[0].Edges...), high)
		for i := range s[0].Features[0].Bins {
			p, q := float64(s[0].Features[0].Bins[i])/5000, float64(s[1].Features[0].Bins[i])/3000
			largest = max(largest, p, q)
			within += max(0, min(edges[i+1], high)-max(edges[i], low)) * (p + q)
		}
		within /= bins.Values[0].Deviation
		const rounding = 1e-12
		if d := exact.KolmogorovSmirnov.Statistic - bins.KolmogorovSmirnov.Statistic; d < -rounding || d > largest+rounding {
			t.Errorf("%s: Kolmogorov-Smirnov is %v below that of the values, the bound is %v", name, d, largest)
		}
		if d := math.Abs(*exact.Wasserstein - *bins.Wasserstein); d > within+rounding {
			t.Errorf("%s: Wasserstein is %v from that of the values, the bound is %v", name, d, within)
		}
	}
}
