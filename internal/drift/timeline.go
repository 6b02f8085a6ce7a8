package drift

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/report"
)

// Timeline is what the windows of one endpoint came to, one after another.
type Timeline struct {
	Endpoint string   `json:"endpoint"`
	Windows  []Moment `json:"windows"` // in order of time
	Told     []Told   `json:"told"`    // alerts, in order of time
}

// Moment is one window of a timeline.
type Moment struct {
	Past
	Ends     int64    `json:"ends"` // microseconds
	State    string   `json:"state"`
	Requests int64    `json:"requests"`
	Labelled int64    `json:"labelled"`
	Rejected float64  `json:"rejected"` // shares of the requests
	Failed   float64  `json:"failed"`
	P50      float64  `json:"latency_p50_ms"`
	P99      float64  `json:"latency_p99_ms"`
	AUC      *float64 `json:"auc,omitempty"`
	Drifted  []string `json:"drifted,omitempty"`
	Metric   string   `json:"metric,omitempty"` // of Metrics, the model's own
	Report   string   `json:"report,omitempty"` // where its own page is
	Note     string   `json:"note,omitempty"`
}

// Told is one change of an alert.
type Told struct {
	At       int64  `json:"at"` // end of its window, microseconds
	Change   string `json:"change"`
	Severity string `json:"severity"`
	What     string `json:"what"`
}

// Bounds of what a timeline shows.
const (
	timelineMetrics = 4
	timelineColumns = 6   // those that moved most at any time
	timelineRows    = 200 // of the table, the latest
)

// Write renders the timeline as one page that needs nothing else.
func (t *Timeline) Write(w io.Writer) error {
	p := report.Page{Kicker: "Monitor", Title: t.Endpoint, Subtitle: "No window was computed yet.", Footer: "Times are UTC. The latest windows as they are kept: esteira monitor show " + t.Endpoint}
	if n := len(t.Windows); n > 0 {
		p.Subtitle = fmt.Sprintf("%d windows, %s to %s UTC.", n, report.Time(float64(t.Windows[0].At)), report.Time(float64(t.Windows[n-1].Ends)))
		p.Facts = t.facts()
		p.Sections = append(p.Sections, t.plots())
	}
	if len(t.Told) > 0 {
		table := &report.Table{Columns: []report.Column{{Name: "Window until (UTC)"}, {Name: "Change"}, {Name: "Severity"}, {Name: "What"}}}
		for _, a := range slices.Backward(t.Told) {
			table.Rows = append(table.Rows, []string{report.Time(float64(a.At)), a.Change, a.Severity, a.What})
		}
		p.Sections = append(p.Sections, report.Section{ID: "alerts", Title: "Alerts", Blocks: []report.Block{{Table: table}}})
	}
	if len(t.Windows) > 0 {
		p.Sections = append(p.Sections, t.table())
	}
	return report.Write(w, p)
}

func (t *Timeline) facts() []report.Fact {
	var requests, labelled int64
	drifted := 0
	for _, w := range t.Windows {
		requests, labelled = requests+w.Requests, labelled+w.Labelled
		if len(w.Drifted) > 0 {
			drifted++
		}
	}
	return []report.Fact{
		{Name: "Windows", Value: report.Count(int64(len(t.Windows)))}, {Name: "Requests", Value: report.Count(requests)},
		{Name: "Labelled", Value: report.Count(labelled)}, {Name: "Windows with drift", Value: report.Count(int64(drifted))},
	}
}

func (t *Timeline) plots() report.Section {
	s := report.Section{ID: "time", Title: "Over time"}
	at := make([]float64, len(t.Windows))
	for i, w := range t.Windows {
		at[i] = float64(w.At)
	}
	format := axisTime(at)
	line := func(name string, value func(w *Moment) Estimate) report.Series {
		l := report.Series{Name: name, X: at, Dots: len(at) <= 60}
		for i := range t.Windows {
			e := value(&t.Windows[i])
			l.Y, l.Low, l.High = append(l.Y, e.Value), append(l.Low, e.Low), append(l.High, e.High)
		}
		return l
	}
	number := func(v float64) Estimate { return Estimate{v, math.NaN(), math.NaN()} }
	asked := func(w *Moment, v float64) Estimate {
		if w.Requests == 0 {
			return number(math.NaN())
		}
		return number(v)
	}
	var figures []report.Figure
	add := func(caption, title, y string, high float64, lines ...report.Series) {
		figures = append(figures, report.Figure{Caption: caption, Plot: report.Line(report.Plot{Title: title, Y: y, FormatX: format, High: high}, lines...)})
	}
	for _, metric := range t.metrics() {
		add(metric+" of each window, with its 95 % interval.", metric+" over time", "", 0, line(metric, func(w *Moment) Estimate {
			if e := w.Metrics[metric]; e != nil {
				return *e
			}
			return number(math.NaN())
		}))
	}
	var lines []report.Series
	for i, column := range t.columns() {
		lines = append(lines, line(column, func(w *Moment) Estimate {
			if v, ok := w.Effects[column]; ok {
				return number(v)
			}
			return number(math.NaN())
		}))
		if last := i == len(t.columns())-1; len(lines) == timelineColumns/2 || last {
			lines = append(lines, report.Series{Name: "drift", X: []float64{at[0], at[len(at)-1]}, Y: []float64{.1, .1}, Dashed: true})
			add("Jensen-Shannon distance from the training rows; from the dashed line on it counts as drift.", "Drift over time", "distance", .15, lines...)
			lines = nil
		}
	}
	if slices.ContainsFunc(t.Windows, func(w Moment) bool { return w.AUC != nil }) {
		add("How well a classifier tells rows of the window from training rows; 0.5: it cannot.", "All features together over time", "AUC", 0, line("AUC", func(w *Moment) Estimate {
			if w.AUC == nil {
				return number(math.NaN())
			}
			return number(*w.AUC)
		}))
	}
	add("Requests of each window, and how many of its answers have a label.", "Requests over time", "", 1, line("requests", func(w *Moment) Estimate { return number(float64(w.Requests)) }), line("labelled", func(w *Moment) Estimate { return number(float64(w.Labelled)) }))
	add("Share of the requests that were refused or failed.", "Refused and failed requests over time", "share", .01, line("refused", func(w *Moment) Estimate { return asked(w, w.Rejected) }), line("failed", func(w *Moment) Estimate { return asked(w, w.Failed) }))
	add("Latency that half, and 99 %, of the requests do not exceed.", "Latency over time", "ms", 0, line("half", func(w *Moment) Estimate { return asked(w, w.P50) }), line("99 %", func(w *Moment) Estimate { return asked(w, w.P99) }))
	s.Blocks = append(s.Blocks, report.Block{Plots: figures})
	return s
}

// metrics are those that most windows have.
func (t *Timeline) metrics() []string {
	counts := map[string]int{}
	for _, w := range t.Windows {
		for name := range w.Metrics {
			counts[name]++
		}
		if w.Metrics[w.Metric] != nil {
			counts[w.Metric] += len(t.Windows) // first
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return names[:min(len(names), timelineMetrics)]
}

// columns are those that moved most in any window.
func (t *Timeline) columns() []string {
	most := map[string]float64{}
	for _, w := range t.Windows {
		for name, v := range w.Effects {
			most[name] = max(most[name], v)
		}
	}
	names := slices.SortedFunc(maps.Keys(most), func(a, b string) int { return cmp.Or(cmp.Compare(most[b], most[a]), cmp.Compare(a, b)) })
	return names[:min(len(names), timelineColumns)]
}

func (t *Timeline) table() report.Section {
	table := &report.Table{Columns: []report.Column{{Name: "Window (UTC)"}, {Name: "State"}, {Name: "Requests", Numeric: true}, {Name: "Labelled", Numeric: true}, {Name: "Failed", Numeric: true}, {Name: "p99 ms", Numeric: true}, {Name: "Drifted"}, {Name: "Note"}}}
	latest := t.Windows[max(0, len(t.Windows)-timelineRows):]
	for _, w := range slices.Backward(latest) {
		failed, p99 := "–", "–"
		if w.Requests > 0 {
			failed, p99 = report.Percent(w.Failed), report.Number(w.P99)
		}
		table.Rows = append(table.Rows, []string{report.Time(float64(w.At)), strings.ReplaceAll(w.State, "_", " "), report.Count(w.Requests), report.Count(w.Labelled), failed, p99, listed3(w.Drifted), w.Note})
	}
	return report.Section{ID: "windows", Title: "Windows", Intro: "The latest first.", Blocks: []report.Block{{Table: table}}}
}

// axisTime writes times of an axis: days; within two days hours and minutes, within an
// hour seconds.
func axisTime(at []float64) func(float64) string {
	const day = 86_400_000_000
	layout := time.DateOnly
	switch span := at[len(at)-1] - at[0]; {
	case span < day/24:
		layout = time.TimeOnly
	case span < 2*day:
		layout = "15:04"
	}
	return func(v float64) string { return time.UnixMicro(int64(v)).UTC().Format(layout) }
}
