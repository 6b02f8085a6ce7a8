package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Bin is one bar of a histogram: values in [From, To).
type Bin struct {
	From, To float64
	Count    int64
}

// Histogram draws counts over a number or time axis. marks are values to point
// out, such as the median.
func Histogram(p Plot, bins []Bin, marks ...float64) template.HTML {
	if len(bins) == 0 {
		return empty(p)
	}
	most := int64(1)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	b := p.open(height)
	x, y := b.frame(p, bins[0].From, bins[len(bins)-1].To, 0, float64(most))
	format := or(p.FormatX)
	for _, bin := range bins {
		left, right, top := x.at(bin.From), x.at(bin.To), y.at(float64(bin.Count))
		if bin.To == bin.From { // all values are one
			left, right = left-20, right+20
		}
		if bin.Count > 0 {
			top = math.Min(top, y.from-1.5) // a few rows stay visible beside millions
		}
		b.rect("bar", left+.5, top, math.Max(.5, right-left-1), y.from-top, 1, format(bin.From)+" to "+format(bin.To)+": "+Count(bin.Count))
	}
	for _, m := range marks {
		if m >= x.low && m <= x.high {
			b.line("mark", x.at(m), y.from, x.at(m), y.to)
		}
	}
	return b.close()
}

// Bar is one entry of a bar list.
type Bar struct {
	Label string
	Value float64
	Text  string // as written at the end; "" is Number(Value)
}

func (b Bar) text() string { return cmp.Or(b.Text, Number(b.Value)) }

// maxSpoken is how many bars are told in words.
const maxSpoken = 10

// spoken tells the first bars in words, for those who do not see them.
func spoken(bars []Bar) string {
	var words []string
	for _, bar := range bars[:min(len(bars), maxSpoken)] {
		words = append(words, Cut(bar.Label, 60)+": "+bar.text())
	}
	if more := len(bars) - maxSpoken; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, "; ") + "."
}

// Bars draws a list of horizontal bars, in the order given. Negative values grow
// to the left; a value that is NaN has its text and no bar.
func Bars(p Plot, bars []Bar) template.HTML {
	if len(bars) == 0 {
		return empty(p)
	}
	p.Note = strings.TrimSpace(p.Note + " " + spoken(bars))
	const row, value = 22.0, 70.0
	width := p.across()
	label, letters := 140.0, 20
	if p.Wide {
		label, letters = labelRoom(width, len(bars), func(i int) string { return bars[i].Label })
	}
	low, high := math.Min(0, p.Low), math.Max(0, p.High)
	for _, bar := range bars {
		if !math.IsNaN(bar.Value) && !math.IsInf(bar.Value, 0) {
			low, high = math.Min(low, bar.Value), math.Max(high, bar.Value)
		}
	}
	if low == high {
		high = 1
	}
	b := p.open(row*float64(len(bars)) + 4)
	x := scale{low, high, label, width - value}
	for i, bar := range bars {
		y := row * float64(i)
		b.text(label-8, y+15, "end", "label", Cut(bar.Label, letters))
		b.rect("track", x.from, y+4, x.to-x.from, row-8, 1, "")
		text := bar.text()
		if !math.IsNaN(bar.Value) && !math.IsInf(bar.Value, 0) {
			from, to := x.at(math.Min(0, bar.Value)), x.at(math.Max(0, bar.Value))
			b.rect("bar", from, y+4, math.Max(1, to-from), row-8, 1, bar.Label+": "+text)
		}
		b.text(width-value+8, y+15, "start", "", text)
	}
	return b.close()
}

// Scatter draws pairs as a grid of cells, the darker the more pairs fall in it:
// a million points take no more room than a hundred. With diagonal, the line
// y = x is drawn and both axes are alike. Pairs that are not finite are left out.
func Scatter(p Plot, xs, ys []float64, diagonal bool) template.HTML {
	n := min(len(xs), len(ys))
	x0, x1, ok := extent(xs[:n])
	y0, y1, ok2 := extent(ys[:n])
	if !ok || !ok2 {
		return empty(p)
	}
	if diagonal {
		x0, x1 = math.Min(x0, y0), math.Max(x1, y1)
		y0, y1 = x0, x1
	}
	x0, x1 = widen(x0, x1)
	y0, y1 = widen(y0, y1)
	const columns, rows = 60, 34
	var cells [rows][columns]int64
	most := int64(0)
	for i := range n {
		if math.IsNaN(xs[i]+ys[i]) || math.IsInf(xs[i], 0) || math.IsInf(ys[i], 0) {
			continue
		}
		cx := min(columns-1, int(scale{x0, x1, 0, columns}.at(xs[i])))
		cy := min(rows-1, int(scale{y0, y1, 0, rows}.at(ys[i])))
		cells[cy][cx]++
		most = max(most, cells[cy][cx])
	}
	b := p.open(height)
	x, y := b.frame(p, x0, x1, y0, y1)
	w, h := (x.to-x.from)/columns, (y.from-y.to)/rows
	for r := range rows {
		for k := range columns {
			if count := cells[r][k]; count > 0 {
				// The logarithm keeps lone points visible beside dense cells.
				opacity := .15 + .85*math.Log1p(float64(count))/math.Log1p(float64(most))
				b.rect("cell", x.from+w*float64(k), y.from-h*float64(r+1), w-.4, h-.4, opacity, "")
			}
		}
	}
	if diagonal {
		b.line("mark", x.from, y.from, x.to, y.to)
	}
	return b.close()
}

// Series is one line of a line plot; NaN in Y breaks it. Low and High, where they
// are as long as Y, shade the room between them.
type Series struct {
	Name      string
	X, Y      []float64
	Low, High []float64
	Dots      bool // mark every point
	Dashed    bool // for what is compared with: an ideal, a diagonal
}

// legendRoom is left above the greatest value for the legend, a share of the range.
const legendRoom = .12

// Line draws up to four series over a common axis, with a legend if several.
func Line(p Plot, series ...Series) template.HTML {
	series = series[:min(4, len(series))]
	var xs, ys [][]float64
	for _, s := range series {
		xs, ys = append(xs, s.X), append(ys, s.Y, s.Low, s.High)
	}
	x0, x1, ok := extent(xs...)
	y0, y1, ok2 := extent(ys...)
	if !ok || !ok2 {
		return empty(p)
	}
	x0, x1 = widen(x0, x1)
	if p.Low != 0 || p.High != 0 {
		y0, y1 = math.Min(y0, p.Low), math.Max(y1, p.High)
	}
	y0, y1 = widen(y0, y1)
	b := p.open(height)
	if p.legend = len(series) > 1; p.legend {
		y1 += (y1 - y0) * legendRoom
	}
	x, y := b.frame(p, x0, x1, y0, y1)
	for i, s := range series {
		class := string(rune('0' + i))
		b.band(s, x, y, class)
		b.put(`<path class="line s%s%s" d="`, class, map[bool]string{true: " dashed"}[s.Dashed])
		pen := "M"
		for j := range min(len(s.X), len(s.Y)) {
			if math.IsNaN(s.X[j]+s.Y[j]) || math.IsInf(s.X[j], 0) || math.IsInf(s.Y[j], 0) {
				pen = "M"
				continue
			}
			b.put("%s%s %s", pen, c(x.at(s.X[j])), c(y.at(s.Y[j])))
			pen = "L"
		}
		b.put(`"><title>%s</title></path>`, esc(s.Name))
		b.dots(s, p, x, y, class)
		if len(series) > 1 {
			at := x.from + 8 + float64(i)*(x.to-x.from)/float64(len(series))
			if s.Dashed { // as its line is
				b.rect("f"+class, at, y.to-7.5, 4, 2, 1, "")
				b.rect("f"+class, at+6, y.to-7.5, 4, 2, 1, "")
			} else {
				b.rect("f"+class, at, y.to-8, 10, 3, 1, "")
			}
			b.text(at+14, y.to-3, "start", "label", Cut(s.Name, 64/len(series)))
		}
	}
	return b.close()
}

func empty(p Plot) template.HTML {
	b := p.open(60)
	b.text(width/2, 34, "middle", "", "no values")
	return b.close()
}

// widen gives a single value an interval around it.
func widen(low, high float64) (float64, float64) {
	if low < high {
		return low, high
	}
	d := math.Max(math.Abs(low)/10, .5)
	return low - d, high + d
}
