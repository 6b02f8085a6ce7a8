package profile

import (
	"math"
	"sync"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// kept is a column that is not read again after the first scan: its distinct values, and
// which of them each row has.
type kept struct {
	codes   *table.Codes
	numbers []float64 // of numbers and times: by one more than the code, NaN the first
	texts   []string  // of texts: by the code
	exact   bool      // rows have equal codes exactly if their values are equal
}

// Bounds of what is kept of all columns together: the rows' codes, of at most 4 bytes
// each; the bytes of those that are not in a scratch file; and the bytes of distinct
// values. Tests have smaller ones.
var (
	maxKeptCodes  int64 = 1 << 27
	maxHeldCodes        = 4 << 20
	maxKeptValues       = 32 << 20
)

// keeper keeps columns. Which ones are within its bounds may depend on threads: what is
// told of a column does not depend on whether it was kept.
type keeper struct {
	shelf   *table.Shelf
	rows    int64
	columns []*kept // of the schema; nil: to be read again

	mu    sync.Mutex
	most  int // columns that may be begun
	bytes int // of values
}

func newKeeper(e *table.Engine, rows int64, columns int) *keeper {
	most := min(int64(columns), maxKeptCodes/max(1, rows))
	return &keeper{shelf: e.NewShelf(maxHeldCodes), rows: rows, columns: make([]*kept, columns), most: int(most)}
}

// begin begins the codes of a column, nil if there is no room for them.
func (k *keeper) begin() *table.Codes {
	if k.most == 0 {
		return nil
	}
	k.most--
	return k.shelf.NewCodes()
}

// keep keeps column i if there was room for the codes of all rows, unless its values
// are too many.
func (k *keeper) keep(i int, c *kept) error {
	if c.codes == nil {
		return nil
	}
	if err := c.codes.End(); err != nil || c.codes.Len() != k.rows {
		return err
	}
	bytes := 8 * len(c.numbers)
	for _, text := range c.texts {
		bytes += 16 + len(text)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bytes+bytes <= maxKeptValues {
		k.bytes += bytes
		k.columns[i] = c
	}
	return nil
}

// exactNumbers reports whether the numbers of a column are its values, one by one, as
// float64 and nothing else: not if they are so large that several are one, nor if some of
// the missing ones are NULL and others NaN.
func exactNumbers(c pipeline.Column, values listed, missing, nulls int64) bool {
	if missing > nulls {
		return false
	}
	if c.SQL == "FLOAT" || c.SQL == "DOUBLE" || len(values) == 0 {
		return true
	}
	return math.Max(-values[0].value, values[len(values)-1].value) < 1<<53
}
