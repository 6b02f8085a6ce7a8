package profile

import (
	"fmt"
	"io"
	"math"
	"strings"

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
