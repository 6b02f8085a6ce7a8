package evaluation

import (
	"cmp"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// Part is the rows that share the values of some columns.
type Part struct {
	Where []Condition
	Rows  []int32
}

// PartsOf cuts rows by the values of columns, which the frame has, as evaluate.slices
// does, the largest part first; values of more than fifty are left out.
func PartsOf(f *frame.Frame, columns []string) []Part {
	var g grouping
	for i, name := range columns {
		if one := group(f.Column(name), f.Rows); i == 0 {
			g = one
		} else {
			g = g.cross(one)
		}
	}
	var out []Part
	for i, rows := range g.members() {
		if len(rows) > 0 {
			out = append(out, Part{conditions(columns, g.names[i]), rows})
		}
	}
	slices.SortStableFunc(out, func(a, b Part) int { return cmp.Compare(len(b.Rows), len(a.Rows)) })
	return out
}

// RowsWhere are the rows that have all these values, written as the file writes them;
// the frame has their columns.
func RowsWhere(f *frame.Frame, values map[string]string) []int32 {
	var out []int32
	for i := range f.Rows {
		same := true
		for name, value := range values {
			same = same && valueText(f.Column(name), i) == value
		}
		if same {
			out = append(out, int32(i))
		}
	}
	return out
}
