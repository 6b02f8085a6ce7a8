package model

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// sums is what one span adds up. With d dense columns (the target among them)
// centred on their means, and B columns in blocks:
type sums struct {
	buffer []float64 // d × tileRows, the centred tile
	row    []float64 // d, one row of what a tile adds to second
	first  []float64 // d, near 0: the rounding of the mean
	second []float64 // d × d, upper triangle
	within []float64 // B × d, dense sums by category
	counts []int64   // B × B, rows that have both categories, a <= b
	masses []float64 // B × B, their weights; instead of counts, if there are weights
}

func newSums(d, blocked int, weighted bool) *sums {
	s := &sums{buffer: make([]float64, d*tileRows), row: make([]float64, d), first: make([]float64, d), second: make([]float64, d*d), within: make([]float64, blocked*d)}
	if weighted {
		s.masses = make([]float64, blocked*blocked)
	} else {
		s.counts = make([]int64, blocked*blocked)
	}
	return s
}

func (s *sums) add(from *sums) {
	addTo(s.first, from.first)
	addTo(s.second, from.second)
	addTo(s.within, from.within)
	addTo(s.masses, from.masses)
	for i, c := range from.counts {
		s.counts[i] += c
	}
}

func (s *sums) centre(dense [][]float64, centre []float64, lo, hi int) {
	for j, c := range dense {
		b, m := s.buffer[j*tileRows:j*tileRows+hi-lo], centre[j]
		for i, v := range c[lo:hi] {
			b[i] = v - m
		}
	}
}

func (s *sums) tile(l layout, dense [][]float64, centre []float64, lo, hi int) {
	d, n := len(dense), hi-lo
	s.centre(dense, centre, lo, hi)
	for i := range d {
		a := s.buffer[i*tileRows : i*tileRows+n]
		s.first[i] += total(a)
		dotRows(s.row[i:], a, s.buffer[i*tileRows:])
		addTo(s.second[i*d+i:(i+1)*d], s.row[i:])
	}
	for b, codes := range l.codes {
		for i, c := range codes[lo:hi] {
			if c < 0 {
				continue
			}
			a := l.blockAt[b] + int(c)
			within := s.within[a*d : (a+1)*d]
			for j := range within {
				within[j] += s.buffer[j*tileRows+i]
			}
			counts := s.counts[a*l.blocked : (a+1)*l.blocked]
			counts[a]++
			for o := b + 1; o < len(l.codes); o++ {
				if c := l.codes[o][lo+i]; c >= 0 {
					counts[l.blockAt[o]+int(c)]++
				}
			}
		}
	}
}

// weightedTile is tile where each row counts by its weight, scaled to a mean of 1.
func (s *sums) weightedTile(l layout, dense [][]float64, centre, weights []float64, mass, rows float64, lo, hi int) {
	d, n := len(dense), hi-lo
	s.centre(dense, centre, lo, hi)
	var relative, weighted [tileRows]float64
	u, a := relative[:n], weighted[:n]
	for i, w := range weights[lo:hi] {
		u[i] = w / mass * rows
	}
	for i := range d {
		for k, v := range s.buffer[i*tileRows : i*tileRows+n] {
			a[k] = v * u[k]
		}
		s.first[i] += total(a)
		dotRows(s.row[i:], a, s.buffer[i*tileRows:])
		addTo(s.second[i*d+i:(i+1)*d], s.row[i:])
	}
	for b, codes := range l.codes {
		for i, c := range codes[lo:hi] {
			if c < 0 {
				continue
			}
			a := l.blockAt[b] + int(c)
			within := s.within[a*d : (a+1)*d]
			for j := range within {
				within[j] += u[i] * s.buffer[j*tileRows+i]
			}
			masses := s.masses[a*l.blocked : (a+1)*l.blocked]
			masses[a] += u[i]
			for o := b + 1; o < len(l.codes); o++ {
				if c := l.codes[o][lo+i]; c >= 0 {
					masses[l.blockAt[o]+int(c)] += u[i]
				}
			}
		}
	}
}

func (s *sums) moments(l layout, rows int, centre []float64) (*moments, error) {
	n, d := float64(rows), len(centre)
	m := &moments{size: l.width + 1, mean: make([]float64, l.width+1), cov: make([]float64, (l.width+1)*(l.width+1))}
	at := append(append(make([]int, 0, d), l.denseAt...), l.width)
	spreadAt := make([]int, l.blocked)
	for b := range l.codes {
		for c := range l.widths[b] {
			spreadAt[l.blockAt[b]+c] = l.codesAt[b] + c
		}
	}
	for i := range d {
		m.mean[at[i]] = centre[i] + s.first[i]/n
		for j := i; j < d; j++ {
			m.set(at[i], at[j], s.second[i*d+j]/n-s.first[i]/n*(s.first[j]/n))
		}
	}
	for a := range l.blocked {
		share := s.together(l, a, a) / n
		m.mean[spreadAt[a]] = share
		for j := range d {
			m.set(spreadAt[a], at[j], s.within[a*d+j]/n-share*(s.first[j]/n))
		}
		for b := a; b < l.blocked; b++ {
			m.set(spreadAt[a], spreadAt[b], s.covariance(l, a, b, rows))
		}
	}
	for _, v := range m.cov {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fault.New(fault.TrainingFailed, "the second moments of the features or the target overflow").WithRemedy("standardize the features, or scale the target down in dataset.sql")
		}
	}
	return m, nil
}

// together is what the rows weigh that have both categories.
func (s *sums) together(l layout, a, b int) float64 {
	if s.masses != nil {
		return s.masses[a*l.blocked+b]
	}
	return float64(s.counts[a*l.blocked+b])
}

// covariance of two columns of blocks: without weights in integers, exact up to
// three milliard rows.
func (s *sums) covariance(l layout, a, b, rows int) float64 {
	n := float64(rows)
	if s.masses == nil {
		both := s.counts[a*l.blocked+b]*int64(rows) - s.counts[a*l.blocked+a]*s.counts[b*l.blocked+b]
		return float64(both) / n / n
	}
	p, q := s.masses[a*l.blocked+a]/n, s.masses[b*l.blocked+b]/n
	if a == b {
		if 1-p < n*0x1p-52 { // every row has it, but for rounding
			return 0
		}
		return p * (1 - p)
	}
	return s.masses[a*l.blocked+b]/n - p*q
}
