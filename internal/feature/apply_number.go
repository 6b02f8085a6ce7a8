package feature

import (
	"math"
	"strconv"
)

// number applies a numeric step in place. The conversions keep a compiler from
// fusing two roundings into one, which would give other bits on other machines.
func (s *Step) number(x []float64) {
	switch {
	case s.Impute != nil:
		v := *s.Impute.Number
		for i := range x {
			if x[i] != x[i] {
				x[i] = v
			}
		}
	case s.Standardize != nil:
		shift(x, s.Standardize.Mean, s.Standardize.Scale)
	case s.Robust != nil:
		shift(x, s.Robust.Center, s.Robust.Scale)
	case s.Log1p != nil:
		for i := range x {
			if x[i] > -1 {
				x[i] = math.Log1p(x[i])
			} else {
				x[i] = math.NaN()
			}
		}
	case s.MinMax != nil:
		m := s.MinMax
		for i := range x {
			x[i] = float64(x[i]*m.Scale) + m.Offset
		}
		bound(x, m.Low, m.High)
	case s.Power != nil:
		for i := range x {
			x[i] = s.Power.value(x[i])
		}
	case s.Clip != nil:
		bound(x, s.Clip.Min, s.Clip.Max)
	case s.Bin != nil:
		for i, v := range x {
			if v == v {
				x[i] = float64(s.Bin.code(v))
			}
		}
	case s.Missing != nil:
		for i, v := range x {
			x[i] = 0
			if v != v {
				x[i] = 1
			}
		}
	}
}

func shift(x []float64, center, scale float64) {
	for i := range x {
		x[i] = (x[i] - center) / scale
	}
}

// bound clips x; NaN stays.
func bound(x []float64, low, high *float64) {
	for i, v := range x {
		if low != nil && v < *low {
			x[i] = *low
		}
		if high != nil && v > *high {
			x[i] = *high
		}
	}
}

// code is the number of edges not above x, -1 for NaN.
func (b *BinState) code(x float64) int32 {
	if x != x {
		return -1
	}
	lo, hi := 0, len(b.Edges)
	for lo < hi {
		if mid := (lo + hi) / 2; b.Edges[mid] <= x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int32(lo)
}

// intervals names the bins between edges, in six digits where these tell them
// apart.
func intervals(edges []float64) []string {
	written := make([]string, len(edges))
	for _, digits := range []int{6, -1} {
		same := false
		for i, e := range edges {
			written[i] = strconv.FormatFloat(e, 'g', digits, 64)
			same = same || i > 0 && written[i] == written[i-1]
		}
		if !same {
			break
		}
	}
	names := make([]string, 0, len(edges)+1)
	from := "(-inf"
	for _, to := range written {
		names = append(names, from+","+to+")")
		from = "[" + to
	}
	return append(names, from+",inf)")
}

func (p *PowerState) value(x float64) float64 {
	switch {
	case p.Method == "box_cox":
		if !(x > 0) {
			return math.NaN()
		}
		return power(math.Log(x), p.Lambda)
	case x < 0:
		return -power(math.Log1p(-x), 2-p.Lambda)
	default:
		return power(math.Log1p(x), p.Lambda)
	}
}

// power is (e^(λ·log) - 1)/λ, and log where λ is 0.
func power(log, lambda float64) float64 {
	if math.Abs(lambda) < 0x1p-52 {
		return log
	}
	return math.Expm1(lambda*log) / lambda
}

// number is the part of a time, or a point of its circle.
func (d *DatePartState) number(t int64) float64 {
	v := datePartNumber(d.Part, t)
	if d.Cycle == "" || v != v {
		return v
	}
	first, _, _ := PartRange(d.Part)
	return PartCycle(d.Part, d.Cycle)[int(v)-first]
}
