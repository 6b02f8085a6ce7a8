package table

import "context"

// Inspect returns the columns of a source of Parquet files, as Describe, and
// their rows, as their footers say.
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
		out.Rows += info.Rows
	}
	return out, nil
}
