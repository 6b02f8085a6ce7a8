package feature

import (
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/esteira-ml/esteira/internal/expression"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// chunkRows is how many rows pass through all steps of a chain at a time, so
// that they stay in cache.
const chunkRows = 4096

// Scratch holds the buffers of ApplyInto, to be used again: with one, a request
// costs no allocation. It belongs to the state that made it and is not safe for
// concurrent use; a server keeps them in a sync.Pool.
type Scratch struct {
	fitted   *Fitted
	matrix   frame.Matrix
	all      []frame.Feature // of every chain; the hidden ones', which are last, are not in matrix
	first    []int           // by chain, its first feature in all; one more is the end
	at       []int           // by chain, where its column was last found
	texts    []textBuffers   // by chain
	numbers  [][]float64     // by chain, numbers on their way to a block
	raws     [][]float64     // by chain, room for a feature's Raw
	formulas []formula       // by chain
	factors  [][2]int        // by chain, where its factors are in all
	products bool            // some chains multiply others
}

// formula is an expression ready to run over the columns it last found.
type formula struct {
	program *expression.Program
	columns [][]float64
	cut     [][]float64
}

// NewScratch returns buffers for fitted.
func (fitted *Fitted) NewScratch() *Scratch {
	n := len(fitted.Chains)
	s := &Scratch{fitted: fitted, at: make([]int, n), texts: make([]textBuffers, n), numbers: make([][]float64, n), raws: make([][]float64, n), formulas: make([]formula, n), factors: make([][2]int, n)}
	at := make(map[string]int, n)
	visible := 0
	for i := range fitted.Chains {
		c := &fitted.Chains[i]
		at[c.Name] = len(s.all)
		s.first = append(s.first, len(s.all))
		outputs := c.outputs()
		for k := range outputs {
			f := frame.Feature{Name: c.Name, Categories: c.Categories()}
			if outputs > 1 {
				f.Name += "_" + strconv.Itoa(k)
			}
			s.all = append(s.all, f)
		}
		if !c.Hidden {
			visible = len(s.all)
		}
		if c.Columns != nil {
			if parsed, err := expression.Parse(c.Steps[0].Expr.Formula); err == nil { // validate saw to it
				s.formulas[i] = formula{parsed.Compile(), make([][]float64, len(c.Columns)), make([][]float64, len(c.Columns))}
			}
		}
	}
	for i := range fitted.Chains {
		if c := &fitted.Chains[i]; c.Factors != nil {
			s.factors[i], s.products = [2]int{at[c.Factors[0]], at[c.Factors[1]]}, true
		}
	}
	s.first = append(s.first, len(s.all))
	s.matrix.Features = s.all[:visible:visible]
	return s
}

// Apply computes the features of every row of f. Columns that are not inputs
// are ignored.
//
// Errors: ColumnMissing, TypeMismatch, and FeatureInvalid with a Place for an
// infinite value or a text that was to be refused. The server turns them into
// RequestInvalid.
func (fitted *Fitted) Apply(f *frame.Frame) (*frame.Matrix, error) {
	return fitted.ApplyInto(f, fitted.NewScratch())
}

// ApplyInto is Apply into the buffers of s; the matrix is valid until s is used
// again.
func (fitted *Fitted) ApplyInto(f *frame.Frame, s *Scratch) (*frame.Matrix, error) {
	if s.fitted != fitted {
		return nil, fault.New(fault.Internal, "a scratch is used with another state than its own")
	}
	s.matrix.Rows = f.Rows
	for _, products := range []bool{false, true} { // products need all others first
		if products && !s.products {
			break
		}
		if err := s.chains(f, products); err != nil {
			return nil, err
		}
	}
	return &s.matrix, nil
}

func (s *Scratch) chains(f *frame.Frame, products bool) error {
	if f.Rows >= parallelRows {
		return parallel(len(s.fitted.Chains), f.Rows, func(i int) error { return s.chainOf(i, f, products) })
	}
	for i := range s.fitted.Chains { // without a closure: nothing is allocated
		if err := s.chainOf(i, f, products); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scratch) chainOf(i int, f *frame.Frame, products bool) error {
	if (s.fitted.Chains[i].Factors != nil) != products {
		return nil
	}
	if products {
		return s.product(i, f.Rows)
	}
	return s.chain(i, f)
}

// chain computes the outputs of one chain that is not a product.
func (s *Scratch) chain(i int, f *frame.Frame) error {
	chain, out := &s.fitted.Chains[i], s.all[s.first[i]:s.first[i+1]]
	var column *frame.Column
	var err error
	if chain.Columns != nil {
		err = s.findAll(i, f)
	} else {
		column, err = s.find(&s.at[i], chain.Column, chain.kind(), f)
	}
	if err != nil {
		return err
	}
	encoder := chain.encoder()
	if encoder != nil {
		if encoder.NGrams != nil {
			s.ngrams(i, column, out)
			return nil
		}
		s.table(i, column)
		if out[0].Block() {
			out[0].Codes = grow(out[0].Codes, f.Rows)
			return s.codes(i, column, 0, out[0].Codes)
		}
	}
	if out[0].Block() {
		out[0].Codes = grow(out[0].Codes, f.Rows)
		if d := chain.Steps[0].DatePart; d != nil && d.AsCategories {
			first, _, _ := PartRange(d.Part)
			for row, t := range column.Times {
				out[0].Codes[row] = datePartCode(d.Part, first, t)
			}
			return nil
		}
		s.numbers[i] = grow(s.numbers[i], min(f.Rows, chunkRows))
	} else {
		out[0].Numbers, out[0].Raw = grow(out[0].Numbers, f.Rows), nil
	}
	for lo := 0; lo < f.Rows; lo += chunkRows {
		hi := min(lo+chunkRows, f.Rows)
		if err := s.chunk(i, column, lo, hi, &out[0]); err != nil {
			return err
		}
	}
	return nil
}

// chunk passes some rows through the steps of chain i.
func (s *Scratch) chunk(i int, column *frame.Column, lo, hi int, out *frame.Feature) error {
	c := &s.fitted.Chains[i]
	var x []float64
	if out.Block() {
		x = s.numbers[i][:hi-lo]
	} else {
		x = out.Numbers[lo:hi]
	}
	if err := s.start(i, column, lo, hi, x); err != nil {
		return err
	}
	steps := c.Steps[c.head():]
	for j := range steps {
		if b := steps[j].Bin; b != nil && b.OneHot {
			for k, v := range x {
				out.Codes[lo+k] = b.code(v)
			}
			return nil
		}
		if steps[j].implicit() {
			s.keepRaw(i, out, lo, hi)
		}
		steps[j].number(x)
	}
	if row := infinite(x); row >= 0 { // (x - mean) / scale may overflow
		return infiniteError(c.Name, lo+row)
	}
	return nil
}

// start fills x with the numbers the numeric steps of chain i start from.
func (s *Scratch) start(i int, column *frame.Column, lo, hi int, x []float64) error {
	c := &s.fitted.Chains[i]
	switch {
	case c.Columns != nil:
		formula := &s.formulas[i]
		for j, values := range formula.columns {
			formula.cut[j] = values[lo:hi]
			if row := infinite(formula.cut[j]); row >= 0 {
				return infiniteError(c.Columns[j], lo+row)
			}
		}
		formula.program.Run(formula.cut, x)
	case column.Kind == frame.Text:
		return s.textNumbers(i, column, lo, x)
	case column.Kind == frame.Time:
		d := c.Steps[0].DatePart
		for k, t := range column.Times[lo:hi] {
			x[k] = d.number(t)
		}
	default:
		copy(x, column.Numbers[lo:hi])
		if row := infinite(x); row >= 0 {
			return infiniteError(c.Column, lo+row)
		}
	}
	return nil
}

func (s *Scratch) product(i, rows int) error {
	out := &s.all[s.first[i]]
	out.Numbers = grow(out.Numbers, rows)
	a, b := &s.all[s.factors[i][0]], &s.all[s.factors[i][1]]
	multiply(out.Numbers, a.Numbers, b.Numbers)
	if out.Raw = nil; a.Raw != nil || b.Raw != nil {
		s.raws[i] = grow(s.raws[i], rows)
		out.Raw = s.raws[i]
		multiply(out.Raw, a.Native(), b.Native())
	}
	if row := infinite(out.Numbers); row >= 0 {
		return infiniteError(out.Name, row)
	}
	return nil
}

func multiply(out, a, b []float64) {
	for row := range out {
		out[row] = a[row] * b[row]
	}
}

// grow returns a slice of n values, in the given memory if it is enough.
func grow[T any](x []T, n int) []T { return slices.Grow(x[:0], n)[:n] }

// parallelRows is the number of rows from which chains are worth a goroutine.
const parallelRows = 1 << 15

// parallel calls f for 0 … n-1 and returns the error of the lowest index, as a
// plain loop would.
func parallel(n, rows int, f func(int) error) error {
	errs := make([]error, n)
	workers := min(n, runtime.GOMAXPROCS(0))
	if rows < parallelRows {
		workers = 1
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Names returns the names of the spread columns of the matrix Apply makes, which
// a model fitted on it carries as its own.
func (fitted *Fitted) Names() []string { return fitted.NewScratch().matrix.Names() }

// infinite returns the index of the first infinite value, or -1.
func infinite(values []float64) int {
	for i, v := range values {
		if math.IsInf(v, 0) {
			return i
		}
	}
	return -1
}
