package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func newRecord(t testing.TB) Record {
	t.Helper()
	return Record{
		ID: uuid.Must(uuid.NewV7()), At: time.Now().UTC().Truncate(time.Microsecond),
		Endpoint: "flights", Revision: 7, ModelName: "flights", ModelVersion: 3, RequestID: "caller-1",
		Features: json.RawMessage(`{"distance":733.5,"origin":"JFK"}`), Outputs: json.RawMessage(`{"prediction":12.25}`),
		Status: 200, Latency: 350 * time.Microsecond, Role: metadata.RoleShadow, ShadowOf: uuid.Must(uuid.NewV7()), Token: "app", RequestHash: []byte{7}, IdempotencyKey: "once",
	}
}

func newRecords(t testing.TB, n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i] = newRecord(t)
	}
	return out
}

func openSpool(t testing.TB, opts Options) *Spool {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func appendAll(t testing.TB, s *Spool, records ...Record) {
	t.Helper()
	if err := s.Append(context.Background(), records); err != nil {
		t.Fatal(err)
	}
}

// memory is a sink that keeps what a table with a primary key would.
type memory struct {
	mu     sync.Mutex
	byID   map[uuid.UUID]Record
	order  []uuid.UUID
	calls  int
	err    error
	reject func(Record) bool
}

func (m *memory) Insert(_ context.Context, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.err != nil {
		return m.err
	}
	for _, r := range records {
		if m.reject != nil && m.reject(r) {
			return fmt.Errorf("%w: %s", ErrRejected, r.RequestID)
		}
	}
	if m.byID == nil {
		m.byID = map[uuid.UUID]Record{}
	}
	for _, r := range records {
		if _, ok := m.byID[r.ID]; ok {
			continue
		}
		r.Features = append(json.RawMessage(nil), r.Features...)
		r.Outputs = append(json.RawMessage(nil), r.Outputs...)
		m.byID[r.ID] = r
		m.order = append(m.order, r.ID)
	}
	return nil
}

func drain(t testing.TB, s *Spool, m *memory) {
	t.Helper()
	if err := NewDrainer(DrainerOptions{Spool: s, Sink: m, BatchRecords: 100}).DrainAll(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func same(a, b Record) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestARecordComesOutAsItWentIn(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	refused := Record{ID: uuid.Must(uuid.NewV7()), At: time.UnixMicro(1).UTC(), Endpoint: "é", Status: 400, Error: "RequestInvalid: no"}
	in := append(newRecords(t, 3), refused)
	appendAll(t, s, in...)
	m := &memory{}
	drain(t, s, m)
	for _, r := range in {
		if !same(r, m.byID[r.ID]) {
			t.Errorf("in  %+v\nout %+v", r, m.byID[r.ID])
		}
	}
}

func TestAppendReturnsAfterTheSyncThatCoversIt(t *testing.T) {
	ff := &faultyFiles{files: osFiles{t.TempDir(), 1 << 20}, hold: make(chan struct{}), syncing: make(chan struct{}, 8)}
	s := openSpool(t, Options{Dir: ff.files.(osFiles).dir, files: ff})
	done := make(chan error, 1)
	go func() { done <- s.Append(context.Background(), newRecords(t, 1)) }()
	<-ff.syncing // written, not synced
	select {
	case err := <-done:
		t.Fatalf("Append returned %v before the sync", err)
	default:
	}
	if got := s.Health(); got.Appended != 0 || got.Backlog != 0 {
		t.Fatalf("counted before the sync: %+v", got)
	}
	close(ff.hold)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := s.Health(); got.Appended != 1 || got.Backlog != 1 {
		t.Fatalf("%+v", got)
	}
}

func TestWritersOfOneMomentShareASync(t *testing.T) {
	dir := t.TempDir()
	ff := &faultyFiles{files: osFiles{dir, 1 << 20}, hold: make(chan struct{}), syncing: make(chan struct{}, 64)}
	s := openSpool(t, Options{Dir: dir, files: ff})
	var wg sync.WaitGroup
	add := func(n int) {
		for range n {
			wg.Go(func() { appendAll(t, s, newRecord(t)) })
		}
	}
	add(1)
	<-ff.syncing
	add(32)
	for { // until all 32 wait behind the first sync
		s.mu.Lock()
		n := s.pending.records
		s.mu.Unlock()
		if n == 32 {
			break
		}
	}
	close(ff.hold)
	wg.Wait()
	if n := ff.syncs.Load(); n != 2 {
		t.Fatalf("33 records took %d syncs, want 2", n)
	}
}

func TestCancelledAppendSaysSo(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Append(ctx, newRecords(t, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestSegmentsRollAndGoOnlyAfterTheDrain(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir, SegmentBytes: 2000})
	in := newRecords(t, 100)
	for _, r := range in {
		appendAll(t, s, r)
	}
	if n := len(segmentsIn(t, dir)); n < 5 {
		t.Fatalf("%d segments", n)
	}
	m := &memory{err: errors.New("away")}
	d := NewDrainer(DrainerOptions{Spool: s, Sink: m})
	before := segmentsIn(t, dir)
	if err := d.DrainAll(context.Background()); err == nil {
		t.Fatal("an error of the sink was lost")
	}
	if h := s.Health(); len(segmentsIn(t, dir)) != len(before) || h.Backlog != 100 || h.DrainError == "" {
		t.Fatalf("after a failed drain: %d segments, %+v", len(segmentsIn(t, dir)), h)
	}
	m.err = nil
	drain(t, s, m)
	if h := s.Health(); len(m.byID) != 100 || h.Backlog != 0 || h.DrainError != "" {
		t.Fatalf("%d records, %+v", len(m.byID), h)
	}
	if n := len(segmentsIn(t, dir)); n > 2 { // the open one and, it may be, the next
		t.Fatalf("%d segments are left", n)
	}
	for i, id := range m.order {
		if id != in[i].ID {
			t.Fatalf("record %d is out of order", i)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(segmentsIn(t, dir)); n != 0 {
		t.Fatalf("%d segments are left after Close", n)
	}
}

func segmentsIn(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTheOpenSegmentIsDrainedToo(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	m := &memory{}
	for range 3 {
		appendAll(t, s, newRecord(t))
		drain(t, s, m)
	}
	if len(m.byID) != 3 || m.calls != 3 {
		t.Fatalf("%d records in %d batches", len(m.byID), m.calls)
	}
}

func TestAFullSpoolRefusesAndRecovers(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir(), MaxBytes: 8000, SegmentBytes: 1000})
	stored := 0
	var err error
	for err == nil {
		if err = s.Append(context.Background(), newRecords(t, 1)); err == nil {
			stored++
		}
	}
	if fault.KindOf(err) != fault.AuditUnavailable || s.Health().Available || s.Err() == nil {
		t.Fatalf("%v, %+v", err, s.Health())
	}
	m := &memory{}
	drain(t, s, m)
	if len(m.byID) != stored || !s.Health().Available {
		t.Fatalf("%d of %d drained, %+v", len(m.byID), stored, s.Health())
	}
	appendAll(t, s, newRecord(t))
}

func TestARecordTooLargeIsRefusedAloneAndNamesTheBound(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	big := newRecord(t)
	big.Features = make(json.RawMessage, maxPayload)
	if err := s.Append(context.Background(), []Record{newRecord(t), big}); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatal(err)
	}
	appendAll(t, s, newRecord(t))
	m := &memory{}
	drain(t, s, m)
	if len(m.byID) != 1 {
		t.Fatalf("%d records", len(m.byID))
	}
}

func TestOneProcessOwnsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatalf("a second spool on the directory: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openSpool(t, Options{Dir: dir})
}

func TestClosedSpoolRefuses(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	s.Close()
	if err := s.Append(context.Background(), newRecords(t, 1)); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatal(err)
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{}, {Dir: t.TempDir(), MaxBytes: -1}, {Dir: t.TempDir(), MaxBytes: 100, SegmentBytes: 50}} {
		if _, err := Open(o); fault.KindOf(err) != fault.ConfigInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: blocked}); fault.KindOf(err) != fault.AuditUnavailable || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a file as directory: %v", err)
	}
}

// Writers that come and go at every moment of the writer's round lose and repeat
// nothing.
func TestManyWritersLoseAndRepeatNothing(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir, SegmentBytes: 20000, files: &faultyFiles{files: instant{osFiles{dir, 1 << 20}}}})
	const writers, each = 16, 200
	m := &memory{}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				appendAll(t, s, newRecord(t))
			}
		})
	}
	wg.Wait()
	if h := s.Health(); h.Appended != writers*each || h.Backlog != writers*each {
		t.Fatalf("%+v", h)
	}
	drain(t, s, m)
	if h := s.Health(); len(m.byID) != writers*each || h.Drained != writers*each || h.Poisoned != 0 || h.Backlog != 0 {
		t.Fatalf("%d records, %+v", len(m.byID), h)
	}
}

// instant are files whose sync takes no time, so that rounds are short and many.
type instant struct{ osFiles }

type instantFile struct{ file }

func (i instant) Create(name string) (file, error) {
	f, err := i.osFiles.Create(name)
	return instantFile{f}, err
}

func (instantFile) Sync() error { return nil }
