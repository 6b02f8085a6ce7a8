package profile

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// look is something to be seen in the rows, given some thousand at a time.
type look struct {
	columns []int // of the schema
	// take sees a batch, after those before it; at is the place in it of each of
	// columns. Other looks are taken beside it.
	take func(b batch, at []int) error
	// file is of looks at the values as the file has them, though they be kept.
	file bool
	// first is of looks that are taken of a group of batches before the others are,
	// which use what they see.
	first bool
	// done, if there is one, is called once every row was seen, beside those of
	// other looks.
	done func() error
}

// Bounds of one scan: its columns, and the distinct values that may be held of all
// of them together.
const (
	maxScanned  = 512
	maxDistinct = 1 << 22
)

// atOnce is how many columns of a table of so many rows are scanned at once.
func atOnce(rows int64) int {
	return int(min(maxScanned, max(16, maxDistinct/max(1, min(rows, int64(maxTallied))))))
}

// source is a column and where it is scanned.
type source struct {
	column int
	file   bool // rather than from what is kept
}

func (s *survey) source(column int, l look) source {
	return source{column, l.file || s.keeper.columns[column] == nil}
}

// sources are those of one scan, by their places.
type sources []source

// with adds the sources of a look, unless there would be more than most.
func (s *survey) with(all sources, l look, most int) (_ sources, ok bool) {
	more := all
	for _, c := range l.columns {
		if from := s.source(c, l); !slices.Contains(more, from) {
			more = append(more, from)
		}
	}
	if len(more) > most {
		return all, false
	}
	return more, true
}

// scan takes all looks in as few scans as its bounds allow: most tables need one.
// Beside, if there is one, makes further looks at the columns of each scan.
func (s *survey) scan(ctx context.Context, looks []look, beside func(columns []int) []look) error {
	most := atOnce(s.Rows)
	for len(looks) > 0 {
		all, _ := s.with(nil, looks[0], math.MaxInt)
		n := 1
		for ; n < len(looks); n++ {
			more, ok := s.with(all, looks[n], most)
			if !ok {
				break
			}
			all = more
		}
		some := looks[:n]
		if beside != nil {
			var columns []int
			for _, from := range all {
				columns = append(columns, from.column)
			}
			slices.Sort(columns)
			further := beside(slices.Compact(columns))
			for _, l := range further {
				all, _ = s.with(all, l, math.MaxInt)
			}
			some = append(further, some...)
		}
		if err := s.scanOnce(ctx, all, some); err != nil {
			return err
		}
		looks = looks[n:]
	}
	return nil
}

func (s *survey) scanOnce(ctx context.Context, all sources, looks []look) error {
	g := &taking{looks: looks, views: make([]view, len(all))}
	var columns []pipeline.Column // of the file
	place := map[source]int{}
	for at, from := range all {
		place[from] = at
		if from.file {
			g.views[at].place = len(columns)
			columns = append(columns, s.schema[from.column])
		} else {
			g.views[at].kept = s.keeper.columns[from.column]
		}
	}
	for i, l := range looks {
		var at []int
		for _, c := range l.columns {
			at = append(at, place[s.source(c, l)])
		}
		g.at = append(g.at, at)
		if l.first {
			g.phases[0] = append(g.phases[0], i)
		} else {
			g.phases[1] = append(g.phases[1], i)
		}
	}
	if err := s.groups(ctx, columns, g.take); err != nil {
		return err
	}
	return tried(len(looks), func(i int) error {
		if looks[i].done == nil {
			return nil
		}
		return looks[i].done()
	})
}

// groups is Engine.Groups; if no column is in the file, it need not be read.
func (s *survey) groups(ctx context.Context, columns []pipeline.Column, take func([]table.Batch) error) error {
	if len(columns) > 0 {
		return s.engine.Groups(ctx, s.in, columns, take)
	}
	for left := s.Rows; left > 0; {
		var some []table.Batch
		for ; left > 0 && len(some) < table.GroupBatches; left -= table.BatchRows {
			some = append(some, table.Batch{Rows: int(min(left, table.BatchRows))})
		}
		if err := cmp.Or(ctx.Err(), take(some)); err != nil {
			return err
		}
	}
	return nil
}

// beside calls f for 0 to n − 1, on every processor at once.
func beside(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	}
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
}

// tried is beside of what may fail; the error is that of the least.
func tried(n int, f func(i int) error) error {
	failed := make([]error, n)
	beside(n, func(i int) { failed[i] = f(i) })
	return cmp.Or(failed...)
}
