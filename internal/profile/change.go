package profile

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/esteira-ml/esteira/internal/report"
)

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
	nothing := "nothing"
	if p.MissingnessOf > 0 {
		t.Caption += fmt.Sprintf(", of the %d columns with the most", p.MissingnessOf)
		nothing = "none of these columns"
	}
	for _, m := range p.Missingness {
		name := nothing
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
