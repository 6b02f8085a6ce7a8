package report

import (
	"fmt"
	"html/template"
	"math"
	"sort"
	"strings"
)

// Heatmap draws a square of values from p.Low to p.High (0 to 1 if both are 0),
// one row and column a label; nil is a cell of which nothing can be said. The
// strongest pairs are told in words as well, for those who do not see it.
func Heatmap(p Plot, labels []string, values [][]*float64) template.HTML {
	n := len(labels)
	if n == 0 {
		return empty(p)
	}
	low, high := p.Low, p.High
	if low == 0 && high == 0 {
		high = 1
	}
	longest := 4
	for _, l := range labels {
		longest = max(longest, min(14, len([]rune(l))))
	}
	margin := 8 + 6.2*float64(longest)
	side := (width - margin) / float64(n)
	p.Note = strings.TrimSpace(p.Note + " " + strongest(labels, values))
	b := p.open(margin + side*float64(n) + 22)
	cut := func(i int) string { return Cut(labels[i], longest) }
	for i := range n {
		at := margin + side*(float64(i)+.5)
		if side >= 9 {
			b.text(margin-6, at+4, "end", "label", cut(i))
			b.put(`<text x="%s" y="%s" text-anchor="start" class="label" transform="rotate(-90 %s %s)">%s</text>`, c(at+4), c(margin-6), c(at+4), c(margin-6), esc(cut(i)))
		}
		for j := range n {
			v := values[i][j]
			x, y := margin+side*float64(j), margin+side*float64(i)
			switch {
			case i == j:
				b.rect("track", x, y, side-1, side-1, 1, "")
			case v == nil:
				b.rect("none", x, y, side-1, side-1, 1, labels[i]+" and "+labels[j]+": nothing can be said")
			default:
				class, strength := "heat", *v/high
				if *v < 0 {
					class, strength = "cold", *v/low
				}
				b.rect(class, x, y, side-1, side-1, math.Max(.04, math.Min(.999, strength)), labels[i]+" and "+labels[j]+": "+Number(math.Round(*v*1000)/1000))
				if side >= 26 {
					mark := "figure"
					if strength > .55 {
						mark = "figure strong"
					}
					b.text(x+side/2-.5, y+side/2+3.5, "middle", mark, fmt.Sprintf("%.2f", *v))
				}
			}
		}
	}
	b.legend(low, margin+side*float64(n)+8)
	return b.close()
}

// legend tells the ends of the scale.
func (b *svg) legend(low, y float64) {
	x := width - 166
	if low < 0 {
		b.rect("cold", x-64, y, 10, 10, 1, "")
		b.text(x-50, y+9, "start", "", "negative")
	}
	b.rect("heat", x+14, y, 10, 10, 1, "")
	b.text(x+28, y+9, "start", "", map[bool]string{true: "positive", false: "strong"}[low < 0])
	b.rect("none", x+84, y, 10, 10, 1, "")
	b.text(x+98, y+9, "start", "", "unknown")
}

// strongest says the pairs farthest from 0.
func strongest(labels []string, values [][]*float64) string {
	type pair struct {
		said  string
		value float64
	}
	var pairs []pair
	for i := range labels {
		for j := range i {
			if v := values[i][j]; v != nil {
				pairs = append(pairs, pair{labels[j] + " and " + labels[i], *v})
			}
		}
	}
	if len(pairs) == 0 {
		return "No pair can be told of."
	}
	sort.SliceStable(pairs, func(i, j int) bool { return math.Abs(pairs[i].value) > math.Abs(pairs[j].value) })
	var said []string
	for _, p := range pairs[:min(5, len(pairs))] {
		said = append(said, p.said+" "+Number(math.Round(p.value*100)/100))
	}
	return "Strongest: " + strings.Join(said, "; ") + "."
}
