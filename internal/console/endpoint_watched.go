package console

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/report"
	"github.com/esteira-ml/esteira/internal/window"
)

// watched is what the last windows measured, the oldest first.
type watched struct {
	Begins      []time.Time
	Rows        []driftRow // features and outputs, by the largest effect
	Left        int        // rows that are not shown
	Performance template.HTML
	Metric      string
}

// driftRow is one column of the model in all windows.
type driftRow struct {
	Name, Kind string
	Cells      []driftCell
	most       float64
}

// driftCell is how far a column was from its baseline in one window.
type driftCell struct {
	Text  string // the effect, or a sign
	Said  string // in words
	Level int    // 0 to 4, by the effect
	Drift bool   // judged so
}

// maxDriftRows bounds the columns shown.
const maxDriftRows = 25

// watchedFacts reads what the windows measured. One that cannot be read is left out
// and told.
func (c *Console) watchedFacts(ctx context.Context, p *endpointPage, shown *view) {
	if len(p.Windows) == 0 {
		return
	}
	store, err := c.Store(ctx)
	if err != nil {
		shown.Notices = append(shown.Notices, trouble("What the windows measured", err))
		return
	}
	var list []*window.Measures
	for _, w := range slices.Backward(p.Windows) {
		m := &window.Measures{}
		if err := store.JSON(ctx, w.Result, m); err != nil {
			shown.Notices = append(shown.Notices, trouble("What the window of "+w.Begins.Format(time.RFC3339)+" measured", err))
			if ctx.Err() != nil || len(shown.Notices) > 3 {
				return
			}
			continue
		}
		list = append(list, m)
	}
	p.Watched = watchedOf(list, p.Metric)
}

func watchedOf(list []*window.Measures, metric string) (w watched) {
	at := map[string]int{}
	for i, m := range list {
		w.Begins = append(w.Begins, m.Begins)
		if len(m.Models) == 0 || m.Models[0].Baseline == nil {
			continue
		}
		for kind, results := range map[string][]drift.Result{"feature": m.Models[0].Baseline.Features, "prediction": m.Models[0].Baseline.Outputs} {
			for _, r := range results {
				key := kind + "\x00" + r.Name
				if _, ok := at[key]; !ok {
					at[key] = len(w.Rows)
					w.Rows = append(w.Rows, driftRow{Name: r.Name, Kind: kind, Cells: make([]driftCell, len(list))})
				}
				row := &w.Rows[at[key]]
				row.Cells[i] = cellOf(r)
				if r.Outcome == drift.Drifted || r.Outcome == drift.Stable {
					row.most = max(row.most, r.Effect)
				}
			}
		}
	}
	slices.SortFunc(w.Rows, func(a, b driftRow) int {
		switch {
		case a.Kind != b.Kind:
			if a.Kind == "prediction" {
				return -1
			}
			return 1
		case a.most != b.most:
			if a.most > b.most {
				return -1
			}
			return 1
		case a.Name < b.Name:
			return -1
		}
		return 1
	})
	if len(w.Rows) > maxDriftRows {
		w.Left = len(w.Rows) - maxDriftRows
		w.Rows = w.Rows[:maxDriftRows]
	}
	for i := range w.Rows {
		for j := range w.Rows[i].Cells {
			if w.Rows[i].Cells[j].Text == "" {
				w.Rows[i].Cells[j] = driftCell{Text: "·", Said: "not measured"}
			}
		}
	}
	w.Performance, w.Metric = performanceOf(list, metric)
	return w
}

func cellOf(r drift.Result) driftCell {
	switch r.Outcome {
	case drift.Insufficient:
		return driftCell{Text: "·", Said: "insufficient data"}
	case drift.Failed:
		return driftCell{Text: "!", Said: "error: " + r.Reason}
	}
	c := driftCell{Text: fmt.Sprintf("%.2f", r.Effect), Said: fmt.Sprintf("%s, effect %.3g, corrected p %.2g", r.Outcome, r.Effect, r.Q), Drift: r.Outcome == drift.Drifted}
	for _, bound := range []float64{.05, .1, .2, .4} {
		if r.Effect >= bound {
			c.Level++
		}
	}
	return c
}

// performanceOf draws a metric over the windows: with labels, and as it is estimated
// without.
func performanceOf(list []*window.Measures, metric string) (template.HTML, string) {
	find := func(m *window.Measures, name string) *drift.Performance {
		if len(m.Models) == 0 {
			return nil
		}
		i := slices.IndexFunc(m.Models[0].Performance, func(p drift.Performance) bool { return name == "" || p.Metric == name })
		if i < 0 {
			return nil
		}
		return &m.Models[0].Performance[i]
	}
	if !slices.ContainsFunc(list, func(m *window.Measures) bool { return find(m, metric) != nil }) {
		metric = ""
		for _, m := range list {
			if p := find(m, ""); p != nil {
				metric = p.Metric
				break
			}
		}
		if metric == "" {
			return "", ""
		}
	}
	n := len(list)
	if n < 2 {
		return "", metric // a point is no line; the report has it
	}
	measured, estimated := report.Series{Name: "with labels", Dots: true}, report.Series{Name: "estimated", Dots: true}
	reference := report.Series{Name: "on the test rows", Dashed: true}
	add := func(s *report.Series, x float64, e *drift.Estimate) {
		y, low, high := math.NaN(), math.NaN(), math.NaN()
		if e != nil {
			y, low, high = e.Value, e.Low, e.High
		}
		s.X, s.Y, s.Low, s.High = append(s.X, x), append(s.Y, y), append(s.Low, low), append(s.High, high)
	}
	last := "not known"
	for i := range n {
		x := float64(list[i].Begins.UnixMicro())
		p := find(list[i], metric)
		if p == nil {
			p = &drift.Performance{}
		}
		add(&measured, x, p.Measured)
		add(&estimated, x, p.Estimated)
		if p.Measured != nil {
			last = report.Number(p.Measured.Value)
		}
		if p.Reference != nil {
			reference.X, reference.Y = append(reference.X, x), append(reference.Y, *p.Reference)
		}
	}
	return report.Line(report.Plot{Title: metric + " over the last windows", Note: "The last that was measured with labels is " + last + ".", X: "window, UTC", Y: metric, FormatX: report.Time}, measured, estimated, reference), metric
}
