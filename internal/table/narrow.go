package table

import (
	"context"
	"os"
	"strings"

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
	// A missing value stays, for Watermark to refuse: a row must not be lost.
	name := Ident(column.Name)
	return "SELECT * FROM (" + query + ") AS __esteira_source WHERE " + name + " IS NULL OR " + name + " > CAST(" + Literal(s.Past.Value) + " AS " + column.SQL + ")", nil
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

// Watermark returns the greatest value of a column of a Parquet file, as text of
// the column's type; "" if there are no rows. Faults: ColumnMissing,
// TypeMismatch (text), SourceUnreadable (a row has no value).
func (e *Engine) Watermark(ctx context.Context, path, name string) (string, error) {
	schema, err := e.Schema(ctx, path)
	if err != nil {
		return "", err
	}
	column, err := growing(schema, name, path)
	if err != nil {
		return "", err
	}
	finite := ""
	if IsFloat(*column) {
		finite = " FILTER (NOT isnan(" + Ident(name) + "))"
	}
	row, err := e.QueryRow(ctx, "SELECT CAST(max("+Ident(name)+")"+finite+" AS VARCHAR), (count(*) - count("+Ident(name)+"))::BIGINT, count(*)::BIGINT FROM "+Scan(path))
	if err != nil {
		return "", err
	}
	if missing, _ := row[1].(int64); missing > 0 {
		return "", fault.New(fault.SourceUnreadable, "%d rows have no value in incremental.column %s, so nobody can tell whether they were collected", missing, Ident(name)).
			WithRemedy("leave them out at the source, or name a column that is never missing")
	}
	value, _ := row[0].(string)
	if rows, _ := row[2].(int64); rows > 0 && value == "" {
		return "", fault.New(fault.SourceUnreadable, "no row has a number in incremental.column %s", Ident(name)).WithRemedy("name a column that is never missing")
	}
	return value, nil
}

// converted is info of a file that Convert wrote.
func (e *Engine) converted(ctx context.Context, path string) (Info, error) {
	info, err := e.info(ctx, path)
	if err != nil || info.Rows == 0 {
		return info, err
	}
	rows, err := e.query(ctx, "SELECT path_in_schema FROM parquet_metadata("+Literal(path)+") GROUP BY path_in_schema HAVING sum(stats_null_count) = "+
		"sum(num_values) ORDER BY min(column_id)")
	if err != nil {
		return info, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
	}
	for _, row := range rows {
		// A nested column's path has its parts joined; only whole columns count.
		if name, _ := row[0].(string); info.Schema.Column(name) != nil && !strings.HasSuffix(info.Schema.Column(name).SQL, "]") {
			info.Empty = append(info.Empty, name)
		}
	}
	return info, nil
}
