package profile

import (
	"math"
	"sort"

	"github.com/esteira-ml/esteira/internal/table"
)

// vector is a column of the sample: values, or codes of its classes.
type vector struct {
	values  []float64 // NaN: missing
	codes   []int32   // -1: missing
	classes int

	order []int32 // the rows that have a value, by it

	// If no value is missing:
	places          []float64 // ranks of values
	moments, ranked moments   // of values, and of places
}

func newVector(values []float64) vector {
	rows := make([]tallied, 0, len(values))
	for i, x := range values {
		if !math.IsNaN(x) {
			rows = append(rows, tallied{table.OrderedWord(x), int64(i)})
		}
	}
	rows = inOrder(rows, make([]tallied, len(rows)))
	v := vector{values: values, order: make([]int32, len(rows))}
	for i, r := range rows {
		v.order[i] = int32(r.count)
	}
	if len(rows) == len(values) {
		v.places = v.ranks(nil)
		v.moments, v.ranked = momentsOf(v.values, v.values), momentsOf(v.places, v.places)
	}
	return v
}

// sorted are the values in ascending order.
func (v *vector) sorted() []float64 {
	out := make([]float64, len(v.order))
	for i, r := range v.order {
		out[i] = v.values[r]
	}
	return out
}

// between numbers each value by its interval: how many of the increasing edges are below
// it, -1 if it is missing.
func (v *vector) between(edges []float64) []int32 {
	codes := make([]int32, len(v.values))
	for i := range codes {
		codes[i] = -1
	}
	below := 0
	for _, r := range v.order {
		for below < len(edges) && edges[below] < v.values[r] {
			below++
		}
		codes[r] = int32(below)
	}
	return codes
}

// ranks are the places of the values, ties by the mean of theirs, among the rows
// for which other has a value too (nil: all); NaN for the rest.
func (v *vector) ranks(other []float64) []float64 {
	out := make([]float64, len(v.values))
	for i := range out {
		out[i] = math.NaN()
	}
	seen, tied, last := 0, v.order[:0:0], math.NaN()
	flush := func() {
		for _, r := range tied {
			out[r] = float64(2*seen+len(tied)-1) / 2
		}
		seen += len(tied)
		tied = tied[:0]
	}
	for _, r := range v.order {
		if other != nil && math.IsNaN(other[r]) {
			continue
		}
		if v.values[r] != last {
			flush()
			last = v.values[r]
		}
		tied = append(tied, r)
	}
	flush()
	return out
}

// atMost puts the rarer classes together.
func (v vector) atMost(n int) vector {
	if v.classes <= n {
		return v
	}
	counts := make([]int, v.classes)
	for _, c := range v.codes {
		if c >= 0 {
			counts[c]++
		}
	}
	order := make([]int, v.classes)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return counts[order[i]] > counts[order[j]] })
	to := make([]int32, v.classes)
	for place, c := range order {
		to[c] = int32(min(place, n-1))
	}
	codes := make([]int32, len(v.codes))
	for i, c := range v.codes {
		codes[i] = -1
		if c >= 0 {
			codes[i] = to[c]
		}
	}
	return vector{codes: codes, classes: n}
}
