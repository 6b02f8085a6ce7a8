package drift

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/report"
)

func (r *Report) performanceSection() report.Section {
	s := report.Section{ID: "performance", Title: "Performance", Intro: "What the answers were worth: measured where labels have come, estimated where not."}
	if len(r.Performance) > 0 {
		t := &report.Table{Columns: []report.Column{{Name: "Metric"}, {Name: "On the test rows", Numeric: true}, {Name: "Estimated", Numeric: true}, {Name: "95 %", Numeric: true}, {Name: "Measured", Numeric: true}, {Name: "95 %", Numeric: true}}}
		for _, m := range r.Performance {
			row := []string{m.Metric, "–", "–", "–", "–", "–"}
			if m.Reference != nil {
				row[1] = report.Number(*m.Reference)
			}
			for i, e := range []*Estimate{m.Estimated, m.Measured} {
				if e != nil {
					row[2+2*i], row[3+2*i] = report.Number(e.Value), report.Number(e.Low)+" to "+report.Number(e.High)
				}
			}
			t.Rows = append(t.Rows, row)
		}
		s.Blocks = append(s.Blocks, report.Block{Table: t})
	}
	if c := r.Calibration; c != nil {
		text := fmt.Sprintf("Calibration: the expected error of a probability is %s on %s labels of this window, %s on the validation rows; chance alone makes %s of it.", report.Number(c.Window), report.Count(c.Rows.Window), report.Number(c.Reference), report.Number(c.Chance))
		if c.Outcome == Insufficient {
			text = "Calibration: " + c.Reason + "."
		}
		s.Blocks = append(s.Blocks, report.Block{Text: text})
	}
	if r.Calibrated != "" {
		s.Blocks = append(s.Blocks, report.Block{Text: r.Calibrated})
	}
	if len(r.Changes) > 0 {
		t := &report.Table{Caption: "Where the mean error of the labelled answers has changed, in this window and those before.", Columns: []report.Column{{Name: "Detector"}, {Name: "From (UTC)"}, {Name: "Found (UTC)"}, {Name: "Mean error before", Numeric: true}, {Name: "Since", Numeric: true}}}
		for _, c := range r.Changes {
			t.Rows = append(t.Rows, []string{c.Detector, report.Time(float64(c.At)), report.Time(float64(c.Found)), report.Number(c.Before), report.Number(c.Mean)})
		}
		s.Blocks = append(s.Blocks, report.Block{Table: t})
	}
	if len(r.Versions) > 1 {
		s.Blocks = append(s.Blocks, report.Block{Table: r.scoredTable("Each model version that answered; the rest of this page is of the first.", "Version", r.Versions)})
	}
	if len(r.Slices) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Table: r.scoredTable("Parts of the labelled answers.", "Where", r.Slices)})
	}
	if len(r.Notes) > 0 {
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Info, Title: "Not told:", Text: strings.Join(r.Notes, "; ") + "."}})
	}
	return s
}

// mostScores is how many metrics a table of parts shows.
const mostScores = 4

// scoredTable shows parts by the metrics that all rows have, in their order.
func (r *Report) scoredTable(caption, name string, parts []Scored) *report.Table {
	t := &report.Table{Caption: caption, Columns: []report.Column{{Name: name}, {Name: "Rows", Numeric: true}}}
	var metrics []string
	for _, p := range r.Performance {
		if p.Measured != nil && len(metrics) < mostScores {
			metrics = append(metrics, p.Metric)
			t.Columns = append(t.Columns, report.Column{Name: p.Metric, Numeric: true}, report.Column{Name: "95 %", Numeric: true})
		}
	}
	noted := slices.ContainsFunc(parts, func(s Scored) bool { return s.Reason != "" })
	if noted {
		t.Columns = append(t.Columns, report.Column{Name: "Note"})
	}
	for _, part := range parts {
		row := []string{part.Name, report.Count(part.Rows)}
		for _, metric := range metrics {
			if e, ok := part.Scores[metric]; ok {
				row = append(row, report.Number(e.Value), report.Number(e.Low)+" to "+report.Number(e.High))
			} else {
				row = append(row, "–", "–")
			}
		}
		if noted {
			row = append(row, part.Reason)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (r *Report) togetherSection() report.Section {
	t := r.Together
	s := report.Section{ID: "together", Title: "All features together", Intro: "Boosted trees try to tell rows of this window from training rows, on rows they have not seen. At an AUC of 0.5 they cannot."}
	if t.Reason != "" {
		s.Blocks = append(s.Blocks, report.Block{Notice: &report.Notice{Level: report.Info, Title: "Not judged:", Text: t.Reason + "."}})
		return s
	}
	s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("AUC %s, 95 %% interval %s to %s, on %s and %s rows: %s.", report.Number(t.AUC), report.Number(t.Low), report.Number(t.High), report.Count(t.Rows.Reference), report.Count(t.Rows.Window), words[t.Outcome])})
	if t.Outcome == Drifted && len(t.Features) > 0 {
		var bars []report.Bar
		for _, f := range t.Features {
			bars = append(bars, report.Bar{Label: f.Name, Value: f.Share, Text: report.Percent(f.Share)})
		}
		s.Blocks = append(s.Blocks, report.Block{Plots: []report.Figure{{Caption: "What tells them apart: the share of the trees' gain.", Plot: report.Bars(report.Plot{Title: "Features that tell the window from training rows", Wide: true}, bars)}}})
	}
	return s
}

// mostSeries is how many columns one plot over time draws.
const mostSeries = 4

func (r *Report) historySection() report.Section {
	s := report.Section{ID: "time", Title: "Over time", Intro: fmt.Sprintf("The last %d windows, this one last.", len(r.History))}
	at, rows := make([]float64, len(r.History)), make([]float64, len(r.History))
	for i, w := range r.History {
		at[i], rows[i] = float64(w.At), float64(w.Rows)
	}
	day := axisTime(at)
	figure := func(caption, title, y string, high float64, series ...report.Series) report.Figure {
		return report.Figure{Caption: caption, Plot: report.Line(report.Plot{Title: title, Y: y, FormatX: day, High: high}, series...)}
	}
	series := func(name string, value func(w Past) *Estimate) report.Series {
		l := report.Series{Name: name, X: at, Dots: true}
		for _, w := range r.History {
			e := Estimate{math.NaN(), math.NaN(), math.NaN()}
			if v := value(w); v != nil {
				e = *v
			}
			l.Y, l.Low, l.High = append(l.Y, e.Value), append(l.Low, e.Low), append(l.High, e.High)
		}
		return l
	}
	var figures []report.Figure
	for _, m := range r.Performance {
		lines := []report.Series{series(m.Metric, func(w Past) *Estimate { return w.Metrics[m.Metric] })}
		if !slices.ContainsFunc(lines[0].Y, func(v float64) bool { return v == v }) || len(figures) == 2 {
			continue
		}
		if m.Reference != nil {
			lines = append(lines, report.Series{Name: "test rows", X: []float64{at[0], at[len(at)-1]}, Y: []float64{*m.Reference, *m.Reference}, Dashed: true})
		}
		figures = append(figures, figure(m.Metric+" of each window, with its 95 % interval.", m.Metric+" over time", "", 0, lines...))
	}
	if c := r.Baseline; c != nil {
		for _, part := range []struct {
			what    string
			results []Result
		}{{"outputs", c.Outputs}, {"features", c.Features}} {
			var lines []report.Series
			order := ranked(part.results)
			for _, of := range order[:min(mostSeries-1, len(order))] {
				if of.Outcome == Unjudged {
					continue
				}
				lines = append(lines, series(of.Name, func(w Past) *Estimate {
					if v, ok := w.Effects[of.Name]; ok {
						return &Estimate{v, math.NaN(), math.NaN()}
					}
					return nil
				}))
			}
			if len(lines) > 0 {
				lines = append(lines, report.Series{Name: "drift", X: []float64{at[0], at[len(at)-1]}, Y: []float64{.1, .1}, Dashed: true})
				figures = append(figures, figure("Effect on the "+part.what+" that moved most; from the dashed line on it counts as drift.", "Drift of "+part.what+" over time", "distance", .15, lines...))
			}
		}
	}
	figures = append(figures, figure("Predictions of each window.", "Predictions over time", "", 1, report.Series{Name: "predictions", X: at, Y: rows, Dots: true}))
	s.Blocks = append(s.Blocks, report.Block{Plots: figures})
	return s
}

func (r *Report) serviceSection() report.Section {
	s := report.Section{ID: "service", Title: "Requests", Intro: "How requests were answered, and whether they keep the contract of the data."}
	if len(r.Quality) > 0 {
		t := &report.Table{Columns: []report.Column{{Name: "Rule"}, {Name: "Observed"}, {Name: "Kept"}}}
		for _, q := range r.Quality {
			t.Rows = append(t.Rows, []string{q.Rule, q.Observed, map[bool]string{true: "yes", false: "no"}[q.Passed]})
		}
		s.Blocks = append(s.Blocks, report.Block{Table: t})
	}
	v := r.Service
	if v == nil {
		return s
	}
	all, _ := v.Requests()
	t := &report.Table{Columns: []report.Column{{Name: "Status"}, {Name: "Requests", Numeric: true}, {Name: "Share", Numeric: true}}}
	var codes []int
	for code := range v.Status {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		t.Rows = append(t.Rows, []string{strconv.Itoa(code), report.Count(v.Status[code]), report.Percent(over(float64(v.Status[code]), float64(all)))})
	}
	s.Blocks = append(s.Blocks, report.Block{Table: t})
	s.Blocks = append(s.Blocks, report.Block{Text: fmt.Sprintf("Latency: half of the requests within %s, 95 %% within %s, 99 %% within %s.", micros(v.Quantile(.5)), micros(v.Quantile(.95)), micros(v.Quantile(.99)))})
	if v.Errors != nil {
		e := &report.Table{Columns: []report.Column{{Name: "Failure"}, {Name: "Requests", Numeric: true}}}
		for _, item := range v.Errors.most(shownNew) {
			e.Rows = append(e.Rows, []string{item.Text, report.Count(item.Rows)})
		}
		s.Blocks = append(s.Blocks, report.Block{Table: e})
	}
	return s
}
