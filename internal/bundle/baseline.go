package bundle

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// topCategories bounds the categories whose shares are kept; bins is how many
// intervals of equal training mass a number or time is cut into.
const (
	topCategories = 100
	bins          = 10
)

// quantiles are the probabilities whose quantiles are kept.
var quantiles = []float64{0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1}

// Baseline is what training rows and the predictions over them looked like: what
// monitoring compares a window with.
type Baseline struct {
	Rows        int              `json:"rows"`
	Columns     []ColumnBaseline `json:"columns"`     // the signature's inputs
	Predictions []ColumnBaseline `json:"predictions"` // "prediction"; or "label" and one per class, by its name
}

// ColumnBaseline describes one column; at most one of Number, Text and Time is
// set, none if no value is present. All shares are of all rows, so that they and
// MissingShare add up to 1: missingness is part of the distribution.
type ColumnBaseline struct {
	Name         string          `json:"name"`
	Kind         string          `json:"kind"`
	MissingShare float64         `json:"missing_share"`
	Number       *NumberBaseline `json:"number,omitempty"`
	Text         *TextBaseline   `json:"text,omitempty"`
	Time         *TimeBaseline   `json:"time,omitempty"`
}

// NumberBaseline describes the finite values of a column.
type NumberBaseline struct {
	Mean          float64    `json:"mean"`
	Deviation     float64    `json:"deviation"` // population standard deviation
	InfiniteShare float64    `json:"infinite_share,omitempty"`
	Quantiles     []Quantile `json:"quantiles"` // linear interpolation, as numpy's default
	// Edges are the inner edges of the histogram, increasing: its bins are
	// (-inf, Edges[0]], (Edges[0], Edges[1]], … (Edges[n-1], +inf), and Shares has
	// one more element than Edges. They are the distinct deciles.
	Edges  []float64 `json:"edges"`
	Shares []float64 `json:"shares"`
}

// Quantile is the value below which the share Probability of the values lie.
type Quantile struct {
	Probability float64 `json:"probability"`
	Value       float64 `json:"value"`
}

// TextBaseline describes the texts of a column.
type TextBaseline struct {
	Distinct   int        `json:"distinct"`
	Categories []Category `json:"categories"`  // most frequent first, then by name; at most 100
	OtherShare float64    `json:"other_share"` // of the texts not listed
}

// Category is one text and its share of all rows.
type Category struct {
	Text  string  `json:"text"`
	Share float64 `json:"share"`
}

// TimeBaseline describes the times of a column, in microseconds since the Unix
// epoch; Edges and Shares are as NumberBaseline's.
type TimeBaseline struct {
	Earliest int64     `json:"earliest"`
	Latest   int64     `json:"latest"`
	Edges    []int64   `json:"edges"`
	Shares   []float64 `json:"shares"`
}

// BaselineOf describes the training rows f and the predictions over them:
// f.Rows × outputs values, as Predictor.Predict writes them. Columns of f that
// are not inputs of sig are left out. The result does not depend on the number
// of threads.
//
// Errors: ColumnMissing; DatasetEmpty if f has no rows; Internal if predictions
// are not of that length.
func BaselineOf(f *frame.Frame, sig Signature, target *feature.Target, predictions []float64) (*Baseline, error) {
	if f.Rows == 0 {
		return nil, fault.New(fault.DatasetEmpty, "no rows to describe as a baseline")
	}
	outputs := max(1, len(target.Classes))
	if len(predictions) != f.Rows*outputs {
		return nil, fault.New(fault.Internal, "%d predictions for %d rows of %d outputs", len(predictions), f.Rows, outputs)
	}
	var columns []*frame.Column
	for _, in := range sig.Inputs {
		c := f.Column(in.Name)
		if c == nil {
			return nil, fault.New(fault.ColumnMissing, "the training rows have no column %q, which the signature has", in.Name)
		}
		columns = append(columns, c)
	}
	answers := predicted(f.Rows, target, predictions)
	all := make([]ColumnBaseline, len(columns)+len(answers))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i, c := range append(columns, answers...) {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			all[i] = columnBaseline(c, f.Rows)
		})
	}
	wait.Wait()
	return &Baseline{Rows: f.Rows, Columns: all[:len(columns)], Predictions: all[len(columns):]}, nil
}

// predicted turns predictions into columns.
func predicted(rows int, target *feature.Target, predictions []float64) []*frame.Column {
	if target.Task == pipeline.Regression {
		return []*frame.Column{{Name: "prediction", Kind: frame.Number, Numbers: predictions}}
	}
	k := len(target.Classes)
	columns := []*frame.Column{{Name: "label", Kind: frame.Text, Dict: target.Classes, Codes: make([]int32, rows)}}
	for j, class := range target.Classes {
		c := &frame.Column{Name: class, Kind: frame.Number, Numbers: make([]float64, rows)}
		for row := range rows {
			c.Numbers[row] = predictions[row*k+j]
		}
		columns = append(columns, c)
	}
	for row := range rows {
		columns[0].Codes[row] = int32(best(predictions[row*k : (row+1)*k]))
	}
	return columns
}

// best returns the index of the greatest probability, the first of equals.
func best(p []float64) int {
	at := 0
	for i := range p {
		if p[i] > p[at] {
			at = i
		}
	}
	return at
}

func columnBaseline(c *frame.Column, rows int) ColumnBaseline {
	b := ColumnBaseline{Name: c.Name, Kind: c.Kind.String()}
	missing := 0
	switch c.Kind {
	case frame.Text:
		for i := range c.Codes {
			if missingText(c, i) {
				missing++
			}
		}
		b.Text = textBaseline(c, rows)
	case frame.Time:
		present := make([]int64, 0, rows)
		for _, t := range c.Times {
			if t != frame.MissingTime {
				present = append(present, t)
			}
		}
		missing = rows - len(present)
		if slices.Sort(present); len(present) > 0 {
			edges := distinctEdges(present)
			b.Time = &TimeBaseline{Earliest: present[0], Latest: present[len(present)-1], Edges: edges, Shares: shares(present, edges, rows)}
		}
	default:
		finite, infinite := make([]float64, 0, rows), 0
		for _, x := range c.Numbers {
			switch {
			case math.IsNaN(x):
				missing++
			case math.IsInf(x, 0):
				infinite++
			default:
				finite = append(finite, x)
			}
		}
		if slices.Sort(finite); len(finite) > 0 {
			b.Number = numberBaseline(finite, rows)
			b.Number.InfiniteShare = float64(infinite) / float64(rows)
		}
	}
	b.MissingShare = float64(missing) / float64(rows)
	return b
}

func textBaseline(c *frame.Column, rows int) *TextBaseline {
	counts := textCounts(c)
	if len(counts) == 0 {
		return nil
	}
	b := &TextBaseline{Distinct: len(counts)}
	other := 0
	for i, n := range counts {
		if i < topCategories {
			b.Categories = append(b.Categories, Category{n.text, float64(n.count) / float64(rows)})
		} else {
			other += n.count
		}
	}
	b.OtherShare = float64(other) / float64(rows)
	return b
}

// numberBaseline describes sorted finite values. Mean and deviation are of
// values scaled by the greatest magnitude, so that none overflows.
func numberBaseline(sorted []float64, rows int) *NumberBaseline {
	scale := max(math.Abs(sorted[0]), math.Abs(sorted[len(sorted)-1]))
	if scale == 0 {
		scale = 1
	}
	n := float64(len(sorted))
	sum, squares := 0.0, 0.0
	for _, x := range sorted {
		sum += x / scale
	}
	mean := sum / n
	for _, x := range sorted {
		d := x/scale - mean
		squares += d * d
	}
	b := &NumberBaseline{Mean: mean * scale, Deviation: min(math.Sqrt(squares/n)*scale, math.MaxFloat64)}
	for _, p := range quantiles {
		b.Quantiles = append(b.Quantiles, Quantile{p, quantile(sorted, p)})
	}
	b.Edges = distinctEdges(sorted)
	b.Shares = shares(sorted, b.Edges, rows)
	return b
}

// quantile is type 7 of Hyndman and Fan (1996): linear between order statistics.
func quantile(sorted []float64, p float64) float64 {
	h := p * float64(len(sorted)-1)
	i := int(h)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	w := h - float64(i)
	return sorted[i]*(1-w) + sorted[i+1]*w
}

// distinctEdges returns the inner deciles (values of the column, no
// interpolation), each once, without the maximum, which would leave a bin empty.
func distinctEdges[T int64 | float64](sorted []T) []T {
	edges := []T{}
	last := sorted[len(sorted)-1]
	for i := 1; i < bins; i++ {
		e := sorted[(i*len(sorted)+bins-1)/bins-1]
		if e < last && (len(edges) == 0 || e > edges[len(edges)-1]) {
			edges = append(edges, e)
		}
	}
	return edges
}

// shares returns the share of rows in each bin that edges cut.
func shares[T int64 | float64](sorted, edges []T, rows int) []float64 {
	out := make([]float64, 0, len(edges)+1)
	from := 0
	for _, e := range edges {
		to, _ := slices.BinarySearchFunc(sorted, e, func(x, e T) int {
			if x <= e {
				return -1
			}
			return 1
		})
		out = append(out, float64(to-from)/float64(rows))
		from = to
	}
	return append(out, float64(len(sorted)-from)/float64(rows))
}
