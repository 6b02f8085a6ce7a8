package tree

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sampleRows is how many rows the cuts of a larger table are chosen from, as in
// LightGBM (bin_construct_sample_cnt).
const sampleRows = 200_000

// sample returns the rows that cuts are chosen from: all, or one at random of
// each of sampleRows equal spans. It depends on the number of rows alone.
func sample(rows int) []int32 {
	if rows <= sampleRows {
		all := make([]int32, rows)
		for i := range all {
			all[i] = int32(i)
		}
		return all
	}
	r := rand.New(rand.NewPCG(uint64(rows), sampleRows))
	some := make([]int32, sampleRows)
	for i := range some {
		lo, hi := int64(i)*int64(rows)/sampleRows, int64(i+1)*int64(rows)/sampleRows
		some[i] = int32(lo + r.Int64N(hi-lo))
	}
	return some
}

// cuts returns at most most-1 ascending thresholds that cut the values into
// bins: bin b holds cuts[b-1] < x ≤ cuts[b]. They lie halfway between distinct
// values: all of them if they are few, else those at the quantiles, where a
// value of more rows than a bin's share gets a bin of its own. NaN does not
// count. buffer has room for as many values as there are rows.
func cuts(numbers []float64, rows []int32, most int, buffer []float32) []float32 {
	values := buffer[:0]
	for _, i := range rows {
		if x := float32(numbers[i]); x == x {
			values = append(values, x)
		}
	}
	slices.Sort(values)
	distinct := 0
	for i, x := range values {
		if i == 0 || x != values[i-1] {
			distinct++
		}
	}
	out := make([]float32, 0, min(most, max(distinct, 1))-1)
	left, bins := len(values), most
	for at := run(values, 0); at < len(values) && bins > 1; {
		next := run(values, at)
		filled, after := at-(len(values)-left), next-at
		// With the next value the bin would be further from its share than without.
		if share := 2 * float64(left) / float64(bins); distinct <= most || float64(2*filled+after) >= share {
			out = append(out, between(values[at-1], values[at]))
			left -= filled
			if distinct > most {
				bins--
			}
		}
		at = next
	}
	return out
}

// run returns where the equal values that start at from end.
func run(values []float32, from int) int {
	to := from
	for to < len(values) && values[to] == values[from] {
		to++
	}
	return to
}

// between returns a finite t with a ≤ t < b, halfway if float32 allows it.
func between(a, b float32) float32 {
	t := float32((float64(a) + float64(b)) / 2)
	switch {
	case math.IsInf(float64(a), -1):
		return math.Nextafter32(b, a)
	case !(t < b) || t < a:
		return a
	}
	return t
}
