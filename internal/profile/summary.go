package profile

import (
	"math"
	"sort"
	"strconv"
	"time"
)

const (
	top  = 20 // values listed
	bins = 20 // of a histogram
)

var shares = []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}

// summary takes distinct values in ascending order with their counts and keeps
// what the figures need.
type summary struct {
	total    int64 // values to come
	seen     int64
	distinct int64
	min, max float64
	zeros    int64
	mean, m2 float64   // West (1979): weighted mean and sum of squared deviations
	kept     []counted // as many of them as are listed
	places   []place   // of the quantiles' neighbours
}

type counted struct {
	value float64
	count int64
}

// place is one quantile: the values at positions below and below+1, counted
// from 0, and the weight of the second.
type place struct {
	below        int64
	weight       float64
	lower, upper float64
}

func newSummary(total int64) *summary {
	s := &summary{total: total}
	for _, p := range shares {
		h := p * float64(total-1)
		s.places = append(s.places, place{below: int64(math.Floor(h)), weight: h - math.Floor(h)})
	}
	return s
}

func (s *summary) take(list []counted) {
	for _, v := range list {
		s.add(v.value, v.count)
	}
}

func (s *summary) add(v float64, n int64) {
	if s.distinct == 0 {
		s.min = v
	}
	s.max = v
	s.distinct++
	if v == 0 {
		s.zeros += n
	}
	from, to := s.seen, s.seen+n // positions [from, to)
	s.seen = to
	d := v - s.mean
	s.mean += d * (float64(n) / float64(to))
	s.m2 += float64(n) * d * (v - s.mean)
	for i := range s.places {
		p := &s.places[i]
		if p.below >= from && p.below < to {
			p.lower, p.upper = v, v
		}
		if p.below+1 >= from && p.below+1 < to {
			p.upper = v
		}
	}
	if len(s.kept) < top {
		s.kept = append(s.kept, counted{v, n})
	}
}

func (s *summary) number() *Number {
	n := &Number{Min: s.min, Max: s.max, Mean: s.mean, Zeros: s.zeros}
	if s.seen > 1 {
		if sd := math.Sqrt(math.Max(0, s.m2) / float64(s.seen-1)); !math.IsInf(sd, 0) && !math.IsNaN(sd) {
			n.SD = &sd
		}
	}
	for i, p := range s.places {
		v := p.lower
		if p.weight > 0 && p.upper != p.lower {
			v = p.lower*(1-p.weight) + p.upper*p.weight
		}
		n.Quantiles = append(n.Quantiles, Quantile{shares[i], v})
	}
	if math.IsNaN(n.Mean) || math.IsInf(n.Mean, 0) { // values near the end of the range
		n.Mean = n.Quantiles[3].Value
	}
	return n
}

func (s *summary) time() *Time {
	t := &Time{Min: moment(s.min), Max: moment(s.max)}
	for i, p := range s.places {
		t.Quantiles = append(t.Quantiles, TimeQuantile{shares[i], moment(p.lower)})
	}
	return t
}

func moment(micros float64) string {
	return time.UnixMicro(int64(micros)).UTC().Format(time.RFC3339Nano)
}

// histogram returns the empty histogram that suits the values.
func (s *summary) histogram() *Histogram {
	low, high := s.places[0].lower, s.places[len(s.places)-1].upper
	h := &Histogram{From: s.min, To: s.max, Bins: make([]int64, bins)}
	if reach := high - low; reach > 0 && !math.IsInf(reach, 0) {
		h.From, h.To = math.Max(s.min, low-reach), math.Min(s.max, high+reach)
	}
	if h.From == h.To {
		h.Bins = h.Bins[:1]
	}
	return h
}

func (h *Histogram) take(list []counted) {
	for _, v := range list {
		h.add(v.value, v.count)
	}
}

func (h *Histogram) add(v float64, n int64) {
	switch {
	case v < h.From:
		h.Below += n
	case v > h.To:
		h.Above += n
	default:
		i := 0
		if len(h.Bins) > 1 {
			i = min(len(h.Bins)-1, int((v/2-h.From/2)/(h.To/2-h.From/2)*float64(len(h.Bins))))
		}
		h.Bins[i] += n
	}
}

// top lists the values if they are few enough to be listed all.
func (s *summary) top(times bool) []Value {
	if s.distinct > top {
		return nil
	}
	list := append([]counted(nil), s.kept...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].count > list[j].count })
	out := make([]Value, len(list))
	for i, v := range list {
		text := strconv.FormatFloat(v.value, 'g', -1, 64)
		if times {
			text = moment(v.value)
		}
		out[i] = Value{text, v.count}
	}
	return out
}
