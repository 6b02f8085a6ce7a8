package window

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of what is kept of the rows.
const (
	batchRows     = 4_000     // that are counted at once
	batchBytes    = 4 << 20   // of them
	batchesAtOnce = 4         // that are counted, each by a thread
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
	models       map[metadata.VersionKey]*collected
	last         *collected // whose request came last
	closed       []*batch   // that are being counted, in the order in which they were closed
}

// Collect begins a window. open is asked once for each model version that answered;
// its error ends the collection, a Model's Problem does not.
func Collect(begins, ends time.Time, open func(name string, version int) (Model, error)) *Collector {
	return &Collector{begins: begins.UTC(), ends: ends.UTC(), open: open, models: map[metadata.VersionKey]*collected{}}
}

// collected is what is kept of one model version.
type collected struct {
	Model
	key     metadata.VersionKey // that it answered by
	inputs  []bundle.Input      // of the signature, any of which may be null: a window takes rows as they were
	batches []*batch            // that requests are put into, of a slot each
	free    []*batch            // that have been counted
	slots   map[time.Time]*drift.Summary
	rows    int64
	wrong   map[string]int64 // by column: values absent or of a wrong type
	broken  int64            // answers that could not be read

	labelled, unknown int64
	totals            totals                    // of the labelled
	truths            sample                    // of the labelled
	sample            sample                    // of all
	late              map[time.Time]*deviations // of the labelled, by slot
	parts             map[time.Time][]byte      // the errors of slots that are closed
	drawn, truth      *sampled                  // sample and truths, in order, once all is collected
}

// Add takes the next request, in any order, and copies what it keeps of it.
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
	b, err := c.batch(m, c.slot(a.At))
	if err != nil {
		return err
	}
	b.add(&a)
	return nil
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
	key := metadata.VersionKey{Name: name, Version: version}
	if c.last != nil && c.last.key == key {
		return c.last, nil
	}
	m, ok := c.models[key]
	if !ok {
		if len(c.models) == MaxVersions {
			return nil, TooManyVersions()
		}
		opened, err := c.open(name, version)
		if err != nil {
			return nil, err
		}
		m = &collected{Model: opened, key: key, slots: map[time.Time]*drift.Summary{}, wrong: map[string]int64{}, late: map[time.Time]*deviations{}, parts: map[time.Time][]byte{}}
		if m.Bundle != nil {
			m.inputs = slices.Clone(m.Bundle.Signature.Inputs)
			for i := range m.inputs {
				m.inputs[i].Nullable = true
			}
		}
		c.models[key] = m
	}
	c.last = m
	return m, nil
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

// summaries are those of the slots, in order of time, and all of them together. They
// end the collection of a model version.
func (c *Collector) summaries(m *collected) (list []metadata.WindowSummary, all *drift.Summary, err error) {
	for slot, d := range m.late {
		d.settle()
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
