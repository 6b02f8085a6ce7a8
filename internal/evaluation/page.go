package evaluation

import (
	"fmt"
	"io"
	"strconv"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// HTML writes the verdict as a page for people; name is the pipeline's.
func (e *Evaluation) HTML(w io.Writer, name string) error {
	page := report.Page{
		Kicker: "Evaluation", Title: name, Subtitle: e.Problem.Statement, Facts: e.facts(),
		Sections: []report.Section{e.decisionSection(), e.scoresSection(), e.validationSection()},
		Footer:   fmt.Sprintf("Chosen on %s validation rows, judged once on %s test rows. Metrics have scikit-learn's definitions.", report.Count(int64(e.Validation[e.ChosenIndex].Rows)), report.Count(int64(e.Test.Rows))),
	}
	if e.Diagnostics != nil {
		page.Sections = append(page.Sections, e.Diagnostics.section(e.Problem))
	}
	return report.Write(w, page)
}

func (e *Evaluation) facts() []report.Fact {
	metric := e.Problem.Metric
	facts := []report.Fact{
		{Name: "Decision", Value: e.Decision},
		{Name: "Model", Value: e.Test.Name},
		{Name: metric + " on test", Value: scoreText(e.Test, metric)},
		{Name: "Baseline", Value: scoreText(e.Baseline, metric)},
	}
	if e.Champion != nil {
		facts = append(facts, report.Fact{Name: "Live model", Value: scoreText(*e.Champion, metric), Note: e.Champion.Name})
	}
	if e.Solved != nil {
		facts = append(facts, report.Fact{Name: "Threshold " + number(*e.Problem.Threshold), Value: map[bool]string{true: "met", false: "not met"}[*e.Solved]})
	}
	if e.Costs != nil {
		facts = append(facts, e.Costs.fact())
	}
	return append(facts, report.Fact{Name: "Test rows", Value: report.Count(int64(e.Test.Rows))})
}

func (e *Evaluation) decisionSection() report.Section {
	notice := report.Notice{Level: report.Good, Title: "Accepted.", Text: "Every gate passed."}
	if e.Decision == Rejected {
		notice = report.Notice{Level: report.Bad, Title: "Rejected.", Text: e.Rejection()}
	}
	table := report.Table{Caption: "Gates, on the test rows", Columns: []report.Column{{Name: "Gate"}, {Name: "Answer"}, {Name: "Why"}}}
	for _, g := range e.Gates {
		table.Rows = append(table.Rows, []string{g.Condition, map[bool]string{true: "✓ passed", false: "✗ rejected"}[g.Passed], g.Reason})
	}
	blocks := []report.Block{{Notice: &notice}, {Table: &table}, {Text: "Chosen: " + e.Reason + "."}}
	if e.ChampionNote != "" {
		blocks = append(blocks, report.Block{Text: "Live model: " + e.ChampionNote + "."})
	}
	return report.Section{ID: "decision", Title: "Decision", Blocks: blocks}
}

func (e *Evaluation) scoresSection() report.Section {
	results := []Result{e.Test, e.Baseline}
	if e.Champion != nil {
		results = append(results, *e.Champion)
	}
	table := report.Table{Caption: "Scores on the test rows", Columns: []report.Column{{Name: "Metric"}, {Name: "Better"}}}
	for _, r := range results {
		table.Columns = append(table.Columns, report.Column{Name: r.Name, Numeric: true})
	}
	for _, metric := range pipeline.Metrics(e.Problem.Task) {
		row := []string{metric, "higher"}
		if pipeline.LowerIsBetter(metric) {
			row[1] = "lower"
		}
		for _, r := range results {
			row = append(row, scoreText(r, metric))
		}
		table.Rows = append(table.Rows, row)
	}
	blocks := []report.Block{{Table: &table}}
	for _, metric := range pipeline.Metrics(e.Problem.Task) {
		if why := e.Test.Undefined[metric]; why != "" {
			blocks = append(blocks, report.Block{Notice: &report.Notice{Level: report.Warn, Title: metric + " is undefined.", Text: why}})
		}
	}
	return report.Section{ID: "scores", Title: "Scores", Intro: "The test rows were looked at once, after the choice.", Blocks: blocks}
}

func (e *Evaluation) validationSection() report.Section {
	metric := e.Problem.Metric
	table := report.Table{Caption: metric + " on the validation rows", Columns: []report.Column{{Name: "Model"}, {Name: metric, Numeric: true}, {Name: ""}}}
	var bars []report.Bar
	for i, r := range e.Validation {
		mark := ""
		if i == e.ChosenIndex {
			mark = "chosen"
		}
		table.Rows = append(table.Rows, []string{r.Name, scoreText(r, metric), mark})
		if v, ok := r.Scores[metric]; ok {
			bars = append(bars, report.Bar{Label: r.Name, Value: v})
		}
	}
	plot := report.Plot{Title: metric + " of each model on the validation rows", Note: e.Reason}
	return report.Section{ID: "validation", Title: "Choice among models", Blocks: []report.Block{{Table: &table}, {Plot: report.Bars(plot, bars)}}}
}

func (d *Diagnostics) section(problem pipeline.Problem) report.Section {
	s := report.Section{ID: "diagnostics", Title: "Where it is right and wrong", Intro: "The chosen model on the test rows."}
	var plots []report.Figure
	if h := d.Residuals; h != nil {
		bins := make([]report.Bin, len(h.Counts))
		width := (h.High - h.Low) / float64(len(h.Counts))
		for i, n := range h.Counts {
			bins[i] = report.Bin{From: h.Low + width*float64(i), To: h.Low + width*float64(i+1), Count: int64(n)}
		}
		note := fmt.Sprintf("from %s to %s, median %s", number(h.Min), number(h.Max), number(h.Median))
		plots = append(plots, report.Figure{
			Caption: "Residuals: " + note + ". The outermost 0.5 % are in the first and last bar.",
			Plot:    report.Histogram(report.Plot{Title: "Residuals, actual minus predicted", Note: note, X: "actual − predicted", Y: "rows"}, bins, h.Median),
		})
	}
	if len(d.Calibration) > 1 {
		plots = append(plots, d.calibrationFigure(problem))
	}
	if len(plots) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Plots: plots})
	}
	if len(d.Classes) > 0 {
		table := report.Table{Caption: "By class", Columns: []report.Column{{Name: "Class"}, {Name: "Precision", Numeric: true}, {Name: "Recall", Numeric: true}, {Name: "F1", Numeric: true}, {Name: "Rows", Numeric: true}, {Name: "Predicted", Numeric: true}}}
		for _, c := range d.Classes {
			table.Rows = append(table.Rows, []string{c.Name, percent(c.Precision), percent(c.Recall), percent(c.F1), report.Count(int64(c.Support)), report.Count(int64(c.Predicted))})
		}
		s.Blocks = append(s.Blocks, report.Block{Table: &table})
	}
	if d.Confusion != nil && len(d.Classes) == len(d.Confusion.Rows) {
		table := report.Table{Caption: "Confusion matrix: rows are actual, columns predicted", Columns: []report.Column{{Name: "Actual"}}}
		for k, row := range d.Confusion.Rows {
			table.Columns = append(table.Columns, report.Column{Name: d.Classes[k].Name, Numeric: true})
			cells := []string{d.Classes[k].Name}
			for _, n := range row {
				cells = append(cells, report.Count(int64(n)))
			}
			table.Rows = append(table.Rows, cells)
		}
		s.Blocks = append(s.Blocks, report.Block{Table: &table})
	}
	return s
}

func (d *Diagnostics) calibrationFigure(problem pipeline.Problem) report.Figure {
	model, ideal := report.Series{Name: "model"}, report.Series{Name: "ideal"}
	for _, b := range d.Calibration {
		model.X, model.Y = append(model.X, b.Predicted), append(model.Y, b.Actual)
		ideal.X, ideal.Y = append(ideal.X, b.Predicted), append(ideal.Y, b.Predicted)
	}
	plot := report.Plot{Title: "Calibration", Note: fmt.Sprintf("%d bins of rows", len(d.Calibration)), X: "mean prediction", Y: "mean " + problem.Target}
	caption := "Calibration: the mean of the target among rows predicted alike, in bins of equal size."
	if problem.Task == pipeline.Binary {
		plot.X, plot.Y = "predicted probability", "share of positives"
		caption = "Calibration: the share of positives among rows of like probability."
	}
	return report.Figure{Caption: caption + " On the ideal line they agree.", Plot: report.Line(plot, model, ideal)}
}

func scoreText(r Result, metric string) string {
	if v, ok := r.Scores[metric]; ok {
		return number(v)
	}
	return "–"
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }
