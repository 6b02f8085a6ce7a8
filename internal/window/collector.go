package window

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of what is kept of the rows.
const (
	chunkRows     = 10_000    // that are counted at once
	maxLabelled   = 1_000_000 // of an hour, that a change of the error is looked for in
	maxSampled    = 20_000    // of the labelled ones, for intervals; of all, for an estimate and to be told from the training rows
	summaryLength = time.Hour // at most
)

// MaxVersions bounds the model versions of one window: each is a bundle in memory.
const MaxVersions = 20

// TooManyVersions is the fault of a window beyond that bound.
func TooManyVersions() error {
	return fault.New(fault.ResourceExhausted, "more than %d model versions answered in one window", MaxVersions).WithRemedy("write a shorter monitor.window")
}

// Model is a model version and what it is measured by.
type Model struct {
	Name    string
	Version int
	Bundle  *bundle.Bundle // nil: Problem says why
	Problem string
}

// Collector counts the requests of a window [begins, ends).
type Collector struct {
	begins, ends time.Time
	open         func(name string, version int) (Model, error)
	service      drift.Service
	answered     int64
	models       map[string]*collected
}

// Collect begins a window. open is asked once for each model version that answered;
// its error ends the collection, a Model's Problem does not.
func Collect(begins, ends time.Time, open func(name string, version int) (Model, error)) *Collector {
	return &Collector{begins: begins.UTC(), ends: ends.UTC(), open: open, models: map[string]*collected{}}
}

// collected is what is kept of one model version.
type collected struct {
	Model
	sig    bundle.Signature // of which any column may be null: a window takes rows as they were
	slots  map[time.Time]*drift.Summary
	slot   time.Time // of the chunk
	chunk  chunk
	rows   int64
	wrong  map[string]int64 // by column: values absent or of a wrong type
	broken int64            // answers that could not be read

	labelled, unknown int64
	totals            totals                    // of the labelled
	truths            sample                    // of the labelled
	sample            sample                    // of all
	late              map[time.Time]*deviations // of the labelled, by slot
	parts             map[time.Time][]byte      // the errors of slots that are closed
	drawn, truth      *sampled                  // sample and truths, in order, once all is collected
}

// deviations are how far labelled answers were from the truth, as they came.
type deviations struct {
	at  []int64 // microseconds
	raw []float64
}

// chunk is rows that are not counted yet.
type chunk struct {
	records []map[string]any
	rows    sampled               // without Rows; Y is NaN where no label is scored
	service []metadata.Prediction // status and latency alone
}

// Add takes the next request.
func (c *Collector) Add(a metadata.Answer) error {
	c.service.Add(a.Status, int64(a.LatencyUS), kindOf(a.Prediction))
	if a.Status == 200 {
		c.answered++
	}
	if a.ModelVersion == 0 {
		return nil // none answered
	}
	m, err := c.model(a.ModelName, a.ModelVersion)
	if err != nil || m.Bundle == nil {
		return err
	}
	return m.add(a, c.slot(a.At))
}

// kindOf is the kind of a failure, the first word of its error.
func kindOf(p metadata.Prediction) string {
	if p.Status < 400 {
		return ""
	}
	return fmt.Sprint(p.Status)
}

// slot is the beginning of the summary that a moment is counted in: of a window longer
// than an hour the hours of UTC, the first and the last cut by the window.
func (c *Collector) slot(at time.Time) time.Time {
	if hour := at.UTC().Truncate(summaryLength); c.ends.Sub(c.begins) > summaryLength && hour.After(c.begins) {
		return hour
	}
	return c.begins
}

// slotEnd is where a slot ends.
func (c *Collector) slotEnd(slot time.Time) time.Time {
	if end := slot.Truncate(summaryLength).Add(summaryLength); c.ends.Sub(c.begins) > summaryLength && end.Before(c.ends) {
		return end
	}
	return c.ends
}

func (c *Collector) model(name string, version int) (*collected, error) {
	key := fmt.Sprintf("%s@%d", name, version)
	if m, ok := c.models[key]; ok {
		return m, nil
	}
	if len(c.models) == MaxVersions {
		return nil, TooManyVersions()
	}
	opened, err := c.open(name, version)
	if err != nil {
		return nil, err
	}
	m := &collected{Model: opened, slots: map[time.Time]*drift.Summary{}, wrong: map[string]int64{}, late: map[time.Time]*deviations{}, parts: map[time.Time][]byte{}}
	if m.Bundle != nil {
		m.sig.Inputs = slices.Clone(m.Bundle.Signature.Inputs)
		for i := range m.sig.Inputs {
			m.sig.Inputs[i].Nullable = true
		}
	}
	c.models[key] = m
	return m, nil
}

func (m *collected) add(a metadata.Answer, slot time.Time) error {
	if !slot.Equal(m.slot) || len(m.chunk.records) >= chunkRows || len(m.chunk.service) >= chunkRows {
		if err := m.count(); err != nil {
			return err
		}
		m.slot = slot
	}
	m.chunk.service = append(m.chunk.service, metadata.Prediction{Status: a.Status, LatencyUS: a.LatencyUS})
	if a.Status != 200 {
		return nil
	}
	m.rows++
	answer, ok := m.answer(a.Outputs)
	record := map[string]any{}
	if err := json.Unmarshal(a.Features, &record); !ok || err != nil {
		m.broken++
		return nil
	}
	y := math.NaN()
	if a.Label != nil {
		if y = m.label(a.Label); y == y {
			m.deviates(a.At.UnixMicro(), y, answer)
		}
	}
	m.chunk.records = append(m.chunk.records, record)
	r := &m.chunk.rows
	r.IDs, r.At, r.Answers, r.Y = append(r.IDs, a.ID), append(r.At, a.At.UnixMicro()), append(r.Answers, answer...), append(r.Y, y)
	return nil
}

// answer reads what was answered: the value, or the probability of each class.
func (m *collected) answer(outputs json.RawMessage) ([]float64, bool) {
	var o struct {
		Prediction    *float64           `json:"prediction"`
		Probabilities map[string]float64 `json:"probabilities"`
	}
	if json.Unmarshal(outputs, &o) != nil {
		return nil, false
	}
	classes := m.Bundle.Target.Classes
	if len(classes) == 0 {
		if o.Prediction == nil {
			return nil, false
		}
		return []float64{*o.Prediction}, true
	}
	out := make([]float64, len(classes))
	for i, class := range classes {
		p, ok := o.Probabilities[class]
		if !ok {
			return nil, false
		}
		out[i] = p
	}
	return out, true
}

// label is the truth of an answer, NaN where it is nothing that the model can answer.
func (m *collected) label(value json.RawMessage) float64 {
	m.labelled++
	y := math.NaN()
	if classes := m.Bundle.Target.Classes; len(classes) == 0 {
		_ = json.Unmarshal(value, &y) // a text stays what it is: no number
	} else {
		var class string
		if json.Unmarshal(value, &class) == nil {
			if i := slices.Index(classes, class); i >= 0 {
				y = float64(i)
			}
		}
	}
	if math.IsNaN(y) {
		m.unknown++
	}
	return y
}

// count puts the chunk into the summary of its slot.
func (m *collected) count() error {
	if len(m.chunk.service) == 0 {
		return nil
	}
	layout := &m.Bundle.Baseline.Layout
	part := drift.New(layout)
	if len(m.chunk.records) > 0 {
		features := m.frame(m.chunk.records)
		m.chunk.rows.Rows = features
		answers, err := bundle.AnswersOf(m.Bundle.Target, features.Rows, m.chunk.rows.Answers)
		if err != nil {
			return err
		}
		if part, err = drift.Summarize(layout, features, answers); err != nil {
			return err
		}
		m.draw(&m.chunk.rows)
	}
	for _, s := range m.chunk.service {
		kind := kindOf(s)
		part.Service.Add(s.Status, int64(s.LatencyUS), kind)
	}
	m.chunk = chunk{}
	return m.merge(m.slot, part)
}

// merge adds a summary to that of a slot.
func (m *collected) merge(slot time.Time, part *drift.Summary) (err error) {
	if before := m.slots[slot]; before != nil {
		if part, err = drift.Merge(&m.Bundle.Baseline.Layout, before, part); err != nil {
			return err
		}
	}
	m.slots[slot] = part
	return nil
}

// draw offers rows to the samples, and sums those that are labelled.
func (m *collected) draw(rows *sampled) {
	var labelled []int32
	for i, y := range rows.Y {
		if y == y {
			labelled = append(labelled, int32(i))
		}
	}
	if len(labelled) > 0 {
		told := rows.take(labelled)
		m.totals.add(totalsOf(told.Y, told.Answers, len(m.Bundle.Target.Classes)))
		m.truths.add(told)
	}
	all := *rows
	all.Y = nil
	m.sample.add(all)
}

// summaries are those of the slots, in order of time, and all of them together. They
// end the collection of a model version.
func (c *Collector) summaries(m *collected) (list []metadata.WindowSummary, all *drift.Summary, err error) {
	if err := m.count(); err != nil {
		return nil, nil, err
	}
	for slot, d := range m.late {
		m.parts[slot] = drift.ErrorsOf(d.at, d.raw, m.unit()).Encode()
	}
	clear(m.late)
	var parts []*drift.Summary
	for at, s := range m.slots {
		parts = append(parts, s)
		text, err := s.Encode()
		if err != nil {
			return nil, nil, err
		}
		list = append(list, metadata.WindowSummary{ModelName: m.Name, ModelVersion: m.Version, Begins: at, Ends: c.slotEnd(at), Summary: text, Errors: m.parts[at]})
	}
	slices.SortFunc(list, func(a, b metadata.WindowSummary) int { return a.Begins.Compare(b.Begins) })
	all, err = drift.Merge(&m.Bundle.Baseline.Layout, parts...)
	return list, all, err
}

// ordered are the model versions of the window, those of most rows first.
func (c *Collector) ordered() []*collected {
	var out []*collected
	for _, m := range c.models {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *collected) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return out
}
