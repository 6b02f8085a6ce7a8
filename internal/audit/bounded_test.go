package audit

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

var loose = Bound{Records: 3, Delay: time.Hour}

func appendBounded(t testing.TB, s *Spool, bound Bound, records ...Record) {
	t.Helper()
	if err := s.AppendBounded(context.Background(), records, bound); err != nil {
		t.Fatal(err)
	}
}

// heldSpool is a spool of which each sync waits to be let go.
func heldSpool(t *testing.T) (*Spool, *faultyFiles) {
	dir := t.TempDir()
	ff := &faultyFiles{files: osFiles{dir, 1 << 20}, hold: make(chan struct{}), syncing: make(chan struct{}, 64)}
	return openSpool(t, Options{Dir: dir, files: ff}), ff
}

func TestBoundedAnswersLeaveBeforeTheSyncUpToTheBound(t *testing.T) {
	s, ff := heldSpool(t)
	for range 3 {
		appendBounded(t, s, loose, newRecord(t)) // no sync is let go
	}
	if h := s.Health(); h.Unsynced != 3 || h.Appended != 0 {
		t.Fatalf("%+v", h)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.AppendBounded(context.Background(), newRecords(t, 1), loose) }()
	<-ff.syncing
	select {
	case err := <-waited:
		t.Fatalf("the fourth answer left, %v, while three were not on disk", err)
	default:
	}
	close(ff.hold)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	m := &memory{}
	drain(t, s, m)
	modes := map[metadata.AuditMode]int{}
	for _, r := range m.byID {
		modes[r.Mode]++
	}
	if h := s.Health(); h.Unsynced != 0 || h.Lost != 0 || modes[metadata.AuditBounded] != 3 || modes[""] != 1 {
		t.Fatalf("%+v, %v", h, modes)
	}
}

func TestNoAnswerLeavesWhileOneHasWaitedLongerThanTheDelay(t *testing.T) {
	s, ff := heldSpool(t)
	appendBounded(t, s, Bound{Records: 100, Delay: time.Nanosecond}, newRecord(t))
	waited := make(chan error, 1)
	go func() {
		waited <- s.AppendBounded(context.Background(), newRecords(t, 1), Bound{Records: 100, Delay: time.Nanosecond})
	}()
	<-ff.syncing
	if h := s.Health(); h.Unsynced != 1 {
		t.Fatalf("%+v", h)
	}
	close(ff.hold)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
}

// crashed copies what a killed process would have left, and opens it.
func crashed(t *testing.T, s *Spool, change func(dir string)) (*Spool, *memory) {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			b, err := os.ReadFile(filepath.Join(s.opts.Dir, e.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, e.Name()), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if change != nil {
		change(dir)
	}
	again := openSpool(t, Options{Dir: dir})
	appendAll(t, again, newRecord(t)) // the loss is in the same sync, or in one before
	m := &memory{}
	drain(t, again, m)
	return again, m
}

func gapsOf(m *memory) (out []Record) {
	for _, id := range m.order {
		if r := m.byID[id]; strings.HasPrefix(r.Error, "AuditGap: ") {
			out = append(out, r)
		}
	}
	return out
}

func TestAKilledServerDeclaresExactlyWhatItLost(t *testing.T) {
	s, ff := heldSpool(t)
	defer close(ff.hold)
	appendBounded(t, s, loose, newRecord(t))
	<-ff.syncing                                    // written, not synced: the kernel has it
	appendBounded(t, s, loose, newRecords(t, 2)...) // only in memory
	again, m := crashed(t, s, nil)
	gaps := gapsOf(m)
	if len(gaps) != 1 || len(m.byID) != 3 || !strings.Contains(string(gaps[0].Outputs), `"lost":2,"exact":true`) || gaps[0].Status != 0 {
		t.Fatalf("%d records, gaps %+v", len(m.byID), gaps)
	}
	if h := again.Health(); h.Lost != 2 {
		t.Fatalf("%+v", h)
	}
	// It is declared once: after another kill that record is drained again, as any other.
	third, m := crashed(t, again, nil)
	if more := gapsOf(m); third.Health().Lost != 0 || len(more) != 1 || more[0].ID != gaps[0].ID {
		t.Fatalf("declared again: %+v", more)
	}
}

func TestAStoppedMachineDeclaresTheBound(t *testing.T) {
	s, ff := heldSpool(t)
	defer close(ff.hold)
	appendBounded(t, s, loose, newRecord(t))
	<-ff.syncing
	_, m := crashed(t, s, func(dir string) {
		path := filepath.Join(dir, ledgerName)
		page, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(page, []byte(ledgerMagic)) {
			t.Fatalf("ledger %q, %v", page[:8], err)
		}
		copy(page[atBoot:], "another start   ")
		if err := os.WriteFile(path, page, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if gaps := gapsOf(m); len(gaps) != 1 || !strings.Contains(string(gaps[0].Outputs), `"lost":3,"exact":false`) || !strings.Contains(gaps[0].Error, "at most 3") {
		t.Fatalf("%+v", gaps)
	}
}

func TestAnswersThatMetAFullDiskAreDeclaredWhenThereIsRoom(t *testing.T) {
	s, ff, _ := faultySpool(t)
	ff.writeErr.Store(ptr(syscall.ENOSPC))
	appendBounded(t, s, loose, newRecords(t, 2)...)
	if err := s.Append(context.Background(), newRecords(t, 1)); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatal(err)
	}
	if err := s.AppendBounded(context.Background(), newRecords(t, 1), loose); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatalf("an answer left although the disk is full: %v", err)
	}
	ff.writeErr.Store(nil)
	ff.free.Store(1 << 40)
	s.unblock()
	appendAll(t, s, newRecord(t))
	m := &memory{}
	drain(t, s, m)
	if gaps := gapsOf(m); len(gaps) != 1 || !strings.Contains(string(gaps[0].Outputs), `"lost":2,"exact":true`) || s.Health().Lost != 2 {
		t.Fatalf("%+v, %+v", gaps, s.Health())
	}
}

func TestAnswersThatMetAFailedSyncAreDeclaredAfterTheRestart(t *testing.T) {
	s, ff, dir := faultySpool(t)
	ff.syncErr.Store(ptr(syscall.EIO))
	appendBounded(t, s, loose, newRecords(t, 2)...)
	if err := s.Append(context.Background(), newRecords(t, 1)); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatal(err)
	}
	if err := s.Close(); fault.KindOf(err) != fault.AuditUnavailable {
		t.Fatal(err)
	}
	again := openSpool(t, Options{Dir: dir})
	appendAll(t, again, newRecord(t))
	m := &memory{}
	drain(t, again, m)
	// What the kernel still had is there, and no loss; what it had dropped is declared.
	lost := int64(0)
	for _, r := range m.byID {
		if r.Mode == metadata.AuditBounded && !strings.HasPrefix(r.Error, "AuditGap") {
			lost--
		}
	}
	if lost += 2; again.Health().Lost != lost || (lost > 0) != (len(gapsOf(m)) == 1) {
		t.Fatalf("%d lost, %+v, gaps %+v", lost, again.Health(), gapsOf(m))
	}
}

func TestAForeignLedgerStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ledgerName), []byte("no ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); fault.KindOf(err) != fault.AuditUnavailable || errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// A spool that an older server left is drained by this one.
func TestSegmentsOfOlderFormatsAreRead(t *testing.T) {
	for format := 1; format < formatVersion; format++ {
		r := newRecord(t)
		payload := appendRecord(nil, &r)
		at := fixedBytes // cut after the fields that the format had
		for range byteStrings[format] {
			at += 1 + int(payload[at]) // each is shorter than 128 bytes
		}
		old := appendFrame(header(), &r)[:headerBytes+frameBytes+at]
		old[8] = byte(format)
		frame := old[headerBytes:]
		frame[0], frame[1] = byte(at), byte(at>>8)
		sum := checksum(frame[:4], frame[frameBytes:])
		frame[4], frame[5], frame[6], frame[7] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(1)), old, 0o600); err != nil {
			t.Fatal(err)
		}
		m := &memory{}
		drain(t, openSpool(t, Options{Dir: dir}), m)
		if got := m.byID[r.ID]; string(got.Outputs) != string(r.Outputs) || (got.Token == "app") != (format > 1) {
			t.Errorf("format %d: %+v", format, got)
		}
	}
}
