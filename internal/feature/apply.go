package feature

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

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
	fitted *Fitted
	matrix frame.Matrix
	at     []int     // by chain, where its column was last found
	tables [][]int32 // by chain, from dictionary code to category
}

// NewScratch returns buffers for fitted.
func (fitted *Fitted) NewScratch() *Scratch {
	n := len(fitted.Chains)
	s := &Scratch{fitted: fitted, at: make([]int, n), tables: make([][]int32, n)}
	s.matrix.Features = make([]frame.Feature, n)
	for i := range fitted.Chains {
		s.matrix.Features[i] = frame.Feature{Name: fitted.Chains[i].Name, Categories: fitted.Chains[i].Categories()}
	}
	return s
}

// Categories returns the categories of the block the chain makes, not nil
// though perhaps empty, or nil if its output is a number.
func (c *Chain) Categories() []string {
	last := c.Steps[len(c.Steps)-1]
	switch {
	case last.OneHot != nil:
		return last.OneHot.Categories
	case last.DatePart != nil && last.DatePart.AsCategories:
		return PartCategories(last.DatePart.Part)
	}
	return nil
}

// Apply computes the features of every row of f. Columns that are not inputs
// are ignored.
//
// Errors: ColumnMissing, TypeMismatch, and FeatureInvalid with a Place for an
// infinite value. The server turns them into RequestInvalid.
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
	var err error
	if f.Rows < parallelRows { // without a closure: nothing is allocated
		for i := range fitted.Chains {
			if err = s.chain(i, f); err != nil {
				return nil, err
			}
		}
		return &s.matrix, nil
	}
	if err = parallel(len(fitted.Chains), f.Rows, func(i int) error { return s.chain(i, f) }); err != nil {
		return nil, err
	}
	return &s.matrix, nil
}

func (s *Scratch) chain(i int, f *frame.Frame) error {
	chain, out := &s.fitted.Chains[i], &s.matrix.Features[i]
	column, err := s.find(i, f)
	if err != nil {
		return err
	}
	if out.Block() {
		out.Codes = slices.Grow(out.Codes[:0], f.Rows)[:f.Rows]
		if column.Kind == frame.Text {
			s.texts(i, column, out.Codes)
			return nil
		}
		part := chain.Steps[0].DatePart.Part
		first, _, _ := PartRange(part)
		for row, t := range column.Times {
			out.Codes[row] = datePartCode(part, first, t)
		}
		return nil
	}
	out.Numbers = slices.Grow(out.Numbers[:0], f.Rows)[:f.Rows]
	for lo := 0; lo < f.Rows; lo += chunkRows {
		hi := min(lo+chunkRows, f.Rows)
		if err := chain.numbers(column, lo, hi, out.Numbers[lo:hi]); err != nil {
			return err
		}
	}
	return nil
}

// find returns the column of chain i, looking first where it was last time.
func (s *Scratch) find(i int, f *frame.Frame) (*frame.Column, error) {
	chain := &s.fitted.Chains[i]
	at := s.at[i]
	if at >= len(f.Columns) || f.Columns[at].Name != chain.Column {
		at = slices.IndexFunc(f.Columns, func(c frame.Column) bool { return c.Name == chain.Column })
		if at < 0 {
			return nil, columnMissing(chain.Column, frameNames(f))
		}
		s.at[i] = at
	}
	column := &f.Columns[at]
	want, rows := chain.kind(), len(column.Numbers)
	switch column.Kind {
	case frame.Text:
		rows = len(column.Codes)
	case frame.Time:
		rows = len(column.Times)
	}
	if column.Kind != want {
		return nil, fault.New(fault.TypeMismatch, "column %q is a %s where the model was trained on a %s", chain.Column, column.Kind, want).
			WithRemedy("send %q as a %s", chain.Column, want).WithDetails(Place{Column: chain.Column})
	}
	if rows != f.Rows {
		return nil, fault.New(fault.Internal, "column %q has %d values in a frame of %d rows", chain.Column, rows, f.Rows)
	}
	return column, nil
}

// kind is the kind of column the chain starts from.
func (c *Chain) kind() frame.Kind {
	switch {
	case c.Steps[len(c.Steps)-1].OneHot != nil:
		return frame.Text
	case c.Steps[0].DatePart != nil:
		return frame.Time
	default:
		return frame.Number
	}
}

func (c *Chain) numbers(column *frame.Column, lo, hi int, out []float64) error {
	steps := c.Steps
	if column.Kind == frame.Time {
		part := steps[0].DatePart.Part
		for i, t := range column.Times[lo:hi] {
			out[i] = datePartNumber(part, t)
		}
		steps = steps[1:]
	} else {
		copy(out, column.Numbers[lo:hi])
		if row := infinite(out); row >= 0 {
			return infiniteError(c.Column, lo+row)
		}
	}
	for i := range steps {
		steps[i].number(out)
	}
	if row := infinite(out); row >= 0 { // (x - mean) / scale may overflow
		return infiniteError(c.Name, lo+row)
	}
	return nil
}

// number applies a numeric step in place.
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
		m, scale := s.Standardize.Mean, s.Standardize.Scale
		for i := range x {
			x[i] = (x[i] - m) / scale
		}
	case s.Log1p != nil:
		for i := range x {
			if x[i] > -1 {
				x[i] = math.Log1p(x[i])
			} else {
				x[i] = math.NaN()
			}
		}
	}
}

// texts maps a text column to categories: through a table over its dictionary
// when there are more rows than distinct texts, else text by text.
func (s *Scratch) texts(i int, column *frame.Column, out []int32) {
	chain := &s.fitted.Chains[i]
	missing := chain.category("")
	if len(column.Dict) > len(out) {
		for row, code := range column.Codes {
			if out[row] = missing; code != frame.MissingCode {
				out[row] = chain.category(column.Dict[code])
			}
		}
		return
	}
	table := s.tables[i][:0]
	for _, text := range column.Dict {
		table = append(table, chain.category(text))
	}
	s.tables[i] = table
	for row, code := range column.Codes {
		if out[row] = missing; code != frame.MissingCode {
			out[row] = table[code]
		}
	}
}

// category returns the code of a text after the chain's imputer, where "" is
// missing.
func (c *Chain) category(text string) int32 {
	h := c.Steps[len(c.Steps)-1].OneHot
	if text == "" && len(c.Steps) > 1 {
		text = *c.Steps[0].Impute.Text
	}
	known, other := h.Categories, frame.MissingCode
	if h.Shared {
		known, other = known[:len(known)-1], int32(len(known)-1)
	}
	if at, ok := slices.BinarySearch(known, text); ok {
		return int32(at)
	}
	return other
}

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
