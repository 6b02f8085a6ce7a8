package profile

import (
	"context"
	"math"
	"slices"
)

// Outliers counts values far from the bulk by two rules that outliers themselves
// do not sway.
type Outliers struct {
	// IQR counts values beyond 1.5 distances between the quartiles below the
	// first or above the third (Tukey's fences), which are Low and High.
	IQR  int64   `json:"iqr"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// RobustZ counts values with 0.6745·|x − median| / MAD over 3.5 (Iglewicz and
	// Hoaglin, 1993); 0 if the MAD is, as half of the values are one.
	RobustZ int64 `json:"robust_z"`
}

// Bins is a column's distribution as a later profile is compared with it: counts
// of values up to each edge and above the one before; the last is beyond every
// edge.
type Bins struct {
	Edges  []float64 `json:"edges"`
	Counts []int64   `json:"counts"` // one more than edges
}

const comparedBins = 20

// shape is what is told of a column of numbers once its mean and quartiles are
// known, from its values in ascending order.
type shape struct {
	number     *Number
	total      float64
	population float64 // deviation; 0: there is no skew
	m3         float64
	outliers   *Outliers // nil: the fences are beyond the range of numbers
}

func newShape(n *Number, total int64) *shape {
	s := &shape{number: n, total: float64(total)}
	if n.SD != nil && *n.SD > 0 {
		s.population = *n.SD * math.Sqrt((s.total-1)/s.total)
	}
	q1, q3 := n.Quantiles[2].Value, n.Quantiles[4].Value
	o := &Outliers{Low: q1 - 1.5*(q3-q1), High: q3 + 1.5*(q3-q1)}
	if !math.IsInf(o.Low, 0) && !math.IsInf(o.High, 0) && !math.IsNaN(o.Low+o.High) {
		s.outliers = o
	}
	return s
}

func (s *shape) take(list []counted) {
	for _, v := range list {
		if s.population > 0 {
			z := (v.value - s.number.Mean) / s.population
			s.m3 += float64(v.count) * z * z * z
		}
		if o := s.outliers; o != nil && (v.value < o.Low || v.value > o.High) {
			o.IQR += v.count
		}
		if v.value < 0 {
			s.number.Negative += v.count
		}
	}
}

// done fills the figures; values are those of the column.
func (s *shape) done(ctx context.Context, values series) error {
	if k := s.total; s.population > 0 && k > 2 {
		// The adjusted Fisher-Pearson coefficient, as pandas' skew.
		skew := s.m3 / k * math.Sqrt(k*(k-1)) / (k - 2)
		if !math.IsNaN(skew) && !math.IsInf(skew, 0) {
			s.number.Skew = new(round(skew))
		}
	}
	if s.outliers == nil {
		return nil
	}
	d := &distances{total: int64(s.total)}
	err := values.apart(ctx, s.number.Quantiles[3].Value, d.take)
	s.outliers.RobustZ = d.far
	s.number.Outliers = s.outliers
	return err
}

// distances takes the distances from the median in ascending order: their median, which
// is the mean of two if they are even in number, is the MAD.
type distances struct {
	total, seen int64
	mad         float64
	far         int64 // by robust z
}

func (d *distances) take(list []counted) {
	for _, v := range list {
		from := d.seen
		d.seen += v.count
		if from > d.total/2 {
			if d.mad > 0 && 0.6745*v.value/d.mad > 3.5 {
				d.far += v.count
			}
			continue
		}
		for _, middle := range [...]int64{(d.total - 1) / 2, d.total / 2} {
			if from <= middle && middle < d.seen {
				d.mad += v.value / 2
			}
		}
	}
}

// binning lists the distribution: every value if they are few, else bins of about
// as many rows each.
type binning struct {
	Bins
	total, distinct int64
	seen            int64 // distinct values
	n, filled       int64
}

func (b *binning) take(list []counted) {
	for _, v := range list {
		b.n += v.count
		b.filled += v.count
		b.seen++
		full := b.seen < b.distinct && b.filled*comparedBins >= b.total*int64(len(b.Edges)+1)
		if full || b.distinct <= comparedBins {
			b.Edges, b.Counts, b.n = append(b.Edges, v.value), append(b.Counts, b.n), 0
		}
	}
}

func (b *binning) done() *Bins {
	b.Counts = append(b.Counts, b.n)
	return &b.Bins
}

// into counts values in the bins of another profile.
func (b *Bins) into(counts []float64, list []counted) {
	for _, v := range list {
		i, _ := slices.BinarySearch(b.Edges, v.value)
		counts[i] += float64(v.count)
	}
}

func round(x float64) float64 { return math.Round(x*1e10)/1e10 + 0 }

// cover finds how moments fill their span; it takes them in ascending order.
type cover struct {
	Coverage
	last           float64
	first, lastDay float64
}

func (c *cover) take(list []counted) {
	const day = 86400e6
	for _, v := range list {
		d := math.Floor(v.value / day)
		switch {
		case c.Days == 0:
			c.first, c.Days = d, 1
		case d != c.lastDay:
			c.Days++
		}
		if gap := v.value - c.last; c.SpanDays > 0 && gap > c.gap {
			c.gap, c.GapFrom, c.GapTo = gap, moment(c.last), moment(v.value)
		}
		c.last, c.lastDay = v.value, d
		c.SpanDays = int64(d-c.first) + 1
	}
}

func (c *cover) done() *Coverage {
	c.GapHours = round(c.gap / 3600e6)
	return &c.Coverage
}
