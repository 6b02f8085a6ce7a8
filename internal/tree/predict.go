package tree

import (
	"context"
	"math"
	"sync"

	"github.com/esteira-ml/esteira/internal/frame"
)

const (
	predictRows  = 64 // that pass through a tree together
	parallelRows = 1 << 12
	together     = 12 // depth up to which four rows go together: below, most have long arrived
)

// tiles keeps the buffers of predictions: none is allocated for each row.
var tiles = sync.Pool{New: func() any { return new([]float32) }}

// Predict writes x.Rows × Outputs values into out, row by row. x must have the
// features the ensemble was fitted on, in their order. A row has the same answer
// alone and among others: its trees are added in order.
func (e *Ensemble) Predict(x *frame.Matrix, out []float64) {
	if x.Rows < parallelRows { // without a closure: nothing is allocated
		e.predict(x, out, 0, x.Rows)
		return
	}
	newCrew(context.Background()).chunks(x.Rows, func(_, _, lo, hi int) { e.predict(x, out, lo, hi) })
}

func (e *Ensemble) predict(x *frame.Matrix, out []float64, lo, hi int) {
	buffer := tiles.Get().(*[]float32)
	if width := e.width(); len(*buffer) < predictRows*width {
		*buffer = make([]float32, predictRows*width)
	}
	for ; lo < hi; lo += predictRows {
		n := min(predictRows, hi-lo)
		e.load(x, lo, n, *buffer)
		e.tile(*buffer, out[lo*e.Outputs():(lo+n)*e.Outputs()], n)
	}
	tiles.Put(buffer)
}

// width is that of a row of the used features; a leaf looks at one, too.
func (e *Ensemble) width() int { return max(1, len(e.used)) }

// load gathers the used features of n rows, row by row.
func (e *Ensemble) load(x *frame.Matrix, lo, n int, into []float32) {
	width := e.width()
	for j, at := range e.used {
		f := &x.Features[at]
		if f.Block() {
			for i, code := range f.Codes[lo : lo+n] {
				v := float32(code)
				if code < 0 {
					v = nan32
				}
				into[i*width+j] = v
			}
			continue
		}
		for i, v := range numbers(f)[lo : lo+n] {
			into[i*width+j] = float32(v)
		}
	}
}

var nan32 = float32(math.NaN())

func (e *Ensemble) tile(rows []float32, out []float64, n int) {
	outputs, width, scores := e.Outputs(), e.width(), len(e.Base)
	for i := range n {
		copy(out[i*outputs:], e.Base)
	}
	k := 0
	for t := range e.roots {
		i := 0
		for ; i+4 <= n && e.depths[t] <= together; i += 4 {
			e.four(t, rows[i*width:], width, out[i*outputs+k:], outputs)
		}
		for ; i < n; i++ {
			out[i*outputs+k] += e.value(t, rows[i*width:(i+1)*width])
		}
		if k++; k == scores {
			k = 0
		}
	}
	if e.Loss == Poisson || e.Loss == Logistic || e.Loss == Softmax {
		for i := range n {
			e.link(out[i*outputs : (i+1)*outputs])
		}
	}
}
