package feature

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// summaryBins and summaryTop bound what a summary tells of one column.
const (
	summaryBins = 24
	summaryTop  = 12
)

// Summary is what the transforms made of the training rows: each column before
// and each feature after. Its JSON form is deterministic.
type Summary struct {
	Rows    int        `json:"rows"`
	Of      int64      `json:"of,omitempty"`      // all training rows, if these are some of them: see MaxDescribed
	Before  []Figures  `json:"before"`            // the raw columns, in the order of the inputs
	After   []Figures  `json:"after"`             // the features, in the order of the matrix
	Choices []Choice   `json:"choices,omitempty"` // what auto picked
	Dropped []Dropped  `json:"dropped,omitempty"` // by select
	Columns [][]string `json:"columns"`           // by feature, the raw columns it is made of
	Steps   []string   `json:"steps"`             // by feature, its transforms in words
}

// Figures describe one column. Times are microseconds since 1970.
type Figures struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // "number", "text", "time" or "block"
	Missing   int       `json:"missing"`
	Distinct  int       `json:"distinct,omitempty"` // texts and blocks
	Mean      float64   `json:"mean"`
	Deviation float64   `json:"deviation"` // ddof 0
	Skew      float64   `json:"skew"`
	Quantiles []float64 `json:"quantiles,omitempty"` // least, quarter, median, three quarters, greatest
	Histogram []int     `json:"histogram,omitempty"` // rows in as many equal intervals from least to greatest
	Top       []Share   `json:"top,omitempty"`       // texts and blocks: the most frequent
}

// Share is a category and its rows; "" is missing, or none of a block's.
type Share struct {
	Category string `json:"category"`
	Rows     int    `json:"rows"`
}

// MaxDescribed bounds the values, rows by columns, that features are planned on and
// described by before any model is fitted; of more training rows some are taken,
// spread evenly. Fits of models learn from them all.
const MaxDescribed = 1 << 22

// valueBytes is what a value may take; a longer text is several.
const valueBytes = 32

// RowsDescribed is how many rows of some columns, a row of about so many bytes as text,
// have no more values than most.
func RowsDescribed(most, columns int, rowBytes int64) int64 {
	return int64(most) / max(1, int64(columns), rowBytes/valueBytes)
}

// Summarize describes the rows before and the matrix made of them.
func Summarize(fitted *Fitted, before *frame.Frame, after *frame.Matrix, choices []Choice) *Summary {
	s := &Summary{Rows: before.Rows, Before: make([]Figures, len(fitted.Inputs)), After: make([]Figures, len(after.Features)), Choices: choices, Dropped: fitted.Dropped}
	n := len(s.Before)
	_ = parallel(n+len(s.After), before.Rows, func(i int) error { // never fails
		if i < n {
			s.Before[i] = figuresOf(before.Column(fitted.Inputs[i].Name))
		} else {
			s.After[i-n] = featureFigures(&after.Features[i-n])
		}
		return nil
	})
	byName := map[string]*Chain{}
	for i := range fitted.Chains {
		byName[fitted.Chains[i].Name] = &fitted.Chains[i]
	}
	for i := range fitted.Chains {
		c := &fitted.Chains[i]
		if c.Hidden {
			continue
		}
		columns, steps := c.sources(byName), c.words()
		for range c.outputs() {
			s.Columns, s.Steps = append(s.Columns, columns), append(s.Steps, steps)
		}
	}
	return s
}

// sources are the raw columns a chain depends on.
func (c *Chain) sources(byName map[string]*Chain) []string {
	if c.Factors != nil {
		return slices.Compact(slices.Concat(byName[c.Factors[0]].sources(byName), byName[c.Factors[1]].sources(byName)))
	}
	if c.Columns != nil {
		return c.Columns
	}
	return []string{c.Column}
}

func figuresOf(c *frame.Column) Figures {
	f := Figures{Name: c.Name, Kind: c.Kind.String()}
	switch c.Kind {
	case frame.Text:
		counts := make([]counted, len(c.Dict))
		for i, text := range c.Dict {
			counts[i].text = text
		}
		for _, code := range c.Codes {
			if code == frame.MissingCode || c.Dict[code] == "" {
				f.Missing++
			} else {
				counts[code].rows++
			}
		}
		f.shares(counts)
	case frame.Time:
		x := make([]float64, 0, len(c.Times))
		for _, t := range c.Times {
			if t == frame.MissingTime {
				f.Missing++
			} else {
				x = append(x, float64(t))
			}
		}
		f.numbers(x)
	default:
		x := present(c.Numbers, make([]float64, 0, len(c.Numbers)))
		f.Missing = len(c.Numbers) - len(x)
		f.numbers(x)
	}
	return f
}

func featureFigures(m *frame.Feature) Figures {
	f := Figures{Name: m.Name, Kind: "number"}
	if !m.Block() {
		f.numbers(slices.Clone(m.Numbers))
		return f
	}
	f.Kind = "block"
	counts := make([]counted, len(m.Categories))
	for i, n := range occurrences(m) {
		counts[i] = counted{m.Categories[i], int(n)}
	}
	none := len(m.Codes)
	for _, c := range counts {
		none -= c.rows
	}
	f.shares(append(counts, counted{"", none}))
	return f
}

func (f *Figures) shares(counts []counted) {
	counts = slices.DeleteFunc(counts, func(c counted) bool { return c.rows == 0 })
	byCount(counts)
	f.Distinct = len(counts)
	for _, c := range counts[:min(summaryTop, len(counts))] {
		f.Top = append(f.Top, Share{c.text, c.rows})
	}
}

// numbers describes values that are present; it reorders them.
func (f *Figures) numbers(x []float64) {
	if len(x) == 0 {
		return
	}
	m, scale := meanScale(x)
	f.Mean, f.Skew = rounded(m), rounded(skew(x))
	if !constant(x) {
		f.Deviation = rounded(scale)
	}
	f.Quantiles = quantiles(x, 0, 0.25, 0.5, 0.75, 1)
	low, high := f.Quantiles[0], f.Quantiles[4]
	for i, q := range f.Quantiles {
		f.Quantiles[i] = rounded(q)
	}
	width := high - low
	if width == 0 || math.IsInf(width, 0) {
		f.Histogram = []int{len(x)}
		return
	}
	f.Histogram = make([]int, summaryBins)
	for _, v := range x {
		f.Histogram[min(summaryBins-1, int((v-low)/width*summaryBins))]++
	}
}
