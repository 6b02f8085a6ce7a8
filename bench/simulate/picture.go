package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// The picture's size in its own units.
const (
	across     = 1200.0
	left       = 150.0 // of the plot
	right      = 1080.0
	top        = 118.0
	bottom     = 470.0
	laneHeight = 30.0
	perChange  = 24.0
)

const pictureStyle = `
.year{--back:#fff;--ink:#1b2330;--soft:#5c6675;--line:#e3e7ec;--with:#2a62c8;--without:#c2571a;--good:#1d7a4c;--none:#8b94a1;--warn:#b07400;--bad:#b3261e;--band:#f3f5f8;font:15px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--ink)}
@media (prefers-color-scheme:dark){.year{--back:#1a202a;--ink:#e6eaf0;--soft:#9aa5b4;--line:#2d3643;--with:#8ab4ff;--without:#f0a06a;--good:#6fcf9f;--none:#7d8896;--warn:#f0c26a;--bad:#ff9d94;--band:#212936}}
.year .soft{fill:var(--soft)}.year .head{font-size:23px;font-weight:650;letter-spacing:-.2px}
.year .grid{stroke:var(--line)}.year .axis{stroke:var(--soft)}
.year .with{stroke:var(--with);stroke-width:3;fill:none;stroke-linejoin:round}.year .without{stroke:var(--without);stroke-width:2.5;fill:none;stroke-linejoin:round;stroke-dasharray:7 4}
.year .words-with{fill:var(--with);font-weight:650}.year .words-without{fill:var(--without);font-weight:650}
.year .gain{fill:var(--with);opacity:.14}.year .loss{fill:var(--without);opacity:.14}.year .band{fill:var(--band)}
.year .change{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:2 4}.year .dot{fill:var(--ink)}.year .number{fill:var(--back);font-weight:700;font-size:14px}
.year .warning{fill:var(--warn)}.year .critical{fill:var(--bad)}.year .promoted{fill:var(--good)}.year .stays{fill:var(--none)}.year .canary{fill:var(--good);opacity:.55}
.year .live{fill:none;stroke:var(--soft);stroke-width:1.2}.year .inside{font-size:13px}`

// svg collects a picture.
type svg struct{ strings.Builder }

func (b *svg) put(format string, args ...any) { fmt.Fprintf(b, format, args...) }

func (b *svg) text(x, y float64, anchor, class, text string) {
	b.put(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(text))
}

func (b *svg) line(class string, x1, y1, x2, y2 float64) {
	b.put(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

// box draws a rectangle; tip is shown when the pointer rests on it.
func (b *svg) box(class string, x, y, w, h float64, tip string) {
	b.put(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3"><title>%s</title></rect>`, class, x, y, w, h, html.EscapeString(tip))
}

// scale is where weeks and minutes are drawn.
type scale struct{ from, to, high float64 }

func (s scale) x(weeks float64) float64 {
	return left + (min(max(weeks, s.from), s.to)-s.from)/(s.to-s.from)*(right-left)
}

func (s scale) y(minutes float64) float64 { return bottom - minutes/s.high*(bottom-top) }

// picture draws the year as one SVG that stands alone: light and dark as the reader
// prefers, and in words for those who hear it.
func (y *year) picture() string {
	last := float64(y.Weeks[len(y.Weeks)-1].Week)
	s := scale{from: float64(y.From), to: last}
	for _, w := range y.Weeks {
		s.high = max(s.high, w.With, w.Without)
	}
	s.high = 10 * math.Ceil(s.high/10)
	lanes := y.lanes()
	legend := bottom + 46 + laneHeight*float64(len(lanes)) + 20
	height := legend + perChange*float64(len(y.Changes)+3) + 4
	b := &svg{}
	b.put(`<svg xmlns="http://www.w3.org/2000/svg" class="year" style="max-width:none;width:100%%;height:auto" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="year-title year-words">`, across, height)
	b.put(`<title id="year-title">%s</title><desc id="year-words">%s</desc><style>%s</style>`, html.EscapeString(pictureTitle), html.EscapeString(y.aloud()), pictureStyle)
	b.put(`<rect x="0" y="0" width="%.0f" height="%.0f" rx="10" style="fill:var(--back)"/>`, across, height)
	b.text(28, 42, "start", "head", pictureTitle)
	b.text(28, 68, "start", "soft", fmt.Sprintf("Mean distance of answer and truth, in minutes, of the flights of each week. Over the year %.1f with retraining, %.1f without.", y.Summary.With, y.Summary.Without))
	y.axes(b, s)
	y.history(b, s)
	y.lines(b, s)
	y.marks(b, s, bottom+laneHeight*float64(len(lanes))+44)
	for i, lane := range lanes {
		lane.draw(b, s, bottom+46+laneHeight*float64(i))
	}
	y.legend(b, legend)
	b.put("</svg>")
	return b.String()
}

const pictureTitle = "A simulated year: the error of every week, with retraining and without"

func (y *year) axes(b *svg, s scale) {
	for m := 0.0; m <= s.high; m += 10 {
		b.line("grid", left, s.y(m), right, s.y(m))
		b.text(left-10, s.y(m)+5, "end", "soft", fmt.Sprintf("%.0f min", m))
	}
	b.line("axis", left, bottom, right, bottom)
	for t := firstDay; ; t = t.AddDate(0, 1, 0) {
		at := float64(t.Sub(firstDay)) / float64(week)
		if at >= s.to {
			break
		}
		if at < s.from {
			continue
		}
		b.line("axis", s.x(at), bottom, s.x(at), bottom+6)
		middle := (at + min(float64(t.AddDate(0, 1, 0).Sub(firstDay))/float64(week), s.to)) / 2
		b.text(s.x(middle), bottom+24, "middle", "soft", t.Format("Jan"))
	}
}

// history shades the weeks that the first champion learnt from.
func (y *year) history(b *svg, s scale) {
	first := float64(y.Weeks[0].Week - 1)
	if first == s.from {
		return
	}
	b.put(`<rect class="band" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, s.x(s.from), top, s.x(first)-s.x(s.from), bottom-top)
	b.text((s.x(s.from)+s.x(first))/2, (top+bottom)/2-10, "middle", "soft", "the first model")
	b.text((s.x(s.from)+s.x(first))/2, (top+bottom)/2+10, "middle", "soft", "learns")
}

// lines draws both arms, each week at its middle, and what lies between them.
func (y *year) lines(b *svg, s scale) {
	var with, without []string
	for i, w := range y.Weeks {
		x := s.x(float64(w.Week) - 0.5)
		with = append(with, fmt.Sprintf("%.1f,%.1f", x, s.y(w.With)))
		without = append(without, fmt.Sprintf("%.1f,%.1f", x, s.y(w.Without)))
		if i > 0 {
			y.between(b, s, y.Weeks[i-1], w)
		}
	}
	b.put(`<polyline class="without" points="%s"/>`, strings.Join(without, " "))
	b.put(`<polyline class="with" points="%s"/>`, strings.Join(with, " "))
	last := y.Weeks[len(y.Weeks)-1]
	high, low := s.y(last.Without), s.y(last.With)
	if math.Abs(high-low) < 22 { // the words would lie on one another
		middle := (high + low) / 2
		high, low = middle-11, middle+11
	}
	b.text(right+6, high+5, "start", "words-without", "without")
	b.text(right+6, low+5, "start", "words-with", "with")
}

// between fills what lies between the lines from one week to the next: what retraining
// gains in one colour, what it loses in the other.
func (y *year) between(b *svg, s scale, from, to weekOf) {
	x0, x1 := s.x(float64(from.Week)-0.5), s.x(float64(to.Week)-0.5)
	gain0, gain1 := from.Without-from.With, to.Without-to.With
	fill := func(gain float64, points string, at ...any) {
		if gain != 0 {
			b.put(`<polygon class="%s" points="%s"/>`, map[bool]string{true: "gain", false: "loss"}[gain > 0], fmt.Sprintf(points, at...))
		}
	}
	if gain0*gain1 >= 0 {
		fill(gain0+gain1, "%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f", x0, s.y(from.With), x1, s.y(to.With), x1, s.y(to.Without), x0, s.y(from.Without))
		return
	}
	share := gain0 / (gain0 - gain1) // of the way, where the lines cross
	x, m := x0+share*(x1-x0), s.y(from.With+share*(to.With-from.With))
	fill(gain0, "%.1f,%.1f %.1f,%.1f %.1f,%.1f", x0, s.y(from.With), x, m, x0, s.y(from.Without))
	fill(gain1, "%.1f,%.1f %.1f,%.1f %.1f,%.1f", x, m, x1, s.y(to.With), x1, s.y(to.Without))
}

// marks draws where the world changes, down through the lanes.
func (y *year) marks(b *svg, s scale, down float64) {
	for i, c := range y.Changes {
		x := s.x(float64(c.From - 1))
		b.line("change", x, top-12, x, bottom)
		b.line("change", x, bottom+36, x, down)
		b.put(`<circle class="dot" cx="%.1f" cy="%.1f" r="11"><title>%s</title></circle>`, x, top-22, html.EscapeString(c.Words))
		b.text(x, top-17, "middle", "number", fmt.Sprint(i+1))
	}
}

// legend says in words what the changes are and what the colours mean.
func (y *year) legend(b *svg, at float64) {
	for i, c := range y.Changes {
		cy := at + perChange*float64(i)
		b.put(`<circle class="dot" cx="39" cy="%.1f" r="10"/>`, cy-5)
		b.text(39, cy, "middle", "number", fmt.Sprint(i+1))
		until := ""
		if end := y.Weeks[len(y.Weeks)-1].Week; c.To < end {
			until = " until " + firstDay.AddDate(0, 0, 7*c.To).Format("2 January")
		}
		b.text(58, cy, "start", "", fmt.Sprintf("Declared change of the world, from %s%s: %s.", firstDay.AddDate(0, 0, 7*(c.From-1)).Format("2 January"), until, c.Words))
	}
	at += perChange*float64(len(y.Changes)) + 4
	for _, key := range []struct {
		x            float64
		class, words string
	}{{29, "promoted", "promoted"}, {162, "stays", "not better, the champion stays"}, {462, "canary", "canary, answers a share"}, {702, "critical", "critical alert"}, {866, "warning", "warning, retrains nothing"}} {
		b.box(key.class, key.x, at-12, 22, 14, key.words)
		b.text(key.x+29, at, "start", "", key.words)
	}
	b.text(28, at+perChange+4, "start", "soft", "US flights of January to June 2001; from July on, other flights of the same days again. Labels come three to ten days late.")
	b.text(28, at+2*perChange, "start", "soft", fmt.Sprintf("A week of the world takes %g seconds. Training takes as long as it does, a second of it more than a day here.", y.WeekSeconds))
}

// aloud says in words what is to be seen.
func (y *year) aloud() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Two lines of weekly error in minutes. Over the year the mean is %.1f with retraining and %.1f without. ", y.Summary.With, y.Summary.Without)
	for _, c := range y.Changes {
		fmt.Fprintf(&b, "From week %d: %s. ", c.From, c.Words)
	}
	for _, r := range y.Retrainings {
		fmt.Fprintf(&b, "Week %.0f: a retraining asked for by %s ends %s. ", r.Begun+1, r.Trigger, r.outcome())
	}
	fmt.Fprintf(&b, "No request of %d failed.", y.Summary.Requests)
	if y.Summary.Failed > 0 {
		return strings.Replace(b.String(), "No request of", fmt.Sprintf("%d requests of", y.Summary.Failed), 1)
	}
	return b.String()
}

// date writes a moment of the world.
func date(weeks float64) string {
	return firstDay.Add(time.Duration(weeks * float64(week))).Format("2 Jan")
}
