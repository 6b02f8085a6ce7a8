package drift

import (
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/report"
)

// mostCards is how many columns are drawn; the table names all, up to mostRows.
const (
	mostCards = 24
	mostRows  = 500
)

var words = map[Outcome]string{Stable: "stable", Drifted: "drift", Insufficient: "insufficient data", Failed: "not measured", Unjudged: "not judged"}

func (r *Report) columnSection(id, title, intro string, results []Result, previous map[string]*Result) report.Section {
	s := report.Section{ID: id, Title: title, Intro: intro}
	table := &report.Table{Caption: "Drifted first, by effect.", Columns: []report.Column{
		{Name: "Column"}, {Name: "Outcome"}, {Name: "JS distance", Numeric: true}, {Name: "PSI", Numeric: true}, {Name: "KS", Numeric: true}, {Name: "Wasserstein", Numeric: true},
		{Name: "q", Numeric: true}, {Name: "Missing", Numeric: true}, {Name: "New or out of range", Numeric: true}}}
	if len(previous) > 0 {
		table.Columns = append(table.Columns, report.Column{Name: "Since last window"})
	}
	order := ranked(results)
	for _, c := range order[:min(mostRows, len(order))] {
		table.Rows = append(table.Rows, tableRow(c, previous))
	}
	s.Blocks = append(s.Blocks, report.Block{Table: table})
	var cards []report.Card
	for _, c := range order[:min(mostCards, len(order))] {
		cards = append(cards, card(c))
	}
	s.Blocks = append(s.Blocks, report.Block{Cards: cards})
	if n := len(order) - mostCards; n > 0 {
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("%d more columns are in the table and not drawn.", n)})
	}
	return s
}

func tableRow(c *Result, previous map[string]*Result) []string {
	row := []string{c.Name, words[c.Outcome], "–", "–", "–", "–", "–", "–", "–"}
	if c.Missing != nil {
		row[7] = report.Percent(c.Missing.Window)
	}
	if c.measured() {
		row[2], row[3], row[6] = short(c.JensenShannon), short(c.PSI), significance(c.Q)
		if c.KolmogorovSmirnov != nil {
			row[4] = short(c.KolmogorovSmirnov.Statistic)
		}
		if c.Wasserstein != nil {
			row[5] = short(*c.Wasserstein)
		}
		if o := c.strange(); o != nil {
			row[8] = report.Percent(o.Window)
		}
	}
	if len(previous) > 0 {
		said := "–"
		if p := previous[c.Name]; p != nil {
			said = words[p.Outcome]
			if p.Outcome == Drifted {
				said += " (" + short(p.Effect) + ")"
			}
		}
		row = append(row, said)
	}
	return row
}

// measured reports whether there are figures of the column.
func (c *Result) measured() bool { return c.Outcome != Failed && c.Outcome != Insufficient }

// strange is the share of values that the reference does not know.
func (c *Result) strange() *Proportions {
	if c.New != nil {
		return c.New
	}
	return c.OutOfRange
}

func short(x float64) string {
	if x != 0 && math.Abs(x) < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", x)
}

func significance(q float64) string {
	if q < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", q)
}

func card(c *Result) report.Card {
	k := report.Card{Title: c.Name, Badge: words[c.Outcome]}
	note := func(level report.Level, text string) {
		k.Notices = append(k.Notices, report.Notice{Level: level, Text: text})
	}
	write := report.Number
	if c.Kind == frame.Time.String() {
		write = report.Time
	}
	switch c.Outcome {
	case Failed, Insufficient, Unjudged:
		note(report.Info, strings.ToUpper(c.Reason[:1])+c.Reason[1:]+".")
	case Drifted:
		note(report.Warn, c.why(write))
	}
	if len(c.Bins) > 0 {
		p, q := countsOf(c.Bins)
		a, b := sum(p), sum(q)
		var pairs []report.Pair
		for i := range c.Bins {
			name := c.Bins[i].name(write)
			if c.Kind == frame.Time.String() && c.Bins[i].From != nil && c.Bins[i].To != nil {
				name = "from " + write(*c.Bins[i].From) // both ends are too long
			}
			if c.Bins[i].Label != missingLabel || p[i]+q[i] > 0 {
				pairs = append(pairs, report.Pair{Label: name, A: over(p[i], a), B: over(q[i], b)})
			}
		}
		k.Plot = report.Pairs(report.Plot{Title: "Distribution of " + c.Name + " in the reference and in this window", Note: c.why(write)}, "training rows", "this window", pairs)
	}
	if v := c.Values; v != nil {
		k.Facts = append(k.Facts, report.Fact{Name: "Mean", Value: write(v[0].Mean) + " → " + write(v[1].Mean)})
		if c.Kind != frame.Time.String() {
			k.Facts = append(k.Facts, report.Fact{Name: "Deviation", Value: write(v[0].Deviation) + " → " + write(v[1].Deviation)})
		}
	}
	if n := len(c.NewTexts); n > 0 {
		var names []string
		for _, t := range c.NewTexts[:min(3, n)] {
			names = append(names, report.Cut(t.Text, 24)+" ("+report.Count(t.Rows)+")")
		}
		name := "Not listed"
		if c.NewKnown {
			name = "New"
		}
		k.Facts = append(k.Facts, report.Fact{Name: name, Value: strings.Join(names, ", ")})
	}
	return k
}

// why says in words what differs most.
func (c *Result) why(write func(float64) string) string {
	if !c.measured() {
		return c.Reason
	}
	p, q := countsOf(c.Bins)
	a, b := sum(p), sum(q)
	at, most := -1, 0.0
	for i := range p {
		if d := math.Abs(q[i]/b - p[i]/a); d > most {
			at, most = i, d
		}
	}
	if at < 0 {
		return "No bin differs."
	}
	name := c.Bins[at].name(write)
	if c.Bins[at].Label != missingLabel && c.Bins[at].Label != infiniteLabel {
		name = "“" + name + "”"
	}
	verb := "rose"
	if q[at]/b < p[at]/a {
		verb = "fell"
	}
	return fmt.Sprintf("The share of %s %s from %s to %s; Jensen-Shannon distance %s.", name, verb, report.Percent(p[at]/a), report.Percent(q[at]/b), short(c.JensenShannon))
}
