package table

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"os"
	"slices"
)

// maxSorted bounds the keys that are sorted at once, in bytes: sorting so many takes a
// tenth of a second, in which nobody can stop it.
var maxSorted int64 = 32 << 20

const (
	// mergeBuffer is what is read of a run at a time.
	mergeBuffer = 64 << 10
	// maxLast bounds the key that is kept of a run, in bytes.
	maxLast = 64 << 10
)

// sorter puts keys, any bytes, in order. It holds no more of them than a bound, or one;
// the others are runs, each in order, in a scratch file.
type sorter struct {
	engine *Engine
	most   int // bytes held

	keys  []byte
	spans []span

	file *os.File // nil: all keys are held
	size int64
	runs []run
}

// span is where a key lies, and its first bytes behind those that all keys share.
type span struct {
	first uint64
	at, n uint32
}

const spanBytes = 16

// run is a range of the scratch file: keys in order, each after its length.
type run struct {
	from, end int64
	last      []byte // its greatest key; nil: too long to be kept
}

// newSorter makes a sorter that holds a share of the engine's memory limit.
func (e *Engine) newSorter() *sorter {
	return &sorter{engine: e, keys: []byte{}, most: int(min(maxSorted, e.options.MemoryLimit/sortedShare))}
}

// close gives the space back.
func (s *sorter) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file, s.keys, s.spans = nil, nil, nil
}

// add takes a copy of a key. Faults: ResourceExhausted, as of each.
func (s *sorter) add(key string) error {
	if held := len(s.keys) + spanBytes*len(s.spans); held > 0 && held+len(key)+spanBytes > s.most {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.spans = append(s.spans, span{at: uint32(len(s.keys)), n: uint32(len(key))})
	s.keys = append(s.keys, key...)
	return nil
}

func (s *sorter) key(p span) []byte { return s.keys[p.at:][:p.n:p.n] }

// sort puts the keys that are held in order.
func (s *sorter) sort() {
	if len(s.spans) == 0 {
		return
	}
	shared := s.key(s.spans[0])
	for _, p := range s.spans {
		key := s.key(p)
		shared = shared[:min(len(shared), len(key))]
		for !bytes.HasPrefix(key, shared) {
			n := 0
			for key[n] == shared[n] {
				n++
			}
			shared = shared[:n]
		}
	}
	for i := range s.spans {
		var first [8]byte
		copy(first[:], s.key(s.spans[i])[len(shared):])
		s.spans[i].first = binary.BigEndian.Uint64(first[:])
	}
	slices.SortFunc(s.spans, func(a, b span) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return bytes.Compare(s.key(a), s.key(b))
	})
}

// spill makes a run of the keys that are held, or lengthens the last one by them where
// they follow it.
func (s *sorter) spill() (err error) {
	if s.file == nil {
		if s.file, err = s.engine.scratch(); err != nil {
			return err
		}
	}
	s.sort()
	w := newRunWriter(s.file, s.size)
	for _, p := range s.spans {
		if err := w.add(s.key(p)); err != nil {
			return err
		}
	}
	written, err := w.close()
	if err != nil {
		return err
	}
	s.size = written.end
	if last := s.spans[len(s.spans)-1]; last.n <= maxLast {
		written.last = slices.Clone(s.key(last))
	}
	before := len(s.runs) - 1
	if before >= 0 && s.runs[before].last != nil && bytes.Compare(s.runs[before].last, s.key(s.spans[0])) <= 0 {
		written.from = s.runs[before].from
		s.runs = s.runs[:before]
	}
	s.runs = append(s.runs, written)
	s.keys, s.spans = s.keys[:0], s.spans[:0]
	return nil
}

// sorted returns what gives the keys in order, each valid until the next is asked for,
// and nil after the last. It is called once, after the last key was added.
func (s *sorter) sorted(ctx context.Context) (next func() ([]byte, error), err error) {
	if s.file == nil {
		s.sort()
		i := 0
		return func() ([]byte, error) {
			if i == len(s.spans) {
				return nil, nil
			}
			i++
			return s.key(s.spans[i-1]), nil
		}, nil
	}
	if err := s.spill(); err != nil {
		return nil, err
	}
	s.keys, s.spans = nil, nil
	// So many runs are merged at once as their buffers fit what may be held.
	fan := max(2, s.most/mergeBuffer)
	for len(s.runs) > fan {
		if err := s.level(ctx, fan); err != nil {
			return nil, err
		}
	}
	m, err := merge(s.file, s.runs)
	if err != nil {
		return nil, err
	}
	return m.next, nil
}

// level merges every so many runs to one, in a scratch file of its own.
func (s *sorter) level(ctx context.Context, fan int) error {
	file, err := s.engine.scratch()
	if err != nil {
		return err
	}
	var runs []run
	end := int64(0)
	for some := range slices.Chunk(s.runs, fan) {
		longer, err := s.lengthen(ctx, some, file, end)
		if err != nil {
			_ = file.Close()
			return err
		}
		runs, end = append(runs, longer), longer.end
	}
	_ = s.file.Close()
	s.file, s.runs, s.size = file, runs, end
	return nil
}

// lengthen merges runs to one at a place in another file.
func (s *sorter) lengthen(ctx context.Context, runs []run, file *os.File, from int64) (run, error) {
	m, err := merge(s.file, runs)
	if err != nil {
		return run{}, err
	}
	w := newRunWriter(file, from)
	for n := 0; ; n++ {
		if n%BatchRows == 0 && ctx.Err() != nil {
			return run{}, ctx.Err()
		}
		key, err := m.next()
		if err != nil {
			return run{}, err
		}
		if key == nil {
			return w.close()
		}
		if err := w.add(key); err != nil {
			return run{}, err
		}
	}
}

// runWriter appends a run to a scratch file.
type runWriter struct {
	to  *bufio.Writer
	run run
}

func newRunWriter(file *os.File, from int64) *runWriter {
	return &runWriter{to: bufio.NewWriterSize(io.NewOffsetWriter(file, from), 4*mergeBuffer), run: run{from: from, end: from}}
}

func (w *runWriter) add(key []byte) error {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(key)))
	_, err := w.to.Write(length[:n])
	if err == nil {
		_, err = w.to.Write(key)
	}
	w.run.end += int64(n + len(key))
	return scratchFault(err)
}

func (w *runWriter) close() (run, error) { return w.run, scratchFault(w.to.Flush()) }
