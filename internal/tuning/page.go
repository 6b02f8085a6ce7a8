package tuning

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// Tried is a trial with the fits made of it, as they were recorded.
type Tried struct {
	Trial Trial
	Fits  []Made
}

// Made is one fit.
type Made struct {
	Fold    int // -1: on all training rows
	Share   float64
	Score   *float64
	Seconds float64
	Memory  int64
	Worker  string
	Error   string
	Report  model.Report
}

// Outer is what the winner of a search within one outer fold came to.
type Outer struct {
	Fold   int
	Trial  Trial
	Inner  float64  // mean score of its own search
	Score  *float64 // on the rows that search never saw
	Rows   int
	Failed string
}

// Page is what the page of a search tells.
type Page struct {
	Pipeline string
	Metric   string
	Settings pipeline.Train
	Tried    []Tried
	Best     int // trial
	Nested   []Outer
}

// mean is the mean score over the folds of the last share, NaN if a fit failed or
// none was made; whole says that it was fitted on every fold with all rows.
func (t Tried) mean(rounds int) (mean float64, whole bool) {
	sum, n := 0.0, 0
	for _, f := range t.Fits {
		switch {
		case f.Fold < 0 || f.Fold >= rounds:
		case f.Score == nil:
			return math.NaN(), false
		default:
			sum, n = sum+*f.Score, n+1
		}
	}
	if n == 0 {
		return math.NaN(), false
	}
	return sum / float64(n), n == rounds && t.share() == 1
}

func (t Tried) share() float64 {
	share := 1.0
	for _, f := range t.Fits {
		if f.Fold >= 0 {
			share = f.Share
		}
	}
	return share
}

func (t Tried) total() (seconds float64, memory int64, failed string, workers []string) {
	for _, f := range t.Fits {
		seconds, memory, failed = seconds+f.Seconds, max(memory, f.Memory), cmp.Or(failed, f.Error)
		if !slices.Contains(workers, f.Worker) && f.Worker != "" {
			workers = append(workers, f.Worker)
		}
	}
	return seconds, memory, failed, workers
}

// ranked are the trials from the best on; those not fitted to the end follow.
func (p Page) ranked() []Tried {
	rounds := p.Settings.Rounds()
	out := slices.Clone(p.Tried)
	slices.SortStableFunc(out, func(a, b Tried) int {
		x, xWhole := a.mean(rounds)
		y, yWhole := b.mean(rounds)
		switch {
		case xWhole != yWhole:
			if xWhole {
				return -1
			}
			return 1
		case math.IsNaN(x) || math.IsNaN(y):
			return cmp.Compare(b2i(math.IsNaN(x)), b2i(math.IsNaN(y)))
		case pipeline.Better(p.Metric, x, y):
			return -1
		case pipeline.Better(p.Metric, y, x):
			return 1
		}
		return 0
	})
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// HTML writes the page.
func (p Page) HTML(w io.Writer) error {
	page := report.Page{
		Kicker: "Search", Title: p.Pipeline, Subtitle: "Which models were tried, and how they did on rows they had not seen.",
		Facts:  p.facts(),
		Footer: fmt.Sprintf("Scores are %s on the rows of each fold that the trial did not learn from; features were fitted anew within each fold.", p.Metric),
	}
	for _, kind := range p.kinds() {
		if s, ok := p.kindSection(kind); ok {
			page.Sections = append(page.Sections, s)
		}
	}
	if s, ok := p.curves(); ok {
		page.Sections = append(page.Sections, s)
	}
	if len(p.Nested) > 0 {
		page.Sections = append(page.Sections, p.nestedSection())
	}
	page.Sections = append(page.Sections, p.trialsSection())
	return report.Write(w, page)
}

func (p Page) facts() []report.Fact {
	fits, seconds, failed, rounds := 0, 0.0, 0, p.Settings.Rounds()
	var best Tried
	var workers []string
	for _, t := range p.Tried {
		s, _, why, on := t.total()
		fits, seconds, failed = fits+len(t.Fits), seconds+s, failed+b2i(why != "")
		for _, w := range on {
			if !slices.Contains(workers, w) {
				workers = append(workers, w)
			}
		}
		if t.Trial.ID == p.Best {
			best = t
		}
	}
	mean, _ := best.mean(rounds)
	facts := []report.Fact{
		{Name: "Best", Value: best.Trial.Kind, Note: best.Trial.String()},
		{Name: "Mean " + p.Metric, Value: report.Number(mean), Note: fmt.Sprintf("over %d folds", rounds)},
		{Name: "Trials", Value: report.Count(int64(len(p.Tried))), Note: p.Settings.Search.Method + " search"},
		{Name: "Fits", Value: report.Count(int64(fits)), Note: duration(seconds) + " of fitting"},
		{Name: "Workers", Value: report.Count(int64(len(workers)))},
	}
	if failed > 0 {
		facts = append(facts, report.Fact{Name: "Failed", Value: report.Count(int64(failed)), Note: "trials"})
	}
	return facts
}

// kinds of more than one trial, in order of their first.
func (p Page) kinds() []string {
	n := map[string]int{}
	var out []string
	for _, t := range p.Tried {
		if n[t.Trial.Kind]++; n[t.Trial.Kind] == 2 {
			out = append(out, t.Trial.Kind)
		}
	}
	return out
}

// maxListed bounds the table of trials; as many that failed may follow.
const maxListed = 40

func (p Page) trialsSection() report.Section {
	rounds := p.Settings.Rounds()
	table := report.Table{Columns: []report.Column{
		{Name: "Trial"}, {Name: "Mean " + p.Metric, Numeric: true}, {Name: "Spread", Numeric: true}, {Name: "Folds", Numeric: true}, {Name: "Rows, share", Numeric: true}, {Name: "Seconds", Numeric: true}, {Name: "Memory", Numeric: true}, {Name: ""},
	}}
	ranked := p.ranked()
	for i, t := range ranked {
		if _, _, failed, _ := t.total(); i >= maxListed && (failed == "" || len(table.Rows) >= 2*maxListed) {
			continue
		}
		mean, whole := t.mean(rounds)
		seconds, memory, failed, _ := t.total()
		scores := t.scores(rounds)
		said := ""
		switch {
		case failed != "":
			said = "failed: " + report.Cut(failed, 120)
		case t.Trial.ID == p.Best:
			said = "best"
		case !whole && t.share() < 1:
			said = "stopped on fewer rows"
		case !whole && len(scores) > 0:
			said = "stopped after the first fold"
		}
		table.Rows = append(table.Rows, []string{
			t.Trial.String(), report.Number(mean), report.Number(spread(scores)), fmt.Sprint(len(scores)), report.Percent(t.share()), report.Number(seconds), bytes(memory), said,
		})
	}
	intro := "From the best on. Spread is the standard deviation over the folds: two means that lie nearer than that are hardly apart. Memory is what a fit held at most by the sizes of its rows and of what its learner keeps; it is not measured."
	if len(ranked) > maxListed {
		intro += fmt.Sprintf(" The first %d of %d, and what failed; all are rows of the table trials.", maxListed, len(ranked))
	}
	return report.Section{ID: "trials", Title: "Trials", Intro: intro, Blocks: []report.Block{{Table: &table}}}
}

func (t Tried) scores(rounds int) []float64 {
	var out []float64
	for _, f := range t.Fits {
		if f.Fold >= 0 && f.Fold < rounds && f.Score != nil {
			out = append(out, *f.Score)
		}
	}
	return out
}

// spread is the sample standard deviation, NaN of fewer than two.
func spread(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

func bytes(n int64) string {
	switch {
	case n == 0:
		return ""
	case n < 10<<20:
		return report.Number(math.Round(float64(n)/1024)) + " kB"
	}
	return report.Number(math.Round(float64(n)/(1<<20))) + " MB"
}

func duration(seconds float64) string {
	if seconds < 120 {
		return report.Number(math.Round(seconds*10)/10) + " s"
	}
	return report.Number(math.Round(seconds/60)) + " min"
}
