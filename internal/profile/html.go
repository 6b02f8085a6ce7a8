package profile

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/report"
)

// maxCards bounds the columns that are drawn, so that a report of ten thousand
// columns still opens; the table lists maxListed.
const (
	maxCards  = 200
	maxListed = 1000
)

// HTML writes the exploration report. The footer says where the numbers come
// from: digests, versions.
func (p *Profile) HTML(w io.Writer, title, footer string) error {
	missing, cells := int64(0), int64(0)
	kinds := map[string]int{}
	for _, c := range p.Columns {
		missing += c.Missing
		cells += p.Rows
		kinds[c.Type]++
	}
	page := report.Page{
		Kicker: "Exploration", Title: title, Footer: footer,
		Facts: []report.Fact{
			{Name: "Rows", Value: report.Count(p.Rows)},
			{Name: "Columns", Value: report.Count(int64(len(p.Columns))), Note: fmt.Sprintf("%d number, %d text, %d time", kinds["number"], kinds["text"], kinds["time"])},
			{Name: "Missing values", Value: report.Percent(float64(missing) / math.Max(1, float64(cells))), Note: report.Count(missing) + " of " + report.Count(cells)},
			{Name: "Duplicate rows", Value: report.Count(p.DuplicateRows), Note: report.Percent(float64(p.DuplicateRows) / math.Max(1, float64(p.Rows)))},
			{Name: "Warnings", Value: report.Count(int64(len(p.Warnings))), Note: "ranked by weight"},
		},
	}
	if p.Target != "" {
		page.Subtitle = fmt.Sprintf("What the data holds, and how each column bears on the target %s (%s).", p.Target, p.Task)
		page.Facts = append(page.Facts, report.Fact{Name: "Target", Value: report.Cut(p.Target, 30), Note: string(p.Task)})
	} else {
		page.Subtitle = "What the data holds, column by column."
	}
	page.Sections = append(page.Sections, p.overview())
	if s, ok := p.relations(); ok {
		page.Sections = append(page.Sections, s)
	}
	if s, ok := p.pairs(); ok {
		page.Sections = append(page.Sections, s)
	}
	page.Sections = append(page.Sections, p.rows(), p.list(), p.cards())
	return report.Write(w, page)
}

func (p *Profile) overview() report.Section {
	s := report.Section{ID: "overview", Title: "What to look at first"}
	if len(p.Warnings) == 0 {
		text := "No column is constant, mostly missing, infinite or suspiciously close to the target."
		if p.Rows == 0 {
			text = "The dataset has no rows."
		}
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Good, Title: "Nothing stands out.", Text: text}})
	}
	const most = 50
	for i, w := range p.Warnings {
		if i == most {
			s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("And %d more; the profile artifact lists them all.", len(p.Warnings)-most)})
			break
		}
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Level(w.Level), Title: title(w), Text: w.Text}})
	}
	if target := p.Column(p.Target); target != nil && target.Count > 0 {
		s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{{Caption: "Target: " + report.Cut(p.Target, 60), Plot: target.plot()}}})
	}
	return s
}

func title(w Warning) string {
	if w.Column == "" {
		return "The table:"
	}
	return report.Cut(w.Column, 60) + ":"
}

// pairs draws how columns are associated with each other.
func (p *Profile) pairs() (report.Section, bool) {
	m := p.Matrix
	if m == nil || len(m.Columns) < 2 {
		return report.Section{}, false
	}
	over := "over every row"
	if m.Rows < p.Rows {
		over = "over a sample of " + report.Count(m.Rows) + " rows"
	}
	s := report.Section{ID: "pairs", Title: "Columns with each other", Intro: "How much two columns say the same, " + over + ". Point at a cell for its value."}
	figures := []report.Figure{{
		Caption: "Association, 0 to 1: Pearson's r of two numbers in absolute value, Cramér's V of two texts, correlation ratio of a number and a text.",
		Plot:    report.Heatmap(report.Plot{Title: "Association of every pair of columns"}, m.Columns, m.Association),
	}}
	if len(m.Numbers) > 1 {
		figures = append(figures,
			report.Figure{Caption: "Pearson's r of numbers and times: linear, −1 to 1.", Plot: report.Heatmap(report.Plot{Title: "Pearson's correlation of every pair of numbers", Low: -1, High: 1}, m.Numbers, m.Pearson)},
			report.Figure{Caption: "Spearman's rank correlation: monotone, whatever the shape, −1 to 1.", Plot: report.Heatmap(report.Plot{Title: "Spearman's correlation of every pair of numbers", Low: -1, High: 1}, m.Numbers, m.Spearman)})
	}
	s.Blocks = []report.Block{{Plots: figures}}
	return s, true
}

// rows tells what is missing together, and what has changed since the last run.
func (p *Profile) rows() report.Section {
	s := report.Section{ID: "missing", Title: "What is missing", Intro: "Columns that are missing together point at one cause."}
	var bars []report.Bar
	for _, c := range p.Columns {
		if c.Missing > 0 {
			bars = append(bars, report.Bar{Label: c.Name, Value: c.MissingShare, Text: report.Percent(c.MissingShare)})
		}
	}
	if len(bars) == 0 {
		s.Intro = ""
		s.Blocks = []report.Block{{Notice: &report.Notice{Level: report.Good, Title: "Nothing is missing.", Text: "Every row has a value in every column."}}}
		return p.changed(s)
	}
	sort.SliceStable(bars, func(i, j int) bool { return bars[i].Value > bars[j].Value })
	s.Blocks = []report.Block{{Plots: []report.Figure{{Caption: "Share of the rows without a value.", Plot: report.Bars(report.Plot{Title: "Missing values by column", High: 1}, bars[:min(20, len(bars))])}}}}
	t := &report.Table{Caption: "Patterns of missing values", Columns: []report.Column{{Name: "Missing together"}, {Name: "Rows", Numeric: true}, {Name: "Share", Numeric: true}}}
	for _, m := range p.Missingness {
		name := "nothing"
		if len(m.Columns) > 0 {
			name = report.Cut(strings.Join(m.Columns, ", "), 200)
		}
		t.Rows = append(t.Rows, []string{name, report.Count(m.Rows), report.Percent(float64(m.Rows) / float64(p.Rows))})
	}
	s.Blocks = append(s.Blocks, report.Block{Table: t})
	return p.changed(s)
}

func (p *Profile) changed(s report.Section) report.Section {
	var bars []report.Bar
	for _, c := range p.Columns {
		if c.Drift != nil {
			bars = append(bars, report.Bar{Label: c.Name, Value: *c.Drift, Text: report.Number(math.Round(*c.Drift*1000) / 1000)})
		}
	}
	if len(bars) == 0 {
		return s
	}
	sort.SliceStable(bars, func(i, j int) bool { return bars[i].Value > bars[j].Value })
	s.Title = "What is missing, and what has changed"
	s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{{
		Caption: "Change since run " + report.Cut(p.Previous, 60) + ": Jensen-Shannon distance of each column's distribution, missing values included; above 0.1 deserves a look.",
		Plot:    report.Bars(report.Plot{Title: "Drift against the previous run", High: 1}, bars[:min(25, len(bars))]),
	}}})
	return s
}

// relations draws the associations with the target, the strongest first.
func (p *Profile) relations() (report.Section, bool) {
	byMeasure := map[string][]report.Bar{}
	for _, c := range p.Columns {
		if a := c.Association; a != nil {
			byMeasure[a.Measure] = append(byMeasure[a.Measure], report.Bar{Label: c.Name, Value: a.Value, Text: report.Number(math.Round(a.Value*1000) / 1000)})
		}
	}
	s := report.Section{ID: "target", Title: "Bearing on the target", Intro: "How much each column alone tells of " + report.Cut(p.Target, 60) + ". A value near 1 deserves suspicion before joy."}
	var figures []report.Figure
	for _, m := range []struct {
		measure, caption string
		low              float64
	}{
		{"pearson", "Pearson's correlation of numbers with the target: linear bearing, −1 to 1.", -1},
		{"correlation_ratio", "Correlation ratio (eta): how far the spread lies between groups rather than within them, 0 to 1.", 0},
		{"cramers_v", "Cramér's V of texts with the target's classes, 0 to 1.", 0},
	} {
		bars := byMeasure[m.measure]
		if len(bars) == 0 {
			continue
		}
		sort.SliceStable(bars, func(i, j int) bool { return math.Abs(bars[i].Value) > math.Abs(bars[j].Value) })
		figures = append(figures, report.Figure{Caption: m.caption, Plot: report.Bars(report.Plot{Title: m.caption, Low: m.low, High: 1}, bars[:min(25, len(bars))])})
	}
	var informed []report.Bar
	for _, c := range p.Columns {
		if c.Information != nil {
			informed = append(informed, report.Bar{Label: c.Name, Value: c.Information.Share, Text: report.Percent(c.Information.Share)})
		}
	}
	if len(informed) > 0 {
		sort.SliceStable(informed, func(i, j int) bool { return informed[i].Value > informed[j].Value })
		caption := "Mutual information with the target, as a share of the target's entropy: any kind of bearing, linear or not."
		figures = append(figures, report.Figure{Caption: caption, Plot: report.Bars(report.Plot{Title: caption, High: 1}, informed[:min(25, len(informed))])})
	}
	s.Blocks = []report.Block{{Plots: figures}}
	return s, len(figures) > 0
}

func (p *Profile) list() report.Section {
	t := &report.Table{Columns: []report.Column{{Name: "Column"}, {Name: "Type"}, {Name: "Missing", Numeric: true}, {Name: "Distinct", Numeric: true},
		{Name: "Min", Numeric: true}, {Name: "Median", Numeric: true}, {Name: "Max", Numeric: true}, {Name: "Mean", Numeric: true}, {Name: "SD", Numeric: true}, {Name: "Skew", Numeric: true}, {Name: "Outliers", Numeric: true}}}
	for _, c := range p.Columns[:min(maxListed, len(p.Columns))] {
		row := []string{report.Cut(c.Name, 60), c.Type, report.Percent(c.MissingShare), report.Count(c.Distinct), "", "", "", "", "", "", ""}
		switch {
		case c.Number != nil:
			row[4], row[5], row[6], row[7] = report.Number(c.Number.Min), report.Number(c.Number.Quantiles[3].Value), report.Number(c.Number.Max), report.Number(c.Number.Mean)
			if c.Number.SD != nil {
				row[8] = report.Number(*c.Number.SD)
			}
			if c.Number.Skew != nil {
				row[9] = report.Number(math.Round(*c.Number.Skew*100) / 100)
			}
			if c.Number.Outliers != nil {
				row[10] = report.Percent(float64(c.Number.Outliers.IQR) / float64(c.Count))
			}
		case c.Time != nil:
			row[4], row[5], row[6] = short(c.Time.Min), short(c.Time.Quantiles[3].Value), short(c.Time.Max)
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Section{ID: "columns", Title: "All columns", Intro: "SD is the sample standard deviation (ddof 1); outliers lie beyond 1.5 distances between the quartiles; counts, distinct values and quantiles are exact.", Blocks: []report.Block{{Table: t}}}
}

func (p *Profile) cards() report.Section {
	s := report.Section{ID: "details", Title: "Column by column"}
	if len(p.Columns) > maxCards {
		s.Intro = fmt.Sprintf("The first %d of %d columns; the profile artifact has them all.", maxCards, len(p.Columns))
	}
	cards := make([]report.Card, min(maxCards, len(p.Columns)))
	for i := range cards {
		c := &p.Columns[i]
		cards[i] = report.Card{ID: fmt.Sprintf("c%d", i), Title: report.Cut(c.Name, 80), Badge: strings.ToLower(report.Cut(c.SQL, 30)), Plot: c.plot(), Facts: c.facts()}
		if c.Name == p.Target {
			cards[i].Badge = "target · " + cards[i].Badge
		}
		for _, w := range p.Warnings {
			if w.Column == c.Name {
				cards[i].Notices = append(cards[i].Notices, report.Notice{Level: report.Level(w.Level), Text: strings.ToUpper(w.Text[:1]) + w.Text[1:]})
			}
		}
	}
	s.Blocks = []report.Block{{Cards: cards}}
	return s
}

// plot draws the values: bars if they can be listed, a histogram if not.
func (c *Column) plot() template.HTML {
	title := "Distribution of " + c.Name
	if c.Type == "text" || c.Histogram == nil || len(c.Top) > 0 && len(c.Top) <= 8 {
		const most = 10
		var bars []report.Bar
		listed := int64(0)
		for _, v := range c.Top[:min(most, len(c.Top))] {
			listed += v.Count
			share := report.Percent(float64(v.Count) / float64(c.Count))
			bars = append(bars, report.Bar{Label: v.Value, Value: float64(v.Count), Text: share})
		}
		if rest := c.Count - c.Infinite - listed; len(bars) > 0 && rest > 0 {
			bars = append(bars, report.Bar{Label: fmt.Sprintf("%s others", report.Count(c.Distinct-int64(len(bars)))), Value: math.NaN(), Text: report.Percent(float64(rest) / float64(c.Count))})
		}
		return report.Bars(report.Plot{Title: title + ": most frequent values"}, bars)
	}
	h := c.Histogram
	list := make([]report.Bin, len(h.Bins))
	step := (h.To - h.From) / float64(len(h.Bins))
	for i, n := range h.Bins {
		list[i] = report.Bin{From: h.From + step*float64(i), To: h.From + step*float64(i+1), Count: n}
	}
	p := report.Plot{Title: title, Y: "rows"}
	if h.Below+h.Above > 0 {
		p.X = fmt.Sprintf("%s values lie further out", report.Count(h.Below+h.Above))
	}
	if c.Type == "time" {
		p.FormatX = day
		return report.Histogram(p, list)
	}
	p.Note = fmt.Sprintf("From %s to %s, median %s.", report.Number(c.Number.Min), report.Number(c.Number.Max), report.Number(c.Number.Quantiles[3].Value))
	return report.Histogram(p, list, c.Number.Quantiles[3].Value)
}

func (c *Column) facts() []report.Fact {
	facts := []report.Fact{{Name: "Missing", Value: report.Percent(c.MissingShare)}, {Name: "Distinct", Value: report.Count(c.Distinct)}}
	add := func(name, value string) { facts = append(facts, report.Fact{Name: name, Value: value}) }
	switch {
	case c.Number != nil:
		n := c.Number
		add("Mean", report.Number(n.Mean))
		if n.SD != nil {
			add("SD", report.Number(*n.SD))
		}
		add("Min", report.Number(n.Min))
		for _, q := range n.Quantiles {
			if q.P == 0.05 || q.P == 0.25 || q.P == 0.5 || q.P == 0.75 || q.P == 0.95 {
				add(map[float64]string{0.05: "5 %", 0.25: "25 %", 0.5: "Median", 0.75: "75 %", 0.95: "95 %"}[q.P], report.Number(q.Value))
			}
		}
		add("Max", report.Number(n.Max))
		add("Zeros", report.Percent(float64(n.Zeros)/float64(c.Count)))
		if n.Skew != nil {
			add("Skew", report.Number(math.Round(*n.Skew*1000)/1000))
		}
		if n.Outliers != nil {
			add("Outliers, IQR", report.Percent(float64(n.Outliers.IQR)/float64(c.Count)))
			add("Robust z > 3.5", report.Percent(float64(n.Outliers.RobustZ)/float64(c.Count)))
		}
	case c.Time != nil:
		add("First", short(c.Time.Min))
		add("Median", short(c.Time.Quantiles[3].Value))
		add("Last", short(c.Time.Max))
		if v := c.Time.Coverage; v != nil {
			add("Days with rows", report.Count(v.Days)+" of "+report.Count(v.SpanDays))
			add("Longest gap", gap(v.GapHours))
		}
	case c.Text != nil:
		add("Length", fmt.Sprintf("%d to %d", c.Text.MinLength, c.Text.MaxLength))
		add("Mean length", report.Number(c.Text.MeanLength))
	}
	if c.Infinite > 0 {
		add("Infinite", report.Count(c.Infinite))
	}
	if c.Drift != nil {
		add("Drift", report.Number(math.Round(*c.Drift*1000)/1000))
	}
	if c.Information != nil {
		add("Information", report.Percent(c.Information.Share))
	}
	if c.Association != nil {
		add(map[string]string{"pearson": "Pearson's r", "correlation_ratio": "Corr. ratio", "cramers_v": "Cramér's V"}[c.Association.Measure], report.Number(math.Round(c.Association.Value*1000)/1000))
	}
	return facts
}

// gap says hours as people do.
func gap(hours float64) string {
	switch {
	case hours >= 72:
		return report.Number(math.Round(hours/2.4)/10) + " days"
	case hours >= 1:
		return report.Number(math.Round(hours*10)/10) + " h"
	default:
		return report.Number(math.Round(hours*60)) + " min"
	}
}

func day(micros float64) string { return report.Time(math.Floor(micros/86400e6) * 86400e6) }

func short(moment string) string {
	t, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil {
		return moment
	}
	return report.Time(float64(t.UnixMicro()))
}
