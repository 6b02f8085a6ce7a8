package table

import (
	"bytes"
	"context"
	"fmt"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Counted gives take every distinct text of a column of a Parquet file, of any type, with
// how many rows have it, in no order. The engine counts them as long as they fit into its
// memory; it cannot put all long ones away, and then begin is called again and they are
// put in order outside of it.
//
// Faults: ResourceExhausted (the scratch directory), Internal.
func (e *Engine) Counted(ctx context.Context, path, column string, begin func() (take func(text string, rows int64))) error {
	texts := fmt.Sprintf("SELECT CAST(%s AS VARCHAR) AS v FROM %s WHERE v IS NOT NULL", Ident(column), Scan(path))
	take := begin()
	err := e.stream(ctx, "SELECT v, count(*) FROM ("+texts+") GROUP BY v", func(row []any) error {
		take(row[0].(string), row[1].(int64))
		return nil
	})
	if outOfMemory(err) {
		err = e.countSorted(ctx, texts, begin())
	}
	return failure(err, fault.Internal, "the engine fails")
}

// countSorted gives take the distinct texts of a SELECT, of which none is missing, in
// their order.
func (e *Engine) countSorted(ctx context.Context, texts string, take func(text string, rows int64)) error {
	s := e.newSorter()
	defer s.close()
	if err := e.eachText(ctx, texts, s.add); err != nil {
		return err
	}
	next, err := s.sorted(ctx)
	if err != nil {
		return err
	}
	var last []byte
	rows := int64(0)
	for n := 0; ; n++ {
		text, err := next()
		switch {
		case n%(1<<16) == 0 && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case text != nil && rows > 0 && bytes.Equal(text, last):
			rows++
			continue
		}
		if rows > 0 {
			take(string(last), rows)
		}
		if text == nil {
			return nil
		}
		last, rows = append(last[:0], text...), 1
	}
}
