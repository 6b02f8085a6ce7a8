package audit

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
)

// Sink is where records end up.
type Sink interface {
	// Insert has stored all records, durably, when it returns nil; those it already
	// holds are left alone. After an error some may be stored. One that is ErrRejected
	// says that the content of at least one record is the cause; any other is worth
	// trying again. It may put the records into another order.
	Insert(ctx context.Context, records []Record) error
}

// ErrRejected marks records that a sink can never take.
var ErrRejected = errors.New("the records were rejected")

// DrainerOptions configure a Drainer.
type DrainerOptions struct {
	// BatchRecords bounds the records that the sink is given at once. Default 20,000.
	BatchRecords int
	// Interval is how long records gather before a transaction, so that a busy
	// server does not commit for each. Default 100 ms.
	Interval time.Duration
	// Log receives outages and poison. Default: nothing.
	Log zerolog.Logger
	// MaxBackoff bounds the pause after a failure, which begins at 100 ms and
	// doubles. Default 5 s.
	MaxBackoff time.Duration
	// Sink takes the records. Required.
	Sink Sink
	// Spool is drained. Required.
	Spool *Spool
}

// Drainer moves records from a spool to a sink.
type Drainer struct {
	opts DrainerOptions
	into room // guarded by Spool.drainMu
}

// NewDrainer returns a Drainer; Run it.
func NewDrainer(opts DrainerOptions) *Drainer {
	if opts.BatchRecords == 0 {
		opts.BatchRecords = 20_000
	}
	if opts.Interval == 0 {
		opts.Interval = 100 * time.Millisecond
	}
	if opts.MaxBackoff == 0 {
		opts.MaxBackoff = 5 * time.Second
	}
	return &Drainer{opts: opts}
}

// Run drains until ctx ends. While the sink is away the backlog grows and Run
// tries again, ever more slowly.
func (d *Drainer) Run(ctx context.Context) {
	const first = 100 * time.Millisecond
	backoff := first
	failing := false
	for ctx.Err() == nil {
		err := d.DrainAll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			// An outage is one line at its beginning and one at its end.
			if !failing {
				d.opts.Log.Warn().Err(err).Int64("backlog", d.opts.Spool.Health().Backlog).Msg("audit records cannot be drained; they stay in the spool")
			}
			failing = true
			pause(ctx, backoff)
			backoff = min(2*backoff, d.opts.MaxBackoff)
		default:
			if failing {
				d.opts.Log.Info().Msg("audit records drain again")
			}
			failing, backoff = false, first
			select {
			case <-ctx.Done():
				return
			case <-d.opts.Spool.synced:
				pause(ctx, d.opts.Interval)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// DrainAll moves every record that is synced now, in batches, and returns the
// first error.
func (d *Drainer) DrainAll(ctx context.Context) error {
	for {
		more, err := d.drainOnce(ctx)
		if err != nil {
			d.opts.Spool.mu.Lock()
			d.opts.Spool.counts.drainError = err.Error()
			d.opts.Spool.mu.Unlock()
			return err
		}
		if !more {
			return nil
		}
	}
}

func (d *Drainer) drainOnce(ctx context.Context) (more bool, err error) {
	s := d.opts.Spool
	s.drainMu.Lock()
	defer s.drainMu.Unlock()
	before, _, _ := s.oldest()
	c, err := s.read(&d.into, d.opts.BatchRecords)
	if err != nil {
		return false, err
	}
	if c == nil {
		return before != nil, nil // nothing, or damage that was set aside
	}
	if err := d.insert(ctx, c, c.records); err != nil {
		return false, err
	}
	s.drainedTo(c)
	return true, nil
}

// insert halves a batch that the sink rejects until the poison stands alone.
func (d *Drainer) insert(ctx context.Context, c *chunk, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	err := d.opts.Sink.Insert(ctx, records)
	if !errors.Is(err, ErrRejected) {
		return err
	}
	if len(records) == 1 {
		d.opts.Log.Error().Err(err).Stringer("prediction", records[0].ID).Msg("audit record set aside under quarantine")
		return d.opts.Spool.quarantine(poison{
			At: time.Now().UTC(), Reason: err.Error(), Segment: filepath.Base(c.segment.path), Record: &records[0],
		})
	}
	half := len(records) / 2
	if err := d.insert(ctx, c, records[:half]); err != nil {
		return err
	}
	return d.insert(ctx, c, records[half:])
}
