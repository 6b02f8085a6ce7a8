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
	info, err := e.info(ctx, path)
	if err != nil {
		return nil, err
	}
	if columns == nil {
		for _, c := range info.Schema {
			columns = append(columns, c.Name)
		}
	}
	f := &frame.Frame{Columns: make([]frame.Column, len(columns))}
	if len(columns) == 0 {
		f.Rows = int(info.Rows)
		return f, nil
	}
	what := fmt.Sprintf("a table of %d rows and %d columns", info.Rows, len(columns))
	if err := memory.Affordable(what, 8*info.Rows*int64(len(columns))); err != nil {
		return nil, err.WithRemedy("sample the rows or name fewer columns in dataset.sql, or raise GOMEMLIMIT")
	}
	selected := make([]string, len(columns))
	fills := make([]filler, len(columns))
	for i, name := range columns {
		c := info.Schema.Column(name)
		if c == nil {
			return nil, MissingColumn(name, info.Schema, path)
		}
		kind, ok := kindOf(c.SQL)
		if !ok {
			return nil, fault.New(fault.TypeMismatch, "column %q is a %s, which no step can use", name, c.SQL).WithRemedy("leave it out")
		}
		f.Columns[i] = frame.Column{Name: name, Kind: kind}
		selected[i], fills[i] = reader(*c, &f.Columns[i], int(info.Rows))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.interruptible(ctx, func() error {
		return e.each("SELECT "+strings.Join(selected, ", ")+" FROM "+Scan(path),
			func(c *chunk) error {
				for j, fill := range fills {
					fill(&c.vectors[j], c.rows)
				}
				f.Rows += c.rows
				return nil
			})
	})
	if err != nil {
		return nil, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
	}
	return f, nil
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
