package table

import (
	"context"

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

// decode reads every value of a file and returns how many rows there were.
func (e *Engine) decode(ctx context.Context, path string) (rows int64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.interruptible(ctx, func() error {
		return e.each("SELECT * FROM "+Scan(path), func(c *chunk) error {
			rows += int64(c.rows)
			return nil
		})
	})
	return rows, err
}
