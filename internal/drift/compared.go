package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Bin is one of the bins that two distributions are compared in.
type Bin struct {
	Label string `json:"label,omitempty"` // a text, "other", "new", "infinite" or "missing"; "" for values in (From, To]

	From *float64 `json:"from,omitempty"` // nil: from below the reference's least
	To   *float64 `json:"to,omitempty"`   // nil: beyond its greatest

	Reference int64 `json:"reference"` // rows
	Window    int64 `json:"window"`
}

// Labels of the bins that are no values.
const (
	missingLabel  = "missing"
	infiniteLabel = "infinite"
	otherLabel    = "other texts"
	newLabel      = "new texts"
)

// compared puts the counts of both sides in coarse bins that are the same for
// both: missing values always, the others where a side has a row.
func (f *Field) compared(a, b *Column) []Bin {
	var bins []Bin
	add := func(bin Bin) {
		if bin.Reference+bin.Window > 0 || bin.Label == missingLabel {
			bins = append(bins, bin)
		}
	}
	if f.text() {
		for i := range f.Listed {
			add(Bin{Label: "=" + f.Categories[i], Reference: a.Bins[i], Window: b.Bins[i]})
		}
		rare, news := Bin{Label: otherLabel}, Bin{Label: newLabel, Reference: unlisted(a), Window: unlisted(b)}
		for i := f.Listed; i < len(f.Categories); i++ {
			rare.Reference, rare.Window = rare.Reference+a.Bins[i], rare.Window+b.Bins[i]
		}
		rare.Reference, rare.Window = rare.Reference+a.Rare, rare.Window+b.Rare
		if !f.knows() { // what is not listed may be rare, or new: nobody knows
			rare.Reference, rare.Window = rare.Reference+news.Reference, rare.Window+news.Window
			news = Bin{}
		}
		add(rare)
		add(news)
	} else {
		from := 0
		for k := 0; k <= len(f.Groups); k++ {
			to := len(a.Bins) - 1
			bin := Bin{}
			if k < len(f.Groups) {
				to = f.Groups[k]
				bin.To = &f.Edges[to]
			}
			if k > 0 {
				bin.From = &f.Edges[f.Groups[k-1]]
			}
			for ; from <= to; from++ {
				bin.Reference, bin.Window = bin.Reference+a.Bins[from], bin.Window+b.Bins[from]
			}
			add(bin)
		}
		add(Bin{Label: infiniteLabel, Reference: a.Infinite, Window: b.Infinite})
	}
	add(Bin{Label: missingLabel, Reference: a.Missing, Window: b.Missing})
	return bins
}

func countsOf(bins []Bin) (p, q []float64) {
	for _, b := range bins {
		p, q = append(p, float64(b.Reference)), append(q, float64(b.Window))
	}
	return p, q
}

func floats(counts []int64) []float64 {
	out := make([]float64, len(counts))
	for i, n := range counts {
		out[i] = float64(n)
	}
	return out
}

// name says what the values of a bin are; write writes a value.
func (b *Bin) name(write func(float64) string) string {
	switch {
	case b.Label != "" && b.Label[0] == '=':
		return b.Label[1:]
	case b.Label != "":
		return b.Label
	case b.From == nil && b.To == nil:
		return "any value"
	case b.From == nil:
		// The edge is just below the least value; the next double is that value.
		return "below " + write(math.Nextafter(*b.To, math.Inf(1)))
	case b.To == nil:
		return "above " + write(*b.From)
	}
	return write(*b.From) + " to " + write(*b.To)
}

func tooFew(reference, window, least int64) string {
	side, rows := "window", window
	if reference < window {
		side, rows = "reference", reference
	}
	return fmt.Sprintf("the %s has %d rows, fewer than %d", side, rows, least)
}

// most returns at most n texts, those of most rows first, equals by their name.
func (t *Tally) most(n int) []Item {
	out := slices.Clone(t.Texts)
	slices.SortFunc(out, func(a, b Item) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Hash, b.Hash))
	})
	return out[:min(n, len(out))]
}

// SharpenAll is Sharpen of every feature that is numbers or times, by the rows of
// both sides.
func (c *Comparison) SharpenAll(reference, window *frame.Frame) {
	parallel(len(c.Features), func(i int) {
		r := &c.Features[i]
		a, b := reference.Column(r.Name), window.Column(r.Name)
		if r.KolmogorovSmirnov != nil && a != nil && b != nil && a.Kind == b.Kind && a.Kind != frame.Text {
			r.Sharpen(Sorted(numbersOf(a)), Sorted(numbersOf(b)))
		}
	})
}
