package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// extent is how large the rows of a table are.
type extent struct {
	columns int
	bytes   int64 // a row, as text, about; 0: not known
}

const (
	// groupBytes bounds the rows of a row group: each thread collects one before it is
	// written, and takes a column of one at a time where it is read.
	groupBytes = 16 << 20
	// longRow is a row of so many bytes that a row group of it is mostly texts, which the
	// engine cannot put away while it reads them: four times less of them are read at once.
	longRow = 256
	// wideValues bounds the values of a row group of a wide table.
	wideValues = 20_000_000
)

// layout is how a table is laid out in its file: row groups of fewer rows where rows
// are long or have many columns, for they are collected before they are written; and,
// where there are many columns, short dictionaries, for the engine takes their whole
// page for each column beforehand.
func (x extent) layout() string {
	options := ""
	if x.columns > wide {
		options = fmt.Sprintf(", STRING_DICTIONARY_PAGE_SIZE_LIMIT %d", 16<<10)
	}
	if x.rows() == rowGroup {
		return options
	}
	return fmt.Sprintf(", ROW_GROUP_SIZE %d", x.rows()) + options
}

// rows is how many a row group has.
func (x extent) rows() int64 {
	rows := int64(rowGroup)
	if x.columns > wide {
		rows = min(rows, wideValues/int64(x.columns))
	}
	most := int64(groupBytes)
	if x.bytes > longRow {
		most /= 4
	}
	if x.bytes > 0 {
		rows = min(rows, most/x.bytes)
	}
	return max(1, rows/BatchRows) * BatchRows
}

// narrowOf are the relations of Parquet files whose rows extentOf may look at: of many
// columns, a few rows take more memory than there is.
func (e *Engine) narrowOf(ctx context.Context, paths ...string) (relations []string) {
	for _, path := range paths {
		if n := e.width(ctx, Parts(path)); n > 0 && n <= wide {
			relations = append(relations, Scan(path))
		}
	}
	return relations
}

// extentOf tells the extent of a table of so many columns whose rows are made of those
// of the given relations, by their first rows: those alone are the same whatever the
// memory and the threads, and so must the file be.
func (e *Engine) extentOf(ctx context.Context, columns int, relations ...string) (extent, error) {
	size := extent{columns: columns}
	if columns > wide { // their number decides
		return size, nil
	}
	for _, relation := range relations {
		rows, err := e.query(ctx, fmt.Sprintf("SELECT coalesce(avg(strlen(CAST(COLUMNS(*) AS VARCHAR))), 0)::BIGINT FROM (SELECT * FROM %s LIMIT %d)", relation, BatchRows))
		if err != nil {
			return size, err
		}
		for _, mean := range rows[0] {
			size.bytes += mean.(int64)
		}
	}
	return size, nil
}

// RowBytes is how long a row of some columns of a Parquet file is as text, about: by its
// first rows. Of more than a thousand columns it is not told, 0.
func (e *Engine) RowBytes(ctx context.Context, path string, columns []string) (int64, error) {
	if len(columns) == 0 {
		return 0, nil
	}
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = Ident(name)
	}
	size, err := e.extentOf(ctx, len(columns), "(SELECT "+strings.Join(names, ", ")+" FROM "+Scan(path)+")")
	return size.bytes, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
}
