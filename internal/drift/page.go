package drift

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/report"
)

// Write renders the report as one page that needs nothing else.
func (r *Report) Write(w io.Writer) error { return report.Write(w, r.page()) }

func (r *Report) page() report.Page {
	p := report.Page{
		Kicker: "Drift", Title: r.Endpoint,
		Subtitle: fmt.Sprintf("%s to %s UTC, answered by %s.", report.Time(float64(r.From)), report.Time(float64(r.To)), r.Model),
		Footer:   r.Footer,
	}
	p.Facts = r.facts()
	p.Sections = append(p.Sections, r.summarySection())
	if c := r.Baseline; c != nil {
		p.Sections = append(p.Sections, r.columnSection("outputs", "Predictions", "How the answers are spread, in this window and over the training rows.", c.Outputs, r.previous(func(c *Comparison) []Result { return c.Outputs })))
		if s := r.performanceSection(); len(s.Blocks) > 0 {
			p.Sections = append(p.Sections, s)
		}
		p.Sections = append(p.Sections, r.columnSection("features", "Features", "What was asked with, in this window and over the training rows. Missing values are part of a distribution.", c.Features, r.previous(func(c *Comparison) []Result { return c.Features })))
	}
	if r.Together != nil {
		p.Sections = append(p.Sections, r.togetherSection())
	}
	if len(r.History) > 1 {
		p.Sections = append(p.Sections, r.historySection())
	}
	if len(r.Quality) > 0 || r.Service != nil {
		p.Sections = append(p.Sections, r.serviceSection())
	}
	p.Sections = append(p.Sections, methodSection())
	return p
}

func (r *Report) previous(of func(*Comparison) []Result) map[string]*Result {
	out := map[string]*Result{}
	if r.Previous != nil {
		list := of(r.Previous)
		for i := range list {
			out[list[i].Name] = &list[i]
		}
	}
	return out
}

func (r *Report) facts() []report.Fact {
	var facts []report.Fact
	if c := r.Baseline; c != nil {
		features, outputs := c.Drifted()
		facts = append(facts,
			report.Fact{Name: "Predictions", Value: report.Count(c.Rows.Window), Note: "compared with " + report.Count(c.Rows.Reference) + " training rows"},
			report.Fact{Name: "Outputs drifted", Value: fmt.Sprintf("%d of %d", len(outputs), len(c.Outputs))},
			report.Fact{Name: "Features drifted", Value: fmt.Sprintf("%d of %d", len(features), len(c.Features))})
	}
	if s := r.Together; s != nil && s.Reason == "" {
		facts = append(facts, report.Fact{Name: "All features together", Value: "AUC " + report.Number(s.AUC), Note: "0.5: cannot be told apart"})
	}
	if len(r.Performance) > 0 {
		m := r.Performance[0]
		f := report.Fact{Name: m.Metric, Value: "–"}
		switch {
		case m.Measured != nil:
			f.Value, f.Note = report.Number(m.Measured.Value), "measured on "+report.Count(r.Labelled)+" labels"
		case m.Estimated != nil:
			f.Value, f.Note = report.Number(m.Estimated.Value), "estimated, no labels yet"
		}
		if m.Reference != nil {
			f.Note += "; " + report.Number(*m.Reference) + " on the test rows"
		}
		facts = append(facts, f)
	}
	if s := r.Service; s != nil {
		all, failed := s.Requests()
		facts = append(facts, report.Fact{Name: "Requests", Value: report.Count(all), Note: report.Count(failed) + " failed; p99 " + micros(s.Quantile(.99))})
	}
	return facts
}

func micros(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 1000:
		return report.Number(v) + " µs"
	case v < 1e6:
		return report.Number(v/1000) + " ms"
	}
	return report.Number(v/1e6) + " s"
}

// summarySection says in sentences what is to be known.
func (r *Report) summarySection() report.Section {
	s := report.Section{ID: "summary", Title: "In short"}
	say := func(level report.Level, title, text string) {
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: level, Title: title, Text: text}})
	}
	if c := r.Baseline; c != nil {
		features, outputs := c.Drifted()
		failed, few := 0, 0
		for _, list := range [][]Result{c.Features, c.Outputs} {
			for i := range list {
				switch list[i].Outcome {
				case Failed:
					failed++
				case Insufficient:
					few++
				}
			}
		}
		switch {
		case few == len(c.Features)+len(c.Outputs):
			say(report.Info, "Insufficient data.", "Too few predictions to judge by: "+firstReason(c)+". Nothing here says that all is well.")
		case len(outputs)+len(features) == 0:
			say(report.Good, "No drift.", "Every column is spread as over the training rows, within what was declared.")
		}
		if len(outputs) > 0 {
			say(report.Bad, "Predictions have drifted:", listed3(outputs)+". The model answers differently than over its training rows; see below which features moved.")
		}
		if len(features) > 0 {
			say(report.Warn, "Features have drifted:", listed3(features)+". Drift of features alone does not mean that the model is wrong.")
		}
		if failed > 0 {
			say(report.Warn, "Not measured:", fmt.Sprintf("%d columns, each with its reason below.", failed))
		}
	}
	if t := r.Together; t != nil && t.Outcome == Drifted {
		say(report.Warn, "Together:", fmt.Sprintf("a classifier tells rows of this window from training rows with an AUC of %s.", report.Number(t.AUC)))
	}
	if c := r.Calibration; c != nil && c.Outcome == Drifted {
		say(report.Bad, "Calibration lost:", fmt.Sprintf("probabilities are off by %s on average, %s on the validation rows.", report.Number(c.Window), report.Number(c.Reference)))
	}
	if n := len(r.Changes); n > 0 {
		last := r.Changes[n-1]
		say(report.Warn, "The error has changed:", fmt.Sprintf("%s found it; from %s on it is %s on average, before %s.", last.Detector, report.Time(float64(last.At)), report.Number(last.Mean), report.Number(last.Before)))
	}
	broken := 0
	for _, q := range r.Quality {
		if !q.Passed {
			broken++
		}
	}
	if broken > 0 {
		say(report.Bad, "Data quality:", fmt.Sprintf("%d of %d rules of the contract are broken by live requests.", broken, len(r.Quality)))
	}
	return s
}

func firstReason(c *Comparison) string {
	for _, list := range [][]Result{c.Features, c.Outputs} {
		for i := range list {
			if list[i].Reason != "" {
				return list[i].Reason
			}
		}
	}
	return "there are no columns"
}

func listed3(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}

func methodSection() report.Section {
	return report.Section{ID: "method", Title: "How to read this", Blocks: []report.Block{
		{Text: "A column has drifted if both the effect is large enough to matter (by default a Jensen-Shannon distance of 0.1 or more, in base 2) and chance is ruled out (q below 0.01: the p of a chi-square test, corrected for the number of columns by Benjamini and Hochberg). Fewer than 500 rows on a side are insufficient data, which is not the same as no drift."},
		{Text: "PSI is the population stability index; the Wasserstein distance is in standard deviations of the training rows; KS is the statistic of Kolmogorov and Smirnov. A text is new if no training row has it. Estimated performance assumes that the inputs have changed, not what follows from them: only labels tell the latter."},
	}}
}
