package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Layout says what a summary counts: it comes from one bundle's baseline, and only
// summaries of the same layout are merged or compared.
type Layout struct {
	Features []Field `json:"features"`
	Outputs  []Field `json:"outputs"`
}

// Field is one column of a layout.
type Field struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "number", "text" or "time", as frame.Kind.String

	// Edges cut numbers and times (microseconds) into len(Edges)+1 bins: (-∞, Edges[0]],
	// (Edges[0], Edges[1]] … (Edges[n-1], +∞). The first is just below the least value
	// of the reference and the last the greatest, so that the outer bins hold what is
	// out of its range. None if the reference has no value.
	Edges []float64 `json:"edges,omitempty"`

	// Groups are the indices in Edges of the edges that coarse bins have: about
	// tenths of the reference and the outer two.
	Groups []int `json:"groups,omitempty"`

	// Categories are the texts of the reference, most frequent first; Listed of them
	// are counted on their own where distributions are compared, the rarer ones
	// together. Whole says that the reference has no others; Rare knows those it has,
	// where they are not too many.
	Categories []string `json:"categories,omitempty"`
	Listed     int      `json:"listed,omitempty"`
	Whole      bool     `json:"whole,omitempty"`
	Rare       *TextSet `json:"rare,omitempty"`
}

// Digest names the layout.
func (l *Layout) Digest() string {
	data, err := json.Marshal(l)
	if err != nil { // no edge is NaN or infinite
		panic(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// coarse and fine are the bins that distributions of numbers are compared in, and
// counted in; listed the categories.
const (
	coarseBins = 10
	listed     = 20
)

// NumberField lays out numbers or times: inner are the edges between least and
// greatest, all within, increasing, and shares the shares of the len(inner)+1 bins
// between them.
func NumberField(name string, kind frame.Kind, least, greatest float64, inner, shares []float64) Field {
	// Of the least of all doubles none is below: its rows are then out of range.
	first := max(math.Nextafter(least, math.Inf(-1)), -math.MaxFloat64)
	f := Field{Name: name, Kind: kind.String(), Edges: []float64{first}, Groups: []int{0}}
	for _, e := range inner {
		if e > first && e < greatest {
			f.Edges = append(f.Edges, e)
		}
	}
	if greatest > first {
		f.Edges = append(f.Edges, greatest)
	}
	if len(f.Edges) == 1 {
		return f
	}
	total, cumulated, next := sum(shares), 0.0, 1.0
	for i := 1; i < len(f.Edges)-1; i++ {
		cumulated += shares[i-1]
		if cumulated >= total*next/coarseBins-1e-12 {
			f.Groups = append(f.Groups, i)
			next = math.Floor(cumulated/total*coarseBins+1e-9) + 1
		}
	}
	f.Groups = append(f.Groups, len(f.Edges)-1)
	return f
}

// TextField lays out texts by all those of the reference, most frequent first.
func TextField(name string, texts []string) Field {
	n := min(MostCategories, len(texts))
	return Field{Name: name, Kind: frame.Text.String(), Categories: texts[:n:n], Listed: min(listed, n), Whole: n == len(texts), Rare: knownTexts(texts[n:])}
}

// EmptyField lays out a column of which the reference has no value.
func EmptyField(name string, kind frame.Kind) Field { return Field{Name: name, Kind: kind.String()} }

// knows reports whether texts that are neither listed nor rare are new.
func (f *Field) knows() bool { return f.Whole || f.Rare != nil }

func (f *Field) text() bool { return f.Kind == frame.Text.String() }

// bins is how many counts a column of the field has.
func (f *Field) bins() int {
	if f.text() {
		return len(f.Categories)
	}
	return len(f.Edges) + 1
}

// LayoutOf lays out the columns of a frame by their own values: percentiles of
// numbers and times, the 100 most frequent texts. It is for references of which
// the rows are at hand; a bundle's baseline gives the same layout without them.
func LayoutOf(features, outputs *frame.Frame) *Layout {
	l := &Layout{}
	for _, side := range []struct {
		f    *frame.Frame
		into *[]Field
	}{{features, &l.Features}, {outputs, &l.Outputs}} {
		if side.f == nil {
			continue
		}
		*side.into = make([]Field, len(side.f.Columns))
		parallel(len(side.f.Columns), func(i int) { (*side.into)[i] = fieldOf(&side.f.Columns[i]) })
	}
	return l
}

func fieldOf(c *frame.Column) Field {
	if c.Kind == frame.Text {
		return TextField(c.Name, frequent(c))
	}
	sorted := Sorted(numbersOf(c))
	if len(sorted) == 0 {
		return EmptyField(c.Name, c.Kind)
	}
	inner := Percentiles(sorted)
	return NumberField(c.Name, c.Kind, sorted[0], sorted[len(sorted)-1], inner, Shares(sorted, inner))
}

// The grain of a reference: equal shares of numbers and times, texts listed.
const (
	FineBins       = 100
	MostCategories = 100
)

// Percentiles returns the inner percentiles of sorted values (values themselves, no
// interpolation), each once, without the maximum, which would leave a bin empty.
func Percentiles[T int64 | float64](sorted []T) []T {
	edges := []T{}
	last := sorted[len(sorted)-1]
	for i := 1; i < FineBins; i++ {
		e := sorted[(i*len(sorted)+FineBins-1)/FineBins-1]
		if e < last && (len(edges) == 0 || e > edges[len(edges)-1]) {
			edges = append(edges, e)
		}
	}
	return edges
}

// Shares returns the shares of sorted values in the bins that inner edges cut.
func Shares[T int64 | float64](sorted, inner []T) []float64 {
	out := make([]float64, 0, len(inner)+1)
	from := 0
	for _, e := range inner {
		to, _ := slices.BinarySearchFunc(sorted, e, func(x, e T) int {
			if x <= e {
				return -1
			}
			return 1
		})
		out = append(out, float64(to-from)/float64(len(sorted)))
		from = to
	}
	return append(out, float64(len(sorted)-from)/float64(len(sorted)))
}
