package table

import (
	"errors"
	"io"
	"os"
)

// Bounds of what Words hold in memory: all rows of a table that has no more than
// maxHeldWords, else the heldWords that are looked at.
var (
	maxHeldWords int64 = 1 << 20
	heldWords    int64 = 1 << 15
)

// Words are 64 bits of every row of a table, such as a hash that columns are folded
// into scan by scan. They begin as 0. Those of many rows are in a scratch file, and
// memory holds what is being looked at: scans go from the first row to the last.
type Words struct {
	Rows int64

	file    *os.File // nil: window is all of them
	window  []uint64
	from    int64 // the row of the window's first
	changed bool
}

// NewWords makes the words of so many rows. Faults: ResourceExhausted (the scratch
// directory).
func (e *Engine) NewWords(rows int64) (*Words, error) {
	w := &Words{Rows: rows}
	if rows <= maxHeldWords {
		w.window = make([]uint64, rows)
		return w, nil
	}
	var err error
	if w.file, err = e.scratch(); err != nil {
		return nil, err
	}
	if err = w.file.Truncate(rows * 8); err != nil {
		w.Close()
		return nil, scratchFault(err)
	}
	w.from = -rows // no row is in the window yet
	return w, nil
}

// Close removes what is on disk. The words are of no more use.
func (w *Words) Close() {
	if w.file != nil {
		_ = w.file.Close()
	}
	w.window = nil
}

// Look returns the words of n rows, to be read. They are valid until the next call.
func (w *Words) Look(from int64, n int) ([]uint64, error) {
	if at := from - w.from; at >= 0 && at+int64(n) <= int64(len(w.window)) {
		return w.window[at : at+int64(n)], nil
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	w.window = grown(w.window, int(min(max(int64(n), heldWords), w.Rows-from)))
	w.from = from
	if _, err := w.file.ReadAt(bytesOf(w.window), from*8); err != nil && !errors.Is(err, io.EOF) {
		return nil, scratchFault(err)
	}
	return w.window[:n], nil
}

// Change is Look of words to be written to.
func (w *Words) Change(from int64, n int) ([]uint64, error) {
	words, err := w.Look(from, n)
	w.changed = true
	return words, err
}

// flush writes the window back.
func (w *Words) flush() error {
	if !w.changed || w.file == nil {
		return nil
	}
	w.changed = false
	_, err := w.file.WriteAt(bytesOf(w.window), w.from*8)
	return scratchFault(err)
}

// grown is a slice of length n in the memory of s, if there is enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
