package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Bound is what an endpoint accepts to lose with the process or the machine.
type Bound struct {
	// Records bounds the answers of this server that have left and are not on disk.
	Records int64
	// Delay is how long the oldest of them may have waited: beyond it, no further
	// answer leaves before its sync. A disk that hangs costs one Delay of answers.
	Delay time.Duration
}

// AppendBounded accepts the records and returns at once, as long as no more than
// the bound is then answered and not on disk; else it is Append. Its errors are
// Append's: where a sync has failed or there is no room, nothing is accepted.
//
// What is lost nevertheless is counted, and declared by a record of its own (a
// gap) in the first sync that succeeds, after a restart if need be.
func (s *Spool) AppendBounded(ctx context.Context, records []Record, bound Bound) error {
	return s.append(ctx, records, &bound)
}

// admits decides whether n more records may be answered before their sync, and
// writes that into the ledger first. The caller holds mu.
func (s *Spool) admits(n int64, bound *Bound) bool {
	if bound == nil || s.early+n > bound.Records {
		return false
	}
	now := time.Now()
	if since := s.earlySince(); !since.IsZero() && now.Sub(since) > bound.Delay {
		return false
	}
	if s.ledger == nil {
		l, err := openLedger(s.opts.Dir)
		if err != nil {
			return false // every answer waits for its sync, which says what is wrong with the disk
		}
		s.ledger = l
	}
	return s.ledger.release(s.ordinal+uint64(n), uint64(bound.Records), now) == nil
}

// earlySince is when the oldest answer left that is not on disk; zero: there is none.
func (s *Spool) earlySince() time.Time {
	if s.committing != nil && s.committing.early > 0 {
		return s.committing.since
	}
	return s.pending.since
}

// gap is a loss that is not declared yet.
type gap struct {
	lost     int64
	inexact  bool // at most lost
	through  uint64
	from, to time.Time // the answers left after from, up to to
	why      string
}

// add joins two losses that one record will declare.
func (g *gap) add(h gap) {
	if g.lost == 0 {
		*g = h
		return
	}
	g.lost += h.lost
	g.inexact = g.inexact || h.inexact
	g.through, g.to = max(g.through, h.through), h.to
	g.why += "; " + h.why
}

// record declares the loss.
func (g *gap) record() Record {
	most := ""
	if g.inexact {
		most = "at most "
	}
	outputs, _ := json.Marshal(struct { // numbers, a flag and two times
		Lost  int64     `json:"lost"`
		Exact bool      `json:"exact"`
		From  time.Time `json:"from"`
		To    time.Time `json:"to"`
	}{g.lost, !g.inexact, g.from.UTC(), g.to.UTC()})
	return Record{
		ID: uuid.Must(uuid.NewV7()), At: time.Now().UTC(), Outputs: outputs, ordinal: g.through,
		Error: fmt.Sprintf("AuditGap: %s%d answers of endpoints under bounded audit, sent between %s and %s, are not in the log: %s",
			most, g.lost, g.from.UTC().Format(time.RFC3339Nano), g.to.UTC().Format(time.RFC3339Nano), g.why),
	}
}

// declare puts the record of a loss in front of a batch. The caller holds mu.
func (s *Spool) declare(b *batch) {
	if s.owed.lost == 0 {
		return
	}
	r := s.owed.record()
	framed := appendFrame(nil, &r)
	b.gap, b.owed = int64(len(framed)), s.owed
	b.buf = append(framed, b.buf...)
	b.records++
	s.bytes += b.gap
	s.owed = gap{}
}

// settled notes that a batch is on disk. The caller holds mu.
func (s *Spool) settled(b *batch) {
	s.early -= b.early
	if s.ledger != nil && (b.early > 0 || b.owed.lost > 0) {
		s.ledger.settle(max(b.ordinal, b.owed.through))
	}
}

// forfeited notes that a batch never reached the disk: those of its records that
// were answered are a loss. The caller holds mu.
func (s *Spool) forfeited(b *batch, why error) {
	s.owed.add(b.owed)
	if b.early == 0 {
		return
	}
	s.early -= b.early
	s.counts.lost += b.early
	loss := gap{lost: b.early, through: b.ordinal, from: b.since, to: time.Now(), why: why.Error()}
	if s.owed.lost > 0 {
		s.owed.add(loss)
	} else {
		s.owed = loss
	}
}

// recoverLedger finds what an earlier process answered and never synced. found is
// the greatest ordinal among the records on disk.
func (s *Spool) recoverLedger(found uint64) error {
	l, err := findLedger(s.opts.Dir)
	if err != nil || l == nil {
		s.ordinal = found
		return err
	}
	s.ledger = l
	s.owed = l.loss(found)
	s.counts.lost = s.owed.lost
	s.ordinal = max(found, l.released())
	if s.owed.lost == 0 {
		return l.begin(s.ordinal)
	}
	s.owed.through = s.ordinal
	return nil
}
