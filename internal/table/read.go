package table

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Infinite times are the extremes of int64 (but for the one that marks a missing
// value); no calendar holds them.
const infiniteTime = 1<<63 - 1

// Read returns the named columns of a Parquet file (nil: all) as a frame, in the
// file's order. Integers, decimals and booleans become float64, NULL the
// frame's mark for missing; dates and timestamps become microseconds since the
// epoch, UTC, infinite ones missing; dictionaries of text are in order of first
// appearance.
//
// The result is streamed: beside the frame it needs a few megabytes. A frame that
// would take more memory than this process may have is refused before it is read.
//
// Faults: ColumnMissing, TypeMismatch (lists, structs, bytes), SourceUnreadable,
// ResourceExhausted.
func (e *Engine) Read(ctx context.Context, path string, columns []string) (*frame.Frame, error) {
	f, _, err := e.ReadSome(ctx, path, columns, math.MaxInt64)
	return f, err
}

// ReadSome is Read of about most rows if there are more, spread evenly over the
// file: which ones depends on its number of rows alone. of is that number.
func (e *Engine) ReadSome(ctx context.Context, path string, columns []string, most int64) (f *frame.Frame, of int64, err error) {
	r, err := e.reading(ctx, path, columns)
	if err != nil {
		return nil, 0, err
	}
	where := ""
	if r.info.Rows > most {
		// The rows' numbers as multiples of the golden ratio, modulo 1, leave no
		// gap and fall in with no period (Knuth, 6.4).
		where = fmt.Sprintf(" WHERE %s * 2654435769 %% 4294967296 < %d", RowNumber, int64(float64(most)/float64(r.info.Rows)*(1<<32)))
	}
	rows := min(most, r.info.Rows)
	what := fmt.Sprintf("a table of %d rows and %d columns", rows, len(r.columns))
	if err := memory.Affordable(what, 8*rows*int64(len(r.columns))); err != nil {
		return nil, 0, err.WithRemedy("sample the rows or name fewer columns in dataset.sql, or raise GOMEMLIMIT")
	}
	f = r.frame(int(rows))
	if len(r.columns) == 0 {
		f.Rows = int(rows)
		return f, r.info.Rows, nil
	}
	return f, r.info.Rows, e.fill(ctx, r, where, nil)
}

// EachFrame is Read some thousand rows at a time: take sees frames that follow one
// another, each with dictionaries of its own. Its error ends the scan; it must not
// use the engine.
func (e *Engine) EachFrame(ctx context.Context, path string, columns []string, take func(*frame.Frame) error) error {
	r, err := e.reading(ctx, path, columns)
	if err != nil {
		return err
	}
	r.frame(frameRows)
	return e.fill(ctx, r, "", take)
}

// EachFrameOf is EachFrame for the rows of a trusted SELECT, in its order.
func (e *Engine) EachFrameOf(ctx context.Context, query string, take func(*frame.Frame) error) error {
	schema, err := e.describe(ctx, query)
	if err != nil {
		return failure(err, fault.Internal, "the engine fails")
	}
	r := &reading{from: "(" + query + ")", path: "a query", info: Info{Schema: schema}}
	if err := r.pick(nil); err != nil {
		return err
	}
	r.frame(frameRows)
	return e.fill(ctx, r, "", take)
}

// frameRows is about how many rows EachFrame gives at once.
const frameRows = 32 * BatchRows

// reading is a file being read into frames.
type reading struct {
	path    string
	from    string // SQL
	info    Info
	columns []pipeline.Column
	kinds   []frame.Kind

	out      *frame.Frame
	selected []string
	fills    []filler
}

func (e *Engine) reading(ctx context.Context, path string, columns []string) (*reading, error) {
	info, err := e.info(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &reading{path: path, from: Scan(path), info: info}
	return r, r.pick(columns)
}

// pick chooses the columns to read; nil: all.
func (r *reading) pick(columns []string) error {
	if columns == nil {
		for _, c := range r.info.Schema {
			columns = append(columns, c.Name)
		}
	}
	for _, name := range columns {
		c := r.info.Schema.Column(name)
		if c == nil {
			return MissingColumn(name, r.info.Schema, r.path)
		}
		kind, ok := kindOf(c.SQL)
		if !ok {
			return fault.New(fault.TypeMismatch, "column %q is a %s, which no step can use", name, c.SQL).WithRemedy("leave it out")
		}
		r.columns, r.kinds = append(r.columns, *c), append(r.kinds, kind)
	}
	return nil
}

// frame begins an empty frame with room for so many rows.
func (r *reading) frame(rows int) *frame.Frame {
	r.out = &frame.Frame{Columns: make([]frame.Column, len(r.columns))}
	r.selected, r.fills = make([]string, len(r.columns)), make([]filler, len(r.columns))
	for i, c := range r.columns {
		r.out.Columns[i] = frame.Column{Name: c.Name, Kind: r.kinds[i]}
		r.selected[i], r.fills[i] = reader(c, &r.out.Columns[i], rows)
	}
	return r.out
}

// fill reads rows into the frame that was begun; take, if there is one, is given it
// whenever it is full, and at last.
func (e *Engine) fill(ctx context.Context, r *reading, where string, take func(*frame.Frame) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var stopped error
	err := e.interruptible(ctx, func() error {
		return e.each("SELECT "+strings.Join(r.selected, ", ")+" FROM "+r.from+where,
			func(c *chunk) error {
				for j, fill := range r.fills {
					fill(&c.vectors[j], c.rows)
				}
				if r.out.Rows += c.rows; take != nil && r.out.Rows+BatchRows > frameRows {
					stopped = take(r.out)
					r.frame(frameRows)
				}
				return stopped
			})
	})
	if err == nil && take != nil && r.out.Rows > 0 {
		stopped = take(r.out)
	}
	if stopped != nil {
		return stopped
	}
	return failure(err, fault.SourceUnreadable, "%s does not read as parquet", r.path)
}

// filler appends the rows of one vector to a column of the frame.
type filler func(v *vector, rows int)

// reader returns how a column is selected (cast to one of three types by the
// engine, which does it by vectors) and how its vectors reach the frame.
func reader(c pipeline.Column, to *frame.Column, rows int) (sql string, fill filler) {
	switch to.Kind {
	case frame.Number:
		to.Numbers = make([]float64, 0, rows)
		return "CAST(" + Ident(c.Name) + " AS DOUBLE)", func(v *vector, rows int) {
			to.Numbers = appendFixed(to.Numbers, v, rows, math.NaN())
		}
	case frame.Time:
		to.Times = make([]int64, 0, rows)
		sql = "CAST(" + Ident(c.Name) + " AS TIMESTAMP)"
		if c.SQL == "TIMESTAMP WITH TIME ZONE" {
			sql = Ident(c.Name) // the same microseconds
		}
		return sql, func(v *vector, rows int) {
			from := len(to.Times)
			to.Times = appendFixed(to.Times, v, rows, frame.MissingTime)
			for i, t := range to.Times[from:] {
				if t == infiniteTime || t == -infiniteTime {
					to.Times[from+i] = frame.MissingTime
				}
			}
		}
	default:
		to.Codes = make([]int32, 0, rows)
		codes := map[string]int32{}
		return "CAST(" + Ident(c.Name) + " AS VARCHAR)", func(v *vector, rows int) {
			for r := range rows {
				if !v.valid(r) {
					to.Codes = append(to.Codes, frame.MissingCode)
					continue
				}
				code, known := codes[v.text(r)]
				if !known {
					text := strings.Clone(v.text(r))
					code = int32(len(to.Dict))
					codes[text] = code
					to.Dict = append(to.Dict, text)
				}
				to.Codes = append(to.Codes, code)
			}
		}
	}
}

// appendFixed appends a vector of eight-byte values, NULLs as missing.
func appendFixed[T float64 | int64](to []T, v *vector, rows int, missing T) []T {
	from := len(to)
	to = append(to, values[T](v, rows)...)
	if v.validity != nil {
		for r := range rows {
			if !v.valid(r) {
				to[from+r] = missing
			}
		}
	}
	return to
}
