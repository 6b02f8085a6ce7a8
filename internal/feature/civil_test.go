package feature

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

func TestDatePartsAreThoseOfTheCalendar(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	times := []int64{0, -1, 1, microsPerDay - 1, -microsPerDay, math.MaxInt64, frame.MissingTime + 1}
	for range 20_000 {
		times = append(times, r.Int64()-r.Int64(), r.Int64N(4e15)-2e15)
	}
	for _, micros := range times {
		u := time.UnixMicro(micros).UTC()
		want := []int64{int64(u.Year()), int64(u.Month()), int64(u.Day()), int64(u.Weekday()+6) % 7, int64(u.Hour()), int64(u.Minute())}
		for i, part := range PartNames {
			if got := datePart(part, micros); got != want[i] {
				t.Fatalf("%s of %v: %d, want %d", part, u, got, want[i])
			}
		}
	}
}

func TestMedianIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 400; n++ {
		x := make([]float64, n)
		for i := range x {
			switch n % 3 {
			case 0:
				x[i] = r.NormFloat64()
			case 1:
				x[i] = float64(r.IntN(3)) // ties
			default:
				x[i] = float64(min(i, n-i)) // organ pipe
			}
		}
		s := slices.Clone(x)
		slices.Sort(s)
		want := s[n/2]
		if n%2 == 0 {
			want = (s[n/2-1] + s[n/2]) / 2
		}
		if got := median(x); got != want {
			t.Fatalf("median of %d values: %v, want %v", n, got, want)
		}
	}
	if got := median([]float64{math.MaxFloat64, math.MaxFloat64}); got != math.MaxFloat64 {
		t.Fatalf("the middle of two large values is %v", got)
	}
}

// A large offset must not swallow the deviation: the naive formula gives 0 here.
func TestMomentsSurviveALargeMean(t *testing.T) {
	x := make([]float64, 100_000)
	for i := range x {
		x[i] = 1e9 + float64(i%2)
	}
	m, scale := meanScale(x)
	if m != 1e9+0.5 || math.Abs(scale-0.5) > 1e-12 {
		t.Fatalf("mean %v scale %v", m, scale)
	}
	for i := range x {
		x[i] = 0.1
	}
	if _, scale := meanScale(x); scale != 1 {
		t.Fatalf("a constant column has scale %v", scale)
	}
}
