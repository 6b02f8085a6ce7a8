package tree

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

const (
	// MaxBins is the most bins a feature has besides the one of missing values.
	MaxBins = 255
	missing = 255 // the bin of missing values, of every feature
	slots   = 256 // of a histogram: bins are bytes and need no bounds check
)

// Bins is a matrix with every value replaced by the number of its bin: what
// trees are grown on. It is immutable and safe for concurrent use.
type Bins struct {
	Rows    int
	columns []column
	wide    []uint8   // row by row, len(columns) each, and 8 more for reads of 8
	tall    [][]uint8 // the same, column by column
}

// column is how one feature was cut.
type column struct {
	feature int       // in the matrix
	bins    int       // in use, without that of missing values
	missing bool      // some row has none
	cuts    []float32 // number: bin b holds cuts[b-1] < x ≤ cuts[b]
	of      []uint8   // block: bin of each code; missing if no row has it
}

func (c *column) block() bool { return c.of != nil }

// numbers is the one place that says which values of a dense feature trees read.
func numbers(f *frame.Feature) []float64 { return f.Native() }

// NewBins cuts every feature of x into at most most bins of about as many rows,
// and one of missing values. The categories of a block are bins of their own,
// the most-1 most frequent, and one together for the rest if they are more.
// Features that are the same in every row are left out. It errs only if ctx
// ends.
func NewBins(ctx context.Context, x *frame.Matrix, most int) (*Bins, error) {
	crew := newCrew(ctx)
	all := make([]column, len(x.Features))
	rows := sample(x.Rows)
	buffers := make([][]float32, crew.workers)
	crew.run(len(all), func(worker, j int) {
		if buffers[worker] == nil {
			buffers[worker] = make([]float32, len(rows))
		}
		all[j] = newColumn(&x.Features[j], rows, most, buffers[worker])
		all[j].feature = j
	})
	b := &Bins{Rows: x.Rows}
	for _, c := range all {
		if c.bins > 1 || c.bins == 1 && c.missing {
			b.columns = append(b.columns, c)
		}
	}
	b.fill(crew, x, true)
	return b, ctx.Err()
}

// like returns other rows in the same bins.
func (b *Bins) like(crew *crew, x *frame.Matrix) *Bins {
	other := &Bins{Rows: x.Rows, columns: b.columns}
	other.fill(crew, x, false)
	return other
}

func newColumn(f *frame.Feature, rows []int32, most int, buffer []float32) column {
	if f.Block() {
		return newBlock(f, most)
	}
	var c column
	for _, x := range numbers(f) {
		if x != x {
			c.missing = true
			break
		}
	}
	if !c.missing {
		c.cuts = cuts(numbers(f), rows, most, buffer)
	} else if c.cuts = cuts(numbers(f), rows, most-1, buffer); len(c.cuts) == 0 || c.cuts[len(c.cuts)-1] < math.MaxFloat32 {
		c.cuts = append(c.cuts, math.MaxFloat32) // so that all that is there can be parted from what is missing
	}
	c.bins = len(c.cuts) + 1
	return c
}

func newBlock(f *frame.Feature, most int) column {
	c := column{of: make([]uint8, len(f.Categories))}
	counts := make([]int, len(f.Categories))
	for _, code := range f.Codes {
		if code >= 0 {
			counts[code]++
		} else {
			c.missing = true
		}
	}
	var seen []int
	for code, n := range counts {
		c.of[code] = missing
		if n > 0 {
			seen = append(seen, code)
		}
	}
	if len(seen) > most {
		slices.SortStableFunc(seen, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	}
	for i, code := range seen {
		c.of[code] = uint8(min(i, most-1))
	}
	c.bins = min(len(seen), most)
	return c
}

func (b *Bins) fill(crew *crew, x *frame.Matrix, columns bool) {
	width := len(b.columns)
	b.wide = make([]uint8, x.Rows*width+8)
	if columns {
		b.tall = make([][]uint8, width)
		for j := range b.tall {
			b.tall[j] = make([]uint8, x.Rows)
		}
	}
	const tile = 1024 // rows whose bins stay in the nearest cache
	crew.run((x.Rows+tile-1)/tile, func(_, t int) {
		var buffer [tile]uint8
		lo, hi := t*tile, min((t+1)*tile, x.Rows)
		for j := range b.columns {
			c, f := &b.columns[j], &x.Features[b.columns[j].feature]
			bins := buffer[:hi-lo]
			if c.block() {
				c.binCodes(f.Codes[lo:hi], bins)
			} else {
				c.binNumbers(numbers(f)[lo:hi], bins)
			}
			if columns {
				copy(b.tall[j][lo:hi], bins)
			}
			at := lo*width + j
			for _, bin := range bins {
				b.wide[at] = bin
				at += width
			}
		}
	})
}

func (c *column) binCodes(codes []int32, into []uint8) {
	for i, code := range codes {
		into[i] = missing
		if code >= 0 && int(code) < len(c.of) {
			into[i] = c.of[code]
		}
	}
}

func (c *column) binNumbers(numbers []float64, into []uint8) {
	var padded [slots]float32 // 255 steps of a search without branches
	for i := copy(padded[:], c.cuts); i < slots; i++ {
		padded[i] = float32(math.Inf(1))
	}
	for i, number := range numbers {
		x := float32(number)
		var at uint8
		for step := uint8(128); step > 0; step >>= 1 {
			next := at + step
			if padded[next-1] < x {
				at = next
			}
		}
		if x != x {
			at = missing
		}
		into[i] = at
	}
}

// check refuses a table whose rows or columns are too many to be numbered.
func check(x *frame.Matrix) error {
	const most = 1 << 30
	if x.Rows > most || len(x.Features) > maxColumns {
		return fault.New(fault.ResourceExhausted, "boosted_trees on %d rows of %d columns, over the bound of %d rows and %d columns", x.Rows, len(x.Features), most, maxColumns).
			WithRemedy("sample the rows in dataset.sql, or select features")
	}
	return nil
}
