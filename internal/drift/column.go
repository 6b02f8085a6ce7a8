package drift

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// maxEdges is how many edges the search of a bin has room for.
const maxEdges = 127

func (c *Column) fill(f *Field, from *frame.Column) {
	switch {
	case from == nil:
		c.Problem = "the rows do not have it"
		return
	case from.Kind.String() != f.Kind:
		c.Problem = fmt.Sprintf("it is a %s and was a %s in the reference", from.Kind, f.Kind)
		return
	}
	switch from.Kind {
	case frame.Text:
		c.Rows = int64(len(from.Codes))
		c.countTexts(f, from)
	case frame.Time:
		c.Rows = int64(len(from.Times))
		c.countNumbers(f, numbersOf(from))
	default:
		c.Rows = int64(len(from.Numbers))
		c.countNumbers(f, from.Numbers)
	}
}

// numbersOf are the values of a column of numbers or times, NaN where missing.
// Microseconds are exact to the year 2255.
func numbersOf(c *frame.Column) []float64 {
	if c.Kind != frame.Time {
		return c.Numbers
	}
	out := make([]float64, len(c.Times))
	for i, t := range c.Times {
		if out[i] = float64(t); t == frame.MissingTime {
			out[i] = math.NaN()
		}
	}
	return out
}

func (c *Column) countNumbers(f *Field, values []float64) {
	var edges [maxEdges + 1]float64
	for i := range edges {
		edges[i] = math.Inf(1)
	}
	copy(edges[:maxEdges], f.Edges)
	var counts [maxEdges + 1]int64
	var total, squares accumulator
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, x := range values {
		if x-x != 0 {
			if x != x {
				c.Missing++
			} else {
				c.Infinite++
			}
			continue
		}
		// The number of edges below x, without a branch that depends on it.
		at := 0
		for half := (maxEdges + 1) / 2; half > 0; half /= 2 {
			at += half & -below(edges[(at+half-1)&maxEdges], x)
		}
		counts[at&maxEdges]++
		least, greatest = min(least, x), max(greatest, x)
		total.add(x)
		squares.addSquare(x)
	}
	for i := range c.Bins {
		c.Bins[i] += counts[i]
	}
	total.into(c.Sum)
	squares.into(c.Squares)
	if least <= greatest {
		c.extend(&least, &greatest)
	}
}

// below is 1 if a < b, else 0; it is compiled without a branch.
func below(a, b float64) int {
	var i int
	if a < b {
		i = 1
	}
	return i
}

func (c *Column) extend(least, greatest *float64) {
	if least != nil && (c.Least == nil || *least < *c.Least) {
		c.Least = new(*least + 0)
	}
	if greatest != nil && (c.Greatest == nil || *greatest > *c.Greatest) {
		c.Greatest = new(*greatest + 0)
	}
}

// countCodes counts the rows of each text of a dictionary; the empty text is
// missing, as it is to the features.
func countCodes(c *frame.Column) (counts []int64, missing int64) {
	counts = make([]int64, len(c.Dict)+1)
	for _, code := range c.Codes {
		counts[code+1]++
	}
	missing, counts = counts[0], counts[1:]
	for i, text := range c.Dict {
		if text == "" {
			missing, counts[i] = missing+counts[i], 0
		}
	}
	return counts, missing
}

func (c *Column) countTexts(f *Field, from *frame.Column) {
	at := make(map[string]int, len(f.Categories))
	for i, text := range f.Categories {
		at[text] = i
	}
	counts, missing := countCodes(from)
	c.Missing += missing
	others := map[uint64]int{} // where in items, as a dictionary may list a text twice
	var items []Item
	for code, n := range counts {
		if n == 0 {
			continue
		}
		text := from.Dict[code]
		if i, ok := at[text]; ok {
			c.Bins[i] += n
			continue
		}
		hash := hashOf(text)
		if f.Rare.has(hash) {
			c.Rare += n
			continue
		}
		if i, ok := others[hash]; ok {
			items[i].Rows += n
			continue
		}
		others[hash] = len(items)
		items = append(items, newItem(text, hash, n))
	}
	c.Unlisted = c.Unlisted.merge(tallied(items))
}

func (c *Column) merge(o *Column) {
	c.Rows, c.Missing, c.Infinite = c.Rows+o.Rows, c.Missing+o.Missing, c.Infinite+o.Infinite
	c.Rare += o.Rare
	for i, n := range o.Bins {
		c.Bins[i] += n
	}
	c.extend(o.Least, o.Greatest)
	if o.Sum != nil && c.Sum != nil {
		c.Sum.Add(o.Sum)
		c.Squares.Add(o.Squares)
	}
	c.Unlisted = c.Unlisted.merge(o.Unlisted)
	if c.Problem == "" || o.Problem != "" && o.Problem < c.Problem {
		c.Problem = o.Problem
	}
}

// present is how many rows have a finite value, or a text.
func (c *Column) present() int64 { return c.Rows - c.Missing - c.Infinite }

// Mean and Deviation are of the finite values; NaN without one.
func (c *Column) Mean() float64 {
	if c.Sum == nil {
		return math.NaN()
	}
	return c.Sum.Mean(c.present())
}

// Deviation is the population standard deviation of the finite values.
func (c *Column) Deviation() float64 {
	if c.Sum == nil {
		return math.NaN()
	}
	return Deviation(c.Sum, c.Squares, c.present())
}

// frequent returns the texts of a column, most frequent first, then by name.
func frequent(c *frame.Column) (texts []string) {
	counts, _ := countCodes(c)
	rows := map[string]int64{}
	for code, k := range counts {
		if k > 0 {
			rows[c.Dict[code]] += k
		}
	}
	for text := range rows {
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(cmp.Compare(rows[b], rows[a]), cmp.Compare(a, b))
	})
	return texts
}
