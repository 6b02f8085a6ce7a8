package evaluation

import (
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

func (e *Evaluation) diagnosticsSection() report.Section {
	d := e.Diagnostics
	s := report.Section{ID: "diagnostics", Title: "Where it is right and wrong", Intro: "The chosen model on the test rows."}
	var plots []report.Figure
	if len(d.Calibration) > 1 {
		plots = append(plots, d.calibrationFigure(e.Problem))
	}
	if d.Confusion != nil && len(d.Classes) == len(d.Confusion.Rows) {
		plots = append(plots, d.confusionFigure(d.Confusion, "as an endpoint answers, the more probable class"))
	}
	if d.AtThreshold != nil {
		plots = append(plots, d.confusionFigure(d.AtThreshold, fmt.Sprintf("answered positive from a probability of %s on, the threshold of least cost on the validation rows", report.Number(e.Threshold.Threshold))))
	}
	if d.Curves != nil {
		plots = append(plots, d.Curves.figures(e)...)
	}
	if d.Residuals != nil {
		plots = append(plots, d.Residuals.figures(e.Problem.Target)...)
	}
	if len(plots) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Plots: plots})
	}
	if e.Costs != nil {
		s.Blocks = append(s.Blocks, report.Block{Table: e.costTable()},
			report.Block{Text: "Endpoints answer with the more probable class. To act at the cheaper threshold, compare the answer's probability with it."})
	}
	if len(d.Classes) > 0 {
		table := report.Table{Caption: "By class, as an endpoint answers", Columns: []report.Column{{Name: "Class"}, {Name: "Precision", Numeric: true}, {Name: "Recall", Numeric: true}, {Name: "F1", Numeric: true}, {Name: "Rows", Numeric: true}, {Name: "Predicted", Numeric: true}}}
		for _, c := range d.Classes {
			table.Rows = append(table.Rows, []string{c.Name, percent(c.Precision), percent(c.Recall), percent(c.F1), amount(c.Support), amount(c.Predicted)})
		}
		s.Blocks = append(s.Blocks, report.Block{Table: &table})
	}
	return s
}

// amount writes a weighted count.
func amount(v float64) string {
	if v == math.Trunc(v) {
		return report.Count(int64(v))
	}
	return report.Number(v)
}

func (e *Evaluation) costTable() *report.Table {
	t := &report.Table{
		Caption: fmt.Sprintf("What the errors cost: %s a false positive, %s a false negative", report.Number(e.Problem.Costs.FalsePositive), report.Number(e.Problem.Costs.FalseNegative)),
		Columns: []report.Column{{Name: "Answer"}, {Name: "From probability", Numeric: true}, {Name: "False positives", Numeric: true}, {Name: "False negatives", Numeric: true}, {Name: "Cost", Numeric: true}, {Name: "A row", Numeric: true}},
	}
	add := func(name string, c Cost) {
		from := report.Number(c.Threshold)
		if c.Threshold >= 1 {
			from = "never"
		}
		t.Rows = append(t.Rows, []string{name, from, amount(c.FalsePositives), amount(c.FalseNegatives), report.Number(c.Total), report.Number(c.PerRow)})
	}
	add(e.Test.Name+", cheapest threshold", e.Costs.Model)
	add(e.Test.Name+", as endpoints answer", e.Costs.Answered)
	add(e.Baseline.Name+", its cheapest threshold", e.Costs.Baseline)
	if e.Costs.Champion != nil {
		add(e.Champion.Name+", its cheapest threshold", *e.Costs.Champion)
	}
	return t
}

func (d *Diagnostics) confusionFigure(c *Confusion, how string) report.Figure {
	var names []string
	var shares [][]float64
	var texts [][]string
	for k, row := range c.Rows {
		all := 0.0
		for _, n := range row {
			all += n
		}
		names = append(names, d.Classes[k].Name)
		share, text := make([]float64, len(row)), make([]string, len(row))
		for j, n := range row {
			share[j] = ratio(n, all)
			text[j] = amount(n)
			if len(row) <= 4 {
				text[j] += " · " + report.Percent(share[j])
			}
		}
		shares, texts = append(shares, share), append(texts, text)
	}
	return report.Figure{
		Caption: "Confusion: rows are the actual class, columns the answer, " + how + ". Shares are of the actual class.",
		Plot:    report.Matrix(report.Plot{Title: "Confusion matrix, " + how, X: "answered", Y: "actual"}, names, names, shares, texts),
	}
}

func (d *Diagnostics) calibrationFigure(problem pipeline.Problem) report.Figure {
	model := report.Series{Name: "model", Dots: true}
	low, high := math.Inf(1), math.Inf(-1)
	for _, b := range d.Calibration {
		model.X, model.Y = append(model.X, b.Predicted), append(model.Y, b.Actual)
		low, high = min(low, b.Predicted, b.Actual), max(high, b.Predicted, b.Actual)
		if problem.Task != pipeline.Regression {
			from, to := wilson(b.Actual, b.Rows)
			model.Low, model.High = append(model.Low, from), append(model.High, to)
		}
	}
	plot := report.Plot{Title: "Calibration", Note: fmt.Sprintf("%d bins of rows", len(d.Calibration)), X: "mean prediction", Y: "mean " + problem.Target}
	caption := "Calibration: the mean of the target among rows predicted alike, in bins of equal size."
	switch problem.Task {
	case pipeline.Binary:
		low, high = 0, 1
		plot.X, plot.Y = "predicted probability", "share of positives"
		caption = "Calibration: the share of positives among rows of like probability, with the 95 % interval of so many rows."
	case pipeline.Multiclass:
		low, high = 0, 1
		plot.X, plot.Y = "probability of the answered class", "share answered rightly"
		caption = "Calibration: the share of right answers among rows answered with like probability, with the 95 % interval of so many rows."
	}
	ideal := report.Series{Name: "ideal", X: []float64{low, high}, Y: []float64{low, high}, Dashed: true}
	return report.Figure{Caption: caption + " On the dashed line they agree.", Plot: report.Line(plot, model, ideal)}
}

// wilson is the 95 % interval of a share of n rows (Wilson 1927).
func wilson(share float64, n int) (low, high float64) {
	const z = 1.959964
	rows := float64(n)
	center := (share + z*z/(2*rows)) / (1 + z*z/rows)
	half := z / (1 + z*z/rows) * math.Sqrt(share*(1-share)/rows+z*z/(4*rows*rows))
	return center - half, center + half
}

func (c *Curves) figures(e *Evaluation) []report.Figure {
	line := func(name string, points []Point) report.Series {
		s := report.Series{Name: name}
		for _, p := range points {
			s.X, s.Y = append(s.X, p.X), append(s.Y, p.Y)
		}
		return s
	}
	chance := report.Series{Name: "chance", X: []float64{0, 1}, Y: []float64{0, 1}, Dashed: true}
	base := c.PR[len(c.PR)-1].Y
	score := func(metric string) string { return withInterval(e.Test, metric) }
	return []report.Figure{
		{
			Caption: "ROC: the area under it is roc_auc " + score("roc_auc") + ".",
			Plot:    report.Line(report.Plot{Title: "ROC curve", X: "false positive rate", Y: "true positive rate"}, line("model", c.ROC), chance),
		},
		{
			Caption: "Precision and recall: average precision " + score("average_precision") + ", against " + report.Number(base) + " for chance.",
			Plot:    report.Line(report.Plot{Title: "Precision-recall curve", X: "recall", Y: "precision", High: 1}, line("model", c.PR), report.Series{Name: "chance", X: []float64{0, 1}, Y: []float64{base, base}, Dashed: true}),
		},
		{
			Caption: "Gain: which share of all positives is among the most probable rows.",
			Plot:    report.Line(report.Plot{Title: "Cumulative gain", X: "share of rows, most probable first", Y: "share of positives found"}, line("model", c.Gain), chance),
		},
		{
			Caption: "Lift: how many times more positives are among the most probable rows than among all.",
			Plot:    report.Line(report.Plot{Title: "Lift", X: "share of rows, most probable first", Y: "times the share of all"}, line("model", c.Lift), report.Series{Name: "chance", X: []float64{0, 1}, Y: []float64{1, 1}, Dashed: true}),
		},
	}
}

func (r *Residuals) figures(target string) []report.Figure {
	h := r.Histogram
	bins := make([]report.Bin, len(h.Counts))
	width := (h.High - h.Low) / float64(len(h.Counts))
	for i, n := range h.Counts {
		bins[i] = report.Bin{From: h.Low + width*float64(i), To: h.Low + width*float64(i+1), Count: int64(n)}
	}
	note := fmt.Sprintf("from %s to %s, median %s", report.Number(h.Min), report.Number(h.Max), report.Number(h.Median))
	figures := []report.Figure{{
		Caption: "Residuals: " + note + ". The outermost 0.5 % are in the first and last bar.",
		Plot:    report.Histogram(report.Plot{Title: "Residuals, actual minus predicted", Note: note, X: "actual − predicted", Y: "rows"}, bins, h.Median),
	}}
	if len(r.ByPrediction) > 1 {
		s := report.Series{Name: "median residual", Dots: true}
		for _, b := range r.ByPrediction {
			s.X, s.Y = append(s.X, b.Predicted), append(s.Y, b.Quantiles[1])
			s.Low, s.High = append(s.Low, b.Quantiles[0]), append(s.High, b.Quantiles[2])
		}
		zero := report.Series{Name: "no error", X: []float64{s.X[0], s.X[len(s.X)-1]}, Y: []float64{0, 0}, Dashed: true}
		figures = append(figures, report.Figure{
			Caption: "Residuals by prediction: the median and the middle 80 % among rows predicted alike. A slope is bias, a widening band means that large predictions are less sure.",
			Plot:    report.Line(report.Plot{Title: "Residuals by prediction", X: "predicted " + target, Y: "actual − predicted"}, s, zero),
		})
	}
	if len(r.Normal) > 1 {
		s, ideal := report.Series{Name: "residuals", Dots: true}, report.Series{Name: "normal", Dashed: true}
		for _, p := range r.Normal {
			s.X, s.Y = append(s.X, p.X), append(s.Y, p.Y)
		}
		ideal.X = []float64{s.X[0], s.X[len(s.X)-1]}
		ideal.Y = ideal.X
		figures = append(figures, report.Figure{
			Caption: "Quantiles of the residuals against those of a normal distribution of the same mean and deviation: ends off the line are tails that are not normal.",
			Plot:    report.Line(report.Plot{Title: "Residuals against the normal distribution", X: "normal", Y: "actual − predicted"}, s, ideal),
		})
	}
	return figures
}
