package audit

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Options say where a spool lies and how large it may grow.
type Options struct {
	// Dir is the directory of the segments; it is created. Required.
	Dir string
	// MaxBytes bounds the segments together; beyond it Append refuses. Default 1 GiB.
	MaxBytes int64
	// MinFreeBytes is the room on the disk at which a spool that met a full disk
	// takes records again. Default 1 MiB.
	MinFreeBytes int64
	// SegmentBytes is the size at which a segment is sealed and the next begun.
	// Default 16 MiB, at most a quarter of MaxBytes. The open one takes that much of the
	// disk from its beginning, and so does the next once it is half full.
	SegmentBytes int64

	files files // the tests' way to inject faults
}

func (o *Options) setDefaults() error {
	if o.Dir == "" {
		return fault.New(fault.ConfigInvalid, "the audit spool has no directory").WithRemedy("set ESTEIRA_SPOOL_DIR")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(16<<20, o.MaxBytes/4)
	}
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = 1 << 20
	}
	if o.MaxBytes < 0 || o.SegmentBytes <= 0 || o.MinFreeBytes < 0 || o.SegmentBytes > o.MaxBytes/4 {
		return fault.New(fault.ConfigInvalid, "an audit spool of at most %d bytes in segments of %d", o.MaxBytes, o.SegmentBytes).
			WithRemedy("give positive sizes, and segments of at most a quarter of the whole")
	}
	if o.files == nil {
		o.files = osFiles{o.Dir, o.SegmentBytes}
	}
	return nil
}

// Spool is the durable queue between an answer and its row in the table. It is
// safe for concurrent use.
type Spool struct {
	opts Options
	lock *os.File
	wake chan struct{} // tells the writer that pending is not empty
	done chan struct{} // closed when the writer has ended

	// synced tells the drainer that there is something new to read.
	synced chan struct{}

	mu       sync.Mutex
	pending  *batch // never nil; what the next sync will cover
	segments []*segment
	sequence uint64 // of the newest segment
	bytes    int64  // of all segments and of pending
	closing  bool
	failed   error  // once set, stays: nothing can be promised on this disk any more
	blocked  error  // no room on the disk; the writer looks again
	full     bool   // MaxBytes was met; cleared by draining
	counts   counts // for Health

	// Of bounded audit; see bounded.go.
	committing *batch // that the writer has in hand, or nil
	early      int64  // records of pending and committing whose answers have left
	ordinal    uint64 // of the last record whose answer left before its sync
	owed       gap    // lost and not declared
	ledger     *ledger

	drainMu sync.Mutex // one drain at a time

	// Of the writer goroutine alone.
	open    *segment
	file    file
	next    *upcoming // being prepared; see ahead.go
	spare   *batch
	retryAt *time.Ticker
}

// batch is what one sync makes durable.
type batch struct {
	buf     []byte
	records int64
	done    chan struct{}
	err     error // set before done is closed

	early   int64     // records whose answers did not wait
	ordinal uint64    // of the last of them
	since   time.Time // when the first of them was accepted
	owed    gap       // that this batch declares, in its first bytes
	gap     int64     // how many bytes
}

// Open takes possession of the directory, cuts the torn tails that a crash left
// and returns a spool that writes to a new segment. Its errors are ConfigInvalid
// (also when another process holds the directory) and AuditUnavailable.
func Open(opts Options) (*Spool, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.AuditUnavailable, "create the audit spool").
			WithRemedy("let the server write to %s, or set ESTEIRA_SPOOL_DIR to a directory it can write to", opts.Dir)
	}
	lock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		opts: opts, lock: lock,
		wake: make(chan struct{}, 1), done: make(chan struct{}), synced: make(chan struct{}, 1),
		pending: newBatch(), spare: newBatch(),
		retryAt: time.NewTicker(250 * time.Millisecond),
	}
	if err := s.recover(); err != nil {
		lock.Close()
		return nil, err
	}
	go s.write()
	s.mu.Lock()
	owed := s.owed.lost > 0
	s.mu.Unlock()
	if owed {
		s.nudge()
	}
	return s, nil
}

// nudge tells the writer that there is something to do.
func (s *Spool) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// Append makes the records durable: it returns nil after the sync that covers all
// of them, and not before. Any error means that they may not be on disk, and the
// answer must not leave; its kind is AuditUnavailable, unless ctx ended first.
func (s *Spool) Append(ctx context.Context, records []Record) error {
	return s.append(ctx, records, nil)
}

func (s *Spool) append(ctx context.Context, records []Record, bound *Bound) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if err := s.refuses(); err != nil {
		s.mu.Unlock()
		return err
	}
	b := s.pending
	before := len(b.buf)
	n := int64(len(records))
	early := n > 0 && s.admits(n, bound)
	for i := range records {
		start := len(b.buf)
		records[i].ordinal, records[i].Mode = 0, ""
		if early {
			records[i].ordinal, records[i].Mode = s.ordinal+uint64(i)+1, metadata.AuditBounded
		}
		b.buf = appendFrame(b.buf, &records[i])
		if n := len(b.buf) - start - frameBytes; n > maxPayload {
			b.buf = b.buf[:before]
			s.mu.Unlock()
			return fault.New(fault.AuditUnavailable, "an audit record of %d bytes is larger than the bound of %d", n, maxPayload).
				WithRemedy("send rows with shorter values")
		}
	}
	added := int64(len(b.buf) - before)
	if s.bytes+added > s.opts.MaxBytes {
		b.buf = b.buf[:before]
		s.full = true
		err := s.refuses()
		s.mu.Unlock()
		return err
	}
	s.bytes += added
	b.records += n
	if early {
		if b.early == 0 {
			b.since = time.Now()
		}
		s.ordinal += uint64(n)
		s.early += n
		b.early, b.ordinal = b.early+n, s.ordinal
	}
	s.mu.Unlock()
	s.nudge()
	if early {
		return nil
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuses says why nothing can be appended now, or nil. The caller holds mu.
func (s *Spool) refuses() error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.closing:
		return fault.New(fault.AuditUnavailable, "the audit spool is closed").WithRemedy("ask another server")
	case s.blocked != nil:
		return s.blocked
	case s.full:
		return fault.New(fault.AuditUnavailable, "the audit spool %s holds %d bytes, its bound is %d", s.opts.Dir, s.bytes, s.opts.MaxBytes).
			WithRemedy("bring Postgres back so that the spool drains, or raise ESTEIRA_SPOOL_MAX_BYTES")
	}
	return nil
}

// Close refuses further records, syncs those accepted, deletes what Postgres
// already holds and releases the directory.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closing = true
	s.mu.Unlock()
	s.nudge()
	<-s.done
	s.drainMu.Lock() // a drain under way finishes first
	defer s.drainMu.Unlock()
	s.removeDrained()
	s.mu.Lock()
	failed := s.failed
	if s.ledger != nil {
		if err := s.ledger.close(s.owed.lost); err != nil && failed == nil {
			failed = fault.Wrap(err, fault.AuditUnavailable, "close the ledger of the audit spool %s", s.opts.Dir)
		}
		s.ledger = nil
	}
	s.mu.Unlock()
	if err := s.lock.Close(); err != nil && failed == nil {
		return fault.Wrap(err, fault.AuditUnavailable, "release the audit spool %s", s.opts.Dir)
	}
	return failed
}
