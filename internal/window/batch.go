package window

import (
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// batch is requests of one slot to one model version as they came, until they are
// counted. It is used again.
type batch struct {
	of      *collected
	slot    time.Time
	service drift.Service // of every request
	asked   []asked       // those that were answered
	text    []byte        // of theirs: features, outputs and label of each
	levels  [2]int        // of the samples when it was closed
	columns *columns
	answers *answers
	sums    batchSums
	done    chan struct{} // closed when it is counted
}

// asked is an answered request in a batch.
type asked struct {
	id                       uuid.UUID
	at                       int64 // microseconds
	features, outputs, label int   // where they end in the text
}

// add copies a request.
func (b *batch) add(a *metadata.Answer) {
	b.service.Add(a.Status, int64(a.LatencyUS), kindOf(a.Prediction))
	if a.Status != 200 {
		return
	}
	one := asked{id: a.ID, at: a.At.UnixMicro()}
	b.text = append(b.text, a.Features...)
	one.features = len(b.text)
	b.text = append(b.text, a.Outputs...)
	one.outputs = len(b.text)
	b.text = append(b.text, a.Label...)
	one.label = len(b.text)
	b.asked = append(b.asked, one)
}

// full reports whether it is time to count it.
func (b *batch) full() bool { return len(b.asked) >= batchRows || len(b.text) >= batchBytes }

// batchSums is what a batch comes to: what follows from it alone.
type batchSums struct {
	summary           *drift.Summary
	rows, broken      int64
	labelled, unknown int64
	totals            *totals
	truths, sample    sampled    // of no lower level than the samples had
	late              deviations // of the labelled
	err               error
}

// count counts the batch. Others may be counted at the same time.
func (b *batch) count() {
	defer close(b.done)
	n := &b.sums
	layout := &b.of.Bundle.Baseline.Layout
	n.rows = int64(len(b.asked))
	rows := b.read()
	n.broken = n.rows - int64(len(rows.IDs))
	if len(rows.IDs) == 0 {
		n.summary = drift.New(layout)
	} else {
		answers, err := bundle.AnswersOf(b.of.Bundle.Target, rows.Rows.Rows, rows.Answers)
		if err == nil {
			n.summary, err = drift.Summarize(layout, rows.Rows, answers)
		}
		if n.err = err; err != nil {
			return
		}
		b.draw(rows)
	}
	n.summary.Service = b.service
}

// read reads the requests; those that cannot be read are none of the rows. Y is NaN
// where there is no label that is scored.
func (b *batch) read() *sampled {
	b.columns.reset(len(b.asked))
	rows, k := &sampled{}, b.answers.outputs()
	rows.IDs, rows.At = make([]uuid.UUID, 0, len(b.asked)), make([]int64, 0, len(b.asked))
	rows.Answers, rows.Y = make([]float64, 0, k*len(b.asked)), make([]float64, 0, len(b.asked))
	from := 0
	for i := range b.asked {
		a := &b.asked[i]
		features, outputs, label := b.text[from:a.features], b.text[a.features:a.outputs], b.text[a.outputs:a.label]
		from = a.label
		answer := rows.Answers[len(rows.Answers) : len(rows.Answers)+k]
		if !b.answers.read(outputs, answer) || !b.columns.add(features) {
			continue
		}
		y := math.NaN()
		if len(label) > 0 {
			y = b.truth(label, a.at, answer)
		}
		rows.Answers = rows.Answers[:len(rows.Answers)+k]
		rows.IDs, rows.At, rows.Y = append(rows.IDs, a.id), append(rows.At, a.at), append(rows.Y, y)
	}
	rows.Rows = b.columns.cut()
	return rows
}

// truth is the label of an answer, NaN where none is scored.
func (b *batch) truth(label []byte, at int64, answer []float64) float64 {
	n := &b.sums
	n.labelled++
	y := b.answers.label(label)
	if math.IsNaN(y) {
		n.unknown++
	} else {
		n.late.add(at, b.answers.deviation(y, answer))
	}
	return y
}

// draw offers the rows to the samples, and sums those that are labelled.
func (b *batch) draw(rows *sampled) {
	n := &b.sums
	var labelled, all, told []int32
	for i, y := range rows.Y {
		level := int(levelOf(rows.IDs[i]))
		if level >= b.levels[0] {
			all = append(all, int32(i))
		}
		if y == y {
			labelled = append(labelled, int32(i))
			if level >= b.levels[1] {
				told = append(told, int32(i))
			}
		}
	}
	if len(labelled) > 0 {
		y, p, k := make([]float64, 0, len(labelled)), make([]float64, 0, len(labelled)*rows.outputs()), rows.outputs()
		for _, i := range labelled {
			y, p = append(y, rows.Y[i]), append(p, rows.Answers[int(i)*k:(int(i)+1)*k]...)
		}
		n.totals = totalsOf(y, p, len(b.of.Bundle.Target.Classes))
		n.truths = rows.take(told)
	}
	n.sample = rows.take(all)
	n.sample.Y = nil
}

// add adds what a batch came to.
func (m *collected) add(b *batch) error {
	n := &b.sums
	if n.err != nil {
		return n.err
	}
	m.rows, m.broken, m.labelled, m.unknown = m.rows+n.rows, m.broken+n.broken, m.labelled+n.labelled, m.unknown+n.unknown
	for j, wrong := range b.columns.wrong {
		if wrong > 0 {
			m.wrong[m.inputs[j].Name] += wrong
		}
	}
	if n.totals != nil {
		m.totals.add(n.totals)
		m.truths.add(n.truths)
	}
	m.sample.add(n.sample)
	if len(n.late.at) > 0 {
		if m.late[b.slot] == nil {
			m.late[b.slot] = &deviations{}
		}
		m.late[b.slot].append(&n.late)
	}
	return m.merge(b.slot, n.summary)
}

// batch is the one that the next request of a slot is put into. Requests come slot after
// slot, but for those of two slots that meet in one reading.
func (c *Collector) batch(m *collected, slot time.Time) (*batch, error) {
	at := slices.IndexFunc(m.batches, func(b *batch) bool { return b.slot.Equal(slot) })
	if at >= 0 && !m.batches[at].full() {
		return m.batches[at], nil
	}
	if at >= 0 || len(m.batches) == 2 {
		at = max(at, 0)
		b := m.batches[at]
		m.batches = slices.Delete(m.batches, at, at+1)
		if err := c.close(b); err != nil {
			return nil, err
		}
	}
	b := &batch{of: m, slot: slot}
	if n := len(m.free); n > 0 {
		free := m.free[n-1]
		b.columns, b.answers, b.asked, b.text, m.free = free.columns, free.answers, free.asked[:0], free.text[:0], m.free[:n-1]
	} else {
		b.columns, b.answers = newColumns(m.inputs), newAnswers(m.Bundle.Target)
	}
	m.batches = append(m.batches, b)
	return b, nil
}

// close has a batch counted. What batches come to is the same in whatever order, and is
// put together in the order in which they were closed.
func (c *Collector) close(b *batch) error {
	if len(c.closed) == min(batchesAtOnce, runtime.GOMAXPROCS(0)) {
		if err := c.land(); err != nil {
			return err
		}
	}
	b.levels, b.done = [2]int{b.of.sample.level, b.of.truths.level}, make(chan struct{})
	c.closed = append(c.closed, b)
	go b.count()
	return nil
}

// land waits for the batch that was closed first, and adds what it came to.
func (c *Collector) land() error {
	b := c.closed[0]
	c.closed = slices.Delete(c.closed, 0, 1)
	<-b.done
	b.of.free = append(b.of.free, b)
	return b.of.add(b)
}

// finish counts all that is not counted yet.
func (c *Collector) finish() error {
	for _, m := range c.models {
		for _, b := range m.batches {
			if err := c.close(b); err != nil {
				return err
			}
		}
		m.batches = nil
	}
	for len(c.closed) > 0 {
		if err := c.land(); err != nil {
			return err
		}
	}
	for _, m := range c.models {
		m.free = nil
	}
	return nil
}
