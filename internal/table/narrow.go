package table

import (
	"context"
	"os"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// narrowed applies Past to the SELECT of a source.
func (e *Engine) narrowed(s Source, query string, schema pipeline.Schema) (string, error) {
	if s.Past.Value == "" {
		return query, nil
	}
	column, err := growing(schema, s.Past.Column, s.Paths[0])
	if err != nil {
		return "", err
	}
	m, err := parseMark(s.Past.Value)
	if err != nil {
		return "", err
	}
	past, err := m.below(*column)
	if err != nil {
		return "", err
	}
	// What has no place in the order stays, for Watermark to refuse: a row must not be lost.
	return "SELECT * FROM (" + query + ") AS __esteira_source WHERE " + past + " OR NOT (" + hasPlace(*column) + ")", nil
}

// writeNarrowed writes the SELECT of a source that is narrowed or sorted. A query that
// drops rows needs an order of its own: see RowNumber.
func (e *Engine) writeNarrowed(ctx context.Context, s Source, query string, size extent, out string) error {
	schema, err := e.describe(ctx, query)
	if err != nil {
		return err
	}
	if query, err = e.narrowed(s, query, schema); err != nil {
		return err
	}
	rows := ordered{asked: e, query: query, schema: schema, single: len(s.header.names) > wide}
	for _, path := range s.Paths {
		if info, err := os.Stat(path); err == nil {
			rows.bytes += info.Size()
		}
	}
	return e.writeOrdered(ctx, rows, size, out)
}

// growing is the column of a watermark: a number or a time.
func growing(schema pipeline.Schema, name, where string) (*pipeline.Column, error) {
	column := schema.Column(name)
	if column == nil {
		return nil, MissingColumn(name, schema, where)
	}
	if column.Kind == frame.Text || column.SQL == "BOOLEAN" {
		return nil, fault.New(fault.TypeMismatch, "incremental.column %s is a %s, which tells no order to rely on", Ident(name), column.SQL).
			WithRemedy("name a number or a time that only grows")
	}
	return column, nil
}

// hasPlace is SQL that holds where a column has a value that others can be past.
func hasPlace(c pipeline.Column) string {
	x := Ident(c.Name)
	if IsFloat(c) || c.Kind == frame.Time {
		return x + " IS NOT NULL AND isfinite(" + x + ")"
	}
	return x + " IS NOT NULL"
}

// Watermark returns the greatest value of a column of a Parquet file as text, which
// says by itself whether it is a number or a time; "" if there are no rows. Faults:
// ColumnMissing, TypeMismatch (text), SourceUnreadable (a row has no value, or NaN, or
// an infinite one, or a time outside the years 1 to 9999).
func (e *Engine) Watermark(ctx context.Context, path, name string) (string, error) {
	schema, err := e.Schema(ctx, path)
	if err != nil {
		return "", err
	}
	column, err := growing(schema, name, path)
	if err != nil {
		return "", err
	}
	last := "max(" + Ident(name) + ")"
	if IsFloat(*column) { // 0.1 as FLOAT is another number than its text
		last = "CAST(" + last + " AS DOUBLE)"
	}
	row, err := e.QueryRow(ctx, "SELECT CAST("+last+" AS VARCHAR), (count(*) FILTER (NOT ("+hasPlace(*column)+")))::BIGINT FROM "+Scan(path))
	if err != nil {
		return "", err
	}
	if rows, _ := row[1].(int64); rows > 0 {
		return "", fault.New(fault.SourceUnreadable, "%d rows have no value in incremental.column %s, or one such as NaN or infinity, so nobody can tell whether they were collected", rows, Ident(name)).
			WithRemedy("leave them out at the source, or name a column that is always a number or a time")
	}
	value, _ := row[0].(string)
	if value == "" {
		return "", nil
	}
	if _, err := parseMark(value); err != nil {
		return "", fault.New(fault.SourceUnreadable, "incremental.column %s reaches %s, which no row to come can be past", Ident(name), value).
			WithRemedy("correct it at the source: times are those of the years 1 to 9999")
	}
	return value, nil
}
