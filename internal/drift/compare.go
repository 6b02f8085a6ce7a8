package drift

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Outcome is what a comparison says of one column.
type Outcome string

// The outcomes.
const (
	Stable       Outcome = "stable"
	Drifted      Outcome = "drift"
	Insufficient Outcome = "insufficient data" // fewer rows on a side than Options.MinRows
	Failed       Outcome = "error"             // the column could not be measured; Reason says why
	Unjudged     Outcome = "not judged"        // a time, which moves on by itself: measured alone
)

// The measures of effect a verdict may rest on.
const (
	ByJensenShannon  = "jensen_shannon" // distance in base 2
	ByPSI            = "psi"
	ByTotalVariation = "total_variation"
)

// Options decide what counts as drift. The zero value is the defaults.
type Options struct {
	Alpha     float64 // bound on the corrected p, 0.01
	Measure   string  // of effect, ByJensenShannon
	MinRows   int64   // on either side, 500
	Threshold float64 // from which the effect counts, 0.1
}

func (o Options) withDefaults() Options {
	if o.Alpha == 0 {
		o.Alpha = 0.01
	}
	if o.Measure == "" {
		o.Measure = ByJensenShannon
	}
	if o.MinRows == 0 {
		o.MinRows = 500
	}
	if o.Threshold == 0 {
		o.Threshold = 0.1
	}
	return o
}

// Comparison is how far a window is from its reference.
type Comparison struct {
	Rows     Sides    `json:"rows"`
	Features []Result `json:"features"`
	Outputs  []Result `json:"outputs"`
}

// Sides is one count of the reference and one of the window.
type Sides struct {
	Reference int64 `json:"reference"`
	Window    int64 `json:"window"`
}

// Result is how far one column is from its reference. What a column of its kind
// or without values does not have is nil.
type Result struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`

	Effect float64 `json:"effect"` // of the measure the verdict rests on
	P      float64 `json:"p"`      // of ChiSquare, bins of few rows together
	Q      float64 `json:"q"`      // P corrected for the number of columns measured together

	PSI                     float64  `json:"psi"`
	JensenShannon           float64  `json:"jensen_shannon"` // distance, base 2
	JensenShannonDivergence float64  `json:"jensen_shannon_divergence"`
	TotalVariation          float64  `json:"total_variation"`
	ChiSquare               *Test    `json:"chi_square,omitempty"`
	KolmogorovSmirnov       *Test    `json:"kolmogorov_smirnov,omitempty"`
	Wasserstein             *float64 `json:"wasserstein,omitempty"` // normed by the reference's deviation
	Raw                     bool     `json:"raw,omitempty"`         // the latter two are of values, not bins

	Missing    *Proportions `json:"missing,omitempty"`
	OutOfRange *Proportions `json:"out_of_range,omitempty"` // numbers and times: outside the baseline's least and greatest, or infinite
	New        *Proportions `json:"new,omitempty"`          // texts that the baseline does not know, or not list if it has too many
	NewTexts   []Item       `json:"new_texts,omitempty"`    // some, with most rows first
	NewKnown   bool         `json:"new_known,omitempty"`    // the baseline knows all texts it has: the others are new
	Values     *[2]Moments  `json:"values,omitempty"`       // of the reference and the window
	Bins       []Bin        `json:"bins,omitempty"`         // what the measures compare
}

// Moments are those of finite values.
type Moments struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"` // population
	Least     float64 `json:"least"`
	Greatest  float64 `json:"greatest"`
}

// Compare measures a window against a reference of the same layout, which may be
// the baseline's or that of another window. P-values of features are corrected
// together, those of outputs apart. Error: Internal if a summary is of another
// layout.
func Compare(l *Layout, reference, window *Summary, o Options) (*Comparison, error) {
	o = o.withDefaults()
	digest := l.Digest()
	for _, s := range []*Summary{reference, window} {
		if s.Layout != digest || len(s.Features) != len(l.Features) || len(s.Outputs) != len(l.Outputs) {
			return nil, fault.New(fault.Internal, "a summary of layout %s is compared in layout %s", s.Layout, digest)
		}
	}
	c := &Comparison{Rows: Sides{reference.Rows, window.Rows}}
	c.Features = compareColumns(l.Features, reference.Features, window.Features, o)
	c.Outputs = compareColumns(l.Outputs, reference.Outputs, window.Outputs, o)
	return c, nil
}

func compareColumns(fields []Field, reference, window []Column, o Options) []Result {
	results := make([]Result, len(fields))
	parallel(len(fields), func(i int) { results[i] = compareColumn(&fields[i], &reference[i], &window[i], o) })
	Judge(results, o)
	return results
}

// Judge corrects the p-values of results for their number, and decides what has
// drifted by them. Compare does so; it is for columns that were compared apart, so
// that only one of them need be in memory, and that are one report.
func Judge(results []Result, o Options) {
	o = o.withDefaults()
	p := make([]float64, len(results))
	for i, r := range results {
		if p[i] = r.P; r.Outcome == Failed || r.Outcome == Insufficient || r.Outcome == Unjudged {
			p[i] = math.NaN()
		}
	}
	for i, q := range BenjaminiHochberg(p) {
		if r := &results[i]; q == q {
			r.Q, r.Outcome = q, Stable
			if q < o.Alpha && r.Effect >= o.Threshold {
				r.Outcome = Drifted
			}
		}
	}
}

// compareColumn leaves the outcome of a column that was measured to be decided.
func compareColumn(f *Field, a, b *Column, o Options) Result {
	r := Result{Name: f.Name, Kind: f.Kind, P: 1, Q: 1}
	for _, side := range []*Column{b, a} {
		if side.Problem != "" {
			r.Outcome, r.Reason = Failed, side.Problem
			return r
		}
	}
	r.Missing = TwoProportions(a.Missing, a.Rows, b.Missing, b.Rows)
	r.Bins = f.compared(a, b)
	if a.Rows < o.MinRows || b.Rows < o.MinRows {
		r.Outcome, r.Reason = Insufficient, tooFew(a.Rows, b.Rows, o.MinRows)
		return r
	}
	p, q := countsOf(r.Bins)
	r.PSI, r.JensenShannon, r.JensenShannonDivergence = PSI(p, q), JensenShannon(p, q), JensenShannonDivergence(p, q)
	r.TotalVariation = TotalVariation(p, q)
	switch o.Measure {
	case ByPSI:
		r.Effect = r.PSI
	case ByTotalVariation:
		r.Effect = r.TotalVariation
	default:
		r.Effect = r.JensenShannon
	}

	if r.ChiSquare = ChiSquare(pooled(p, q)); r.ChiSquare != nil {
		r.P = r.ChiSquare.P
	}
	if f.text() {
		r.texts(f, a, b)
	} else {
		r.numbers(f, a, b)
	}
	if f.Kind == frame.Time.String() {
		r.Outcome, r.Reason = Unjudged, "times move on by themselves"
	}
	return r
}

func (r *Result) texts(f *Field, a, b *Column) {
	r.NewKnown = f.knows()
	r.New = TwoProportions(unlisted(a), a.Rows, unlisted(b), b.Rows)
	if b.Unlisted != nil {
		r.NewTexts = b.Unlisted.most(shownNew)
	}
}

// shownNew is how many new texts a result names.
const shownNew = 10

func unlisted(c *Column) int64 {
	if c.Unlisted == nil {
		return 0
	}
	return c.Unlisted.Rows
}

func (r *Result) numbers(f *Field, a, b *Column) {
	outside := func(c *Column) int64 {
		if len(f.Edges) == 0 {
			return c.Rows - c.Missing // the baseline has no range
		}
		return c.Infinite + c.Bins[0] + c.Bins[len(c.Bins)-1]
	}
	r.OutOfRange = TwoProportions(outside(a), a.Rows, outside(b), b.Rows)
	if a.present() == 0 || b.present() == 0 {
		return
	}
	r.Values = &[2]Moments{momentsOf(a), momentsOf(b)}
	p, q := floats(a.Bins), floats(b.Bins)
	r.KolmogorovSmirnov = kolmogorovOfBins(p, q)
	low, high := min(*a.Least, *b.Least), max(*a.Greatest, *b.Greatest)
	if w := wassersteinOfBins(f.Edges, p, q, low, high) / max(r.Values[0].Deviation, leastDeviation); w-w == 0 {
		r.Wasserstein = &w
	}
}

func momentsOf(c *Column) Moments {
	return Moments{c.Mean(), min(c.Deviation(), math.MaxFloat64), *c.Least, *c.Greatest}
}

// wassersteinOfBins is the area between the distribution functions that take the
// values of a bin as spread evenly in it.
func wassersteinOfBins(edges, p, q []float64, low, high float64) float64 {
	n, m := sum(p), sum(q)
	area, from, before, a, b := 0.0, low, 0.0, 0.0, 0.0
	for i := range p {
		to := high
		if i < len(edges) {
			to = min(max(edges[i], low), high)
		}
		a, b = a+p[i], b+q[i]
		after := a/n - b/m
		width := to - from
		switch {
		case width <= 0:
		case before*after >= 0:
			area += width * math.Abs(before+after) / 2
		default: // they cross within
			area += width * (before*before + after*after) / (2 * math.Abs(before-after))
		}
		from, before = max(from, to), after
	}
	return area
}

// Sharpen replaces Kolmogorov-Smirnov and Wasserstein by those of the values
// themselves: the finite ones, sorted, of the reference and of the window. A result
// that has no values on a side stays as it is.
func (r *Result) Sharpen(reference, window []float64) {
	if len(reference) == 0 || len(window) == 0 {
		return
	}
	w := NormedWasserstein(reference, window)
	r.KolmogorovSmirnov, r.Raw = KolmogorovSmirnov(reference, window), true
	if r.Wasserstein = nil; w-w == 0 {
		r.Wasserstein = &w
	}
}
