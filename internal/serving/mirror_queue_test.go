package serving

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// gate is a predictor that answers when it is let.
type gate struct{ open chan error }

func (g gate) Outputs() int { return 1 }

func (g gate) Predict(f *frame.Frame, _ []float64) error {
	err := <-g.open
	if err != nil && err.Error() == "panic" {
		panic(err)
	}
	return err
}

// memory keeps records.
type memory struct {
	mu      sync.Mutex
	records []audit.Record
	err     error
}

func (m *memory) Append(_ context.Context, records []audit.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.records = append(m.records, records...)
	}
	return m.err
}

func (m *memory) Err() error           { return nil }
func (m *memory) Health() audit.Health { return audit.Health{} }

// answered is an exchange of that many rows whose revision has a shadow.
func answered(t *testing.T, p Predictor, n int) *exchange {
	t.Helper()
	sig := bundle.Signature{Inputs: []bundle.Input{{Name: "x", Kind: frame.Number.String()}}, Outputs: []bundle.Output{{Name: "prediction", Kind: frame.Number.String()}}}
	model := &Model{Signature: sig, Predictor: p, Golden: []Golden{{}}}
	revision := &metadata.Revision{Endpoint: "e", Revision: 1}
	shadow, err := newServed(revision, metadata.RoleShadow, metadata.Variant{ModelName: "m", ModelVersion: 2, Share: 1}, model)
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{deployed: &deployment{shadow: shadow}, status: http.StatusOK, rows: newRows(&sig), requestID: "r"}
	x.body = []byte(`{"records":[`)
	for i := range n {
		if i > 0 {
			x.body = append(x.body, ',')
		}
		x.body = append(x.body, `{"x":1}`...)
		x.records = append(x.records, audit.Record{ID: uuid.New()})
	}
	x.body = append(x.body, "]}"...)
	if err := x.rows.decodeRecords(x, n); err != nil {
		t.Fatal(err)
	}
	return x
}

// A shadow that hangs fills its queue, and what comes then is dropped and counted;
// whoever offers is never kept waiting.
func TestAShadowThatHangsCostsNothing(t *testing.T) {
	g, kept := gate{make(chan error)}, &memory{}
	m := &mirror{audit: kept, rows: 1000, limit: time.Minute}
	x := answered(t, g, 1000)
	for range 10 {
		m.offer(x) // would never return if it waited for the predictor
	}
	if got := m.dropped.Load(); got != 10_000-mirrorRows/1000*1000 {
		t.Fatal(got)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if m.close(ended) == nil {
		t.Fatal("it is said that all was scored")
	}
	close(g.open)
	if err := m.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if m.scored.Load()+m.dropped.Load() != 10_000 || m.scored.Load() != int64(len(kept.records)) {
		t.Fatal(m.scored.Load(), m.dropped.Load(), len(kept.records))
	}
	before := m.dropped.Load()
	m.offer(x)
	if m.dropped.Load() != before+1000 {
		t.Fatal("something was taken in after the end")
	}
}

// What a shadow cannot answer is recorded as its failure; a panic of its is no end of
// the server.
func TestAShadowThatFailsIsRecorded(t *testing.T) {
	for _, text := range []string{"cannot", "panic"} {
		g, kept := gate{make(chan error, 1)}, &memory{}
		m := &mirror{audit: kept, rows: 1000, limit: time.Minute}
		g.open <- errors.New(text)
		m.offer(answered(t, g, 2))
		if err := m.close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if m.failed.Load() != 2 || len(kept.records) != 2 || kept.records[0].Status == 200 || kept.records[0].Error == "" || kept.records[1].ShadowOf == uuid.Nil {
			t.Fatalf("%+v", kept.records)
		}
	}
}

// The spool has no room: answers need it more.
func TestAShadowThatCannotBeRecordedIsDropped(t *testing.T) {
	g := gate{make(chan error, 1)}
	g.open <- nil
	m := &mirror{audit: &memory{err: errors.New("full")}, rows: 1000, limit: time.Minute}
	m.offer(answered(t, g, 3))
	if err := m.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if m.dropped.Load() != 3 || m.scored.Load() != 0 {
		t.Fatal(m.dropped.Load(), m.scored.Load())
	}
}
