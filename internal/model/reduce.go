package model

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	tileRows     = 256     // rows that pass through all columns at a time, to stay in cache
	parallelRows = 1 << 14 // rows from which threads are worth it
	predictSpans = 64
)

type span struct{ lo, hi int }

// spread cuts rows into at most most spans of whole tiles. It depends on its
// arguments alone, never on the number of threads.
func spread(rows, most int) []span {
	size := (rows + most - 1) / most
	size = max((size+tileRows-1)/tileRows*tileRows, 16*tileRows)
	spans := make([]span, 0, rows/size+1)
	for lo := 0; lo < rows; lo += size {
		spans = append(spans, span{lo, min(lo+size, rows)})
	}
	return spans
}

// spansFor bounds the memory of a reduction: at most 16 partial results, and
// about 128 MiB of them, whatever the number of threads.
func spansFor(rows, partialBytes int) []span {
	return spread(rows, min(16, max(1, 128<<20/max(1, partialBytes))))
}

// inParallel calls f for 0 … n-1 on as many threads as there are.
func inParallel(n int, f func(int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

// reduce lets work add the rows of each span, tile by tile, to a partial result
// of its own, then adds the partial results in the order of the spans: the sum
// is the same bit for bit with any number of threads.
func reduce[T any](ctx context.Context, spans []span, empty func() T, work func(into T, lo, hi int), add func(into, from T)) (T, error) {
	partial := make([]T, len(spans))
	inParallel(len(spans), func(i int) {
		partial[i] = empty()
		for lo := spans[i].lo; lo < spans[i].hi && ctx.Err() == nil; lo += tileRows {
			work(partial[i], lo, min(lo+tileRows, spans[i].hi))
		}
	})
	for i := 1; i < len(partial); i++ {
		add(partial[0], partial[i])
	}
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	return partial[0], nil
}

func addTo(into, from []float64) {
	for i, v := range from {
		into[i] += v
	}
}

// dot is the inner product with four running sums, a fixed order that the
// processor can overlap.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func total(a []float64) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i]
		s1 += a[i+1]
		s2 += a[i+2]
		s3 += a[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i]
	}
	return (s0 + s1) + (s2 + s3)
}
