package report

import (
	"html/template"
	"math"
)

// Dot is one value of a list with its interval; NaN in Low or High is a value
// without one, NaN in Value a line of text alone.
type Dot struct {
	Label            string
	Value, Low, High float64
	Text             string // beside it; "" is the value
	Off              bool   // marks it: worse than it should be
}

// Dots draws values with their intervals, one a line, over one scale, with a
// dashed line at reference unless it is NaN. The scale reaches from the least to
// the greatest of what is drawn, not from 0.
func Dots(p Plot, dots []Dot, reference float64) template.HTML {
	var all []float64
	for _, d := range dots {
		all = append(all, d.Value, d.Low, d.High)
	}
	low, high, ok := extent(append(all, reference))
	if !ok {
		return empty(p)
	}
	low, high = widen(low, high)
	const row, text = 24.0, 78.0
	width := p.across()
	label, letters := labelRoom(width, len(dots), func(i int) string { return dots[i].Label })
	b := p.open(row*float64(len(dots)) + 24)
	x := scale{low, high, label + 6, width - text - 6}
	bottom := row * float64(len(dots))
	for i, v := range ticks(low, high, 3) {
		if i < 5 {
			b.line("grid", x.at(v), 2, x.at(v), bottom)
			b.text(x.at(v), bottom+16, "middle", "", or(p.FormatX)(v))
		}
	}
	if !math.IsNaN(reference) && !math.IsInf(reference, 0) {
		b.line("mark", x.at(reference), 2, x.at(reference), bottom)
	}
	for i, d := range dots {
		y := row*float64(i) + row/2
		b.text(label-4, y+4, "end", "label", Cut(d.Label, letters))
		said := d.Text
		if said == "" {
			said = or(p.FormatX)(d.Value)
		}
		b.text(width-text+6, y+4, "start", "", said)
		if math.IsNaN(d.Value) || math.IsInf(d.Value, 0) {
			continue
		}
		b.put(`<g%s><title>%s</title>`, map[bool]string{true: ` class="off"`}[d.Off], esc(d.Label+": "+said))
		if !math.IsNaN(d.Low+d.High) && !math.IsInf(d.Low, 0) && !math.IsInf(d.High, 0) {
			b.line("whisker", x.at(d.Low), y, x.at(d.High), y)
		}
		b.put(`<circle class="dot" cx="%s" cy="%s" r="4.5"/></g>`, c(x.at(d.Value)), c(y))
	}
	return b.close()
}

// labelRoom is the width of the longest label, up to 45 % of the drawing, and how
// many letters fit.
func labelRoom(width float64, n int, label func(int) string) (room float64, letters int) {
	const letter = 6.9
	longest := 6
	for i := range n {
		longest = max(longest, len([]rune(label(i))))
	}
	letters = min(longest, int(.45*width/letter))
	return letter*float64(letters) + 8, letters
}

// Matrix draws a table of shares from 0 to 1 as cells, the darker the larger, each
// with its text: a confusion matrix. rows and columns name them.
func Matrix(p Plot, rows, columns []string, shares [][]float64, texts [][]string) template.HTML {
	if len(rows) == 0 || len(columns) == 0 {
		return empty(p)
	}
	const label, top = 96.0, 38.0
	w := (width - label) / float64(len(columns))
	h := math.Max(18, math.Min(44, w*.6))
	b := p.open(top + h*float64(len(rows)))
	b.text(label+(width-label)/2, 12, "middle", "", p.X)
	b.text(0, 12, "start", "", p.Y)
	for j, name := range columns {
		b.text(label+w*(float64(j)+.5), 30, "middle", "label", Cut(name, max(2, int(w/7))))
	}
	for i, name := range rows {
		y := top + h*float64(i)
		b.text(label-8, y+h/2+4, "end", "label", Cut(name, 13))
		for j := range columns {
			share := shares[i][j]
			if !(share >= 0) {
				share = 0
			}
			at := label + w*float64(j)
			b.rect("track", at, y, w-2, h-2, 1, "")
			b.rect("heat", at, y, w-2, h-2, math.Min(.999, share), name+" as "+columns[j]+": "+texts[i][j])
			if w >= 34 {
				mark := "figure"
				if share > .55 {
					mark = "figure strong"
				}
				b.text(at+w/2-1, y+h/2+3.5, "middle", mark, texts[i][j])
			}
		}
	}
	return b.close()
}

// band shades between Low and High of a series.
func (b *svg) band(s Series, x, y scale, class string) {
	n := min(len(s.X), len(s.Low), len(s.High))
	if n < 2 {
		return
	}
	from := 0
	for i := 0; i <= n; i++ {
		if i < n && !math.IsNaN(s.X[i]+s.Low[i]+s.High[i]) && !math.IsInf(s.Low[i]+s.High[i], 0) {
			continue
		}
		if i-from > 1 {
			b.put(`<path class="band f%s" fill-opacity=".18" d="`, class)
			pen := "M"
			for j := from; j < i; j++ {
				b.put("%s%s %s", pen, c(x.at(s.X[j])), c(y.at(s.High[j])))
				pen = "L"
			}
			for j := i - 1; j >= from; j-- {
				b.put("L%s %s", c(x.at(s.X[j])), c(y.at(s.Low[j])))
			}
			b.put(`Z"/>`)
		}
		from = i + 1
	}
}

// dots marks the points of a series.
func (b *svg) dots(s Series, p Plot, x, y scale, class string) {
	if !s.Dots {
		return
	}
	for j := range min(len(s.X), len(s.Y)) {
		if math.IsNaN(s.X[j]+s.Y[j]) || math.IsInf(s.X[j], 0) || math.IsInf(s.Y[j], 0) {
			continue
		}
		b.put(`<circle class="f%s" cx="%s" cy="%s" r="3"><title>%s</title></circle>`, class, c(x.at(s.X[j])), c(y.at(s.Y[j])), esc(or(p.FormatX)(s.X[j])+": "+or(p.FormatY)(s.Y[j])))
	}
}
