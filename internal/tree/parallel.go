package tree

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// chunkRows is how many rows a sum of floats runs over before it is added to
// the others, in order: such sums are the same with any number of threads.
const chunkRows = 1 << 14

// crew runs tasks on as many threads as there are.
type crew struct {
	ctx     context.Context
	workers int
}

func newCrew(ctx context.Context) *crew { return &crew{ctx: ctx, workers: runtime.GOMAXPROCS(0)} }

// run calls f for the tasks 0 … n-1, each with the number of the thread it is
// on, and leaves the rest undone once the context has ended.
func (c *crew) run(n int, f func(worker, task int)) {
	if n == 1 || c.workers == 1 {
		for task := 0; task < n && c.ctx.Err() == nil; task++ {
			f(0, task)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for worker := range min(n, c.workers) {
		wait.Go(func() {
			for task := int(next.Add(1)) - 1; task < n && c.ctx.Err() == nil; task = int(next.Add(1)) - 1 {
				f(worker, task)
			}
		})
	}
	wait.Wait()
}

// chunks calls f for spans of at most chunkRows of n rows.
func (c *crew) chunks(n int, f func(worker, chunk, lo, hi int)) {
	c.run(chunksOf(n), func(worker, chunk int) {
		lo := chunk * chunkRows
		f(worker, chunk, lo, min(lo+chunkRows, n))
	})
}

func chunksOf(rows int) int { return (rows + chunkRows - 1) / chunkRows }
