package activities

import (
	"container/list"
	"context"
	"sync"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// preparedCache keeps rows ready to be learnt from, because the trials of a search
// all learn from the same ones: features are fitted, and bins and moments computed,
// once a machine instead of once a fit. It keeps what was used last, within a bound
// of bytes; what is asked for while it is being made is waited for.
type preparedCache struct {
	mu      sync.Mutex
	limit   int64
	used    int64
	entries map[string]*list.Element
	recent  list.List // of *preparedEntry, the last used first
}

type preparedEntry struct {
	key   string
	ready chan struct{}
	rows  *tuning.Prepared
	err   error
	bytes int64
}

// get returns what prepare made for this key. An error is not kept, and nobody
// waits longer than its own context.
func (c *preparedCache) get(ctx context.Context, key string, prepare func() (*tuning.Prepared, error)) (*tuning.Prepared, error) {
	for {
		c.mu.Lock()
		if c.entries == nil {
			c.entries = map[string]*list.Element{}
		}
		at, found := c.entries[key]
		if !found {
			e := &preparedEntry{key: key, ready: make(chan struct{})}
			c.entries[key] = c.recent.PushFront(e)
			c.mu.Unlock()
			c.fill(e, prepare)
			return e.rows, e.err
		}
		c.recent.MoveToFront(at)
		e := at.Value.(*preparedEntry)
		c.mu.Unlock()
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if e.err == nil {
			return e.rows, nil
		}
	}
}

func (c *preparedCache) fill(e *preparedEntry, prepare func() (*tuning.Prepared, error)) {
	e.err = fault.New(fault.Internal, "the rows could not be prepared") // should prepare panic
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.err != nil {
			c.remove(e.key)
		} else {
			e.bytes = e.rows.Bytes()
			c.used += e.bytes
			c.shrink(e)
		}
		close(e.ready)
	}()
	e.rows, e.err = prepare()
}

// shrink forgets what was not used for longest until the rest fits; the newest
// stays, whatever its size, and what is being made is not counted yet.
func (c *preparedCache) shrink(newest *preparedEntry) {
	for at := c.recent.Back(); at != nil && c.used > c.limit; {
		e, before := at.Value.(*preparedEntry), at.Prev()
		if e != newest && e.bytes > 0 {
			c.remove(e.key)
		}
		at = before
	}
}

func (c *preparedCache) remove(key string) {
	if at, ok := c.entries[key]; ok {
		c.used -= at.Value.(*preparedEntry).bytes
		c.recent.Remove(at)
		delete(c.entries, key)
	}
}
