package table

import (
	"context"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Ask writes the rows of a SELECT that people wrote, in its order, as Parquet. The
// engine must be Locked: the SQL is proven to be one SELECT, but may say anything.
// Faults: QueryInvalid, ResourceExhausted.
func (e *Engine) Ask(ctx context.Context, sql, out string) (Info, error) {
	if !e.sealed {
		return Info{}, fault.New(fault.Internal, "a query of people in an engine that is not locked")
	}
	if _, err := e.inspect(ctx, sql); err != nil {
		return Info{}, queryFailure(err, "the query is refused")
	}
	schema, err := e.describe(ctx, sql)
	if err != nil {
		return Info{}, queryFailure(err, "the query is refused")
	}
	if err := e.write(ctx, sql, extent{columns: len(schema)}, out); err != nil {
		return Info{}, queryFailure(err, "the query fails")
	}
	return e.info(ctx, out)
}
