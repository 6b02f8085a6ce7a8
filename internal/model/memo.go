package model

import (
	"errors"
	"sync"
)

// errUnfinished makes those who waited for a panicking compute try it themselves.
var errUnfinished = errors.New("unfinished")

// Memo keeps, beside a matrix, what learners derive from it alone: binned
// columns, moments. Fits on the same rows share one, so that the second finds
// what the first has made. It is safe for concurrent use; what is asked for
// while it is being made is waited for, not made twice.
type Memo struct {
	mutex   sync.Mutex
	entries map[string]*memoEntry
}

type memoEntry struct {
	ready chan struct{}
	value any
	err   error
}

// Do returns what compute returned for this key the first time. An error is not
// kept. A nil Memo calls compute.
func (m *Memo) Do(key string, compute func() (any, error)) (any, error) {
	if m == nil {
		return compute()
	}
	for {
		m.mutex.Lock()
		e, found := m.entries[key]
		if !found {
			e = &memoEntry{ready: make(chan struct{})}
			if m.entries == nil {
				m.entries = map[string]*memoEntry{}
			}
			m.entries[key] = e
		}
		m.mutex.Unlock()
		if !found {
			m.fill(key, e, compute)
			return e.value, e.err
		}
		<-e.ready
		if e.err == nil {
			return e.value, nil
		}
	}
}

func (m *Memo) fill(key string, e *memoEntry, compute func() (any, error)) {
	done := false
	defer func() {
		if !done || e.err != nil { // a panic passes through, and nobody waits for it
			m.mutex.Lock()
			delete(m.entries, key)
			m.mutex.Unlock()
			if !done {
				e.err = errUnfinished
			}
		}
		close(e.ready)
	}()
	e.value, e.err = compute()
	done = true
}
