package profile

import (
	"math"
	"slices"
)

// Information is the mutual information of a column and the target, in nats, and
// its share of the target's entropy: 1 says that the column alone tells the
// target. Numbers are cut into tenths; missing values of the column are a class of
// their own, rows without a target are left out.
type Information struct {
	Nats  float64 `json:"nats"`
	Share float64 `json:"share"`
}

// tenths is how many classes numbers are cut into.
const tenths = 10

// inform fills a column's information about the target's classes.
func inform(c *Column, column, y *vector) {
	x := classesOf(column, false)
	cells, rows, columns, n := contingency(&x, y)
	nats, entropy := 0.0, 0.0
	for a, row := range cells {
		for b, o := range row {
			if o > 0 {
				nats += o / n * math.Log(o*n/(rows[a]*columns[b]))
			}
		}
	}
	for _, m := range columns {
		if m > 0 {
			entropy -= m / n * math.Log(m/n)
		}
	}
	if n > 0 && entropy > 0 {
		c.Information = &Information{Nats: round(math.Max(0, nats)), Share: round(math.Min(1, math.Max(0, nats)/entropy))}
	}
}

// classesOf cuts numbers into tenths, or takes each value for a class; missing
// values are the last.
func classesOf(c *vector, each bool) vector {
	v := c.atMost(maxTextClasses)
	if v.codes == nil {
		known := v.sorted()
		var edges []float64
		if distinct := slices.Compact(slices.Clone(known)); len(distinct) <= 2*tenths || each && len(distinct) <= maxClasses {
			edges = distinct
		} else {
			edges = quantileEdges(known, tenths)
		}
		v.codes, v.classes = v.between(edges), len(edges)+1
	}
	codes := make([]int32, len(v.codes))
	for i, x := range v.codes {
		codes[i] = x
		if x < 0 {
			codes[i] = int32(v.classes)
		}
	}
	return vector{codes: codes, classes: v.classes + 1}
}
