package feature

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/report"
)

// Bounds of the page, so that one of ten thousand features still opens.
const (
	maxDrawn  = 60
	maxListed = 1000
)

// HTML writes the summary as a page. The footer says where the numbers come from.
func (s *Summary) HTML(w io.Writer, title, footer string) error {
	width := 0
	for _, f := range s.After {
		if f.Kind == "block" {
			width += max(1, f.Distinct)
		} else {
			width++
		}
	}
	page := report.Page{
		Kicker: "Features", Title: title, Footer: footer,
		Subtitle: "What the transforms make of the training rows, column by column: before, and after.",
		Facts: []report.Fact{
			{Name: "Training rows", Value: report.Count(int64(s.Rows))},
			{Name: "Columns read", Value: report.Count(int64(len(s.Before)))},
			{Name: "Features", Value: report.Count(int64(len(s.After))), Note: fmt.Sprintf("about %s columns with every category", report.Count(int64(width)))},
		},
	}
	if s.Of > 0 {
		page.Facts[0] = report.Fact{Name: "Training rows", Value: report.Count(s.Of), Note: "described by " + report.Count(int64(s.Rows)) + " of them, spread evenly; models learn from all"}
	}
	if len(s.Dropped) > 0 {
		page.Facts = append(page.Facts, report.Fact{Name: "Dropped", Value: report.Count(int64(len(s.Dropped))), Note: "by select"})
	}
	if len(s.Choices) > 0 {
		page.Sections = append(page.Sections, s.picked())
	}
	if len(s.Dropped) > 0 {
		page.Sections = append(page.Sections, s.selected())
	}
	page.Sections = append(page.Sections, s.list(), s.drawn())
	return report.Write(w, page)
}

func (s *Summary) picked() report.Section {
	t := &report.Table{Columns: []report.Column{{Name: "Column"}, {Name: "Picked"}, {Name: "Because"}}}
	for _, c := range s.Choices[:min(maxListed, len(s.Choices))] {
		t.Rows = append(t.Rows, []string{report.Cut(c.Column, 60), c.Picked, c.Why})
	}
	return report.Section{ID: "picked", Title: "What auto picked", Intro: "Decided on the training rows alone. Write a list under features to decide otherwise.", Blocks: []report.Block{{Table: t}}}
}

func (s *Summary) selected() report.Section {
	t := &report.Table{Columns: []report.Column{{Name: "Feature"}, {Name: "Dropped by"}, {Name: "Measured", Numeric: true}, {Name: "Kept instead"}}}
	for _, d := range s.Dropped[:min(maxListed, len(s.Dropped))] {
		measured := report.Number(d.Value)
		if d.By == "drop" {
			measured = ""
		}
		t.Rows = append(t.Rows, []string{report.Cut(d.Name, 60), strings.ReplaceAll(d.By, "_", " "), measured, report.Cut(d.With, 60)})
	}
	return report.Section{ID: "selected", Title: "What selection dropped", Intro: "Judged on the training rows; each fold of cross-validation judges again on its own.", Blocks: []report.Block{{Table: t}}}
}

func (s *Summary) list() report.Section {
	t := &report.Table{Columns: []report.Column{{Name: "Feature"}, {Name: "Made by"}, {Name: "Mean", Numeric: true}, {Name: "SD", Numeric: true}, {Name: "Min", Numeric: true}, {Name: "Median", Numeric: true}, {Name: "Max", Numeric: true}, {Name: "Skew", Numeric: true}}}
	for i, f := range s.After[:min(maxListed, len(s.After))] {
		row := []string{report.Cut(f.Name, 60), report.Cut(s.Steps[i], 160)}
		if f.Kind == "block" || len(f.Quantiles) == 0 {
			row = append(row, "", "", "", "", "", "")
		} else {
			row = append(row, report.Number(near0(f.Mean, f.Deviation)), report.Number(f.Deviation), report.Number(f.Quantiles[0]), report.Number(f.Quantiles[2]), report.Number(f.Quantiles[4]), report.Number(f.Skew))
		}
		t.Rows = append(t.Rows, row)
	}
	section := report.Section{ID: "features", Title: "Every feature", Intro: "In the order the model reads them, with what was fitted on the training rows.", Blocks: []report.Block{{Table: t}}}
	if more := len(s.After) - maxListed; more > 0 {
		section.Blocks = append(section.Blocks, report.Block{Text: fmt.Sprintf("And %d more; the summary artifact lists them all.", more)})
	}
	return section
}

// near0 shows the mean of a standardized feature as the 0 it stands for.
func near0(mean, deviation float64) float64 {
	if math.Abs(mean) < 1e-12*deviation {
		return 0
	}
	return mean
}

// drawn shows each column beside the features made of it alone.
func (s *Summary) drawn() report.Section {
	section := report.Section{ID: "distributions", Title: "Before and after"}
	left := maxDrawn
	for _, b := range s.Before {
		figures := []report.Figure{{Caption: report.Cut(b.Name, 60) + ", as collected", Plot: b.plot(b.Name + " before")}}
		for i, a := range s.After {
			if slices.Equal(s.Columns[i], []string{b.Name}) && len(figures) < 6 {
				figures = append(figures, report.Figure{Caption: report.Cut(a.Name, 40) + ": " + report.Cut(s.Steps[i], 90), Plot: a.plot(a.Name + " after")})
			}
		}
		if left -= len(figures); left < 0 {
			section.Blocks = append(section.Blocks, report.Block{Text: "More columns are not drawn; the summary artifact describes them all."})
			return section
		}
		section.Blocks = append(section.Blocks, report.Block{Plots: figures})
	}
	var made []report.Figure
	for i, a := range s.After {
		if len(s.Columns[i]) > 1 && left > 0 {
			left--
			made = append(made, report.Figure{Caption: report.Cut(a.Name, 40) + ": " + report.Cut(s.Steps[i], 90), Plot: a.plot(a.Name)})
		}
	}
	if len(made) > 0 {
		section.Blocks = append(section.Blocks, report.Block{Text: "Made of several columns:"}, report.Block{Plots: made})
	}
	return section
}

func (f *Figures) plot(title string) template.HTML {
	p := report.Plot{Title: "Distribution of " + title, Note: fmt.Sprintf("%s missing", report.Count(int64(f.Missing)))}
	if len(f.Top) > 0 {
		bars := make([]report.Bar, len(f.Top))
		for i, t := range f.Top {
			label := t.Category
			if label == "" {
				label = "(none)"
			}
			bars[i] = report.Bar{Label: label, Value: float64(t.Rows), Text: report.Count(int64(t.Rows))}
		}
		return report.Bars(p, bars)
	}
	if f.Kind == "time" {
		p.FormatX = report.Time
	}
	if len(f.Quantiles) == 0 {
		return report.Histogram(p, nil)
	}
	low, high := f.Quantiles[0], f.Quantiles[4]
	bins := make([]report.Bin, len(f.Histogram))
	for i, n := range f.Histogram {
		at := func(k int) float64 { return low + (high-low)*float64(k)/float64(len(bins)) }
		bins[i] = report.Bin{From: at(i), To: at(i + 1), Count: int64(n)}
	}
	return report.Histogram(p, bins, f.Quantiles[2])
}
