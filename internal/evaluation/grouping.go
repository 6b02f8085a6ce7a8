package evaluation

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

const (
	// maxGroups is the most values of a column that are told apart: the most
	// frequent ones.
	maxGroups = 50
	// maxDistinct is the most distinct numbers that are values, not quantiles.
	maxDistinct = 12
	// quantileGroups is how many parts of equal rows numbers and times are cut to.
	quantileGroups = 5
	// missingGroup is the group of rows without a value.
	missingGroup = "missing"
)

// grouping deals rows to groups by a column: by its values, or by fifths of its
// rows.
type grouping struct {
	codes []int32 // of each row; -1: in no group
	names []string
}

func group(c *frame.Column, rows int) grouping {
	switch c.Kind {
	case frame.Text:
		return groupText(c)
	case frame.Time:
		return groupNumbers(rows, func(i int) float64 {
			if c.Missing(i) {
				return math.NaN()
			}
			return float64(c.Times[i])
		}, timeText)
	default:
		return groupNumbers(rows, func(i int) float64 { return c.Numbers[i] }, number)
	}
}

func timeText(micros float64) string {
	return time.UnixMicro(int64(micros)).UTC().Format("2006-01-02 15:04")
}

func groupText(c *frame.Column) grouping {
	sizes := make([]int, len(c.Dict)+1)
	for _, code := range c.Codes {
		sizes[code+1]++
	}
	order := make([]int32, 0, len(sizes))
	for code, n := range sizes {
		if n > 0 {
			order = append(order, int32(code)-1)
		}
	}
	name := func(code int32) string {
		if code == frame.MissingCode {
			return missingGroup
		}
		return c.Dict[code]
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(sizes[b+1], sizes[a+1]), strings.Compare(name(a), name(b)))
	})
	order = order[:min(len(order), maxGroups)]
	of := make([]int32, len(sizes))
	for i := range of {
		of[i] = -1
	}
	g := grouping{codes: make([]int32, len(c.Codes))}
	for i, code := range order {
		of[code+1] = int32(i)
		g.names = append(g.names, name(code))
	}
	for i, code := range c.Codes {
		g.codes[i] = of[code+1]
	}
	return g
}

func groupNumbers(rows int, value func(int) float64, text func(float64) string) grouping {
	sorted := make([]float64, 0, rows)
	for i := range rows {
		if v := value(i); !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	missing := len(sorted) < rows
	slices.Sort(sorted)
	g := grouping{codes: make([]int32, rows)}
	distinct := slices.Compact(slices.Clone(sorted))
	var uppers []float64 // inclusive, rising
	if len(distinct) <= maxDistinct {
		uppers = distinct
		for _, v := range distinct {
			g.names = append(g.names, text(v))
		}
	} else {
		for q := 1; q <= quantileGroups; q++ {
			uppers = append(uppers, sorted[len(sorted)*q/quantileGroups-1])
		}
		uppers = slices.Compact(uppers)
		for i, v := range uppers {
			switch {
			case i == 0:
				g.names = append(g.names, "up to "+text(v))
			case i == len(uppers)-1:
				g.names = append(g.names, "above "+text(uppers[i-1]))
			default:
				g.names = append(g.names, "above "+text(uppers[i-1])+", to "+text(v))
			}
		}
	}
	for i := range rows {
		v := value(i)
		if math.IsNaN(v) {
			g.codes[i] = int32(len(uppers))
			continue
		}
		at, _ := slices.BinarySearch(uppers, v)
		g.codes[i] = int32(min(at, len(uppers)-1))
	}
	if missing {
		g.names = append(g.names, missingGroup)
	}
	return g
}

// members lists the rows of every group, in order of the rows.
func (g grouping) members() [][]int32 {
	sizes := make([]int, len(g.names))
	for _, c := range g.codes {
		if c >= 0 {
			sizes[c]++
		}
	}
	out := make([][]int32, len(g.names))
	for i, n := range sizes {
		out[i] = make([]int32, 0, n)
	}
	for row, c := range g.codes {
		if c >= 0 {
			out[c] = append(out[c], int32(row))
		}
	}
	return out
}

// cross groups by both.
func (g grouping) cross(o grouping) grouping {
	out := grouping{codes: make([]int32, len(g.codes)), names: make([]string, 0, len(g.names)*len(o.names))}
	for _, a := range g.names {
		for _, b := range o.names {
			out.names = append(out.names, a+crossed+b)
		}
	}
	for i, a := range g.codes {
		out.codes[i] = -1
		if b := o.codes[i]; a >= 0 && b >= 0 {
			out.codes[i] = a*int32(len(o.names)) + b
		}
	}
	return out
}

// crossed separates the values of two columns within a name of cross; no text of
// a person holds it.
const crossed = "\x1f"

// valueText is a value as the file would write it, "" if it is missing.
func valueText(c *frame.Column, i int) string {
	switch {
	case c.Missing(i):
		return ""
	case c.Kind == frame.Text:
		return c.Dict[c.Codes[i]]
	case c.Kind == frame.Time:
		return timeText(float64(c.Times[i]))
	default:
		return strconv.FormatFloat(c.Numbers[i], 'g', -1, 64)
	}
}
