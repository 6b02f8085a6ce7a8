package audit

import (
	"os"
	"path/filepath"
	"testing"
)

// halfFull returns a spool whose open segment is half full, and the next one, made.
func halfFull(t *testing.T, dir string) (*Spool, *upcoming) {
	s := openSpool(t, Options{Dir: dir, SegmentBytes: 64 << 10})
	for range 1000 {
		appendAll(t, s, newRecord(t))
		if s.next != nil { // the writer set it before Append returned, and rests
			<-s.next.done
			return s, s.next
		}
	}
	t.Fatal("no segment is prepared")
	return nil, nil
}

func TestTheNextSegmentIsOnDiskBeforeItIsNeeded(t *testing.T) {
	dir := t.TempDir()
	s, next := halfFull(t, dir)
	name := filepath.Join(dir, segmentName(next.sequence))
	b, err := os.ReadFile(name)
	if err != nil || next.err != nil {
		t.Fatal(err, next.err)
	}
	if _, err := checkHeader(b); err != nil || len(b) != 64<<10 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	before := len(segmentsIn(t, dir))
	for s.next == next {
		appendAll(t, s, newRecord(t))
		if s.open == nil { // the segment is full: the next record opens another
			appendAll(t, s, newRecord(t))
		}
	}
	if s.open.sequence != next.sequence || s.file != next.file {
		t.Errorf("segment %d is open, %d was prepared", s.open.sequence, next.sequence)
	}
	if after := len(segmentsIn(t, dir)); after != before {
		t.Errorf("%d files, %d before", after, before)
	}
	m := &memory{}
	drain(t, s, m)
	if h := s.Health(); h.Backlog != 0 || h.Drained != h.Appended {
		t.Errorf("%+v", h)
	}
}

func TestASegmentThatIsNotNeededGoesWithTheSpool(t *testing.T) {
	dir := t.TempDir()
	s, next := halfFull(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, segmentName(next.sequence))); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestAPreparedSegmentOfAKilledProcessIsNoTornTail(t *testing.T) {
	dir := t.TempDir()
	made, err := osFiles{dir, 64 << 10}.Prepare(segmentName(7), header(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.(*osFile).File.Close(); err != nil { // as a kill does: nothing is given back
		t.Fatal(err)
	}
	s := openSpool(t, Options{Dir: dir})
	if h := s.Health(); h.Torn != 0 || h.Recovered != 0 || len(segmentsIn(t, dir)) != 0 {
		t.Errorf("%+v, files %v", h, segmentsIn(t, dir))
	}
	appendAll(t, s, newRecord(t))
	if s.open.sequence != 8 {
		t.Errorf("segment %d", s.open.sequence)
	}
}

// A segment that could not be prepared is made when it is needed.
func TestRecordsGoOnWithoutAPreparedSegment(t *testing.T) {
	dir := t.TempDir()
	s, next := halfFull(t, dir)
	next.err = os.ErrPermission
	for s.next == next {
		appendAll(t, s, newRecord(t))
	}
	appendAll(t, s, newRecord(t))
	if s.open == nil || s.open.sequence <= next.sequence {
		t.Errorf("%+v", s.open)
	}
}
