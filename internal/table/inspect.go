package table

import (
	"context"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Inspect returns the columns of a source of Parquet files, as Describe, and
// their rows. Every page is decoded once: a footer may say anything, and what it
// says decides how much memory later readers take.
func (e *Engine) Inspect(ctx context.Context, s Source) (Info, error) {
	schema, err := e.Describe(ctx, s)
	if err != nil {
		return Info{}, err
	}
	out := Info{Schema: schema}
	for _, path := range s.Paths {
		info, err := e.info(ctx, path)
		if err != nil {
			return Info{}, err
		}
		rows, err := e.decode(ctx, path)
		if err != nil {
			return Info{}, e.unreadable(ctx, err, Source{Paths: []string{path}, Format: "parquet"})
		}
		if rows != info.Rows {
			return Info{}, fault.New(fault.SourceUnreadable, "%s does not read as parquet: its footer says %d rows, its pages hold %d", path, info.Rows, rows).
				WithRemedy("write the file again")
		}
		out.Rows += rows
	}
	return out, nil
}

// maxCell bounds a text of a Parquet file in bytes: what the bound of an object is in
// JSON. What takes more than the engine's memory limit is refused before it is held.
const maxCell = 16 << 20

// decode reads every value of a file and returns how many rows there were.
func (e *Engine) decode(ctx context.Context, path string) (rows int64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.interruptible(ctx, func() error {
		return e.each("SELECT * FROM "+Scan(path), func(c *chunk) error {
			rows += int64(c.rows)
			return longCell(c, path)
		})
	})
	return rows, err
}

// longCell is the fault of a chunk with a text beyond maxCell, or nil.
func longCell(c *chunk, path string) error {
	for j := range c.vectors {
		v := &c.vectors[j]
		if v.kind != mapping.TypeVarchar && v.kind != mapping.TypeBlob {
			continue
		}
		for r, text := range v.raw(c.rows) {
			if size := uint32(text[0]); size > maxCell && v.valid(r) {
				return fault.New(fault.SourceUnreadable, "%s has a value of %d bytes in column %d, more than %d, the bound of one", path, size, j+1, maxCell).
					WithRemedy("leave the column out of the file, or cut its values").WithDetails(Place{File: path, Reason: "a value is too long"})
			}
		}
	}
	return nil
}
