package evaluation

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// HTML writes the verdict as a page for people; name is the pipeline's. The order
// is that of a reader who decides: what was decided and why, how good it is
// beside the others, where it is wrong, for whom, since when, what it uses, and
// what the page cannot tell.
func (e *Evaluation) HTML(w io.Writer, name string) error {
	page := report.Page{
		Kicker: "Evaluation", Title: name, Subtitle: e.Problem.Statement, Facts: e.facts(),
		Sections: []report.Section{e.decisionSection(), e.scoresSection(), e.validationSection()},
		Footer:   fmt.Sprintf("Chosen on %s validation rows, judged once on %s test rows. Metrics have scikit-learn's definitions where it has them; the package internal/evaluation says each.", report.Count(int64(e.Validation[e.ChosenIndex].Rows)), report.Count(int64(e.Test.Rows))),
	}
	if e.Diagnostics != nil {
		page.Sections = append(page.Sections, e.diagnosticsSection())
	}
	page.Sections = append(page.Sections, e.slicesSection())
	if len(e.Fairness) > 0 {
		page.Sections = append(page.Sections, e.fairnessSection())
	}
	if e.OverTime != nil {
		page.Sections = append(page.Sections, e.timeSection())
	}
	if e.Usage != nil {
		page.Sections = append(page.Sections, e.usageSection())
	}
	page.Sections = append(page.Sections, e.limitsSection())
	return report.Write(w, page)
}

func (e *Evaluation) facts() []report.Fact {
	metric := e.Problem.Metric
	fact := func(name string, r Result) report.Fact {
		f := report.Fact{Name: name, Value: scoreText(r, metric)}
		if i, ok := r.Intervals[metric]; ok {
			f.Note = i.text()
		}
		return f
	}
	facts := []report.Fact{
		{Name: "Decision", Value: e.Decision, Note: e.gateCount()},
		{Name: "Model", Value: e.Test.Name, Note: e.Test.Settings},
		fact(metric+" on test", e.Test),
		fact("Baseline", e.Baseline),
	}
	if e.Champion != nil {
		facts = append(facts, fact("Live model, "+e.Champion.Name, *e.Champion))
	}
	if e.Solved != nil {
		facts = append(facts, report.Fact{Name: "Threshold " + number(*e.Problem.Threshold), Value: map[bool]string{true: "met", false: "not met"}[*e.Solved]})
	}
	if e.Costs != nil {
		facts = append(facts, report.Fact{
			Name: "Cost of errors", Value: report.Number(e.Costs.Model.Total),
			Note: fmt.Sprintf("%s false positives, %s false negatives; baseline %s", report.Number(e.Costs.Model.FalsePositives), report.Number(e.Costs.Model.FalseNegatives), report.Number(e.Costs.Baseline.Total)),
		})
	}
	test := report.Fact{Name: "Test rows", Value: report.Count(int64(e.Test.Rows))}
	if e.Look != nil {
		test.Note = fmt.Sprintf("look %d", e.Look.Number)
	}
	return append(facts, test)
}

func (e *Evaluation) gateCount() string {
	passed := 0
	for _, g := range e.Gates {
		if g.Passed {
			passed++
		}
	}
	return fmt.Sprintf("%d of %d gates passed", passed, len(e.Gates))
}

func (e *Evaluation) decisionSection() report.Section {
	notice := report.Notice{Level: report.Good, Title: "Accepted.", Text: "Every gate passed."}
	if e.Decision == Rejected {
		notice = report.Notice{Level: report.Bad, Title: "Rejected.", Text: e.Rejection()}
	} else if len(e.Gates) == 0 {
		notice.Text = "The file asks no gate."
	}
	blocks := []report.Block{{Notice: &notice}, {Text: "Chosen: " + e.Reason + "."}}
	if e.ChampionNote != "" {
		blocks = append(blocks, report.Block{Text: "Live model: " + e.ChampionNote + "."})
	}
	if e.Look != nil {
		blocks = append(blocks, report.Block{Text: e.Look.sentence()})
		if why := e.Look.warning(); why != "" {
			blocks = append(blocks, report.Block{Notice: &report.Notice{Level: report.Warn, Title: "These test rows are worn.", Text: why}})
		}
	}
	if e.OverTime != nil && e.OverTime.Warning != "" {
		blocks = append(blocks, report.Block{Notice: &report.Notice{Level: report.Warn, Title: "It ages.", Text: e.OverTime.Warning + "."}})
	}
	if len(e.Gates) > 0 {
		table := report.Table{Caption: "Gates, on the test rows", Columns: []report.Column{{Name: "Answer"}, {Name: "Gate"}, {Name: "Why"}}}
		for _, g := range e.Gates {
			table.Rows = append(table.Rows, []string{map[bool]string{true: "✓ passed", false: "✗ rejected"}[g.Passed], g.Condition, g.Reason})
		}
		blocks = append(blocks, report.Block{Table: &table})
	}
	return report.Section{ID: "decision", Title: "Decision", Blocks: blocks}
}

func (e *Evaluation) scoresSection() report.Section {
	results := []Result{e.Test, e.Baseline}
	overs := []map[string]Difference{nil, e.OverBaseline}
	if e.Champion != nil {
		results, overs = append(results, *e.Champion), append(overs, e.OverChampion)
	}
	table := report.Table{Caption: "Scores on the test rows, in brackets the middle 95 % of resamples; ↑ more is better, ↓ less", Columns: []report.Column{{Name: "Metric"}}}
	for i, r := range results {
		table.Columns = append(table.Columns, report.Column{Name: r.Name, Numeric: true})
		if i > 0 {
			table.Columns = append(table.Columns, report.Column{Name: "model − " + r.Name, Numeric: true})
		}
	}
	var dots []report.Dot
	for _, r := range results {
		if v, ok := r.Scores[e.Problem.Metric]; ok {
			dots = append(dots, dot(r.Name, v, intervalOf(r, e.Problem.Metric)))
		}
	}
	blocks := []report.Block{}
	if len(dots) > 0 {
		blocks = append(blocks, report.Block{Plots: []report.Figure{{
			Caption: e.Problem.Metric + " on the test rows, with 95 % intervals.",
			Plot:    report.Dots(report.Plot{Title: e.Problem.Metric + " on the test rows, with 95 % intervals", Wide: true}, dots, math.NaN()),
		}}})
	}
	var undefined []string
	for _, metric := range pipeline.GateMetrics(e.Problem.Task) {
		if why := e.Test.Undefined[metric]; why != "" {
			if why != needsCosts {
				undefined = append(undefined, metric+": "+why)
			}
			continue
		}
		row := []string{metric + map[bool]string{true: " ↓", false: " ↑"}[pipeline.LowerIsBetter(metric)]}
		for i, r := range results {
			if i == 0 {
				row = append(row, withInterval(r, metric))
				continue
			}
			difference := "–"
			if d, ok := overs[i][metric]; ok {
				difference = d.text()
			}
			row = append(row, scoreText(r, metric), difference)
		}
		table.Rows = append(table.Rows, row)
	}
	blocks = append(blocks, report.Block{Table: &table})
	for _, why := range undefined {
		blocks = append(blocks, report.Block{Notice: &report.Notice{Level: report.Info, Title: "Undefined:", Text: why + "."}})
	}
	intro := fmt.Sprintf("The test rows were looked at once, after the choice. Intervals are of %s resamples of the test rows, the same for every model.", report.Count(int64(e.Draws)))
	if e.Problem.Weight != "" {
		intro += " Rows count by " + e.Problem.Weight + "."
	}
	if e.Problem.Task == pipeline.Binary {
		intro += " Accuracy, precision, recall, F1 and MCC are of the answer an endpoint gives: the more probable class."
	}
	return report.Section{ID: "scores", Title: "Scores", Intro: intro, Blocks: blocks}
}

func (e *Evaluation) validationSection() report.Section {
	metric := e.Problem.Metric
	table := report.Table{Caption: metric + " on the validation rows", Columns: []report.Column{{Name: "Model"}, {Name: "With"}, {Name: metric, Numeric: true}, {Name: ""}}}
	var bars []report.Bar
	for i, r := range e.Validation {
		mark := ""
		if i == e.ChosenIndex {
			mark = "chosen"
		}
		table.Rows = append(table.Rows, []string{r.Name, r.Settings, scoreText(r, metric), mark})
		if v, ok := r.Scores[metric]; ok {
			bars = append(bars, report.Bar{Label: r.Name, Value: v})
		}
	}
	plot := report.Plot{Title: metric + " of each model on the validation rows", Note: e.Reason, Wide: true}
	return report.Section{ID: "validation", Title: "Choice among models", Blocks: []report.Block{{Table: &table}, {Plots: []report.Figure{{Plot: report.Bars(plot, bars)}}}}}
}

func scoreText(r Result, metric string) string {
	if v, ok := r.Scores[metric]; ok {
		return report.Number(v)
	}
	return "–"
}

// withInterval writes "0.512 (0.49 to 0.53)".
func withInterval(r Result, metric string) string {
	if i, ok := r.Intervals[metric]; ok {
		return scoreText(r, metric) + " (" + i.text() + ")"
	}
	return scoreText(r, metric)
}

func (i Interval) text() string { return report.Number(i.Low) + " to " + report.Number(i.High) }

func (d Difference) text() string {
	sign := ""
	if d.Value > 0 {
		sign = "+"
	}
	if d.Interval == nil {
		return sign + report.Number(d.Value)
	}
	return sign + report.Number(d.Value) + " (" + d.Interval.text() + ")"
}

func intervalOf(r Result, metric string) *Interval {
	if i, ok := r.Intervals[metric]; ok {
		return &i
	}
	return nil
}

func dot(label string, value float64, i *Interval) report.Dot {
	d := report.Dot{Label: label, Value: value, Low: math.NaN(), High: math.NaN()}
	if i != nil {
		d.Low, d.High = i.Low, i.High
	}
	return d
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }
