package table

import (
	"context"
	"errors"
	"io"
	"slices"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Exec runs trusted SQL, one or more statements, and drops their results. An
// error that is neither cancellation nor ResourceExhausted is Internal.
func (e *Engine) Exec(ctx context.Context, sql string) error {
	return failure(e.exec(ctx, sql), fault.Internal, "the engine fails")
}

// exec is Exec with the engine's own error.
func (e *Engine) exec(ctx context.Context, sql string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.interruptible(ctx, func() error {
		return e.each(sql, nil)
	})
}

// Query runs one trusted statement and returns its rows, which must be few: they
// are all kept. A value is nil (NULL), bool, int64, float64, string, time.Time
// (UTC) or []any (a list of these); other types must be cast in the SQL. Whole
// numbers beyond int64 come as float64. Errors are Exec's.
func (e *Engine) Query(ctx context.Context, sql string) ([][]any, error) {
	rows, err := e.query(ctx, sql)
	return rows, failure(err, fault.Internal, "the engine fails")
}

// query is Query with the engine's own error.
func (e *Engine) query(ctx context.Context, sql string) ([][]any, error) {
	var rows [][]any
	err := e.stream(ctx, sql, func(row []any) error {
		rows = append(rows, slices.Clone(row))
		return nil
	})
	return rows, err
}

// Stream is Query for many rows: take sees one at a time, in a slice that the
// next one overwrites; its error ends the query and is returned. It must not use
// the engine.
func (e *Engine) Stream(ctx context.Context, sql string, take func(row []any) error) error {
	return failure(e.stream(ctx, sql, take), fault.Internal, "the engine fails")
}

func (e *Engine) stream(ctx context.Context, sql string, take func(row []any) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var row []any
	return e.interruptible(ctx, func() error {
		return e.each(sql, func(c *chunk) error {
			row = slices.Grow(row[:0], len(c.vectors))[:len(c.vectors)]
			for r := range c.rows {
				for j := range row {
					v, err := c.vectors[j].value(r)
					if err != nil {
						return err
					}
					row[j] = v
				}
				if err := take(row); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// QueryRow is Query for a statement that gives exactly one row.
func (e *Engine) QueryRow(ctx context.Context, sql string) ([]any, error) {
	rows, err := e.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fault.New(fault.Internal, "%d rows where one was expected", len(rows))
	}
	return rows[0], nil
}

// each prepares and runs every statement of sql in turn and gives take, if there
// is one, the chunks of their results. The caller holds e.mu.
func (e *Engine) each(sql string, take func(*chunk) error) error {
	// A streamed result is never held whole, neither by the engine nor here. The
	// engine marks the call for replacement, but has no other that streams.
	return e.eachBy(bindings.ExecutePreparedStreaming, sql, take)
}

// held is each of results that the engine makes whole, with all its threads, before
// the first chunk is taken: they must be small.
func (e *Engine) held(sql string, take func(*chunk) error) error {
	return e.eachBy(mapping.ExecutePrepared, sql, take)
}

type execute func(mapping.PreparedStatement, *mapping.Result) mapping.State

func (e *Engine) eachBy(run execute, sql string, take func(*chunk) error) error {
	var statements mapping.ExtractedStatements
	n := mapping.ExtractStatements(e.conn, sql, &statements)
	defer mapping.DestroyExtracted(&statements)
	if n == 0 {
		if message := mapping.ExtractStatementsError(statements); message != "" {
			return errors.New(message)
		}
		return nil // only comments, or nothing
	}
	for i := mapping.IdxT(0); i < n; i++ {
		if err := e.one(run, statements, i, take); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) one(run execute, statements mapping.ExtractedStatements, i mapping.IdxT, take func(*chunk) error) error {
	var prepared mapping.PreparedStatement
	state := mapping.PrepareExtractedStatement(e.conn, statements, i, &prepared)
	defer mapping.DestroyPrepare(&prepared)
	if state == mapping.StateError {
		return errors.New(mapping.PrepareError(prepared))
	}
	var result mapping.Result
	state = run(prepared, &result)
	defer mapping.DestroyResult(&result)
	if state == mapping.StateError {
		return errors.New(mapping.ResultError(&result))
	}
	for {
		c, err := fetch(&result)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if take != nil {
			err = take(c)
		}
		if !c.kept {
			c.destroy()
		}
		if err != nil {
			return err
		}
	}
}
