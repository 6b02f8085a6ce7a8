package profile

import (
	"fmt"
	"math"
	"sort"

	"github.com/esteira-ml/esteira/internal/report"
)

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
	if m.Of > len(m.Columns) {
		over += fmt.Sprintf(", of %d of %d columns", len(m.Columns), m.Of)
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
