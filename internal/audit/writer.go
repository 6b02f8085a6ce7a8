package audit

import (
	"errors"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/esteira-ml/esteira/internal/fault"
)

// write is the only goroutine that touches the open segment. While one sync runs,
// the records of the next gather in pending: the slower the disk, the larger the
// group.
func (s *Spool) write() {
	defer close(s.done)
	defer s.retryAt.Stop()
	for {
		select {
		case <-s.wake:
			// Who can run now may have a record for this sync, too: on a busy server it
			// covers twice as many, and on another nobody is waited for.
			runtime.Gosched()
		case <-s.retryAt.C:
			s.unblock()
			continue
		}
		b, closing := s.takePending()
		if b != nil {
			b.err = s.commit(b)
			close(b.done)
			// The waiters hold b for its err; only the buffer is used again.
			s.spare = &batch{buf: b.buf[:0], done: make(chan struct{})}
			if cap(s.spare.buf) > 8<<20 {
				s.spare.buf = nil
			}
		}
		if closing {
			s.seal()
			s.unprepare()
			return
		}
	}
}

// takePending takes the batch that gathered, if there is one; from then on only the
// writer touches it.
func (s *Spool) takePending() (b *batch, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A loss is declared as soon as there is room, with or without other records.
	if s.pending.records == 0 && (s.owed.lost == 0 || s.blocked != nil || s.failed != nil) {
		return nil, s.closing
	}
	b, s.pending = s.pending, s.spare
	s.declare(b)
	s.committing = b
	return b, s.closing
}

// commit writes and syncs one batch.
func (s *Spool) commit(b *batch) error {
	s.mu.Lock()
	err := s.failed
	if err == nil {
		err = s.blocked
	}
	s.mu.Unlock()
	if err == nil && s.open == nil {
		err = s.begin()
	}
	if err == nil {
		if _, werr := s.file.Write(b.buf); werr != nil {
			err = s.giveUp("write to", werr)
		} else if serr := s.file.Sync(); serr != nil {
			err = s.fail("sync", serr)
		}
	}
	s.mu.Lock()
	s.committing = nil
	if err != nil {
		s.bytes -= int64(len(b.buf))
		s.counts.refused += b.records - b.early
		s.forfeited(b, err)
		s.mu.Unlock()
		return err
	}
	s.settled(b)
	s.open.size += int64(len(b.buf))
	s.open.records += b.records
	s.counts.appended += b.records
	size := s.open.size
	s.mu.Unlock()
	switch {
	case size >= s.opts.SegmentBytes:
		s.seal()
	case size >= s.opts.SegmentBytes/2:
		s.prepare()
	}
	select {
	case s.synced <- struct{}{}:
	default:
	}
	return nil
}

// begin opens the next segment: the one that was prepared, or one made now, whose header
// the batch that follows syncs.
func (s *Spool) begin() error {
	if n := s.prepared(); n != nil {
		s.opened(n.sequence, n.file)
		return nil
	}
	sequence := s.following()
	f, err := s.opts.files.Create(segmentName(sequence))
	if err != nil {
		return s.giveUp("create a segment in", err)
	}
	s.opened(sequence, f)
	if _, err := f.Write(header()); err != nil {
		return s.giveUp("write to", err)
	}
	if err := s.opts.files.SyncDir(); err != nil {
		return s.fail("sync the directory of", err)
	}
	return nil
}

// following is the sequence of the next segment that is made.
func (s *Spool) following() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sequence++
	return s.sequence
}

// opened makes a segment the one that is written to.
func (s *Spool) opened(sequence uint64, f file) {
	seg := &segment{sequence: sequence, path: s.pathOf(sequence), size: headerBytes, drained: headerBytes, format: formatVersion}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.file = seg, f
	s.segments = append(s.segments, seg)
	s.bytes += headerBytes
}

func (s *Spool) pathOf(sequence uint64) string {
	return filepath.Join(s.opts.Dir, segmentName(sequence))
}

// seal ends the open segment, whose synced bytes the drainer will read to the end.
func (s *Spool) seal() {
	if s.open == nil {
		return
	}
	// Every byte that counts is synced; an error of close takes nothing away.
	_ = s.file.Close()
	s.mu.Lock()
	s.open.sealed = true
	s.mu.Unlock()
	s.open, s.file = nil, nil
}

// giveUp ends the open segment after a write that failed. No room is a state that
// passes: what was written beyond the last sync was never promised and is never
// read, and a new segment begins when there is room. Anything else is final.
func (s *Spool) giveUp(doing string, cause error) error {
	if !errors.Is(cause, syscall.ENOSPC) && !errors.Is(cause, syscall.EDQUOT) {
		return s.fail(doing, cause)
	}
	err := fault.Wrap(cause, fault.AuditUnavailable, "%s the audit spool %s", doing, s.opts.Dir).
		WithRemedy("free at least %d bytes on its disk", s.opts.MinFreeBytes)
	s.mu.Lock()
	s.blocked = err
	s.mu.Unlock()
	s.seal()
	return err
}

// fail makes the spool unavailable for good.
func (s *Spool) fail(doing string, cause error) error {
	err := fault.Wrap(cause, fault.AuditUnavailable, "%s the audit spool %s", doing, s.opts.Dir).
		WithRemedy("check the disk, then restart the server: a failed write or sync is not tried again, because its data may be lost")
	s.mu.Lock()
	s.failed = err
	s.mu.Unlock()
	s.seal()
	return err
}

// unblock lets records in again once the disk has room.
func (s *Spool) unblock() {
	s.mu.Lock()
	blocked := s.blocked != nil
	s.mu.Unlock()
	if !blocked {
		return
	}
	if free, err := s.opts.files.Free(); err != nil || free < s.opts.MinFreeBytes {
		return
	}
	s.mu.Lock()
	s.blocked = nil
	s.mu.Unlock()
	s.nudge()
}
