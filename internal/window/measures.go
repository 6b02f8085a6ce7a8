package window

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// States of a window.
const (
	Measured     = "measured"
	NoTraffic    = "no_traffic"        // nobody asked
	Insufficient = "insufficient_data" // fewer answers than monitor.min_rows
	Failed       = "failed"            // it could not be computed: Measures.Reason
)

// Measures are what one window came to, an artifact.
type Measures struct {
	Endpoint string         `json:"endpoint"`
	Begins   time.Time      `json:"begins"`
	Ends     time.Time      `json:"ends"`
	MinRows  int            `json:"min_rows"`
	State    string         `json:"state"`
	Reason   string         `json:"reason,omitempty"` // of Failed
	Requests int64          `json:"requests"`
	Answered int64          `json:"answered"`
	Rejected int64          `json:"rejected"` // with 4xx
	Failed   int64          `json:"failed"`   // with 5xx
	P50      alert.Number   `json:"latency_p50_ms"`
	P99      alert.Number   `json:"latency_p99_ms"`
	Labelled int64          `json:"labelled"`
	Models   []ModelMeasure `json:"models,omitempty"` // those of most rows first
	Service  drift.Service  `json:"service"`
}

// ModelMeasure is what the rows that one model version answered came to.
type ModelMeasure struct {
	Model    string `json:"model"` // "flights@3"
	Rows     int64  `json:"rows"`
	Problem  string `json:"problem,omitempty"` // why nothing more is known
	Broken   int64  `json:"broken,omitempty"`  // rows that could not be read
	Labelled int64  `json:"labelled"`
	Unknown  int64  `json:"unknown_labels,omitempty"` // labels that the model cannot answer: another class, no number

	Baseline     *drift.Comparison   `json:"baseline,omitempty"`
	Previous     *drift.Comparison   `json:"previous,omitempty"`
	NoPrevious   string              `json:"no_previous,omitempty"` // why there is none
	Quality      []ColumnQuality     `json:"quality,omitempty"`
	Contract     []RuleMeasure       `json:"contract,omitempty"` // the rules of the pipeline file
	Performance  []drift.Performance `json:"performance,omitempty"`
	Slices       []SliceMeasure      `json:"slices,omitempty"`
	Calibration  *Calibration        `json:"calibration,omitempty"`
	Uncalibrated string              `json:"uncalibrated,omitempty"` // why there is no Calibration
	Concept      *drift.Concept      `json:"concept,omitempty"`
	Together     *drift.Separation   `json:"together,omitempty"` // of the version of most rows
	Notes        []string            `json:"notes,omitempty"`    // what could not be told, and why
}

// ColumnQuality is how many values of a column are not as they were in training, as
// shares of the rows; Bad is their sum.
type ColumnQuality struct {
	Column     string  `json:"column"`
	Missing    float64 `json:"missing"` // beyond the training share; of a wrong type among them
	Wrong      int64   `json:"wrong,omitempty"`
	OutOfRange float64 `json:"out_of_range"`
	Unknown    float64 `json:"unknown"` // texts that training has not seen
	Bad        float64 `json:"bad"`
	Problem    string  `json:"problem,omitempty"` // why it could not be measured
}

// Options say how a window is measured.
type Options struct {
	Endpoint string
	Features []string // that are watched; none: all
	MinRows  int
	// Previous gives the summaries of a model version in the window before; none: it
	// answered nothing there, or that window was not computed.
	Previous func(m Model) ([]*drift.Summary, error)
	// Training gives some rows that a model version has learned from, or why there are
	// none; nil: nobody has any.
	Training func(m Model) (rows *frame.Frame, why string, err error)
	// Contract holds rows that a model version answered against the rules of its pipeline
	// file, or says why not; nil: there are none.
	Contract func(m Model, rows *frame.Frame) (rules []RuleMeasure, why string, err error)
	// Errors gives those of the labelled answers of a model version before the window,
	// in order of time; nil: none are kept.
	Errors func(m Model) ([]*drift.Errors, error)
	// Slices are the columns that the file cuts scores by, an entry each; Where the
	// parts of the rows that alerts are about.
	Slices [][]string
	Where  []map[string]string
}

// Unmeasured is what a window came to that could not be computed, and why.
func Unmeasured(endpoint string, begins, ends time.Time, minRows int, reason string) *Measures {
	return &Measures{Endpoint: endpoint, Begins: begins.UTC(), Ends: ends.UTC(), MinRows: minRows, State: Failed, Reason: reason}
}

// Measure ends the collection: what the window came to, and its summaries. Errors
// are Options.Previous's, ctx's and Internal.
func (c *Collector) Measure(ctx context.Context, o Options) (*Measures, []metadata.WindowSummary, error) {
	if err := c.finish(); err != nil {
		return nil, nil, err
	}
	out := &Measures{Endpoint: o.Endpoint, Begins: c.begins, Ends: c.ends, MinRows: o.MinRows, Answered: c.answered, Service: c.service}
	out.Requests, out.Failed = c.service.Requests()
	for status, n := range c.service.Status {
		if status >= 400 && status < 500 {
			out.Rejected += n
		}
	}
	out.P50 = alert.Number(c.service.Quantile(.5) / 1000)
	out.P99 = alert.Number(c.service.Quantile(.99) / 1000)
	out.State = Measured
	switch {
	case out.Requests == 0:
		out.State = NoTraffic
	case out.Answered < int64(o.MinRows):
		out.State = Insufficient
	}
	var summaries []metadata.WindowSummary
	for i, m := range c.ordered() {
		measured := ModelMeasure{Model: fmt.Sprintf("%s@%d", m.Name, m.Version), Problem: m.Problem}
		if m.Bundle != nil {
			list, all, err := c.summaries(m)
			if err != nil {
				return nil, nil, err
			}
			summaries = append(summaries, list...)
			if err := m.measure(ctx, o, all, &measured); err != nil {
				return nil, nil, err
			}
			if i == 0 {
				if err := m.together(ctx, o, &measured); err != nil {
					return nil, nil, err
				}
			}
		}
		out.Labelled += measured.Labelled
		out.Models = append(out.Models, measured)
	}
	return out, summaries, nil
}

func (m *collected) measure(ctx context.Context, o Options, all *drift.Summary, into *ModelMeasure) error {
	m.drawn, m.truth = m.sample.ordered(), m.truths.ordered()
	into.Rows, into.Broken, into.Labelled, into.Unknown = m.rows, m.broken, m.labelled, m.unknown
	b := m.Bundle.Baseline
	options := drift.Options{MinRows: int64(o.MinRows)}
	var err error
	if into.Baseline, err = drift.Compare(&b.Layout, b.Reference, all, options); err != nil {
		return err
	}
	before, err := o.Previous(m.Model)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		into.NoPrevious = "this version answered nothing in the window before, or that was not computed"
	} else {
		merged, err := drift.Merge(&b.Layout, before...)
		if err != nil {
			return err
		}
		if into.Previous, err = drift.Compare(&b.Layout, merged, all, options); err != nil {
			return err
		}
	}
	into.Quality = m.quality(all, into.Baseline)
	for _, comparison := range []*drift.Comparison{into.Baseline, into.Previous} {
		if comparison != nil && len(o.Features) > 0 {
			comparison.Features = slices.DeleteFunc(comparison.Features, func(r drift.Result) bool { return !slices.Contains(o.Features, r.Name) })
		}
	}
	if len(o.Features) > 0 {
		into.Quality = slices.DeleteFunc(into.Quality, func(q ColumnQuality) bool { return !slices.Contains(o.Features, q.Column) })
	}
	if err := m.contract(o, into); err != nil {
		return err
	}
	if err := m.perform(ctx, o, into); err != nil {
		return err
	}
	m.calibrate(o, into)
	if err := m.cutScores(ctx, o, into); err != nil {
		return err
	}
	return m.concept(o, into)
}

func (m *collected) quality(all *drift.Summary, c *drift.Comparison) []ColumnQuality {
	var out []ColumnQuality
	for i := range c.Features {
		r := &c.Features[i]
		q := ColumnQuality{Column: r.Name, Wrong: m.wrong[r.Name]}
		if r.Outcome == drift.Failed {
			q.Problem = r.Reason
		}
		reference, window := m.Bundle.Baseline.Reference.Column(r.Name), all.Column(r.Name)
		if reference != nil && window != nil && reference.Rows > 0 && window.Rows > 0 {
			q.Missing = max(0, float64(window.Missing)/float64(window.Rows)-float64(reference.Missing)/float64(reference.Rows))
		}
		if r.OutOfRange != nil && r.Kind == "number" { // a time moves on by itself
			q.OutOfRange = r.OutOfRange.Window
		}
		if r.New != nil && r.NewKnown {
			q.Unknown = r.New.Window
		}
		q.Bad = min(1, q.Missing+q.OutOfRange+q.Unknown)
		out = append(out, q)
	}
	return out
}

// read is how many answers could be read.
func (m *collected) read() int64 { return m.rows - m.broken }

// perform scores the labelled answers and estimates the scores of all.
func (m *collected) perform(ctx context.Context, o Options, into *ModelMeasure) error {
	note := func(format string, args ...any) { into.Notes = append(into.Notes, fmt.Sprintf(format, args...)) }
	task, classes := m.Bundle.Target.Task, len(m.Bundle.Target.Classes)
	by := map[string]*drift.Performance{}
	of := func(metric string) *drift.Performance {
		p := by[metric]
		if p == nil {
			p = &drift.Performance{Metric: metric}
			if v, ok := m.Bundle.Metrics.Test[metric]; ok {
				p.Reference = &v
			}
			by[metric] = p
		}
		return p
	}
	switch {
	case m.labelled == 0:
		note("no label is known of these answers")
	case m.totals.Rows < int64(o.MinRows):
		note("scores need %d labelled answers; there are %d", o.MinRows, m.totals.Rows)
	default:
		sample := evaluation.Sample{Task: task, Classes: classes, Y: m.truth.Y, P: m.truth.Answers}
		scores, intervals, err := evaluation.ScoreIntervals(ctx, sample, 1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			note("the scores: %s", err)
			break
		}
		whole := map[string]float64{}
		if int64(len(m.truth.Y)) < m.totals.Rows {
			note("intervals, and scores that are no sums over rows, are of %d labelled answers drawn of all", len(m.truth.Y))
			whole = m.totals.scores(sample)
		}
		for metric, value := range scores.Values {
			moved := 0.0 // from the rows drawn to all of them
			if all, ok := whole[metric]; ok {
				value, moved = all, all-value
			}
			e := &drift.Estimate{Value: value, Low: value, High: value}
			if i, ok := intervals[metric]; ok {
				e.Low, e.High = i.Low+moved, i.High+moved
			}
			of(metric).Measured = e
		}
	}
	if m.unknown > 0 {
		note("%d labels are nothing this model can answer: another class, or no number", m.unknown)
	}
	m.estimate(o, of, note)
	// The model's own metric first, then those it was tested by.
	rank := func(metric string) int {
		switch {
		case metric == m.Bundle.Metrics.Metric:
			return 0
		case by[metric].Reference != nil:
			return 1
		}
		return 2
	}
	for _, metric := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) }) {
		into.Performance = append(into.Performance, *by[metric])
	}
	return nil
}

func (m *collected) estimate(o Options, of func(string) *drift.Performance, note func(string, ...any)) {
	e, classes := m.Bundle.Estimator, len(m.Bundle.Target.Classes)
	switch {
	case e == nil:
		note("the bundle has nothing to estimate performance with")
		return
	case m.read() < int64(o.MinRows):
		note("an estimate of performance needs %d answers", o.MinRows)
		return
	case int64(m.sample.len()) < m.read():
		note("performance is estimated from %d answers drawn of all", m.sample.len())
	}
	var estimates map[string]drift.Estimate
	var err error
	if classes == 0 {
		estimates, err = e.Loss.Metrics(m.drawn.Rows, m.drawn.Answers)
	} else {
		estimates, err = drift.Confidence{Classes: classes, Predicted: m.drawn.Answers, Calibrated: e.Calibrated(m.drawn.Answers), Seed: 1}.Metrics()
	}
	if err != nil {
		note("the estimate of performance: %s", err)
		return
	}
	for metric, value := range estimates {
		of(metric).Estimated = &value
	}
}
