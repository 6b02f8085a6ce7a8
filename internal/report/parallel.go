package report

import (
	"html/template"
	"math"
	"slices"
)

// Axis is one upright of a parallel-coordinates plot.
type Axis struct {
	Name string
	Log  bool // positive values on a logarithmic scale
}

// Parallel draws each row of values as a line across the axes (parallel
// coordinates, Inselberg 1985); rank gives each row its place from 0, the best, to
// 1: better lines are stronger and drawn last, the best in another colour. NaN
// breaks a line.
func Parallel(p Plot, axes []Axis, rows [][]float64, rank []float64) template.HTML {
	if len(axes) < 2 || len(rows) == 0 {
		return empty(p)
	}
	const left, right, top, bottom = 34.0, width - 34, 30.0, height - 18
	b := p.open(height)
	scales := make([]scale, len(axes))
	for i, a := range axes {
		low, high := math.Inf(1), math.Inf(-1)
		for _, r := range rows {
			if v := a.on(r[i]); !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
		if low > high {
			low, high = 0, 1
		}
		at := left + (right-left)*float64(i)/float64(len(axes)-1)
		ends := [2]float64{low, high}
		low, high = widen(low, high)
		scales[i] = scale{low, high, bottom, top}
		b.line("axis", at, top, at, bottom)
		b.text(at, 12, "middle", "label", Cut(a.Name, 84/len(axes)))
		b.text(at, top-5, "middle", "", Number(a.off(ends[1])))
		b.text(at, bottom+13, "middle", "", Number(a.off(ends[0])))
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { // the best last, above the others
		switch {
		case rank[x] > rank[y]:
			return -1
		case rank[x] < rank[y]:
			return 1
		}
		return 0
	})
	for k, i := range order {
		class := "s0"
		if k == len(order)-1 {
			class = "s1"
		}
		b.put(`<path class="line %s" opacity="%s" d="`, class, c(0.12+0.88*math.Pow(1-rank[i], 3)))
		pen := "M"
		for j, a := range axes {
			v := a.on(rows[i][j])
			if math.IsNaN(v) {
				pen = "M"
				continue
			}
			b.put("%s%s %s", pen, c(left+(right-left)*float64(j)/float64(len(axes)-1)), c(scales[j].at(v)))
			pen = "L"
		}
		b.put(`"/>`)
	}
	return b.close()
}

func (a Axis) on(v float64) float64 {
	if a.Log {
		return math.Log(v)
	}
	return v
}

func (a Axis) off(v float64) float64 {
	if a.Log {
		return math.Exp(v)
	}
	return v
}
