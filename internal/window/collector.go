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
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of what is kept of the rows.
const (
	chunkRows     = 10_000    // that are counted at once
	maxLabelled   = 1_000_000 // that scores are computed from
	maxSampled    = 100_000   // that performance is estimated from, and told from the training rows
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
	cut          []string // columns that scores are cut by
	service      drift.Service
	answered     int64
	models       map[string]*collected
}

// Collect begins a window. open is asked once for each model version that answered;
// its error ends the collection, a Model's Problem does not. cut are the columns that
// scores are cut by.
func Collect(begins, ends time.Time, open func(name string, version int) (Model, error), cut ...string) *Collector {
	return &Collector{begins: begins.UTC(), ends: ends.UTC(), open: open, cut: cut, models: map[string]*collected{}}
}

// collected is what is kept of one model version.
type collected struct {
	Model
	cut    []string
	sig    bundle.Signature // of which any column may be null: a window takes rows as they were
	slots  map[time.Time]*drift.Summary
	slot   time.Time // of the chunk
	chunk  chunk
	rows   int64
	wrong  map[string]int64 // by column: values absent or of a wrong type
	broken int64            // answers that could not be read

	labelled, unknown int64
	y, p              []float64    // of the labelled, p of all outputs
	times             []int64      // when they were asked, microseconds
	sliced            *frame.Frame // the columns that their scores are cut by
	sample            sample
	parts             [][]byte // the errors, in order of time
}

// chunk is rows that are not counted yet.
type chunk struct {
	records  []map[string]any
	answers  []float64
	labelled []int32               // of the records: their labels are scored
	service  []metadata.Prediction // status and latency alone
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

// slot is the beginning of the summary that a moment is counted in.
func (c *Collector) slot(at time.Time) time.Time {
	if c.ends.Sub(c.begins) <= summaryLength {
		return c.begins
	}
	return c.begins.Add(at.Sub(c.begins).Truncate(summaryLength))
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
	m := &collected{Model: opened, cut: c.cut, slots: map[time.Time]*drift.Summary{}, wrong: map[string]int64{}}
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
	m.chunk.records = append(m.chunk.records, record)
	m.chunk.answers = append(m.chunk.answers, answer...)
	if a.Label != nil {
		if m.label(a.Label, answer) {
			m.times = append(m.times, a.At.UnixMicro())
			m.chunk.labelled = append(m.chunk.labelled, int32(len(m.chunk.records)-1))
		}
	}
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

// label takes the label of an answer, and reports whether it is scored.
func (m *collected) label(value json.RawMessage, answer []float64) bool {
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
		return false
	}
	if len(m.y) == maxLabelled {
		return false
	}
	m.y, m.p = append(m.y, y), append(m.p, answer...)
	return true
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
		answers, err := bundle.AnswersOf(m.Bundle.Target, features.Rows, m.chunk.answers)
		if err != nil {
			return err
		}
		if part, err = drift.Summarize(layout, features, answers); err != nil {
			return err
		}
		m.sample.add(features, m.chunk.answers)
		m.slice(features, m.chunk.labelled)
	}
	for _, s := range m.chunk.service {
		kind := kindOf(s)
		part.Service.Add(s.Status, int64(s.LatencyUS), kind)
	}
	m.chunk = chunk{}
	if before := m.slots[m.slot]; before != nil {
		merged, err := drift.Merge(layout, before, part)
		if err != nil {
			return err
		}
		part = merged
	}
	m.slots[m.slot] = part
	return nil
}

// summaries are those of the slots, in order of time, and all of them together.
func (c *Collector) summaries(m *collected) (list []metadata.WindowSummary, all *drift.Summary, err error) {
	if err := m.count(); err != nil {
		return nil, nil, err
	}
	var parts []*drift.Summary
	for at, s := range m.slots {
		parts = append(parts, s)
		text, err := s.Encode()
		if err != nil {
			return nil, nil, err
		}
		ends := at.Add(min(summaryLength, c.ends.Sub(at)))
		list = append(list, metadata.WindowSummary{ModelName: m.Name, ModelVersion: m.Version, Begins: at, Ends: ends, Summary: text, Errors: m.errors(at, ends)})
	}
	slices.SortFunc(list, func(a, b metadata.WindowSummary) int { return a.Begins.Compare(b.Begins) })
	for _, s := range list {
		if s.Errors != nil {
			m.parts = append(m.parts, s.Errors)
		}
	}
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
