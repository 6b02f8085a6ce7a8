package tuning

import (
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// point is a trial of one kind with its score and where it stands among them.
type point struct {
	params map[string]float64
	score  float64
	rank   float64 // 0 the best … 1
}

// points are the trials of a kind that have a score, and their parameters that
// differ, in order of name.
func (p Page) points(kind string) (points []point, varied []string) {
	seen := map[string][]float64{}
	for _, t := range p.ranked() {
		mean, _ := t.mean(p.Settings.Rounds())
		if t.Trial.Kind != kind || math.IsNaN(mean) {
			continue
		}
		points = append(points, point{params: t.Trial.Params, score: mean})
		for name, v := range t.Trial.Params {
			if !slices.Contains(seen[name], v) {
				seen[name] = append(seen[name], v)
			}
		}
	}
	for i := range points {
		points[i].rank = float64(i) / float64(max(1, len(points)-1))
	}
	for _, name := range sorted(seen) {
		if len(seen[name]) > 1 {
			varied = append(varied, name)
		}
	}
	return points, varied
}

func (p Page) kindSection(kind string) (report.Section, bool) {
	points, varied := p.points(kind)
	if len(points) < 2 || len(varied) == 0 {
		return report.Section{}, false
	}
	s := report.Section{
		ID: "kind-" + kind, Title: kind,
		Intro: fmt.Sprintf("%d trials with a score. Each line is one of them; the stronger, the better, the best in the other colour.", len(points)),
	}
	axes, rows, rank := []report.Axis{}, make([][]float64, len(points)), make([]float64, len(points))
	for _, name := range append(slices.Clone(varied), p.Metric) {
		axes = append(axes, report.Axis{Name: name, Log: name != p.Metric && logarithmic(points, name)})
	}
	for i, o := range points {
		rank[i] = o.rank
		for _, name := range varied {
			rows[i] = append(rows[i], valueOf(o.params, name))
		}
		rows[i] = append(rows[i], o.score)
	}
	best := points[0]
	note := fmt.Sprintf("The best has %s %s", p.Metric, report.Number(best.score))
	for _, name := range varied {
		note += fmt.Sprintf(", %s %s", name, report.Number(valueOf(best.params, name)))
	}
	s.Blocks = append(s.Blocks, report.Block{Plot: report.Parallel(report.Plot{Title: "Parameters and " + p.Metric + " of the trials of " + kind, Note: note}, axes, rows, rank)})
	if block, ok := p.mattered(kind, points, varied); ok {
		s.Blocks = append(s.Blocks, block)
	}
	var plots []report.Figure
	for _, name := range varied[:min(len(varied), 9)] {
		xs, ys := make([]float64, len(points)), make([]float64, len(points))
		plot := report.Plot{Title: p.Metric + " by " + name, X: name, Y: p.Metric}
		log := logarithmic(points, name)
		if log {
			plot.X, plot.FormatX = name+", logarithmic", func(v float64) string { return report.Number(math.Pow(10, v)) }
		}
		for i, o := range points {
			xs[i], ys[i] = valueOf(o.params, name), o.score
			if log {
				xs[i] = math.Log10(xs[i])
			}
		}
		plots = append(plots, report.Figure{Caption: p.Metric + " by " + name, Plot: report.Scatter(plot, xs, ys, false)})
	}
	s.Blocks = append(s.Blocks, report.Block{Plots: plots})
	return s, true
}

func valueOf(params map[string]float64, name string) float64 {
	if v, ok := params[name]; ok {
		return v
	}
	return math.NaN()
}

// logarithmic says whether a parameter is better seen on such a scale: positive,
// and over more than a factor of 20.
func logarithmic(points []point, name string) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, o := range points {
		if v := valueOf(o.params, name); !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low > 0 && high/low > 20
}

// fewestToTell is how many trials it takes to say which parameter mattered.
const fewestToTell = 8

// mattered draws how much of the variance of the ranks each parameter explains
// alone: the correlation ratio (eta squared) over up to four groups of like values,
// corrected for the number of groups (epsilon squared, Kelley 1935).
func (p Page) mattered(kind string, points []point, varied []string) (report.Block, bool) {
	if len(points) < fewestToTell {
		return report.Block{}, false
	}
	var bars []report.Bar
	for _, name := range varied {
		bars = append(bars, report.Bar{Label: name, Value: explained(points, name)})
		bars[len(bars)-1].Text = report.Percent(bars[len(bars)-1].Value)
	}
	slices.SortStableFunc(bars, func(a, b report.Bar) int {
		switch {
		case a.Value > b.Value:
			return -1
		case a.Value < b.Value:
			return 1
		}
		return 0
	})
	note := "Most: " + bars[0].Label
	return report.Block{Plots: []report.Figure{{
		Caption: "What mattered: the share of the variance of the trials' ranks that each parameter explains alone, in four groups of like values. What two explain only together is in none.",
		Plot:    report.Bars(report.Plot{Title: "What mattered among the parameters of " + kind, Note: note, High: 1}, bars),
	}}}, true
}

func explained(points []point, name string) float64 {
	sorted := slices.DeleteFunc(slices.Clone(points), func(o point) bool { return math.IsNaN(valueOf(o.params, name)) })
	slices.SortStableFunc(sorted, func(a, b point) int {
		switch x, y := a.params[name], b.params[name]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	n, mean := len(sorted), 0.0
	for _, o := range sorted {
		mean += o.rank / float64(n)
	}
	total, within, groups := 0.0, 0.0, 0
	for lo := 0; lo < n; {
		hi := min(lo+(n+3)/4, n)
		for hi < n && sorted[hi].params[name] == sorted[hi-1].params[name] { // equal values stay together
			hi++
		}
		groupMean := 0.0
		for _, o := range sorted[lo:hi] {
			groupMean += o.rank / float64(hi-lo)
		}
		for _, o := range sorted[lo:hi] {
			within += (o.rank - groupMean) * (o.rank - groupMean)
			total += (o.rank - mean) * (o.rank - mean)
		}
		lo, groups = hi, groups+1
	}
	if total == 0 || n <= groups {
		return 0
	}
	return max(0, 1-within/float64(n-groups)/(total/float64(n-1)))
}

// curves draws how the best trial of each kind learned, where its learner tells.
func (p Page) curves() (report.Section, bool) {
	s := report.Section{ID: "curves", Title: "Learning curves", Intro: "How the best trial of a kind got where it is, on its first fold. Boosted trees: the mean loss after each round, on the rows it learns from and on those held out; where the second turns up, it learns by heart. Logistic and poisson: the mean loss plus the penalty after each iteration; a line that still falls at its end has not converged. Lasso and elastic net: the error on the rows learnt from of each model along the path of falling penalties."}
	var plots []report.Figure
	shown := map[string]bool{}
	for _, t := range p.ranked() {
		if shown[t.Trial.Kind] {
			continue
		}
		for _, f := range t.Fits {
			if f.Fold != 0 || len(f.Report.Curve) < 2 {
				continue
			}
			shown[t.Trial.Kind] = true
			series := []report.Series{{Name: "learnt from"}, {Name: "held out"}}
			for _, c := range f.Report.Curve {
				series[0].X, series[0].Y = append(series[0].X, float64(c.Round)), append(series[0].Y, c.Train)
				if c.Held != nil {
					series[1].X, series[1].Y = append(series[1].X, float64(c.Round)), append(series[1].Y, *c.Held)
				}
			}
			if len(series[1].X) == 0 {
				series = series[:1]
			}
			plot := report.Plot{Title: "Learning curve of " + t.Trial.String(), X: "round", Y: "loss"}
			switch t.Trial.Kind {
			case "logistic", "poisson":
				plot.X, plot.Y = "iteration", "loss plus penalty"
			case "lasso", "elastic_net":
				plot.X, plot.Y = "step along the path", "mean squared error"
			}
			plots = append(plots, report.Figure{Caption: t.Trial.String(), Plot: report.Line(plot, series...)})
			break
		}
	}
	s.Blocks = []report.Block{{Plots: plots}}
	return s, len(plots) > 0
}

func (p Page) nestedSection() report.Section {
	table := report.Table{Columns: []report.Column{{Name: "Outer fold", Numeric: true}, {Name: "Winner of its search"}, {Name: "In its search", Numeric: true}, {Name: "On rows it never saw", Numeric: true}, {Name: "Rows", Numeric: true}}}
	var scores, optimism []float64
	for _, o := range p.Nested {
		said := "failed: " + o.Failed
		if o.Score != nil {
			said = report.Number(*o.Score)
			scores = append(scores, *o.Score)
			gap := *o.Score - o.Inner
			if !pipeline.LowerIsBetter(p.Metric) {
				gap = -gap
			}
			optimism = append(optimism, gap)
		}
		table.Rows = append(table.Rows, []string{fmt.Sprint(o.Fold + 1), o.Trial.String(), report.Number(o.Inner), said, report.Count(int64(o.Rows))})
	}
	text := "No outer fold has a score."
	if len(scores) > 0 {
		mean, worse := 0.0, 0.0
		for i := range scores {
			mean, worse = mean+scores[i]/float64(len(scores)), worse+optimism[i]/float64(len(scores))
		}
		text = fmt.Sprintf("What this search is worth: mean %s %s on rows it never saw, %s %s than its own folds say.", p.Metric, report.Number(mean), report.Number(math.Abs(worse)), map[bool]string{true: "worse", false: "better"}[worse > 0])
	}
	return report.Section{
		ID: "nested", Title: "Nested cross-validation", Intro: "The best of many trials looks better than it is. So the whole search was repeated within each outer fold, and its winner judged on the rest.",
		Blocks: []report.Block{{Text: text}, {Table: &table}},
	}
}
