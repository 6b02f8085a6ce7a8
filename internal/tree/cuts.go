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
// value that fills more than its share of rows gets a bin of its own. NaN does
// not count.
func cuts(numbers []float64, rows []int32, most int) []float32 {
	values := make([]float32, 0, len(rows))
	for _, i := range rows {
		if x := float32(numbers[i]); x == x {
			values = append(values, x)
		}
	}
	slices.Sort(values)
	var distinct []float32
	var counts []int
	for i, x := range values {
		if i == 0 || x != distinct[len(distinct)-1] {
			distinct, counts = append(distinct, x), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	var out []float32
	if len(distinct) <= most {
		for i := 1; i < len(distinct); i++ {
			out = append(out, between(distinct[i-1], distinct[i]))
		}
		return out
	}
	left, bins, filled := len(values), most, 0
	for i, n := range counts[:len(counts)-1] {
		filled += n
		if share := float64(left) / float64(bins); float64(filled) >= share || float64(counts[i+1]) >= share && float64(filled) >= share/2 {
			out = append(out, between(distinct[i], distinct[i+1]))
			left, filled = left-filled, 0
			if bins--; bins == 1 {
				break
			}
		}
	}
	return out
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
