package evaluation

import (
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

func (e *Evaluation) timeSection() report.Section {
	o, metric := e.OverTime, e.Problem.Metric
	s := report.Section{ID: "time", Title: "Over time", Intro: fmt.Sprintf("%s in periods of equal rows, by %s.", metric, o.Column)}
	line := report.Series{Name: metric, Dots: true}
	for _, p := range o.Periods {
		y, low, high := math.NaN(), math.NaN(), math.NaN()
		if p.Score != nil {
			y = *p.Score
		}
		if p.Interval != nil {
			low, high = p.Interval.Low, p.Interval.High
		}
		line.X, line.Y = append(line.X, float64(p.From)/2+float64(p.To)/2), append(line.Y, y)
		line.Low, line.High = append(line.Low, low), append(line.High, high)
	}
	series := []report.Series{line}
	if v, ok := e.Test.Scores[metric]; ok {
		series = append(series, report.Series{Name: "all rows", X: []float64{line.X[0], line.X[len(line.X)-1]}, Y: []float64{v, v}, Dashed: true})
	}
	day := func(micros float64) string { return report.Time(micros)[:10] }
	s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{{
		Caption: fmt.Sprintf("%s of %d periods with 95 %% intervals.", metric, len(o.Periods)),
		Plot:    report.Line(report.Plot{Title: metric + " over time", X: o.Column, Y: metric, FormatX: day}, series...),
	}}})
	switch {
	case o.Warning != "":
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Warn, Title: "Trend:", Text: o.Warning + ". Expect it to go on in production; retrain more often, or look for what changed."}})
	case o.Trend != nil:
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("From the first period to the last it changes by %s along a straight line: no worsening that is both beyond chance and more than a tenth of its size.", o.Trend.text())})
	}
	if o.Untimed > 0 {
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("%s rows have no time and are left out.", report.Count(int64(o.Untimed)))})
	}
	return s
}

func (e *Evaluation) usageSection() report.Section {
	u, metric := e.Usage, e.Problem.Metric
	s := report.Section{ID: "usage", Title: "What it uses", Intro: fmt.Sprintf("How much worse %s gets when a column's values are dealt to other rows: on %s test rows, %d times each. Columns that tell the same share their importance; this says what the model uses, not what causes what.", metric, report.Count(int64(u.Rows)), u.Repeats)}
	var dots []report.Dot
	for _, i := range u.Importances[:min(len(u.Importances), maxDrawnSlices)] {
		dots = append(dots, report.Dot{Label: i.Column, Value: i.Mean, Low: i.Mean - i.Deviation, High: i.Mean + i.Deviation})
	}
	s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{{
		Caption: "Permutation importance: mean and deviation over the repeats. At the dashed line a column does not matter.",
		Plot:    report.Dots(report.Plot{Title: "Permutation importance, loss of " + metric, Wide: true}, dots, 0),
	}}})
	if len(u.Gains) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{gainFigure(u.Gains)}})
	}
	if len(u.Dependence) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("Partial dependence: the mean answer on %s test rows with one column set to each value and all others as they are. Where columns go together, some of these rows could not exist.", report.Count(int64(u.GridRows)))})
	}
	var figures []report.Figure
	for _, d := range u.Dependence {
		if f, ok := e.dependenceFigure(d); ok {
			figures = append(figures, f)
			continue
		}
		s.Blocks = append(s.Blocks, report.Block{Table: dependenceTable(d)})
	}
	if len(figures) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Plots: figures})
	}
	return s
}

func gainFigure(gains []model.Gain) report.Figure {
	var dots []report.Dot
	for _, g := range gains[:min(len(gains), maxDrawnSlices)] {
		dots = append(dots, report.Dot{Label: g.Feature, Value: g.Share, Low: math.NaN(), High: math.NaN(), Text: percent(g.Share)})
	}
	return report.Figure{
		Caption: "Gain: the share of the loss on the training rows that the trees' splits on a feature saved. It favours features of many values, which permutation, on rows the model has not seen, does not.",
		Plot:    report.Dots(report.Plot{Title: "Gain, share of all splits", Wide: true}, dots, 0),
	}
}

func (e *Evaluation) answered() string {
	if e.Problem.Task == pipeline.Regression {
		return "mean prediction of " + e.Problem.Target
	}
	return "mean probability"
}

func (e *Evaluation) dependenceFigure(d Dependence) (report.Figure, bool) {
	what := e.answered()
	if e.Problem.Task == pipeline.Binary && len(d.Series) > 0 {
		what += " of " + d.Series[0].Name
	}
	plot := report.Plot{Title: "Partial dependence on " + d.Column, X: d.Column, Y: what}
	if d.Kind == "text" {
		if len(d.Series) != 1 {
			return report.Figure{}, false
		}
		var dots []report.Dot
		for i, name := range d.Names {
			dots = append(dots, report.Dot{Label: name, Value: d.Series[0].Y[i], Low: math.NaN(), High: math.NaN()})
		}
		return report.Figure{Caption: d.Column + ": " + what + ", most frequent values first.", Plot: report.Dots(plot, dots, math.NaN())}, true
	}
	if d.Kind == "time" {
		plot.FormatX = func(micros float64) string { return report.Time(micros)[:10] }
	}
	var series []report.Series
	for _, c := range d.Series {
		series = append(series, report.Series{Name: c.Name, X: d.Values, Y: c.Y, Dots: len(d.Values) <= 12})
	}
	return report.Figure{Caption: d.Column + ": " + what + ", over the middle 90 % of its values.", Plot: report.Line(plot, series...)}, true
}

func dependenceTable(d Dependence) *report.Table {
	t := &report.Table{Caption: "Partial dependence: mean probability with " + d.Column + " set to each value", Columns: []report.Column{{Name: d.Column}}}
	for _, c := range d.Series {
		t.Columns = append(t.Columns, report.Column{Name: c.Name, Numeric: true})
	}
	for i, name := range d.Names {
		row := []string{name}
		for _, c := range d.Series {
			row = append(row, percent(c.Y[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// limitsSection says what the page rests on, and what it cannot tell.
func (e *Evaluation) limitsSection() report.Section {
	s := report.Section{ID: "limits", Title: "Looks and limits"}
	add := func(format string, args ...any) {
		s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf(format, args...)})
	}
	if e.Look != nil {
		add("%s", e.Look.sentence())
	}
	add("Intervals are the middle 95 %% of a metric over %s resamples of the test rows, each row independently. They tell the chance in which rows were drawn, not in training, and not whether next month is like the last. Rows that come in groups make them too narrow.", report.Count(int64(e.Draws)))
	add("Weak parts are searched on at most %s rows, by the first %d columns; importance is measured on at most %s rows, dependence on at most %s, all evenly spaced among the test rows.", report.Count(maxSearchRows), maxSearchColumns, report.Count(maxImportanceRows), report.Count(maxDependenceRows))
	if e.Threshold != nil {
		add("The threshold of least cost is chosen on the validation rows; endpoints answer with the more probable class.")
	}
	add("The figures hold while requests look like the test rows. Monitoring compares them with the statistics in the bundle.")
	return s
}
