package model

import (
	"context"

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

// means returns the mean of each column, weighted unless weights is nil. Each
// must have rows values.
func means(ctx context.Context, rows int, columns [][]float64, weights []float64) ([]float64, error) {
	mass := float64(rows)
	if weights != nil {
		mass = total(weights)
	}
	sums, err := reduce(ctx, spansFor(rows, 8*len(columns)),
		func() []float64 { return make([]float64, len(columns)) },
		func(into []float64, lo, hi int) {
			for j, c := range columns {
				if weights != nil {
					into[j] += relativeDot(weights[lo:hi], c[lo:hi], mass)
				} else {
					into[j] += total(c[lo:hi])
				}
			}
		}, addTo)
	for j := range sums {
		if weights == nil {
			sums[j] /= mass
		}
	}
	return sums, err
}

// relativeDot is Σ weights/mass·x, whose terms are no larger than x.
func relativeDot(weights, x []float64, mass float64) float64 {
	var buffer [tileRows]float64
	for i, w := range weights {
		buffer[i] = w / mass
	}
	return dot(buffer[:len(weights)], x)
}

// shares returns the mean of each column of the blocks, in the order of blockAt,
// weighted unless weights is nil.
func (l *layout) shares(rows int, weights []float64) []float64 {
	mass := float64(rows)
	if weights != nil {
		mass = total(weights)
	}
	shares := make([]float64, l.blocked)
	for b, codes := range l.codes {
		block := shares[l.blockAt[b]:]
		for i, c := range codes {
			if c < 0 {
				continue
			}
			if weights == nil {
				block[c]++
			} else {
				block[c] += weights[i]
			}
		}
	}
	for a := range shares {
		shares[a] /= mass
	}
	return shares
}
