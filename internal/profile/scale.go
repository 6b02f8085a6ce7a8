package profile

import (
	"math"
)

// scale turns a column's numbers into whole numbers: standardised, in units of
// 2⁻³⁰. Sums of them depend on no order. A value is at most √rows from the mean,
// so that 43 bits hold it.
type scale struct {
	mean, factor float64 // factor 0: the column has no scale of its own
	sum          int64   // over every number of the column
	squares      wide
}

const unit = 1 << 30

func (s *scale) of(x float64) int64 { return int64(math.RoundToEven((x - s.mean) * s.factor)) }

func (s *scale) add(x float64, n int64) {
	q := s.of(x)
	s.sum += q * n
	s.squares.addSquare(q, n)
}

func (s *scale) take(list []counted) {
	for _, v := range list {
		s.add(v.value, v.count)
	}
}

// fit takes the scale of a column whose mean and deviation are known.
func (s *scale) fit(c *Column) {
	if n := c.Number; n != nil && n.SD != nil && *n.SD > 0 && !math.IsInf(unit / *n.SD, 0) {
		s.mean, s.factor = n.Mean, unit / *n.SD
	}
}

// put writes the whole numbers of values, none where there is no finite one.
func (s *scale) put(to []int64, values []float64) {
	for i, x := range values {
		to[i] = none
		if x-x == 0 {
			to[i] = s.of(x)
		}
	}
}

// none marks a row without a number.
const none = math.MinInt64
