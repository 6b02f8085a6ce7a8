package model

import (
	"context"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// layout is where the features of a matrix lie among its spread columns.
type layout struct {
	width   int
	dense   [][]float64
	denseAt []int // spread column of each dense feature
	codes   [][]int32
	codesAt []int // first spread column of each block
	blockAt []int // first row of each block among the rows of all blocks
	blocked int   // width of all blocks together
	widths  []int // of each block
}

func layoutOf(m *frame.Matrix) layout {
	var l layout
	for i := range m.Features {
		f := &m.Features[i]
		if f.Block() {
			l.codes, l.codesAt, l.blockAt = append(l.codes, f.Codes), append(l.codesAt, l.width), append(l.blockAt, l.blocked)
			l.widths = append(l.widths, f.Width())
			l.blocked += f.Width()
		} else {
			l.dense, l.denseAt = append(l.dense, f.Numbers), append(l.denseAt, l.width)
		}
		l.width += f.Width()
	}
	return l
}

// means returns the mean of each column. Each must have rows values.
func means(ctx context.Context, rows int, columns [][]float64) ([]float64, error) {
	sums, err := reduce(ctx, spansFor(rows, 8*len(columns)),
		func() []float64 { return make([]float64, len(columns)) },
		func(into []float64, lo, hi int) {
			for j, c := range columns {
				into[j] += total(c[lo:hi])
			}
		}, addTo)
	for j := range sums {
		sums[j] /= float64(rows)
	}
	return sums, err
}

// moments are the first two moments of the spread columns and the target, which
// comes last: Mean[width+1], and Cov, the (width+1)² second central moments
// (divided by the number of rows), row by row.
type moments struct {
	size int
	mean []float64
	cov  []float64
}

func (m *moments) set(i, j int, v float64) { m.cov[i*m.size+j], m.cov[j*m.size+i] = v, v }
func (m *moments) at(i, j int) float64     { return m.cov[i*m.size+j] }

// sums is what one span adds up. With d dense columns (the target among them)
// centred on their means, and B columns in blocks:
type sums struct {
	buffer []float64 // d × tileRows, the centred tile
	first  []float64 // d, near 0: the rounding of the mean
	second []float64 // d × d, upper triangle
	within []float64 // B × d, dense sums by category
	counts []int64   // B × B, rows that have both categories, a <= b
}

// computeMoments passes over the rows twice: means, then products centred on
// them (Chan, Golub and LeVeque 1983, the two-pass algorithm with correction).
// Blocks are never spread: a row adds to one category, not to all.
func computeMoments(ctx context.Context, l layout, rows int, y []float64) (*moments, error) {
	dense := append(append(make([][]float64, 0, len(l.dense)+1), l.dense...), y)
	d := len(dense)
	centre, err := means(ctx, rows, dense)
	if err != nil {
		return nil, err
	}
	s, err := reduce(ctx, spansFor(rows, 8*(d*d+d*l.blocked+l.blocked*l.blocked)),
		func() *sums {
			return &sums{make([]float64, d*tileRows), make([]float64, d), make([]float64, d*d), make([]float64, l.blocked*d), make([]int64, l.blocked*l.blocked)}
		},
		func(into *sums, lo, hi int) { into.tile(l, dense, centre, lo, hi) },
		func(into, from *sums) {
			addTo(into.first, from.first)
			addTo(into.second, from.second)
			addTo(into.within, from.within)
			for i, c := range from.counts {
				into.counts[i] += c
			}
		})
	if err != nil {
		return nil, err
	}
	return s.moments(l, rows, centre)
}

func (s *sums) tile(l layout, dense [][]float64, centre []float64, lo, hi int) {
	d, n := len(dense), hi-lo
	for j, c := range dense {
		b, m := s.buffer[j*tileRows:j*tileRows+n], centre[j]
		for i, v := range c[lo:hi] {
			b[i] = v - m
		}
		s.first[j] += total(b)
	}
	for i := range d {
		a := s.buffer[i*tileRows : i*tileRows+n]
		for j := i; j < d; j++ {
			s.second[i*d+j] += dot(a, s.buffer[j*tileRows:j*tileRows+n])
		}
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
		count := s.counts[a*l.blocked+a]
		share := float64(count) / n
		m.mean[spreadAt[a]] = share
		for j := range d {
			m.set(spreadAt[a], at[j], s.within[a*d+j]/n-share*(s.first[j]/n))
		}
		for b := a; b < l.blocked; b++ { // in integers: exact up to three milliard rows
			both := s.counts[a*l.blocked+b]*int64(rows) - count*s.counts[b*l.blocked+b]
			m.set(spreadAt[a], spreadAt[b], float64(both)/n/n)
		}
	}
	for _, v := range m.cov {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fault.New(fault.TrainingFailed, "the second moments of the features or the target overflow").WithRemedy("standardize the features, or scale the target down in dataset.sql")
		}
	}
	return m, nil
}

// constant reports whether a variance is no more than the rounding of its mean,
// scikit-learn's _is_constant_feature.
func constant(variance, mean float64, rows int) bool {
	const eps = 0x1p-52
	n := float64(rows)
	return variance <= n*eps*variance+(n*mean*eps)*(n*mean*eps)
}
