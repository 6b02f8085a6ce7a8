package serving

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/fault"
)

// mirrorRows and mirrorBytes bound what waits for shadows; more is dropped and
// counted. A shadow takes what is left over, and nothing from an answer.
const (
	mirrorRows  = 4096
	mirrorBytes = 32 << 20
)

// mirrored is an answered request that a shadow scores.
type mirrored struct {
	shadow    *served
	body      []byte  // plain records, as they were sent
	policy    *policy // of the endpoint's audit
	requestID string
	at        time.Time
	answered  []uuid.UUID // predictions, one a row
}

// mirror scores requests by shadows, one after the other, in the background.
type mirror struct {
	audit interface {
		Append(ctx context.Context, records []audit.Record) error
	}
	rows  int // of one request, at most
	limit time.Duration

	mu      sync.Mutex
	queue   []mirrored
	waiting struct{ rows, bytes int }
	working bool
	closed  bool
	idle    chan struct{} // closed when there is no work; nil while there is

	scored, failed, dropped atomic.Int64
}

// MirrorStats count rows since the server started.
type MirrorStats struct {
	Scored  int64 `json:"scored"`  // recorded as a shadow's answer
	Failed  int64 `json:"failed"`  // recorded as a shadow's failure
	Dropped int64 `json:"dropped"` // left out, for there was no room, or no place to record them
}

// Mirrored tells what became of the requests that shadows were to score.
func (s *Server) Mirrored() MirrorStats {
	m := s.mirror
	return MirrorStats{Scored: m.scored.Load(), Failed: m.failed.Load(), Dropped: m.dropped.Load()}
}

// offer mirrors an answered exchange to the shadow of its revision, if that has one
// and the request is of its share. It copies what it keeps and never waits.
func (m *mirror) offer(x *exchange) {
	if x.deployed == nil || x.deployed.shadow == nil || x.rows == nil || x.status != http.StatusOK || len(x.records) == 0 {
		return
	}
	shadow := x.deployed.shadow
	key := x.key
	if key == "" {
		key = x.requestID
	}
	// A place of its own: a canary of the same share would have the very same keys.
	if shadow.share < 1 && fraction(shadow.endpoint+"\x00shadow", key) >= shadow.share {
		return
	}
	rows := len(x.records)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.waiting.rows+rows > mirrorRows || m.waiting.bytes+len(x.json) > mirrorBytes {
		m.dropped.Add(int64(rows))
		return
	}
	body := append(make([]byte, 0, len(x.json)+rows+16), `{"records":[`...)
	job := mirrored{shadow: shadow, policy: x.policy, requestID: x.requestID, at: x.arrived, answered: make([]uuid.UUID, rows)}
	for i := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = x.rows.appendFeatures(body, x.body, i)
		job.answered[i] = x.records[i].ID
	}
	job.body = append(body, "]}"...)
	m.queue = append(m.queue, job)
	m.waiting.rows += rows
	m.waiting.bytes += len(job.body)
	if !m.working {
		m.working, m.idle = true, make(chan struct{})
		go m.work()
	}
}

// work scores until nothing waits.
func (m *mirror) work() {
	for {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.working, m.queue = false, nil
			close(m.idle)
			m.mu.Unlock()
			return
		}
		job := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()
		m.score(job)
		m.mu.Lock()
		m.waiting.rows -= len(job.answered)
		m.waiting.bytes -= len(job.body)
		m.mu.Unlock()
	}
}

// score records what the shadow answers, in the way of every other record.
func (m *mirror) score(job mirrored) {
	begun := time.Now()
	s := job.shadow
	r := s.pool.Get().(*rows)
	defer s.pool.Put(r)
	r.reset(asked{})
	err := s.scoreRows(r, job.body, m.rows)
	latency := time.Since(begun)
	records := make([]audit.Record, len(job.answered))
	k := s.model.Predictor.Outputs()
	for i := range records {
		records[i] = audit.Record{
			ID: newID(), At: job.at, Endpoint: s.endpoint, Revision: s.revision, ModelName: s.name, ModelVersion: int64(s.number), Role: s.role,
			RequestID: job.requestID, ShadowOf: job.answered[i], Status: http.StatusOK, Latency: latency,
		}
		if err == nil {
			_, err = job.policy.keep(&records[i], r.appendFeatures(nil, job.body, i), 0)
		}
		if err != nil {
			status, kind, _ := errorAnswer(nil, err)
			records[i].Status, records[i].Error = int32(status), cleaned(string(kind)+": "+job.policy.message(err), 4096)
			continue
		}
		records[i].Outputs = append(s.appendAnswer([]byte{'{'}, r.out[i*k:(i+1)*k]), '}')
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.limit)
	defer cancel()
	counter := &m.scored
	switch {
	case m.audit.Append(ctx, records) != nil:
		counter = &m.dropped
	case err != nil:
		counter = &m.failed
	}
	counter.Add(int64(len(records)))
}

// scoreRows reads and predicts; a panic is an error like any other.
func (s *served) scoreRows(r *rows, body []byte, most int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "the request could not be worked on: %v", p)
		}
	}()
	if err := r.decodeRecords(&exchange{body: body}, most); err != nil {
		return err
	}
	return s.predict(r)
}

// close takes nothing more in, and waits until what was taken in is recorded or ctx
// ends.
func (m *mirror) close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	idle := m.idle
	working := m.working
	m.mu.Unlock()
	if !working {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, job := range m.queue {
			m.dropped.Add(int64(len(job.answered)))
		}
		m.queue = nil
		return fault.Wrap(ctx.Err(), fault.ResourceExhausted, "some requests were not scored by their shadow")
	}
}

// Close lets shadows finish what waits for them, until ctx ends; requests must have
// ended. It comes before the audit spool's end.
func (s *Server) Close(ctx context.Context) error { return s.mirror.close(ctx) }
