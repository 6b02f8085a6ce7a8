package audit

import (
	"bytes"
	"container/list"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// AnswerKey names a request that may be sent again.
type AnswerKey struct{ Endpoint, Token, Key string }

// Stored is an answer as it left.
type Stored struct {
	RequestHash []byte
	Header      json.RawMessage
	Body        []byte
	At          time.Time // when its request arrived
}

// MaxStored bounds the bytes of one answer that can be repeated.
const MaxStored = 1 << 20

// lookupWithin bounds the question to the database, which a request waits for.
const lookupWithin = 500 * time.Millisecond

// Answers knows the first answer to each key: the newest in memory, the others by a
// lookup in the database. It is safe for concurrent use.
//
// What it promises: the same server repeats an answer for metadata.AnswersLive, also
// after a restart, once it has reached the database (what the table does not have yet
// is in the spool). Another server
// repeats it once the record is in the table, about a second later. A database that
// is away is no reason to refuse a request: those that memory does not know are
// worked on anew, and say so (unchecked).
type Answers struct {
	maxBytes int64
	lookup   func(context.Context, AnswerKey) (Stored, bool, error)

	mu      sync.Mutex
	kept    map[AnswerKey]*list.Element // of keptAnswer
	newest  list.List                   // first in front
	bytes   int64
	flights map[AnswerKey]*Claim
}

type keptAnswer struct {
	key AnswerKey
	Stored
}

// NewAnswers keeps at most maxBytes of answers in memory; lookup asks the database.
func NewAnswers(maxBytes int64, lookup func(context.Context, AnswerKey) (Stored, bool, error)) *Answers {
	return &Answers{maxBytes: maxBytes, lookup: lookup, kept: map[AnswerKey]*list.Element{}, flights: map[AnswerKey]*Claim{}}
}

// Claim is the right to answer a key first. Keep or Release it.
type Claim struct {
	answers *Answers
	key     AnswerKey
	hash    []byte
	done    chan struct{}
	ended   bool

	// Unchecked says that the database could not be asked whether another server, or
	// this one long ago, has answered.
	Unchecked bool
}

// Begin returns the answer to repeat, or the claim to make one; while another request
// holds the claim, it waits. A key that came with another request is
// IdempotencyConflict.
func (a *Answers) Begin(ctx context.Context, key AnswerKey, hash []byte) (*Claim, *Stored, error) {
	for {
		a.mu.Lock()
		if s := a.find(key); s != nil {
			a.mu.Unlock()
			return nil, s, s.matches(key, hash)
		}
		first := a.flights[key]
		if first == nil {
			c := &Claim{answers: a, key: key, hash: bytes.Clone(hash), done: make(chan struct{})}
			a.flights[key] = c
			a.mu.Unlock()
			return a.ask(ctx, c)
		}
		a.mu.Unlock()
		if !bytes.Equal(first.hash, hash) {
			return nil, nil, conflict(key)
		}
		select {
		case <-first.done: // its answer is kept, or it failed and the claim is free
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// ask looks in the database for what memory does not know.
func (a *Answers) ask(ctx context.Context, c *Claim) (*Claim, *Stored, error) {
	asking, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	s, found, err := a.lookup(asking, c.key)
	if err != nil || !found {
		c.Unchecked = err != nil
		return c, nil, nil
	}
	c.keep(s)
	return nil, &s, s.matches(c.key, c.hash)
}

func (s *Stored) matches(key AnswerKey, hash []byte) error {
	if bytes.Equal(s.RequestHash, hash) {
		return nil
	}
	return conflict(key)
}

func conflict(key AnswerKey) error {
	return fault.New(fault.IdempotencyConflict, "the idempotency key %q came with another request before", key.Key).
		WithRemedy("send a new key with a new request; the same key repeats the first answer for %s", metadata.AnswersLive)
}

// Keep makes the answer that of the key, and lets the requests that wait have it. Its
// record must be durable, or answered within the bound.
func (c *Claim) Keep(s Stored) {
	s.RequestHash = c.hash
	s.Header, s.Body = bytes.Clone(s.Header), bytes.Clone(s.Body)
	c.keep(s)
}

func (c *Claim) keep(s Stored) {
	c.answers.mu.Lock()
	c.answers.add(c.key, s)
	c.answers.mu.Unlock()
	c.Release()
}

// Release ends a claim without an answer; after Keep it does nothing.
func (c *Claim) Release() {
	a := c.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	if !c.ended {
		c.ended = true
		delete(a.flights, c.key)
		close(c.done)
	}
}

// Restore takes in the answers among the records of an earlier process.
func (a *Answers) Restore(records []Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range records {
		if r := &records[i]; len(r.Answer) > 0 && r.IdempotencyKey != "" {
			key := AnswerKey{r.Endpoint, r.Token, r.IdempotencyKey}
			if a.find(key) == nil {
				a.add(key, Stored{bytes.Clone(r.RequestHash), bytes.Clone(r.AnswerHeader), bytes.Clone(r.Answer), r.At})
			}
		}
	}
}

// find returns a live answer. The caller holds mu.
func (a *Answers) find(key AnswerKey) *Stored {
	e := a.kept[key]
	if e == nil {
		return nil
	}
	k := e.Value.(*keptAnswer)
	if time.Since(k.At) > metadata.AnswersLive {
		a.remove(e)
		return nil
	}
	s := k.Stored
	return &s
}

// overhead is what an answer takes beside its bytes, about.
const overhead = 512

func (k *keptAnswer) size() int64 {
	return int64(len(k.Body)+len(k.Header)+len(k.key.Key)+len(k.key.Endpoint)+len(k.key.Token)) + overhead
}

// add keeps an answer, and forgets the oldest where there is no room; the database
// still has those. The caller holds mu.
func (a *Answers) add(key AnswerKey, s Stored) {
	if e := a.kept[key]; e != nil {
		a.remove(e)
	}
	k := &keptAnswer{key, s}
	a.kept[key] = a.newest.PushFront(k)
	a.bytes += k.size()
	for a.bytes > a.maxBytes && a.newest.Len() > 1 {
		a.remove(a.newest.Back())
	}
}

func (a *Answers) remove(e *list.Element) {
	k := a.newest.Remove(e).(*keptAnswer)
	delete(a.kept, k.key)
	a.bytes -= k.size()
}
