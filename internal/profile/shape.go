package profile

import (
	"cmp"
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
	// Hoaglin, 1993); 0 if more than half of the values are one.
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

// shape fills what is known of a column of numbers once its values are listed in
// ascending order.
func (n *Number) shape(list []counted, total int64) {
	var m3 float64
	if n.SD != nil && *n.SD > 0 {
		population := *n.SD * math.Sqrt(float64(total-1)/float64(total))
		for _, v := range list {
			z := (v.value - n.Mean) / population
			m3 += float64(v.count) * z * z * z
		}
		if total > 2 {
			// The adjusted Fisher-Pearson coefficient, as pandas' skew.
			k := float64(total)
			skew := m3 / k * math.Sqrt(k*(k-1)) / (k - 2)
			if !math.IsNaN(skew) && !math.IsInf(skew, 0) {
				skew = round(skew)
				n.Skew = &skew
			}
		}
	}
	q1, median, q3 := n.Quantiles[2].Value, n.Quantiles[3].Value, n.Quantiles[4].Value
	o := &Outliers{Low: q1 - 1.5*(q3-q1), High: q3 + 1.5*(q3-q1)}
	if math.IsInf(o.Low, 0) || math.IsInf(o.High, 0) || math.IsNaN(o.Low+o.High) {
		return
	}
	mad := deviation(list, median, total)
	for _, v := range list {
		if v.value < o.Low || v.value > o.High {
			o.IQR += v.count
		}
		if mad > 0 && 0.6745*math.Abs(v.value-median)/mad > 3.5 {
			o.RobustZ += v.count
		}
		if v.value < 0 {
			n.Negative += v.count
		}
	}
	n.Outliers = o
}

// deviation is the median of the distances from the median: those of the values
// below it and above it ascend as one goes away from it.
func deviation(list []counted, median float64, total int64) float64 {
	above, _ := slices.BinarySearchFunc(list, median, func(v counted, m float64) int { return cmp.Compare(v.value, m) })
	below := above - 1
	for seen := int64(0); below >= 0 || above < len(list); {
		var v counted
		if above == len(list) || below >= 0 && median-list[below].value < list[above].value-median {
			v = list[below]
			below--
		} else {
			v = list[above]
			above++
		}
		if seen += v.count; 2*seen >= total {
			return math.Abs(v.value - median)
		}
	}
	return 0
}

// binned lists the distribution: every value if they are few, else bins of about
// as many rows each.
func binned(list []counted, total int64) *Bins {
	b := &Bins{}
	if len(list) <= comparedBins {
		for _, v := range list {
			b.Edges, b.Counts = append(b.Edges, v.value), append(b.Counts, v.count)
		}
		b.Counts = append(b.Counts, 0)
		return b
	}
	n, filled := int64(0), int64(0)
	for i, v := range list {
		n += v.count
		filled += v.count
		if i < len(list)-1 && filled*comparedBins >= total*int64(len(b.Edges)+1) {
			b.Edges, b.Counts, n = append(b.Edges, v.value), append(b.Counts, n), 0
		}
	}
	b.Counts = append(b.Counts, n)
	return b
}

// into counts values into another profile's bins.
func (b *Bins) into(list []counted) []float64 {
	out := make([]float64, len(b.Counts))
	for _, v := range list {
		i, _ := slices.BinarySearch(b.Edges, v.value)
		out[i] += float64(v.count)
	}
	return out
}

func round(x float64) float64 { return math.Round(x*1e10)/1e10 + 0 }

// coverage describes how moments fill their span.
func coverage(list []counted) *Coverage {
	if len(list) == 0 {
		return nil
	}
	const day = 86400e6
	c := &Coverage{}
	last, days := math.Inf(-1), int64(0)
	for i, v := range list {
		if d := math.Floor(v.value / day); d != last {
			days++
			last = d
		}
		if i > 0 {
			if gap := v.value - list[i-1].value; gap > c.gap {
				c.gap, c.GapFrom, c.GapTo = gap, moment(list[i-1].value), moment(v.value)
			}
		}
	}
	first := math.Floor(list[0].value / day)
	c.Days, c.SpanDays = days, int64(last-first)+1
	c.GapHours = round(c.gap / 3600e6)
	return c
}
