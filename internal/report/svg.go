package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// Plot says what a drawing is and how its values are written.
type Plot struct {
	Title string // what it shows, in words: it is read aloud; required
	Note  string // what is to be seen in it, in words, optional
	X, Y  string // names of the axes, optional

	// FormatX and FormatY write values on the axes; nil is Number. Time is for
	// microseconds.
	FormatX, FormatY func(float64) string

	// Low and High are the ends of a bar list's scale where it has its own, such
	// as 0 and 1; if both are 0 it reaches from 0 to the longest bar. In a line plot
	// they are values that the vertical axis reaches at least.
	Low, High float64

	// Wide gives a list of bars or dots that stands alone more room for its labels.
	Wide bool

	legend bool // room for one above the grid
}

// across is the drawing's width in its own units.
func (p Plot) across() float64 {
	if p.Wide {
		return 1.7 * width
	}
	return width
}

// The drawing's size in its own units; the page scales it to the room there is.
const (
	width  = 400.0
	height = 210.0
)

// svg collects a drawing.
type svg struct{ strings.Builder }

func (p Plot) open(h float64) *svg {
	b := &svg{}
	b.put(`<svg class="plot%s" viewBox="0 0 %s %s" role="img" aria-label="%s"><title>%s</title>`, map[bool]string{true: " across"}[p.Wide], c(p.across()), c(h), esc(p.Title), esc(p.Title))
	if p.Note != "" {
		b.put(`<desc>%s</desc>`, esc(p.Note))
	}
	return b
}

func (b *svg) close() template.HTML {
	b.put("</svg>")
	return template.HTML(b.String()) // every text in it went through esc
}

func (b *svg) put(format string, args ...any) { fmt.Fprintf(b, format, args...) }

func (b *svg) text(x, y float64, anchor, class, text string) {
	b.put(`<text x="%s" y="%s" text-anchor="%s"`, c(x), c(y), anchor)
	if class != "" {
		b.put(` class="%s"`, class)
	}
	b.put(`>%s</text>`, esc(text))
}

func (b *svg) line(class string, x1, y1, x2, y2 float64) {
	b.put(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, c(x1), c(y1), c(x2), c(y2))
}

// rect draws a box; tip is shown when the pointer rests on it.
func (b *svg) rect(class string, x, y, w, h, opacity float64, tip string) {
	b.put(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"`, class, c(x), c(y), c(w), c(h))
	if opacity < 1 {
		b.put(` fill-opacity="%s"`, c(opacity))
	}
	if tip == "" {
		b.put(`/>`)
		return
	}
	b.put(`><title>%s</title></rect>`, esc(tip))
}

// frame draws grid and axes and returns the scales of the area inside.
func (b *svg) frame(p Plot, x0, x1, y0, y1 float64) (x, y scale) {
	formatX, formatY := or(p.FormatX), or(p.FormatY)
	rows := ticks(y0, y1, 4)
	left := 14.0
	for _, v := range rows {
		left = max(left, 14+6.7*float64(len([]rune(formatY(v)))))
	}
	top, bottom := 10.0, height-26
	if p.X != "" {
		bottom -= 16
	}
	if p.Y != "" {
		top += 16
		b.text(0, 12, "start", "", p.Y)
	}
	if p.legend {
		top += 12
	}
	x, y = scale{x0, x1, left, width - 14}, scale{y0, y1, bottom, top}
	for _, v := range rows {
		b.line("grid", left, y.at(v), width-14, y.at(v))
		b.text(left-6, y.at(v)+4, "end", "", formatY(v))
	}
	most := 6
	if p.FormatX != nil {
		most = 3 // dates are long
	}
	for i, v := range spread(ticks(x0, x1, most), x0, x1, p.FormatX != nil, most) {
		anchor := "middle"
		if x.at(v) > width-40 {
			anchor = "end"
		} else if i == 0 && x.at(v) < left+20 && p.FormatX != nil {
			anchor = "start"
		}
		b.text(x.at(v), bottom+17, anchor, "", formatX(v))
	}
	b.line("axis", left, bottom, width-14, bottom)
	if p.X != "" {
		b.text((left+width-14)/2, height-4, "middle", "", p.X)
	}
	return x, y
}

// spread replaces round values, which are not round as dates, by even ones.
func spread(round []float64, low, high float64, even bool, n int) []float64 {
	if !even || !(high > low) {
		return round
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = low + (high-low)*float64(i)/float64(n-1)
	}
	return out
}

func or(format func(float64) string) func(float64) string {
	if format == nil {
		return Number
	}
	return format
}

// c writes a coordinate with two decimals at most.
func c(x float64) string {
	s := strconv.FormatFloat(x, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// esc makes any text safe in SVG, as text and in quotes.
func esc(text string) string {
	return template.HTMLEscapeString(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r == 0xfffe || r == 0xffff {
			return '␣'
		}
		return r
	}, strings.ToValidUTF8(text, "�")))
}
