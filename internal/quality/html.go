package quality

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// HTML writes the validation report. The footer says where the numbers come from.
func (r *Result) HTML(w io.Writer, title, footer string) error {
	passed := 0
	for _, rule := range r.Rules {
		if rule.Passed {
			passed++
		}
	}
	corrected := int64(0)
	for _, rule := range r.Rules {
		corrected += rule.Corrected
	}
	page := report.Page{
		Kicker: "Validation", Title: title, Footer: footer,
		Subtitle: "What the dataset had to satisfy, and which rows did not.",
		Facts: []report.Fact{
			{Name: "Rules passed", Value: fmt.Sprintf("%d of %d", passed, len(r.Rules))},
			{Name: "Rows", Value: report.Count(r.Rows + r.Dropped)},
			{Name: "Rows that go on", Value: report.Count(r.Valid)},
			{Name: "Quarantined", Value: report.Count(r.Quarantined)},
			{Name: "Corrected", Value: report.Count(corrected), Note: report.Count(r.Dropped) + " repeats dropped"},
		},
		Sections: []report.Section{r.verdict(), r.list()},
	}
	if s := r.rows(); len(s.Blocks) > 0 {
		page.Sections = append(page.Sections, s)
	}
	return report.Write(w, page)
}

func (r *Result) verdict() report.Section {
	s := report.Section{ID: "verdict", Title: "Verdict"}
	add := func(level report.Level, title, text string) {
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: level, Title: title, Text: text}})
	}
	if r.Violation() != nil {
		add(report.Bad, "The run stops.", "A rule that must hold does not; nothing after validation was done.")
	}
	for _, level := range []struct {
		level report.Level
		said  string
		of    func(RuleResult) bool
	}{
		{report.Bad, "stops the run", func(x RuleResult) bool { return !x.Passed && x.stops() }},
		{report.Warn, "rows set apart", func(x RuleResult) bool { return !x.Passed && x.Severity == pipeline.Quarantine }},
		{report.Warn, "warning", func(x RuleResult) bool { return !x.Passed && x.Severity == pipeline.Warn }},
		{report.Info, "repaired", func(x RuleResult) bool { return x.Passed && x.Corrected > 0 }},
	} {
		for _, x := range r.Rules {
			if level.of(x) {
				add(level.level, report.Cut(x.Rule, 120)+":", x.Observed+" ("+level.said+")")
			}
		}
	}
	if len(s.Blocks) == 0 {
		add(report.Good, "Every rule holds.", "All rows go on as they came.")
	}
	return s
}

func (r *Result) list() report.Section {
	t := &report.Table{Columns: []report.Column{{Name: "Rule"}, {Name: "If it fails"}, {Name: "Result"}, {Name: "Observed"}, {Name: "Rows", Numeric: true}}}
	for _, x := range r.Rules {
		result := "passed"
		if !x.Passed {
			result = "FAILED"
		} else if x.Corrected > 0 {
			result = "repaired"
		}
		t.Rows = append(t.Rows, []string{report.Cut(x.Rule, 200), string(x.Severity), result, report.Cut(x.Observed, 200), report.Count(x.Failed)})
	}
	return report.Section{ID: "rules", Title: "All rules", Intro: "In the order they were held. Rows counts those that break a rule, after any repair.", Blocks: []report.Block{{Table: t}}}
}

// maxShownColumns bounds the width of a table of example rows.
const maxShownColumns = 8

func (r *Result) rows() report.Section {
	s := report.Section{ID: "rows", Title: "Example rows", Intro: fmt.Sprintf("Up to %d rows a rule, as they came; the rule's own columns stand first. A dash is a missing value.", MaxExamples)}
	for _, x := range r.Rules {
		if len(x.Examples) == 0 || x.Passed && x.Corrected == 0 {
			continue
		}
		var order []int
		for i, name := range r.Columns {
			if slices.Contains(x.Columns, name) {
				order = append(order, i)
			}
		}
		for i := range r.Columns {
			if !slices.Contains(order, i) {
				order = append(order, i)
			}
		}
		order = order[:min(maxShownColumns, len(order))]
		t := &report.Table{Caption: report.Cut(strings.TrimSpace(x.Rule+": "+x.Observed), 240), Columns: []report.Column{{Name: "Row", Numeric: true}}}
		for _, i := range order {
			t.Columns = append(t.Columns, report.Column{Name: report.Cut(r.Columns[i], 40)})
		}
		for _, e := range x.Examples {
			cells := []string{report.Count(e.Row)}
			for _, i := range order {
				cell := "–"
				if i < len(e.Values) && e.Values[i] != nil {
					cell = report.Cut(*e.Values[i], 60)
				}
				cells = append(cells, cell)
			}
			t.Rows = append(t.Rows, cells)
		}
		s.Blocks = append(s.Blocks, report.Block{Table: t})
	}
	return s
}
