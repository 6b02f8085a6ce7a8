package split

import (
	"fmt"
	"io"
	"strings"

	"github.com/esteira-ml/esteira/internal/report"
)

// HTML writes the page of a split: what went where, and what the parts have in
// common. The footer says where the numbers come from.
func (r Result) HTML(w io.Writer, crossings []Crossing, title, footer string) error {
	page := report.Page{
		Kicker: "Split", Title: title, Footer: footer,
		Subtitle: "What went where, and what a model could know of the rows it is judged by.",
		Facts: []report.Fact{
			{Name: "Method", Value: r.Method},
			{Name: "Train", Value: report.Count(r.Train.Rows), Note: report.Percent(r.Train.Share)},
			{Name: "Validation", Value: report.Count(r.Validation.Rows), Note: report.Percent(r.Validation.Share)},
			{Name: "Test", Value: report.Count(r.Test.Rows), Note: report.Percent(r.Test.Share)},
			{Name: "In no split", Value: report.Count(r.Left)},
		},
	}
	if r.TestFrom != "" {
		page.Facts = append(page.Facts, report.Fact{Name: "Validation from", Value: r.ValidationFrom}, report.Fact{Name: "Test from", Value: r.TestFrom})
	}
	s := report.Section{ID: "shared", Title: "Shared between splits", Intro: "What was learnt from in one split and is judged by in another makes a score look better than the model is."}
	for _, c := range crossings {
		s.Blocks = append(s.Blocks, report.Block{Notice: c.notice()})
		if t := c.table(); t != nil {
			s.Blocks = append(s.Blocks, report.Block{Table: t})
		}
	}
	page.Sections = []report.Section{s}
	if r.Strata != nil {
		page.Sections = append(page.Sections, r.Strata.section())
	}
	return report.Write(w, page)
}

// Observed says it for people.
func (c Crossing) Observed() string {
	switch {
	case c.Why != "":
		return "not looked for: " + c.Why
	case c.Shared == 0:
		return "none is in two splits"
	}
	return fmt.Sprintf("%s in more than one split: %s rows of train, %s of validation, %s of test",
		report.Count(c.Shared), report.Count(c.Rows[0]), report.Count(c.Rows[1]), report.Count(c.Rows[2]))
}

func (c Crossing) notice() *report.Notice {
	n := &report.Notice{Level: report.Good, Title: "Keys (" + report.Cut(strings.Join(c.Columns, ", "), 120) + "):", Text: c.Observed()}
	if c.What == "alike" {
		n.Title = "Rows alike but for key and event time:"
	}
	switch {
	case c.Why != "":
		n.Level = report.Info
	case c.Shared > 0:
		n.Level = report.Warn
	}
	return n
}

func (c Crossing) table() *report.Table {
	if len(c.Examples) == 0 {
		return nil
	}
	t := &report.Table{Caption: fmt.Sprintf("Up to %d that are in most rows", MaxCrossingExamples)}
	for i := range c.Examples[0].Values {
		t.Columns = append(t.Columns, report.Column{Name: report.Cut(c.Columns[i], 40)})
	}
	for _, part := range []string{"Train", "Validation", "Test"} {
		t.Columns = append(t.Columns, report.Column{Name: part, Numeric: true})
	}
	for _, e := range c.Examples {
		cells := append([]string(nil), e.Values...)
		for _, n := range e.Rows {
			cells = append(cells, report.Count(n))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}
