package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

// However many rows and values there are, the bits are those of dot.
func TestDotRowsIsDotBitForBit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	rows := make([]float64, 11*tileRows)
	for i := range rows {
		rows[i] = r.NormFloat64() * math.Exp(20*r.NormFloat64())
	}
	for _, n := range []int{0, 1, 3, 4, 5, 63, 254, 255, tileRows} {
		a := rows[10*tileRows : 10*tileRows+n]
		for count := range 11 {
			out := make([]float64, count)
			dotRows(out, a, rows)
			for k, got := range out {
				if want := dot(a, rows[k*tileRows:k*tileRows+n]); math.Float64bits(got) != math.Float64bits(want) {
					t.Fatalf("row %d of %d over %d values is %v, not %v", k, count, n, got, want)
				}
			}
		}
	}
}

func BenchmarkDotRows(b *testing.B) {
	rows, out := make([]float64, 21*tileRows), make([]float64, 21)
	for b.Loop() {
		dotRows(out, rows[:tileRows], rows)
	}
}
