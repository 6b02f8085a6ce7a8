package evaluation

import (
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// maxDrawnSlices is how many slices a plot has; the table has all that are told.
const maxDrawnSlices = 25

func (e *Evaluation) slicesSection() report.Section {
	s := report.Section{ID: "slices", Title: "Slices", Intro: fmt.Sprintf("How the model does on parts of the test rows, %s compared with all of them. Parts of fewer than %d rows are not spoken of.", e.Problem.Metric, e.Slices.MinRows)}
	looked := e.Slices.Searched
	text := fmt.Sprintf("Looked at %s parts of %s rows by %d columns, singly and in pairs.", report.Count(int64(looked.Slices)), report.Count(int64(looked.Rows)), looked.Columns)
	switch {
	case looked.Slices == 0:
		s.Blocks = append(s.Blocks, report.Block{Text: "There are too few test rows to look for weak parts."})
	case len(e.Slices.Found) == 0:
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Good, Title: "No weak part stands out.", Text: text + " None is worse than the rest beyond what chance explains."}})
	default:
		s.Blocks = append(s.Blocks,
			report.Block{Notice: &report.Notice{Level: report.Warn, Title: "Weak parts:", Text: text + " These are worse than the rest, corrected for how many were looked at (Holm, 5 %)."}},
			e.sliceFigure("Weakest parts found", e.Slices.Found), report.Block{Table: e.sliceTable("Found", e.Slices.Found)})
	}
	if len(e.Slices.Declared) > 0 {
		s.Blocks = append(s.Blocks, e.sliceFigure("Slices the file asks for", e.Slices.Declared), report.Block{Table: e.sliceTable("Asked for", e.Slices.Declared)})
	}
	if e.Slices.Small > 0 {
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("%d further slices have too few rows.", e.Slices.Small)})
	}
	return s
}

func (e *Evaluation) sliceFigure(title string, list []Slice) report.Block {
	var dots []report.Dot
	s := slicer{metric: e.Problem.Metric}
	for _, one := range list[:min(len(list), maxDrawnSlices)] {
		v, ok := one.Scores[e.Problem.Metric]
		if !ok {
			continue
		}
		d := dot(one.Name(), v, one.Interval)
		d.Off = one.Whole != nil && one.Whole.Interval != nil && s.worse(*one.Whole.Interval)
		dots = append(dots, d)
	}
	reference, ok := e.Test.Scores[e.Problem.Metric]
	if !ok {
		reference = math.NaN()
	}
	plot := report.Plot{Title: title + ": " + e.Problem.Metric + " with 95 % intervals", Note: "The dashed line is the model on all test rows.", Wide: true}
	return report.Block{Plots: []report.Figure{{Caption: title + ": " + e.Problem.Metric + " with its 95 % interval. The dashed line is all test rows; orange marks what is worse beyond chance.", Plot: report.Dots(plot, dots, reference)}}}
}

func (e *Evaluation) sliceTable(caption string, list []Slice) *report.Table {
	t := &report.Table{Caption: caption, Columns: []report.Column{{Name: "Rows where"}, {Name: "Rows", Numeric: true}, {Name: e.Problem.Metric, Numeric: true}, {Name: "− all rows", Numeric: true}}}
	for _, one := range list {
		r := Result{Scores: one.Scores}
		if one.Interval != nil {
			r.Intervals = map[string]Interval{e.Problem.Metric: *one.Interval}
		}
		row := []string{one.Name(), report.Count(int64(one.Rows)), withInterval(r, e.Problem.Metric), "–"}
		if one.Whole != nil {
			row[3] = one.Whole.text()
		}
		if one.Undefined != "" {
			row[2] = one.Undefined
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (e *Evaluation) fairnessSection() report.Section {
	s := report.Section{ID: "fairness", Title: "Fairness", Intro: "How groups fare. A gap is the largest value of a group minus the smallest, as fairlearn defines it; what gap is acceptable is not a question of statistics."}
	for _, f := range e.Fairness {
		table := report.Table{Caption: "Groups of " + f.Column, Columns: []report.Column{{Name: "Group"}, {Name: "Rows", Numeric: true}}}
		switch e.Problem.Task {
		case pipeline.Binary:
			table.Columns = append(table.Columns, report.Column{Name: "Selection rate", Numeric: true}, report.Column{Name: "True positive rate", Numeric: true}, report.Column{Name: "False positive rate", Numeric: true}, report.Column{Name: "Wrong", Numeric: true})
		case pipeline.Regression:
			table.Columns = append(table.Columns, report.Column{Name: "Mean absolute error", Numeric: true}, report.Column{Name: "Bias, predicted − actual", Numeric: true})
		default:
			table.Columns = append(table.Columns, report.Column{Name: "Wrong", Numeric: true})
		}
		for _, g := range f.Groups {
			row := []string{g.Name, report.Count(int64(g.Rows))}
			switch e.Problem.Task {
			case pipeline.Binary:
				row = append(row, share(g.Selection), share(g.TPR), share(g.FPR), percent(g.Error))
			case pipeline.Regression:
				row = append(row, report.Number(g.Error), report.Number(*g.Bias))
			default:
				row = append(row, percent(g.Error))
			}
			table.Rows = append(table.Rows, row)
		}
		s.Blocks = append(s.Blocks, report.Block{Table: &table})
		var gaps []string
		for _, name := range []string{"demographic_parity_difference", "equalized_odds_difference", "error_difference"} {
			if v, ok := f.Gaps[name]; ok {
				gaps = append(gaps, strings.ReplaceAll(name, "_", " ")+" "+report.Number(v))
			}
		}
		text := "Fewer than two groups have enough rows to compare."
		if len(gaps) > 0 {
			text = "Gaps: " + strings.Join(gaps, ", ") + "."
		}
		if f.Threshold != nil {
			text += fmt.Sprintf(" Answered positive from a probability of %s on.", report.Number(*f.Threshold))
		}
		if f.Small > 0 {
			text += fmt.Sprintf(" %d groups have fewer than %d rows and are left out.", f.Small, e.Slices.MinRows)
		}
		s.Blocks = append(s.Blocks, report.Block{Text: text})
	}
	return s
}

func share(v *float64) string {
	if v == nil {
		return "–"
	}
	return percent(*v)
}
