package audit

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
)

// discard is a sink that takes everything, to measure the way to it.
type discard struct{}

func (discard) Insert(context.Context, []Record) error { return nil }

// wide is a record of about 1 KB, as of 20 features.
func wide(b *testing.B) Record {
	r := newRecord(b)
	r.Features = []byte(`{"note":"` + strings.Repeat("x", 900) + `"}`)
	return r
}

// BenchmarkAppend measures durable appends; the records of writers that wait
// together share a sync.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := openSpool(b, Options{Dir: b.TempDir(), MaxBytes: 64 << 30, SegmentBytes: 64 << 20})
			r := wide(b)
			b.SetBytes(int64(len(appendFrame(nil, &r))))
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					one := []Record{r}
					for next.Add(1) <= int64(b.N) {
						if err := s.Append(context.Background(), one); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkDrainWithoutTable(b *testing.B) { benchmarkDrain(b, discard{}) }

// benchmarkDrain measures the way from segments to the sink, record by record of
// distinct ids.
func benchmarkDrain(b *testing.B, sink Sink) {
	s := openSpool(b, Options{Dir: b.TempDir(), MaxBytes: 64 << 30, SegmentBytes: 64 << 20})
	r := wide(b)
	for left := b.N; left > 0; {
		batch := make([]Record, min(left, 1000))
		for i := range batch {
			batch[i] = r
			batch[i].ID = uuid.Must(uuid.NewV7())
		}
		appendAll(b, s, batch...)
		left -= len(batch)
	}
	d := NewDrainer(DrainerOptions{Spool: s, Sink: sink})
	b.ResetTimer()
	if err := d.DrainAll(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
