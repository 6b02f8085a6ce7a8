package audit

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// faultyFiles are real files whose writes and syncs fail on demand.
type faultyFiles struct {
	files
	hold     chan struct{} // if set, a sync waits for it
	syncing  chan struct{} // if set, told before a sync
	syncs    atomic.Int32
	creates  atomic.Int32
	writeErr atomic.Pointer[error] // half of the bytes are written, then this
	syncErr  atomic.Pointer[error] // once
	dirErr   atomic.Pointer[error]
	free     atomic.Int64
}

type faultyFile struct {
	file
	*faultyFiles
}

func (f *faultyFiles) Create(name string) (file, error) {
	f.creates.Add(1)
	real, err := f.files.Create(name)
	return &faultyFile{real, f}, err
}

func (f *faultyFiles) Free() (int64, error) { return f.free.Load(), nil }

func (f *faultyFiles) SyncDir() error {
	if err := f.dirErr.Load(); err != nil {
		return *err
	}
	return f.files.SyncDir()
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.writeErr.Load(); err != nil {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, *err
	}
	return f.file.Write(b)
}

func (f *faultyFile) Sync() error {
	f.syncs.Add(1)
	if f.syncing != nil {
		f.syncing <- struct{}{}
		<-f.hold
	}
	if err := f.syncErr.Swap(nil); err != nil {
		return *err
	}
	return f.file.Sync()
}

func ptr(err error) *error { return &err }

func faultySpool(t *testing.T) (*Spool, *faultyFiles, string) {
	dir := t.TempDir()
	ff := &faultyFiles{files: osFiles{dir, 1 << 20}}
	return openSpool(t, Options{Dir: dir, files: ff}), ff, dir
}

// A disk that fails once may have dropped what it was given: the sync is not tried
// again, although it would now succeed, until the spool is opened anew.
func TestAFailedSyncIsNeverTriedAgain(t *testing.T) {
	for name, inject := range map[string]func(*faultyFiles){
		"sync":                        func(f *faultyFiles) { f.syncErr.Store(ptr(syscall.EIO)) },
		"write":                       func(f *faultyFiles) { f.writeErr.Store(ptr(syscall.EIO)) },
		"directory":                   func(f *faultyFiles) { f.dirErr.Store(ptr(syscall.EIO)) },
		"full disk found by the sync": func(f *faultyFiles) { f.syncErr.Store(ptr(syscall.ENOSPC)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, ff, dir := faultySpool(t)
			good := newRecord(t)
			if name != "directory" {
				appendAll(t, s, good)
			}
			inject(ff)
			err := s.Append(context.Background(), newRecords(t, 1))
			if fault.KindOf(err) != fault.AuditUnavailable {
				t.Fatalf("got %v", err)
			}
			ff.writeErr.Store(nil)
			ff.dirErr.Store(nil)
			ff.free.Store(1 << 40)
			s.unblock()
			syncs := ff.syncs.Load()
			if err := s.Append(context.Background(), newRecords(t, 1)); fault.KindOf(err) != fault.AuditUnavailable {
				t.Fatalf("the spool took a record after the failure: %v", err)
			}
			if h := s.Health(); h.Available || !strings.Contains(h.Reason, "restart") {
				t.Fatalf("%+v", h)
			}
			if ff.syncs.Load() != syncs {
				t.Fatal("a sync was tried again")
			}
			m := &memory{} // what was promised before still gets out
			drain(t, s, m)
			if want := 1; name != "directory" && len(m.byID) != want {
				t.Fatalf("%d records drained, want %d", len(m.byID), want)
			}
			if err := s.Close(); fault.KindOf(err) != fault.AuditUnavailable {
				t.Fatalf("Close forgot the failure: %v", err)
			}
			again := openSpool(t, Options{Dir: dir})
			appendAll(t, again, newRecord(t))
		})
	}
}

func TestAFullDiskRecoversWhenThereIsRoom(t *testing.T) {
	s, ff, dir := faultySpool(t)
	first := newRecord(t)
	appendAll(t, s, first)
	ff.writeErr.Store(ptr(syscall.ENOSPC))
	lost := newRecord(t)
	if err := s.Append(context.Background(), []Record{lost}); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatalf("got %v", err)
	}
	s.unblock() // no room yet
	if s.Health().Available {
		t.Fatal("available although the disk is full")
	}
	ff.writeErr.Store(nil)
	ff.free.Store(s.opts.MinFreeBytes)
	s.unblock()
	last := newRecord(t)
	appendAll(t, s, last)
	if n := ff.creates.Load(); n != 2 {
		t.Fatalf("%d segments were created, want a new one after the failure", n)
	}
	m := &memory{}
	drain(t, s, m)
	if _, ok := m.byID[lost.ID]; ok || len(m.byID) != 2 {
		t.Fatalf("%d records, the refused one among them: %v", len(m.byID), ok)
	}
	s.Close()
	if n := len(segmentsIn(t, dir)); n != 0 {
		t.Fatalf("%d segments left", n)
	}
}

func TestPoisonIsSetAsideAndTheRestGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	in := newRecords(t, 50)
	in[17].RequestID = "poison"
	in[18].RequestID = "poison"
	in[18].Features = []byte(`{"broken`)
	appendAll(t, s, in...)
	m := &memory{reject: func(r Record) bool { return r.RequestID == "poison" }}
	drain(t, s, m)
	if h := s.Health(); len(m.byID) != 48 || h.Poisoned != 2 || h.Backlog != 0 {
		t.Fatalf("%d records, %+v", len(m.byID), h)
	}
	lines, err := os.ReadFile(filepath.Join(dir, quarantineDir, poisonFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(lines), "\n"); got != 2 || !strings.Contains(string(lines), in[17].ID.String()) {
		t.Fatalf("quarantine: %s", lines)
	}
}

func TestAPayloadThatCannotBeDecodedIsSetAside(t *testing.T) {
	one, two := newRecord(t), newRecord(t)
	content := appendFrame(header(), &one)
	bad := make([]byte, frameBytes+fixedBytes) // a whole frame, and no fields in it
	binary.LittleEndian.PutUint32(bad, fixedBytes)
	binary.LittleEndian.PutUint32(bad[4:], checksum(bad[:4], bad[frameBytes:]))
	content = appendFrame(append(content, bad...), &two)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, segmentName(1)), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSpool(t, Options{Dir: dir})
	m := &memory{}
	drain(t, s, m)
	if h := s.Health(); len(m.byID) != 2 || h.Poisoned != 1 || h.Backlog != 0 {
		t.Fatalf("%d records, %+v", len(m.byID), h)
	}
}

func TestBytesThatRotAfterTheSyncAreSetAside(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	in := newRecords(t, 3)
	appendAll(t, s, in...)
	name := segmentsIn(t, dir)[0]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[headerBytes+len(appendFrame(nil, &in[0]))+20] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	drain(t, s, m)
	if h := s.Health(); len(m.byID) != 1 || h.Poisoned != 2 || h.Backlog != 0 {
		t.Fatalf("%d records, %+v", len(m.byID), h)
	}
	appendAll(t, s, newRecord(t))
	drain(t, s, m)
	if len(m.byID) != 2 {
		t.Fatal("the spool did not go on")
	}
}

// What a crash after the commit and before the deletion leaves is drained again.
func TestDrainingTwiceChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	appendAll(t, s, newRecords(t, 20)...)
	name := segmentsIn(t, dir)[0]
	copied, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	drain(t, s, m)
	s.Close()
	if err := os.WriteFile(name, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	drain(t, openSpool(t, Options{Dir: dir}), m)
	if len(m.byID) != 20 || len(m.order) != 20 {
		t.Fatalf("%d records", len(m.byID))
	}
}

func TestRunRetriesUntilTheSinkIsBack(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	m := &memory{err: syscall.ECONNREFUSED}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	d := NewDrainer(DrainerOptions{Spool: s, Sink: m, MaxBackoff: time.Millisecond})
	ended := make(chan struct{})
	go func() { d.Run(ctx); close(ended) }()
	appendAll(t, s, newRecords(t, 5)...)
	wait := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			if ctx.Err() != nil {
				t.Fatal(what)
			}
			pause(ctx, time.Millisecond)
		}
	}
	wait("the sink was never tried", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.calls > 2 })
	appendAll(t, s, newRecords(t, 5)...) // predictions go on
	m.mu.Lock()
	m.err = nil
	m.mu.Unlock()
	wait("the backlog did not go", func() bool { return s.Health().Backlog == 0 })
	cancel()
	<-ended
	if len(m.byID) != 10 {
		t.Fatalf("%d records", len(m.byID))
	}
}
