package drift

import (
	"math"
	"math/bits"
)

// Service counts how requests were answered: every one, also those refused or
// failed, of which a summary has no rows.
type Service struct {
	Status  map[int]int64 `json:"status,omitempty"`  // requests by HTTP status; 0 is any number that is none
	Latency []int64       `json:"latency,omitempty"` // by latencyBin, without the zeros at the end
	Errors  *Tally        `json:"errors,omitempty"`  // kinds of failure
}

// Latencies are in bins of an eighth of an octave, from 1 µs to about 19 hours: a
// quantile is within 6 % of the value.
const (
	perOctave   = 8
	latencyBins = 36 * perOctave
)

func latencyBin(micros int64) int {
	if micros < perOctave {
		return int(max(micros, 0))
	}
	octave := bits.Len64(uint64(micros)) - 4 // micros>>octave is 8 … 15
	return min(octave*perOctave+int(micros>>octave), latencyBins-1)
}

// latencyOf is the middle of a bin, in microseconds.
func latencyOf(bin int) float64 {
	if bin < 2*perOctave {
		return float64(bin)
	}
	octave := bin/perOctave - 1
	return (float64(bin%perOctave+perOctave) + .5) * math.Exp2(float64(octave))
}

// Add counts one request; failure is the kind of its failure, or "".
func (s *Service) Add(status int, micros int64, failure string) {
	if status < 100 || status > 599 {
		status = 0
	}
	if s.Status == nil {
		s.Status = map[int]int64{}
	}
	s.Status[status]++
	bin := latencyBin(micros)
	for len(s.Latency) <= bin {
		s.Latency = append(s.Latency, 0)
	}
	s.Latency[bin]++
	if failure != "" {
		s.Errors = s.Errors.merge(tallied([]Item{newItem(failure, hashOf(failure), 1)}))
	}
}

// Merge adds the requests of another.
func (s *Service) Merge(o *Service) {
	for status, n := range o.Status {
		if s.Status == nil {
			s.Status = map[int]int64{}
		}
		s.Status[status] += n
	}
	for len(s.Latency) < len(o.Latency) {
		s.Latency = append(s.Latency, 0)
	}
	for i, n := range o.Latency {
		s.Latency[i] += n
	}
	s.Errors = s.Errors.merge(o.Errors)
}

// Requests is how many were counted; Failed how many were answered 500 or more.
func (s *Service) Requests() (all, failed int64) {
	for status, n := range s.Status {
		all += n
		if status >= 500 || status == 0 {
			failed += n
		}
	}
	return all, failed
}

// Quantile is the latency in microseconds that the share q of requests does not
// exceed, within 6 %; NaN without requests.
func (s *Service) Quantile(q float64) float64 {
	total := int64(0)
	for _, n := range s.Latency {
		total += n
	}
	rank, seen := q*float64(total), int64(0)
	for bin, n := range s.Latency {
		if seen += n; n > 0 && float64(seen) >= rank {
			return latencyOf(bin)
		}
	}
	return math.NaN()
}
