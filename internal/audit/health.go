package audit

import "time"

// Health is what a spool says about itself.
type Health struct {
	Available  bool       `json:"available"`        // Append would accept a record now
	Reason     string     `json:"reason,omitempty"` // why not, and what to do
	Bytes      int64      `json:"bytes"`            // on disk
	MaxBytes   int64      `json:"max_bytes"`
	Segments   int        `json:"segments"`
	Backlog    int64      `json:"backlog"`   // records that are on disk and not yet known to be in the table
	Appended   int64      `json:"appended"`  // records made durable since Open
	Drained    int64      `json:"drained"`   // records committed to the table since Open, those it already held included
	Refused    int64      `json:"refused"`   // records whose write or sync failed
	Recovered  int64      `json:"recovered"` // records found at Open
	Torn       int64      `json:"torn"`      // segments that Open had to cut
	Poisoned   int64      `json:"poisoned"`  // records set aside under quarantine
	Unsynced   int64      `json:"unsynced"`  // records of bounded endpoints whose answers left and that are not on disk yet
	Lost       int64      `json:"lost"`      // such records that never reached the disk, found at Open or since
	DrainError string     `json:"drain_error,omitempty"`
	DrainedAt  *time.Time `json:"drained_at,omitempty"` // of the last drain that succeeded
}

type counts struct {
	appended, drained, refused, recovered, torn, poisoned, lost int64
	drainError                                                  string
	drainedAt                                                   *time.Time
}

// Err returns why nothing can be appended now, or nil. It costs a lock and no
// allocation when the spool is well.
func (s *Spool) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuses()
}

// Health describes the spool at this moment.
func (s *Spool) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	h := Health{
		Available: true, Bytes: s.bytes, MaxBytes: s.opts.MaxBytes, Segments: len(s.segments),
		Appended: c.appended, Drained: c.drained, Refused: c.refused, Recovered: c.recovered,
		Unsynced: s.early, Lost: c.lost, Torn: c.torn, Poisoned: c.poisoned, DrainError: c.drainError, DrainedAt: c.drainedAt,
	}
	for _, seg := range s.segments {
		h.Backlog += seg.records - seg.taken
	}
	if err := s.refuses(); err != nil {
		h.Available, h.Reason = false, err.Error()
	}
	return h
}
