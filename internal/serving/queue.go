package serving

import (
	"context"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// queue shares a capacity among clients fairly: who waits is served in turn by
// client, one request each, and within a client in order of arrival. So one with a
// thousand requests delays another's first by one of its own, not by a thousand.
type queue struct {
	mu       sync.Mutex
	capacity int64
	used     int64
	each     int64 // bound of what one client holds
	bound    int   // of the requests that wait for one client
	clients  map[string]*client
	turn     []*client // those with requests that wait, the next one first
	waiting  int
}

// client is one that holds or waits for something.
type client struct {
	name  string
	held  int64
	queue []*waiter
}

// waiter is one request that waits.
type waiter struct {
	size  int64
	ready chan struct{} // closed when it has what it asked for
}

func newQueue(capacity, each int64, bound int) *queue {
	return &queue{capacity: capacity, each: each, bound: bound, clients: map[string]*client{}}
}

// acquire waits for size of the capacity, no longer than patience, and returns how to
// give it back: once. The error is that of ctx, context.DeadlineExceeded, or errFull if
// too many requests of the client wait.
func (q *queue) acquire(ctx context.Context, patience time.Duration, name string, size int64) (func(int64), error) {
	q.mu.Lock()
	c := q.clients[name]
	if c == nil {
		c = &client{name: name}
		q.clients[name] = c
	}
	if q.waiting == 0 && q.fits(c, size) {
		q.take(c, size)
		q.mu.Unlock()
		return func(n int64) { q.release(c, n) }, nil
	}
	if len(c.queue) >= q.bound {
		q.forget(c)
		q.mu.Unlock()
		return nil, errFull
	}
	w := &waiter{size: size, ready: make(chan struct{})}
	if len(c.queue) == 0 {
		q.turn = append(q.turn, c)
	}
	c.queue = append(c.queue, w)
	q.waiting++
	q.serve() // others may wait for what this one does not need
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience) // here: most need not wait
	defer cancel()
	select {
	case <-w.ready:
		return func(n int64) { q.release(c, n) }, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-w.ready: // at the same moment
		q.drop(c, size)
	default:
		q.leave(c, w)
	}
	q.serve()
	return nil, ctx.Err()
}

func (q *queue) fits(c *client, size int64) bool {
	return q.used+size <= q.capacity && (c.held == 0 || c.held+size <= q.each)
}

func (q *queue) take(c *client, size int64) {
	q.used += size
	c.held += size
}

// drop takes size from what the client holds.
func (q *queue) drop(c *client, size int64) {
	q.used -= size
	c.held -= size
	q.forget(c)
}

func (q *queue) release(c *client, size int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(c, size)
	q.serve()
}

// serve gives what is free to those who wait, in turn. A client that holds all it
// may is passed over; one whose request is too large for what is free is waited for,
// so that large requests are not overtaken for ever.
func (q *queue) serve() {
	for passed := 0; passed < len(q.turn); {
		c := q.turn[0]
		w := c.queue[0]
		switch {
		case q.fits(c, w.size):
			passed = 0
			q.take(c, w.size)
			c.queue = c.queue[1:]
			q.waiting--
			close(w.ready)
		case q.used+w.size > q.capacity:
			return
		default:
			passed++
		}
		q.turn = q.turn[1:]
		if len(c.queue) > 0 {
			q.turn = append(q.turn, c)
		}
	}
}

// leave removes a request that waits no longer.
func (q *queue) leave(c *client, w *waiter) {
	for i, other := range c.queue {
		if other == w {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			q.waiting--
			break
		}
	}
	if len(c.queue) == 0 {
		for i, other := range q.turn {
			if other == c {
				q.turn = append(q.turn[:i:i], q.turn[i+1:]...)
				break
			}
		}
	}
	q.forget(c)
}

// forget drops a client that holds and waits for nothing.
func (q *queue) forget(c *client) {
	if c.held == 0 && len(c.queue) == 0 {
		delete(q.clients, c.name)
	}
}

// Waiting is how many requests wait.
func (q *queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// hold takes size bytes of what bodies may hold in memory, and returns how to give
// them back.
func (s *Server) hold(ctx context.Context, x *exchange, size int64) (give func(bytes int64), err error) {
	if give, err = s.bytes.acquire(ctx, s.opts.Limits.QueueTimeout, x.client, size); err != nil {
		return nil, refused(ctx, err, "%d bytes of requests are in memory", s.opts.Limits.TotalBytes)
	}
	return give, nil
}

// turn waits until the request may be computed.
func (s *Server) turn(ctx context.Context, x *exchange) (release func(), err error) {
	began := time.Now()
	give, err := s.turns.acquire(ctx, s.opts.Limits.QueueTimeout, x.client, 1)
	x.seen.Queue = time.Since(began)
	if err != nil {
		return func() {}, refused(ctx, err, "%d requests are being answered", s.opts.Limits.Concurrent)
	}
	return func() { give(1) }, nil
}

// refused is why a request did not get its turn.
func refused(ctx context.Context, err error, message string, args ...any) error {
	if err == errFull {
		return fault.Wrap(errOverloaded, fault.ResourceExhausted, "too many requests of this client wait already").WithRemedy("send fewer at once")
	}
	return overloaded(ctx, message, args...)
}
