package tree

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/esteira-ml/esteira/internal/frame"
)

// BenchmarkPredict answers with 100 trees of depth 6 over 20 numbers: one row at a
// time, another each time, and all of them in one call.
func BenchmarkPredict(b *testing.B) {
	const rows = 20_000
	r := rand.New(rand.NewPCG(7, 7))
	d := Table{X: &frame.Matrix{Rows: rows}, Y: make([]float64, rows)}
	for j := range 20 {
		f := frame.Feature{Name: fmt.Sprint("x", j), Numbers: make([]float64, rows)}
		for i := range rows {
			f.Numbers[i] = r.NormFloat64()
			d.Y[i] += f.Numbers[i] * f.Numbers[i] * float64(j%5)
		}
		d.X.Features = append(d.X.Features, f)
	}
	s := settings(Squared)
	s.Rounds, s.MaxDepth = 100, 6
	e, _ := fitted(b, d, s)
	out := make([]float64, rows)
	b.Run("one", func(b *testing.B) {
		alone := make([]*frame.Matrix, 1<<12)
		for i := range alone {
			alone[i] = d.X.Take([]int32{int32(i)})
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			e.Predict(alone[i%len(alone)], out)
			i++
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			e.Predict(d.X, out)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
	})
}
