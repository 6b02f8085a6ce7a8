package evaluation

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of the search for bad slices.
const (
	maxSearchRows    = 100_000
	maxSearchColumns = 20
	maxFound         = 8
	searchLevel      = 0.05 // the chance that noise is announced at all
)

// candidate is a part of the rows that may be worse than the rest.
type candidate struct {
	columns []int
	codes   []int32
	rows    int
	excess  float64 // mean loss of the part minus that of all other rows
	p       float64 // one-sided, of Welch's test; corrected later
}

// search looks for parts of the rows on which the loss is greater than elsewhere:
// every value or fifth of every input, and every pair of them, with enough rows
// (after SliceFinder, Chung et al. 2019). Each is compared with all other rows by
// Welch's test, and the p-values are corrected by Holm's method (1979) for all
// that were looked at, so that the chance to announce any noise is 5 %. A found
// slice is told only if its own interval agrees, one within another only if it is
// a tenth worse, and none of which most rows were told of already.
func (s *slicer) search(ctx context.Context, inputs []string, out *Slices) error {
	f, model := s.frame, s.model.prepared
	rows := evenly(f.Rows, maxSearchRows)
	sub := f
	if len(rows) < f.Rows {
		sub = f.Take(rows)
	}
	var columns []string
	var groups []grouping
	for _, name := range inputs {
		column := sub.Column(name)
		if column == nil || len(columns) == maxSearchColumns {
			continue
		}
		columns, groups = append(columns, name), append(groups, group(column, sub.Rows))
	}
	loss, w := make([]float64, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		loss[i], w[i] = model.lossOf(s.metric, int(row)), model.weights[row]
	}
	winsorize(loss)
	found := looked(groups, loss, w, s.rows)
	out.Searched = Searched{Rows: len(rows), Columns: len(columns), Slices: len(found)}
	holm(found)
	found = slices.DeleteFunc(found, func(c candidate) bool { return c.p > searchLevel })
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.excess, a.excess) })
	told := make([]bool, f.Rows)
	for tried, c := range found {
		if len(out.Found) == maxFound || tried == 4*maxFound {
			break
		}
		if covered(c, found) {
			continue
		}
		var where []Condition
		for i, column := range c.columns {
			where = append(where, Condition{Column: columns[column], Value: groups[column].names[c.codes[i]]})
		}
		var members []int32
		for i, row := range rows {
			in := true
			for j, column := range c.columns {
				in = in && groups[column].codes[i] == c.codes[j]
			}
			if in {
				members = append(members, row)
			}
		}
		if overlap(members, told) {
			continue
		}
		one, _, err := s.slice(ctx, where, members)
		if err != nil {
			return err
		}
		if one.Whole == nil || one.Whole.Interval == nil || !s.worse(*one.Whole.Interval) {
			continue
		}
		one.P = c.p
		for _, row := range members {
			told[row] = true
		}
		out.Found = append(out.Found, one)
	}
	slices.SortStableFunc(out.Found, func(a, b Slice) int {
		x, y := a.Whole.Value, b.Whole.Value
		if pipeline.LowerIsBetter(s.metric) {
			x, y = y, x
		}
		return cmp.Compare(x, y)
	})
	return nil
}

// worse reports whether a whole interval of differences is on the bad side.
func (s *slicer) worse(i Interval) bool {
	if pipeline.LowerIsBetter(s.metric) {
		return i.Low > 0
	}
	return i.High < 0
}

// lossOf is what the search compares: the log loss or the mistake of a row, the
// absolute or the squared error.
func (p *prepared) lossOf(metric string, i int) float64 {
	switch {
	case p.Task == pipeline.Regression && (metric == "rmse" || metric == "r2"):
		return p.errors[i] * p.errors[i]
	case p.Task == pipeline.Regression:
		return p.errors[i]
	case strings.Contains("log_loss brier ece roc_auc average_precision macro_roc_auc", metric):
		return p.loss[i]
	case p.hard[i] != int32(p.Y[i]):
		return 1
	}
	return 0
}

// winsorize bounds the losses by their 99.5 % quantile: one outlier is not a slice.
func winsorize(loss []float64) {
	if len(loss) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(loss))
	high := quantile(sorted, 0.995)
	if high <= sorted[0] { // nearly all lose alike: what little differs must stay
		return
	}
	for i, v := range loss {
		loss[i] = min(v, high)
	}
}

// moments are the weighted sums of one group.
type moments struct {
	rows        int
	w, ww       float64 // weight, squares of it
	loss, loss2 float64
}

func (m *moments) add(loss, w float64) {
	m.rows++
	m.w += w
	m.ww += w * w
	m.loss += w * loss
	m.loss2 += w * loss * loss
}

// spread is the mean, and its squared standard error.
func (m moments) spread() (mean, variance float64) {
	mean = m.loss / m.w
	return mean, max(0, m.loss2/m.w-mean*mean) * m.ww / (m.w * m.w)
}

// looked compares every group and pair of groups that has enough rows, and leaves
// enough.
func looked(groups []grouping, loss, w []float64, least int) []candidate {
	var all moments
	for i := range loss {
		all.add(loss[i], w[i])
	}
	var out []candidate
	judge := func(m moments, columns []int, codes []int32) {
		if m.rows < least || all.rows-m.rows < least || m.w == 0 || m.w == all.w {
			return
		}
		rest := moments{all.rows - m.rows, all.w - m.w, all.ww - m.ww, all.loss - m.loss, all.loss2 - m.loss2}
		mean, v := m.spread()
		other, v2 := rest.spread()
		c := candidate{columns: columns, codes: codes, rows: m.rows, excess: mean - other, p: 1}
		if v+v2 > 0 {
			c.p = math.Erfc(c.excess/math.Sqrt(2*(v+v2))) / 2
		}
		out = append(out, c)
	}
	for a, g := range groups {
		cells := make([]moments, len(g.names))
		for i, code := range g.codes {
			if code >= 0 {
				cells[code].add(loss[i], w[i])
			}
		}
		for code, m := range cells {
			judge(m, []int{a}, []int32{int32(code)})
		}
		for b := a + 1; b < len(groups); b++ {
			h, wide := groups[b], len(groups[b].names)
			pairs := make([]moments, len(g.names)*wide)
			for i, code := range g.codes {
				if other := h.codes[i]; code >= 0 && other >= 0 {
					pairs[int(code)*wide+int(other)].add(loss[i], w[i])
				}
			}
			for at, m := range pairs {
				judge(m, []int{a, b}, []int32{int32(at / wide), int32(at % wide)})
			}
		}
	}
	return out
}

// holm corrects the p-values, and orders the candidates by them.
func holm(found []candidate) {
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.p, b.p) })
	reached := 0.0
	for i := range found {
		reached = max(reached, min(1, found[i].p*float64(len(found)-i)))
		found[i].p = reached
	}
}

// covered reports whether a pair says little that one of its columns does not.
func covered(c candidate, found []candidate) bool {
	if len(c.columns) < 2 {
		return false
	}
	for _, o := range found {
		if len(o.columns) != 1 {
			continue
		}
		if at := slices.Index(c.columns, o.columns[0]); at >= 0 && c.codes[at] == o.codes[0] && c.excess < 1.1*o.excess {
			return true
		}
	}
	return false
}

// overlap reports whether more than half of the rows were told of already.
func overlap(rows []int32, told []bool) bool {
	n := 0
	for _, row := range rows {
		if told[row] {
			n++
		}
	}
	return 2*n > len(rows)
}

// evenly names at most n of the rows, evenly spaced.
func evenly(rows, n int) []int32 {
	n = min(rows, n)
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(int64(i) * int64(rows) / int64(n))
	}
	return out
}

// inputsIn are the columns of the frame among names.
func inputsIn(f *frame.Frame, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return f.Column(n) == nil })
}
