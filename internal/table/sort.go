package table

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// sortedShare is the part of the memory limit that a sorter holds, beside it.
const sortedShare = 8

// sortedHere is how many times the memory limit rows may take to be sorted by the
// engine, which does so with all threads.
var sortedHere int64 = 1

// ordered is a SELECT whose rows are to be written in an order of theirs.
type ordered struct {
	asked  *Engine // runs it, and may be closed after it
	single bool    // in one thread, for a source is wide
	query  string
	schema pipeline.Schema // its columns
	first  []string        // the rows' order is by these, then by all others, NULLs last
	place  string          // or by this alone, which is not written
	bytes  int64           // of its rows, as text, about; 0: not known
}

// writeOrdered is write of rows in their order. The bytes of the file depend on the rows
// alone: neither on the memory nor on who sorts. Row groups shorter than the engine's own
// it does not cut the same way each time, with several threads: one that ends the table
// may have up to 2,047 rows more.
func (e *Engine) writeOrdered(ctx context.Context, o ordered, size extent, out string) error {
	if o.place != "" {
		o.first = []string{o.place}
	}
	k, ok := sortKeyOf(o.schema, o.first, o.place)
	if !ok || (o.single || size.rows() == rowGroup) && o.bytes <= sortedHere*e.options.MemoryLimit {
		err := o.asked.write(ctx, o.sql(), size, out)
		if !ok || !outOfMemory(err) {
			return err
		}
	}
	return e.writeSorted(ctx, o, k, size, out)
}

// sql is the SELECT with its order.
func (o ordered) sql() string {
	if o.place != "" {
		return "SELECT * EXCLUDE (" + Ident(o.place) + ") FROM (" + o.query + "\n) ORDER BY " + Ident(o.place)
	}
	var order []string
	for _, name := range sortOrder(o.schema, o.first) {
		order = append(order, Ident(name)+" NULLS LAST")
	}
	for _, c := range o.schema {
		if blurred(c.SQL) > 0 {
			order = append(order, exactly(c)+" NULLS LAST")
		}
	}
	return o.query + " ORDER BY " + strings.Join(order, ", ")
}

// writeSorted is writeOrdered of rows that the engine need not sort: it holds a part of
// them, however many and long they are. There is no time at which two engines hold much.
func (e *Engine) writeSorted(ctx context.Context, o ordered, k sortKey, size extent, out string) error {
	s := e.newSorter()
	defer s.close()
	err := o.asked.eachText(ctx, "SELECT "+k.expression+" FROM ("+o.query+"\n)", s.add)
	if o.asked != e {
		o.asked.Close()
	}
	if err != nil {
		return err
	}
	next, err := s.sorted(ctx)
	if err != nil {
		return err
	}
	f, err := Open(e.options)
	if err != nil {
		return err
	}
	defer f.Close()
	settings, options := "SET threads = 1", size.layout()
	if !o.single {
		// Where threads sort, row groups are cut at their rows alone: one thread does so
		// where it may have as many bytes as it likes, and that only if nobody wants the
		// order kept, which it keeps.
		settings, options = settings+"; SET preserve_insertion_order = false", options+", ROW_GROUP_SIZE_BYTES '1TB'"
	}
	if err := f.exec(ctx, settings); err != nil {
		return err
	}
	rows, err := f.offer(ctx, k, next)
	if err != nil {
		return err
	}
	defer rows.close()
	defer f.Close() // before the rows, which it reads
	err = f.copy(ctx, "SELECT "+strings.Join(k.items, ", ")+" FROM "+sortedRows+"()", options, out)
	return cmp.Or(rows.err, err)
}

// eachText gives take the only column of a SELECT, texts or bytes, each valid until it
// returns.
func (e *Engine) eachText(ctx context.Context, sql string, take func(string) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.interruptible(ctx, func() error {
		return e.each(sql, func(c *chunk) error {
			v := &c.vectors[0]
			for r := range c.rows {
				if !v.valid(r) {
					return fault.New(fault.Internal, "a row has no key to sort it by")
				}
				if err := take(v.text(r)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// rowsOf is how many rows Parquet files have; 0 if one does not read, which is told
// when it must.
func (e *Engine) rowsOf(ctx context.Context, paths []string) int64 {
	if len(paths) == 0 {
		return 0
	}
	rows, err := e.query(ctx, fmt.Sprintf("SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(%s)", literals(paths)))
	if err != nil {
		return 0
	}
	n, _ := rows[0][0].(int64)
	return n
}

// WriteBy is Write of the rows of a SELECT in the order of a column, whose values are
// distinct and which is not written.
func (e *Engine) WriteBy(ctx context.Context, query, place, out string, from ...string) (Info, error) {
	if err := e.writeBy(ctx, query, place, out, from); err != nil {
		return Info{}, failure(err, fault.Internal, "%s could not be written", out)
	}
	return e.info(ctx, out)
}

func (e *Engine) writeBy(ctx context.Context, query, place, out string, from []string) error {
	schema, err := e.describe(ctx, query)
	if err != nil {
		return err
	}
	o := ordered{asked: e, query: query, schema: schema, place: place}
	if len(schema) > wide { // its columns are written group by group
		written := slices.DeleteFunc(slices.Clone(schema), func(c pipeline.Column) bool { return c.Name == place })
		return e.writeDescribed(ctx, o.sql(), written, out, from)
	}
	size, err := e.extentOf(ctx, len(schema)-1, e.narrowOf(ctx, from...)...)
	if err != nil {
		return err
	}
	o.bytes = e.rowsOf(ctx, from) * size.bytes
	return e.writeOrdered(ctx, o, size, out)
}
