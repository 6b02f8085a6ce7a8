package audit

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// chunk is a stretch of one segment on its way to the table.
type chunk struct {
	segment *segment
	end     int64 // offset after the last frame of the chunk
	frames  int64
	records []Record // alias the room it was read into: valid until the next read
}

// room is what one reader reads into, again and again: the records of a busy server
// are read ten times a second, and are a few megabytes each time.
type room struct {
	buf     []byte
	records []Record
}

// read returns the next records that are synced and not drained, at most limit,
// or nil if there are none. Payloads that cannot be decoded are set aside.
// The caller holds drainMu.
func (s *Spool) read(into *room, limit int) (*chunk, error) {
	s.removeDrained()
	seg, from, to := s.oldest()
	if seg == nil {
		return nil, nil
	}
	c, err := s.readAt(seg, into, from, to, limit, func(payload []byte, cause error) error {
		return s.quarantine(poison{At: time.Now().UTC(), Reason: cause.Error(), Segment: filepath.Base(seg.path), Raw: payload})
	})
	if c == nil && err == nil {
		err = s.setRestAside(seg, from, to)
	}
	return c, err
}

// readAt reads at most limit records between two offsets of a segment, or nil where
// there is no whole frame; bad is told of payloads that cannot be decoded.
func (s *Spool) readAt(seg *segment, into *room, from, to int64, limit int, bad func([]byte, error) error) (*chunk, error) {
	f, err := os.Open(seg.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if cap(into.buf) < readBytes {
		into.buf = make([]byte, readBytes)
	}
	buf := into.buf[:cap(into.buf)]
	clear(into.records) // of what the last ones hold beside the buffer
	c := &chunk{segment: seg, end: from, records: into.records[:0]}
	defer func() { into.buf, into.records = buf, c.records }()
	for {
		b := buf[:min(int64(len(buf)), to-from)]
		if _, err := f.ReadAt(b, from); err != nil && err != io.EOF {
			return nil, err
		}
		need, err := c.take(b, limit, bad)
		switch {
		case err != nil:
			return nil, err
		case c.frames > 0:
			return c, nil
		case need <= len(b) || from+int64(need) > to:
			return nil, nil
		}
		buf = make([]byte, need)
	}
}

const readBytes = 16 << 20

// take decodes the frames at the start of b and returns the bytes that the frame
// after them needs, if it is the end of b that stopped it, else 0.
func (c *chunk) take(b []byte, limit int, bad func([]byte, error) error) (need int, err error) {
	before := new(Record)
	for at := 0; len(c.records) < limit; {
		payload, taken, err := nextFrame(b[at:])
		if errors.Is(err, errTorn) {
			return taken, nil
		}
		if err != nil {
			return 0, nil
		}
		r, err := decodeRecord(payload, c.segment.format, before)
		if err != nil {
			if err := bad(payload, err); err != nil {
				return 0, err
			}
		} else {
			c.records = append(c.records, r)
			before = &c.records[len(c.records)-1]
		}
		at += taken
		c.end += int64(taken)
		c.frames++
	}
	return 0, nil
}

// setRestAside gives up a segment whose bytes changed after they were synced: the
// disk is failing, and lengths beyond the damage mean nothing.
func (s *Spool) setRestAside(seg *segment, from, to int64) error {
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.quarantineFile(filepath.Base(seg.path)+".damaged", io.NewSectionReader(f, from, to-from)); err != nil {
		return err
	}
	s.mu.Lock()
	s.counts.poisoned += seg.records - seg.taken
	seg.drained, seg.taken = to, seg.records
	s.mu.Unlock()
	return nil
}

// oldest returns the first segment with something to drain, and its range.
func (s *Spool) oldest() (seg *segment, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.segments {
		if seg.drained < seg.size {
			return seg, seg.drained, seg.size
		}
	}
	return nil, 0, 0
}

// drainedTo records that the table holds the chunk.
func (s *Spool) drainedTo(c *chunk) {
	now := time.Now().UTC()
	s.mu.Lock()
	c.segment.drained = c.end
	c.segment.taken += c.frames
	s.counts.drained += int64(len(c.records))
	s.counts.drainError, s.counts.drainedAt = "", &now
	s.mu.Unlock()
	s.removeDrained()
}

// removeDrained deletes the sealed segments that the table holds whole. If the
// process dies first, they are drained again, which changes nothing. No answer waits
// for the disk to free a file. The caller holds drainMu.
func (s *Spool) removeDrained() {
	var removed []*segment
	for _, seg := range s.drainedWhole() {
		if err := os.Remove(seg.path); err == nil || errors.Is(err, os.ErrNotExist) {
			removed = append(removed, seg)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range removed {
		s.bytes -= seg.size
	}
	s.segments = slices.DeleteFunc(s.segments, func(seg *segment) bool { return slices.Contains(removed, seg) })
	if s.full && s.bytes+s.opts.SegmentBytes <= s.opts.MaxBytes {
		s.full = false
	}
}

// drainedWhole returns the sealed segments that the table holds whole.
func (s *Spool) drainedWhole() (whole []*segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.segments {
		if seg.sealed && seg.drained >= seg.size {
			whole = append(whole, seg)
		}
	}
	return whole
}
