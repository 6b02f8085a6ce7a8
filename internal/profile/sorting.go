package profile

import (
	"context"
	"sort"

	"github.com/esteira-ml/esteira/internal/table"
)

// Bounds of sorting: the values that are sorted at once, 1 MiB and as much again, and
// the runs of them that are merged at once, each through runBuffer words, 2 MiB.
// Tests have smaller ones.
var (
	runValues = 1 << 16
	mergeRuns = 512
	runBuffer = 1 << 9
)

// sorting makes the series of any number of values on disk: runs of some thousand
// are sorted, and merged at last, or whenever they are mergeRuns. A value takes 8
// bytes in a run and, with its count, 16 once it was merged.
type sorting struct {
	engine  *table.Engine
	levels  []level // by how often their runs were merged
	waiting []tallied
	spare   []tallied
}

type level struct {
	file *table.Scratch
	runs []run
}

// newSorting begins with values that were counted, in ascending order. Whatever it
// returns is to be closed. Faults: ResourceExhausted (the scratch directory).
func newSorting(e *table.Engine, list []counted) (*sorting, error) {
	s := &sorting{engine: e, waiting: make([]tallied, 0, runValues), spare: make([]tallied, runValues)}
	w, err := s.writer(1)
	if err != nil {
		return s, err
	}
	for _, v := range list {
		if err := w.add(tallied{table.OrderedWord(v.value), v.count}); err != nil {
			return s, err
		}
	}
	return s, s.end(1, w)
}

// close removes what is on disk. A second call does nothing.
func (s *sorting) close() {
	for _, l := range s.levels {
		l.file.Close()
	}
	s.levels, s.waiting, s.spare = nil, nil, nil
}

// writer begins a run of a level. Only those that were merged have counts.
func (s *sorting) writer(at int) (*runWriter, error) {
	for len(s.levels) <= at {
		file, err := s.engine.NewScratch()
		if err != nil {
			return nil, err
		}
		s.levels = append(s.levels, level{file: file})
	}
	return newRunWriter(s.levels[at].file, at > 0), nil
}

func (s *sorting) end(at int, w *runWriter) error {
	r, err := w.end()
	s.levels[at].runs = append(s.levels[at].runs, r)
	return err
}

// add takes finite numbers of a column, and says how many of the values are missing
// and infinite.
func (s *sorting) add(ctx context.Context, values []float64) (missing, infinite int64, err error) {
	for _, x := range values {
		if x-x != 0 { // neither NaN nor infinite is 0 from itself
			if x != x {
				missing++
			} else {
				infinite++
			}
			continue
		}
		if len(s.waiting) == cap(s.waiting) {
			if err := s.flush(ctx); err != nil {
				return missing, infinite, err
			}
		}
		s.waiting = append(s.waiting, tallied{table.OrderedWord(x), 1})
	}
	return missing, infinite, nil
}

// flush makes a run of the values that wait; of many runs it makes one.
func (s *sorting) flush(ctx context.Context) error {
	w, err := s.writer(0)
	if err != nil {
		return err
	}
	for _, t := range inOrder(s.waiting, s.spare) {
		if err := w.add(t); err != nil {
			return err
		}
	}
	s.waiting = s.waiting[:0]
	if err := s.end(0, w); err != nil {
		return err
	}
	for at := 0; len(s.levels[at].runs) >= mergeRuns; at++ {
		w, err := s.writer(at + 1)
		if err != nil {
			return err
		}
		l := &s.levels[at]
		if err := merge(ctx, l.runs, w.add); err != nil {
			return err
		}
		if err := s.end(at+1, w); err != nil {
			return err
		}
		l.runs = nil
		if err := l.file.Reset(); err != nil {
			return err
		}
	}
	return nil
}

// done makes one run of all; then it is a series.
func (s *sorting) done(ctx context.Context) (sorted, error) {
	if err := s.flush(ctx); err != nil {
		return sorted{}, err
	}
	s.waiting, s.spare = nil, nil
	var all []run
	for _, l := range s.levels {
		all = append(all, l.runs...)
	}
	from := s.levels
	s.levels = make([]level, 0, len(from)+1)
	defer func() {
		for _, l := range from {
			l.file.Close()
		}
	}()
	file, err := s.engine.NewScratch()
	if err != nil {
		return sorted{}, err
	}
	s.levels = append(s.levels, level{file: file})
	w := newRunWriter(file, true)
	if err := merge(ctx, all, w.add); err != nil {
		return sorted{}, err
	}
	r, err := w.end()
	return sorted{r}, err
}

// sorted is a series on disk.
type sorted struct{ run }

func (s sorted) each(ctx context.Context, take func([]counted)) error {
	some := make([]counted, 0, 1024)
	err := merge(ctx, []run{s.run}, func(t tallied) error {
		if some = append(some, counted{table.OrderedNumber(t.word), t.count}); len(some) == cap(some) {
			take(some)
			some = some[:0]
		}
		return nil
	})
	take(some)
	return err
}

func (s sorted) apart(ctx context.Context, median float64, take func([]counted)) error {
	word := make([]uint64, 1)
	var failed error
	middle := int64(sort.Search(int(s.entries), func(i int) bool {
		if err := s.file.Read(word, s.at+2*int64(i)); err != nil {
			failed = err
		}
		return word[0] >= table.OrderedWord(median)
	}))
	if failed != nil {
		return failed
	}
	below := &runReader{run: run{s.file, s.at, middle, true}, backwards: true}
	above := &runReader{run: run{s.file, s.at + 2*middle, s.entries - middle, true}}
	next := func(r *runReader) func() (counted, bool, error) {
		return func() (counted, bool, error) {
			if r.entries%(1<<16) == 0 && ctx.Err() != nil {
				return counted{}, false, ctx.Err()
			}
			t, ok, err := r.next()
			return counted{table.OrderedNumber(t.word), t.count}, ok, err
		}
	}
	return apart(median, take, next(below), next(above))
}
