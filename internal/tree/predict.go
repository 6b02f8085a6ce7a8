package tree

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/frame"
)

const (
	predictRows  = 64 // that pass through a tree together
	parallelRows = 1 << 12
	together     = 12 // depth up to which four rows, or eight trees, go together: below, most have long arrived
)

// tiles keeps the buffers of predictions: none is allocated for each row.
var tiles = sync.Pool{New: func() any { return new([]int32) }}

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
	buffer := tiles.Get().(*[]int32)
	if width := e.width(); len(*buffer) < predictRows*width {
		*buffer = make([]int32, predictRows*width)
	}
	for ; lo < hi; lo += predictRows {
		n := min(predictRows, hi-lo)
		e.load(x, lo, n, *buffer)
		e.tile(*buffer, out[lo*e.Outputs():(lo+n)*e.Outputs()], n)
	}
	tiles.Put(buffer)
}

// load gathers the keys of n rows, row by row.
func (e *Ensemble) load(x *frame.Matrix, lo, n int, into []int32) {
	width := e.width()
	for j, at := range e.used {
		f, into := &x.Features[at], into[2*j:]
		if f.Block() {
			categories := uint32(len(e.Features[at].Categories))
			for i, code := range f.Codes[lo : lo+n] {
				k := int32(0)
				if uint32(code) < categories {
					k = code + 1
				}
				into[i*width] = k
			}
			continue
		}
		for i, v := range numbers(f)[lo : lo+n] {
			k := key(float32(v))
			into[i*width], into[i*width+1] = k, k
			if v != v {
				into[i*width], into[i*width+1] = math.MinInt32, math.MaxInt32
			}
		}
	}
}

func (e *Ensemble) tile(rows []int32, out []float64, n int) {
	outputs, width, scores := e.Outputs(), e.width(), len(e.Base)
	for i := range n {
		copy(out[i*outputs:], e.Base)
	}
	var added [8]float32
	for t, k := 0, 0; t < len(e.roots); {
		if n == 1 && t+8 <= len(e.roots) && slices.Max(e.depths[t:t+8]) <= together {
			e.eightTrees(t, rows[:width], &added)
			for _, v := range added {
				out[k] += float64(v)
				k = next(k, scores)
			}
			t += 8
			continue
		}
		i := 0
		for ; i+4 <= n && e.depths[t] <= together; i += 4 {
			e.fourRows(t, rows[i*width:], width, out[i*outputs+k:], outputs)
		}
		for ; i < n; i++ {
			out[i*outputs+k] += e.value(t, rows[i*width:(i+1)*width])
		}
		t, k = t+1, next(k, scores)
	}
	if e.Loss == Poisson || e.Loss == Logistic || e.Loss == Softmax {
		for i := range n {
			e.link(out[i*outputs : (i+1)*outputs])
		}
	}
}

// next is the score that the tree after one of score k adds to.
func next(k, scores int) int {
	if k++; k == scores {
		return 0
	}
	return k
}
