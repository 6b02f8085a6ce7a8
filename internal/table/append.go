package table

import (
	"context"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Create makes an empty table with the columns of f: DOUBLE, VARCHAR or TIMESTAMP
// by their kind.
func (e *Engine) Create(ctx context.Context, name string, f *frame.Frame) error {
	columns := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		columns[i] = Ident(c.Name) + " " + [...]string{"DOUBLE", "VARCHAR", "TIMESTAMP"}[c.Kind]
	}
	return e.Exec(ctx, "CREATE TABLE "+Ident(name)+" ("+strings.Join(columns, ", ")+")")
}

// Append puts the rows of f into a table that Create made for columns like its own;
// missing values become NULL. What does not fit the engine's memory is spilled.
func (e *Engine) Append(ctx context.Context, name string, f *frame.Frame) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.interruptible(ctx, func() error {
		var to mapping.Appender
		state := mapping.AppenderCreate(e.conn, "", name, &to)
		defer mapping.AppenderDestroy(&to)
		if state == mapping.StateError {
			return failureText(mapping.AppenderError(to))
		}
		for from := 0; from < f.Rows; from += BatchRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := appendChunk(to, f, from, min(from+BatchRows, f.Rows)); err != nil {
				return err
			}
		}
		if mapping.AppenderClose(to) == mapping.StateError {
			return failureText(mapping.AppenderError(to))
		}
		return nil
	})
	return failure(err, fault.Internal, "rows could not be put into %s", name)
}

// appendChunk appends rows from…to-1 of f, at most BatchRows.
func appendChunk(to mapping.Appender, f *frame.Frame, from, end int) error {
	types := make([]mapping.LogicalType, len(f.Columns))
	for j, c := range f.Columns {
		types[j] = mapping.CreateLogicalType([...]mapping.Type{mapping.TypeDouble, mapping.TypeVarchar, mapping.TypeTimestamp}[c.Kind])
		defer mapping.DestroyLogicalType(&types[j])
	}
	data := mapping.CreateDataChunk(types)
	defer mapping.DestroyDataChunk(&data)
	mapping.DataChunkSetSize(data, mapping.IdxT(end-from))
	for j := range f.Columns {
		fillVector(mapping.DataChunkGetVector(data, mapping.IdxT(j)), &f.Columns[j], from, end)
	}
	if mapping.AppendDataChunk(to, data) == mapping.StateError {
		return failureText(mapping.AppenderError(to))
	}
	return nil
}

func fillVector(handle mapping.Vector, c *frame.Column, from, end int) {
	v := newVector(handle)
	switch c.Kind {
	case frame.Number:
		copy(values[float64](&v, end-from), c.Numbers[from:end])
	case frame.Time:
		copy(values[int64](&v, end-from), c.Times[from:end])
	default:
		for i := from; i < end; i++ {
			if !c.Missing(i) {
				mapping.VectorAssignStringElement(handle, mapping.IdxT(i-from), c.Dict[c.Codes[i]])
			}
		}
	}
	for i := from; i < end; i++ {
		if c.Missing(i) {
			mapping.VectorEnsureValidityWritable(handle)
			mapping.ValiditySetRowInvalid(mapping.VectorGetValidity(handle), mapping.IdxT(i-from))
		}
	}
}

// WriteCSV is Write as CSV with a header, UTF-8, a newline after each record.
func (e *Engine) WriteCSV(ctx context.Context, query, out string) error {
	err := e.exec(ctx, "COPY ("+query+"\n) TO "+Literal(out)+" (FORMAT csv, HEADER, USE_TMP_FILE false)")
	return failure(err, fault.Internal, "%s could not be written", out)
}
