package audit

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

// A crash in the middle of a write leaves a prefix of the last frame, whatever its
// length; everything before it survives.
func TestATornTailIsCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	in := newRecords(t, 3)
	appendAll(t, s, in...)
	names := segmentsIn(t, dir)
	if err := s.Close(); err != nil { // which gives back what is reserved
		t.Fatal(err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	last := len(appendFrame(nil, &in[2]))
	for cut := 1; cut <= last; cut++ {
		reopened(t, whole[:len(whole)-cut], in[:2], cut < last)
	}
	reserved := make([]byte, 1<<20) // what a killed process leaves
	for n := range headerBytes {
		reopened(t, append(append([]byte{}, whole[:n]...), reserved...), nil, n <= len(magic)) // the rest of a header is zeros but for one
	}
	reopened(t, append(append([]byte{}, whole[:headerBytes]...), reserved...), nil, false)
	reopened(t, append(append([]byte{}, whole...), reserved...), in, false)
	for _, cut := range []int{last / 2, last - frameBytes, last - 1} {
		reopened(t, append(append([]byte{}, whole[:len(whole)-cut]...), reserved...), in[:2], true)
	}
	for at := len(whole) - last; at < len(whole); at++ { // or arrived wrong
		flipped := append([]byte{}, whole...)
		flipped[at] ^= 0x10
		reopened(t, flipped, in[:2], true)
	}
	for n := range headerBytes {
		reopened(t, whole[:n], nil, true)
	}
	reopened(t, whole[:headerBytes], nil, false)
	reopened(t, whole, in, false)
}

// reopened checks what a spool makes of a directory that holds one segment.
func reopened(t *testing.T, content []byte, want []Record, torn bool) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, segmentName(1)), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := s.Health()
	if (h.Torn == 1) != torn || h.Recovered != int64(len(want)) || h.Backlog != int64(len(want)) {
		t.Fatalf("%d bytes: %+v, want %d records, torn %v", len(content), h, len(want), torn)
	}
	extra := newRecord(t)
	appendAll(t, s, extra)
	m := &memory{}
	drain(t, s, m)
	if len(m.byID) != len(want)+1 {
		t.Fatalf("%d records, want %d", len(m.byID), len(want)+1)
	}
	for _, r := range slices.Concat(want, []Record{extra}) {
		if !same(r, m.byID[r.ID]) {
			t.Fatalf("record %s is not the same", r.ID)
		}
	}
}

func TestAForeignOrNewerSegmentStopsTheStart(t *testing.T) {
	newer := header()
	binary.LittleEndian.PutUint32(newer[8:], formatVersion+1)
	for name, content := range map[string][]byte{"foreign": []byte("this is not a segment of ours"), "newer": newer} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(4)), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{Dir: dir}); fault.KindOf(err) != fault.AuditUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if len(segmentsIn(t, dir)) != 1 {
			t.Errorf("%s: the file was removed", name)
		}
	}
}

// A segment has its whole size on the disk while it is written to, and what was
// written once it is sealed; where nothing can be reserved it grows as it is written.
func TestTheOpenSegmentIsReserved(t *testing.T) {
	for _, size := range []int64{64 << 10, 1 << 62} { // more than any disk has
		dir := t.TempDir()
		s := openSpool(t, Options{Dir: dir, files: osFiles{dir, size}})
		r := newRecord(t)
		appendAll(t, s, r)
		of := func() int64 {
			info, err := os.Stat(segmentsIn(t, dir)[0])
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		written := int64(len(appendFrame(header(), &r)))
		if got, want := of(), map[bool]int64{true: size, false: written}[size < 1<<20]; got != want {
			t.Fatalf("%d bytes on the disk, want %d", got, want)
		}
		if size < 1<<20 && dataIn(t, segmentsIn(t, dir)[0]) != size {
			t.Fatal("what is reserved is not written to: each sync has to record the blocks it uses")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := of(); got != written {
			t.Fatalf("%d bytes on the disk after the end, want %d", got, written)
		}
	}
}
