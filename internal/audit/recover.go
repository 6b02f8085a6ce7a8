package audit

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// recover reads what an earlier process left: it cuts each segment after its last
// whole frame, keeps what it cut under quarantine, and counts.
func (s *Spool) recover() error {
	entries, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return fault.Wrap(err, fault.AuditUnavailable, "read the audit spool").WithRemedy("let the server read %s", s.opts.Dir)
	}
	for _, e := range entries {
		sequence, ok := sequenceOf(e.Name())
		if !ok {
			continue
		}
		seg := &segment{sequence: sequence, path: filepath.Join(s.opts.Dir, e.Name()), drained: headerBytes, sealed: true}
		s.sequence = max(s.sequence, sequence)
		if err := s.recoverSegment(seg); err != nil {
			return err
		}
	}
	if err := s.recoverLedger(s.ordinal); err != nil {
		return err
	}
	slices.SortFunc(s.segments, func(a, b *segment) int { return cmp.Compare(a.sequence, b.sequence) })
	return nil
}

func (s *Spool) recoverSegment(seg *segment) error {
	unreadable := func(err error) error {
		return fault.Wrap(err, fault.AuditUnavailable, "recover the audit segment %s", seg.path).
			WithRemedy("repair the disk or move the file away; its records are not in the table yet")
	}
	f, err := os.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unreadable(err)
	}
	head := make([]byte, min(headerBytes, info.Size()))
	if _, err := io.ReadFull(f, head); err != nil {
		return unreadable(err)
	}
	if written := bytes.TrimRight(head, "\x00"); len(written) <= len(magic) && strings.HasPrefix(magic, string(written)) {
		head = written // of what was reserved
	}
	if seg.format, err = checkHeader(head); err != nil && !errors.Is(err, errTorn) {
		return unreadable(err)
	} else if err != nil {
		// Created, never synced: no record in it was promised.
		s.counts.torn++
		return removeFile(seg.path)
	}
	seg.size, seg.records, err = wholeFrames(f, info.Size(), func(payload []byte) {
		// One that does not decode is met again, and set aside, by the drain.
		if r, err := decodeRecord(payload, seg.format, new(Record)); err == nil {
			s.ordinal = max(s.ordinal, r.ordinal)
		}
	})
	if err != nil {
		return unreadable(err)
	}
	if seg.size < info.Size() {
		if err := s.cut(f, seg, info.Size()); err != nil {
			return unreadable(err)
		}
	}
	if seg.records == 0 {
		return removeFile(seg.path)
	}
	s.segments = append(s.segments, seg)
	s.bytes += seg.size
	s.counts.recovered += seg.records
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil {
		return fault.Wrap(err, fault.AuditUnavailable, "remove an audit segment").WithRemedy("let the server write to its spool directory")
	}
	return nil
}

// wholeFrames returns the offset after the last frame of the file's valid prefix
// and how many frames that is; each is told of their payloads.
func wholeFrames(f io.ReaderAt, size int64, each func(payload []byte)) (end, frames int64, err error) {
	end = headerBytes
	window := make([]byte, 1<<20)
	for {
		n, err := f.ReadAt(window[:min(int64(len(window)), size-end)], end)
		if err != nil && err != io.EOF {
			return 0, 0, err
		}
		b := window[:n]
		at := 0
		for {
			payload, taken, err := nextFrame(b[at:])
			if err == nil {
				each(payload)
				at, frames = at+taken, frames+1
				continue
			}
			if errors.Is(err, errDamaged) || end+int64(at)+int64(taken) > size {
				return end + int64(at), frames, nil
			}
			if taken > len(window) {
				window = make([]byte, taken)
			}
			break
		}
		end += int64(at)
	}
}

// cut cuts a segment after its last whole frame. Zeros behind it were reserved and
// never written. Anything else is kept in a file of its own, for people: after a crash
// it is half a record that nobody was promised, else a sign of a failing disk.
func (s *Spool) cut(f *os.File, seg *segment, size int64) error {
	end, err := endOf(f, seg.size, size)
	if err != nil {
		return err
	}
	if end > seg.size {
		s.counts.torn++
		if err := s.quarantineFile(segmentName(seg.sequence)+".tail", io.NewSectionReader(f, seg.size, end-seg.size)); err != nil {
			return err
		}
	}
	if err := f.Truncate(seg.size); err != nil {
		return err
	}
	return f.Sync()
}

// endOf returns the offset after the last byte between two offsets that is not zero,
// or the first of them.
func endOf(f io.ReaderAt, from, to int64) (end int64, err error) {
	window := make([]byte, 1<<16)
	for end = from; from < to; {
		b := window[:min(int64(len(window)), to-from)]
		if _, err := f.ReadAt(b, from); err != nil && err != io.EOF {
			return 0, err
		}
		if n := len(bytes.TrimRight(b, "\x00")); n > 0 {
			end = from + int64(n)
		}
		from += int64(len(b))
	}
	return end, nil
}
