package table

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// wide is how many columns make a table whose buffers, one set a thread and a
// column, are what fills the memory.
const wide = 1000

// What a column of a wide table takes of the engine's memory, in bytes: a vector of
// texts where it is read, one where it is converted, and one where rows await being
// written.
const (
	vectorBytes = BatchRows * 16
	columnBytes = 3 * vectorBytes
	sortedBytes = 6 * vectorBytes // where rows are picked and put in order, too

	// besideColumns is what it takes however few they are: the file's buffers.
	besideColumns = 64 << 20
)

// narrowThreads has the engine work with one thread on a wide table, until
// restore. What is written does not depend on it.
func (e *Engine) narrowThreads(ctx context.Context, columns int) (restore func(), err error) {
	if columns <= wide || e.sealed {
		return func() {}, nil
	}
	if err := e.exec(ctx, "SET threads = 1"); err != nil {
		return nil, err
	}
	return func() { _ = e.exec(context.WithoutCancel(ctx), "SET threads = "+strconv.Itoa(e.options.Threads)) }, nil
}

// maxStripes bounds the groups of columns a table is cut to.
const maxStripes = 16

// stripes is into how many groups of columns a table is cut to be written within
// the memory limit, where a column takes so many bytes; 1: it is not.
func (e *Engine) stripes(columns int, each int64) (int, error) {
	if columns <= wide {
		return 1, nil
	}
	free := e.options.MemoryLimit - besideColumns
	if need := 2 * vectorBytes * int64(columns); need > free {
		return 0, fault.New(fault.ResourceExhausted, "%d columns take %d MB of the engine's memory, whose limit is %d MB", columns, (need+besideColumns)>>20, e.options.MemoryLimit>>20).
			WithRemedy("raise the memory limit, or make do with %d columns", max(wide, free/(2*vectorBytes)))
	}
	if each*int64(columns) <= free {
		return 1, nil
	}
	return min(maxStripes, int(each*int64(columns)/(free*3/4))+1), nil
}

// stripe is the file of a group of columns of a file that is being written.
func stripe(out string, k int) string { return fmt.Sprintf("%s.stripe%d", out, k) }

// WriteColumns is Write of a SELECT of these items followed by rest, its FROM and
// all that comes after. Of a wide table each group of items is asked for by itself,
// which is quicker than to pick it from all: planning takes a time for every column
// that a query has on any level.
// The rows are those of the Parquet file from, or parts of them, in the order of place,
// SQL whose values are distinct.
func (e *Engine) WriteColumns(ctx context.Context, items []string, rest, place, from, out string) (Info, error) {
	if err := e.writeItems(ctx, items, rest, place, from, out); err != nil {
		return Info{}, failure(err, fault.Internal, "%s could not be written", out)
	}
	return e.info(ctx, out)
}

func (e *Engine) writeItems(ctx context.Context, items []string, rest, place, from, out string) error {
	if len(items) <= wide {
		name := pipeline.ReservedPrefix + "place"
		return e.writeBy(ctx, "SELECT "+strings.Join(items, ", ")+", "+place+" AS "+name+" "+rest, name, out, []string{from})
	}
	rest += " ORDER BY " + place
	restore, err := e.narrowThreads(ctx, len(items))
	if err != nil {
		return err
	}
	defer restore()
	stripes, err := e.stripes(len(items), sortedBytes)
	if err != nil {
		return err
	}
	size := extent{columns: len(items)}
	if stripes == 1 {
		return e.write(ctx, "SELECT "+strings.Join(items, ", ")+" "+rest, size, out)
	}
	return e.writeStriped(ctx, items, rest, size, stripes, out)
}

// writeStriped writes a SELECT of items followed by rest, in an order of its own, as
// write does: group by group of the items, each to a file of its own, and then these
// side by side.
func (e *Engine) writeStriped(ctx context.Context, items []string, rest string, size extent, stripes int, out string) error {
	var beside []string
	defer func() {
		for k := range stripes {
			_ = os.Remove(stripe(out, k))
		}
	}()
	for k := range stripes {
		some := items[k*len(items)/stripes : (k+1)*len(items)/stripes]
		if err := e.write(ctx, "SELECT "+strings.Join(some, ", ")+" "+rest, size, stripe(out, k)); err != nil {
			return err
		}
		beside = append(beside, Scan(stripe(out, k)))
	}
	return e.write(ctx, "SELECT * FROM "+strings.Join(beside, " POSITIONAL JOIN "), size, out)
}

// width is how many columns a table has; 0 if it does not read, which is told when
// it must.
func (e *Engine) width(ctx context.Context, t Table) int {
	if t.Schema != nil || len(t.paths()) == 0 {
		return len(t.Schema)
	}
	schema, err := e.Schema(ctx, t.paths()[0])
	if err != nil {
		return 0
	}
	return len(schema)
}
