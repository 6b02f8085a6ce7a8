package report

import (
	"html/template"
	"math"
)

// Pair is one entry of a list of pairs: the share that one bin has on each side.
type Pair struct {
	Label string
	A, B  float64 // from 0 to 1
}

// Pairs draws two distributions side by side, bin by bin in the order given: the
// upper bar of each is of the side named first. The scale reaches to the largest
// share.
func Pairs(p Plot, first, second string, pairs []Pair) template.HTML {
	if len(pairs) == 0 {
		return empty(p)
	}
	const row, value, head = 27.0, 118.0, 20.0
	width, most := p.across(), 0.0
	for _, pair := range pairs {
		most = math.Max(most, math.Max(pair.A, pair.B))
	}
	label, letters := labelRoom(width-60, len(pairs), func(i int) string { return pairs[i].Label })
	b := p.open(head + row*float64(len(pairs)))
	x := scale{0, math.Max(most, 1e-9), label, width - value}
	for i, name := range []string{first, second} {
		at := float64(i) * width / 2
		b.rect("f"+string(rune('0'+i)), at, 3, 10, 8, 1, "")
		b.text(at+15, 11, "start", "label", Cut(name, 26))
	}
	for i, pair := range pairs {
		y := head + row*float64(i)
		b.text(label-8, y+16, "end", "label", Cut(pair.Label, letters))
		said := Percent(pair.A) + " → " + Percent(pair.B)
		b.text(width-value+8, y+16, "start", "", said)
		for k, share := range []float64{pair.A, pair.B} {
			if share > 0 {
				b.rect("f"+string(rune('0'+k)), x.from, y+4+9*float64(k), math.Max(1, x.at(share)-x.from), 8, 1, pair.Label+": "+said)
			}
		}
	}
	return b.close()
}
