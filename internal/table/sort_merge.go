package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// merge opens runs, whose keys next returns in order.
func merge(file *os.File, runs []run) (*merging, error) {
	m := new(merging)
	for _, r := range runs {
		reader := &runReader{file: file, at: r.from, end: r.end}
		more, err := reader.next()
		if err != nil {
			return nil, err
		}
		if more {
			m.open = append(m.open, reader)
		}
	}
	for i := len(m.open)/2 - 1; i >= 0; i-- {
		m.open.down(i)
	}
	return m, nil
}

// merging is runs that are read side by side.
type merging struct {
	open  runHeap
	given bool // the first run's key was returned
}

// next returns the key that follows, valid until it is called again, or nil.
func (m *merging) next() ([]byte, error) {
	if m.given {
		more, err := m.open[0].next()
		if err != nil {
			return nil, err
		}
		if !more {
			last := len(m.open) - 1
			m.open[0] = m.open[last]
			m.open = m.open[:last]
		}
		m.open.down(0)
	}
	if m.given = len(m.open) > 0; !m.given {
		return nil, nil
	}
	return m.open[0].key, nil
}

// runHeap has the run with the least key first.
type runHeap []*runReader

// down restores the order below i, whose key may have become greater.
func (h runHeap) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if bytes.Compare(h[child].key, h[least].key) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// runReader reads a run of a scratch file.
type runReader struct {
	file    *os.File
	at, end int64  // what is still to be read
	buffer  []byte // what is read
	from    int    // of it, what is still to be given
	key     []byte
}

// next reads the key that follows, if there is one.
func (r *runReader) next() (more bool, err error) {
	if err := r.fill(binary.MaxVarintLen64); err != nil || r.from == len(r.buffer) {
		return false, err
	}
	length, n := binary.Uvarint(r.buffer[r.from:])
	r.from += n
	if err := r.fill(int(length)); err != nil {
		return false, err
	}
	r.key = r.buffer[r.from:][:length]
	r.from += int(length)
	return true, nil
}

// fill has the buffer hold n bytes more to be given, or all that the run has.
func (r *runReader) fill(n int) error {
	if len(r.buffer)-r.from >= n || r.at == r.end {
		return nil
	}
	if size := max(mergeBuffer, n); size > cap(r.buffer) {
		r.buffer = append(make([]byte, 0, size), r.buffer[r.from:]...)
	} else {
		r.buffer = r.buffer[:copy(r.buffer, r.buffer[r.from:])]
	}
	r.from = 0
	have := len(r.buffer)
	r.buffer = r.buffer[:min(cap(r.buffer), have+int(r.end-r.at))]
	read, err := r.file.ReadAt(r.buffer[have:], r.at)
	if r.at += int64(read); errors.Is(err, io.EOF) && r.at == r.end {
		err = nil
	}
	return scratchFault(err)
}
