package profile

import (
	"context"

	"github.com/esteira-ml/esteira/internal/table"
)

// run is words in ascending order in a scratch file, each with its count behind it
// or, without counts, as often as it was seen.
type run struct {
	file    *table.Scratch
	at      int64 // its first word
	entries int64
	counts  bool
}

func (r run) width() int64 {
	if r.counts {
		return 2
	}
	return 1
}

// runWriter writes one run at the end of a file.
type runWriter struct {
	run    run
	buffer []uint64
}

func newRunWriter(file *table.Scratch, counts bool) *runWriter {
	return &runWriter{run: run{file: file, at: file.Len(), counts: counts}, buffer: make([]uint64, 0, 1<<13)}
}

func (w *runWriter) add(t tallied) error {
	if w.buffer = append(w.buffer, t.word); w.run.counts {
		w.buffer = append(w.buffer, uint64(t.count))
	}
	w.run.entries++
	if len(w.buffer) < cap(w.buffer) {
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
	err := w.run.file.Append(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

func (w *runWriter) end() (run, error) { return w.run, w.flush() }

// runReader gives the entries of what is left of a run.
type runReader struct {
	run
	backwards bool

	buffer []uint64
	some   []uint64 // of buffer: words to be given
}

func (r *runReader) next() (t tallied, ok bool, err error) {
	width := r.width()
	if len(r.some) == 0 {
		if r.entries == 0 {
			return t, false, nil
		}
		if r.buffer == nil {
			r.buffer = make([]uint64, runBuffer)
		}
		r.some = r.buffer[:width*min(r.entries, int64(len(r.buffer))/width)]
		at := r.at
		if r.backwards {
			at += width*r.entries - int64(len(r.some))
		}
		if err := r.file.Read(r.some, at); err != nil {
			return t, false, err
		}
	}
	e := r.some[:width]
	if r.backwards {
		e = r.some[len(r.some)-int(width):]
		r.some = r.some[:len(r.some)-int(width)]
	} else {
		r.some = r.some[width:]
		r.at += width
	}
	r.entries--
	if t = (tallied{e[0], 1}); r.counts {
		t.count = int64(e[1])
	}
	return t, true, nil
}

// merge gives the words of some runs in ascending order, each once with its count.
func merge(ctx context.Context, runs []run, take func(tallied) error) error {
	type source struct {
		tallied
		from *runReader
	}
	var heap []source // no source is before that at half of its place
	down := func(at int) {
		for s := heap[at]; ; {
			child := 2*at + 1
			if child+1 < len(heap) && heap[child+1].word < heap[child].word {
				child++
			}
			if child >= len(heap) || heap[child].word >= s.word {
				heap[at] = s
				return
			}
			heap[at] = heap[child]
			at = child
		}
	}
	for _, r := range runs {
		from := &runReader{run: r}
		t, ok, err := from.next()
		if err != nil {
			return err
		}
		if ok {
			heap = append(heap, source{t, from})
		}
	}
	for at := len(heap)/2 - 1; at >= 0; at-- {
		down(at)
	}
	var sum tallied // count 0: none yet
	for n := 0; len(heap) > 0; n++ {
		if n%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		first := &heap[0]
		if sum.count > 0 && sum.word != first.word {
			if err := take(sum); err != nil {
				return err
			}
			sum.count = 0
		}
		sum.word, sum.count = first.word, sum.count+first.count
		t, ok, err := first.from.next()
		switch {
		case err != nil:
			return err
		case ok:
			first.tallied = t
		default:
			heap[0] = heap[len(heap)-1]
			if heap = heap[:len(heap)-1]; len(heap) == 0 {
				continue
			}
		}
		down(0)
	}
	if sum.count == 0 {
		return nil
	}
	return take(sum)
}
