package profile

import (
	"cmp"
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// look is something to be seen in the rows, given some thousand at a time.
type look struct {
	columns []int // of the schema
	// take sees a batch that begins at row from; at is the place in it of each of
	// columns.
	take func(b *table.Batch, from int, at []int) error
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

// scan takes all looks in as few scans of the file as its bounds allow: most
// tables need one. The looks of a scan see a batch in their order.
func scan(ctx context.Context, e *table.Engine, in string, rows int64, schema pipeline.Schema, looks []look) error {
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
		if err := scanOnce(ctx, e, in, columns, place, looks[:n]); err != nil {
			return err
		}
		looks = looks[n:]
	}
	return nil
}

func scanOnce(ctx context.Context, e *table.Engine, in string, columns []pipeline.Column, place map[int]int, looks []look) error {
	at := make([][]int, len(looks))
	for i, l := range looks {
		for _, c := range l.columns {
			at[i] = append(at[i], place[c])
		}
	}
	from := 0
	err := e.Batches(ctx, in, columns, func(b *table.Batch) error {
		for i, l := range looks {
			if err := l.take(b, from, at[i]); err != nil {
				return err
			}
		}
		from += b.Rows
		return nil
	})
	if err != nil {
		return err
	}
	failed := make([]error, len(looks))
	beside(len(looks), func(i int) {
		if looks[i].done != nil {
			failed[i] = looks[i].done()
		}
	})
	return cmp.Or(failed...)
}

// beside calls f for 0 to n − 1, on every processor at once.
func beside(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	all.Wait()
}
