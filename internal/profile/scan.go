package profile

import (
	"cmp"
	"context"
	"maps"
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
	// first is of looks that are taken of a group of batches before the others are,
	// which use what they see.
	first bool
	// done, if there is one, is called once every row was seen, beside those of
	// other looks.
	done func() error
}

// batch is a batch of rows: from is the number of its first one, and slot its own in
// its group.
type batch struct {
	*table.Batch
	from, slot int
}

// Bounds of one scan: its columns, and the distinct values that may be held of all
// of them together.
const (
	maxScanned  = 512
	maxDistinct = 1 << 22
)

// scan takes all looks in as few scans of the file as its bounds allow: most
// tables need one. Beside, if there is one, makes further looks at the columns of
// each scan.
func scan(ctx context.Context, e *table.Engine, in string, rows int64, schema pipeline.Schema, looks []look, beside func(columns []int) []look) error {
	most := int(min(maxScanned, max(16, maxDistinct/max(1, min(rows, int64(maxTallied))))))
	for len(looks) > 0 {
		var columns []pipeline.Column
		place := map[int]int{}
		n := 0
		for ; n < len(looks); n++ {
			var more []int
			for _, c := range looks[n].columns {
				if _, there := place[c]; !there {
					more = append(more, c)
				}
			}
			if n > 0 && len(place)+len(more) > most {
				break
			}
			for _, c := range more {
				place[c] = len(columns)
				columns = append(columns, schema[c])
			}
		}
		some := looks[:n]
		if beside != nil {
			some = append(beside(slices.Sorted(maps.Keys(place))), some...)
		}
		if err := scanOnce(ctx, e, in, columns, place, some); err != nil {
			return err
		}
		looks = looks[n:]
	}
	return nil
}

func scanOnce(ctx context.Context, e *table.Engine, in string, columns []pipeline.Column, place map[int]int, looks []look) error {
	at := make([][]int, len(looks))
	var phases [2][]int
	for i, l := range looks {
		for _, c := range l.columns {
			at[i] = append(at[i], place[c])
		}
		if l.first {
			phases[0] = append(phases[0], i)
		} else {
			phases[1] = append(phases[1], i)
		}
	}
	from := 0
	err := e.Groups(ctx, in, columns, func(group []table.Batch) error {
		for _, some := range phases {
			err := tried(len(some), func(k int) error {
				i, from := some[k], from
				for slot := range group {
					if err := looks[i].take(batch{&group[slot], from, slot}, at[i]); err != nil {
						return err
					}
					from += group[slot].Rows
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		for _, b := range group {
			from += b.Rows
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tried(len(looks), func(i int) error {
		if looks[i].done == nil {
			return nil
		}
		return looks[i].done()
	})
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
