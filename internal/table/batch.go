package table

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"strings"
	"sync"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// BatchRows is the most rows a Batch has.
const BatchRows = 2048

// Batch is up to BatchRows consecutive rows of some columns, in the engine's own
// memory: it is valid until the call that was given it returns.
type Batch struct {
	Rows    int
	vectors []vector
}

// Batches gives take the rows of a Parquet file, column by column, in the file's
// order. Columns of any type are read: numbers as such, times as microseconds,
// everything else as text. take's error ends the scan; it must not use the
// engine.
//
// Faults: SourceUnreadable, ResourceExhausted.
func (e *Engine) Batches(ctx context.Context, path string, columns []pipeline.Column, take func(b *Batch) error) error {
	return e.chunks(ctx, path, columns, func(c *chunk) error { return take(&Batch{Rows: c.rows, vectors: c.vectors}) }, nil)
}

// Bounds of a group of batches: how many they are, and about how many bytes there
// are in all of them when no more are awaited.
const (
	GroupBatches = 16
	groupedBytes = 4 << 20
)

// Groups is Batches for whoever looks at several at once: it gives take up to
// GroupBatches that follow one another, less if they are large, while the next are
// read. They are valid until take returns.
func (e *Engine) Groups(ctx context.Context, path string, columns []pipeline.Column, take func(group []Batch) error) error {
	var taking sync.WaitGroup
	var stopped error
	var kept []*chunk
	bytes := 0
	give := func() error { // once the group before was taken
		if taking.Wait(); stopped != nil || len(kept) == 0 {
			return stopped
		}
		group := kept
		taking.Go(func() {
			stopped = takeGroup(group, take)
			destroyAll(group)
		})
		kept, bytes = nil, 0
		return nil
	}
	defer func() {
		taking.Wait()
		destroyAll(kept)
	}()
	return e.chunks(ctx, path, columns, func(c *chunk) error {
		c.kept = true
		kept = append(kept, c)
		if bytes += c.bytes(); len(kept) < GroupBatches && bytes < groupedBytes {
			return nil
		}
		return give()
	}, func() error {
		err := give()
		taking.Wait()
		return cmp.Or(err, stopped)
	})
}

func takeGroup(chunks []*chunk, take func([]Batch) error) error {
	group := make([]Batch, len(chunks))
	for i, c := range chunks {
		group[i] = Batch{Rows: c.rows, vectors: c.vectors}
	}
	return take(group)
}

func destroyAll(chunks []*chunk) {
	for _, c := range chunks {
		c.destroy()
	}
}

// chunks gives take the chunks of columns of a Parquet file, and calls last, if there
// is one, after them.
func (e *Engine) chunks(ctx context.Context, path string, columns []pipeline.Column, take func(*chunk) error, last func() error) error {
	if len(columns) == 0 {
		return nil
	}
	selected := make([]string, len(columns))
	for i, c := range columns {
		selected[i] = native(c)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var stopped error
	err := e.interruptible(ctx, func() error {
		err := e.each("SELECT "+strings.Join(selected, ", ")+" FROM "+Scan(path), func(c *chunk) error {
			stopped = take(c)
			return stopped
		})
		if err == nil && last != nil {
			stopped = last()
		}
		return cmp.Or(err, stopped)
	})
	if stopped != nil {
		return stopped
	}
	return failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
}

// native is the SQL of a column as one of the types a Batch knows.
func native(c pipeline.Column) string {
	x := Ident(c.Name)
	switch c.Type {
	case frame.Number.String():
		switch c.SQL {
		case "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE":
			return x
		}
		return "CAST(" + x + " AS DOUBLE)"
	case frame.Time.String():
		if c.SQL == "TIMESTAMP" || c.SQL == "TIMESTAMP WITH TIME ZONE" { // the same microseconds
			return x
		}
		return "CAST(" + x + " AS TIMESTAMP)"
	default:
		if c.SQL == "VARCHAR" {
			return x
		}
		return "CAST(" + x + " AS VARCHAR)"
	}
}

// Numbers puts column j, which must be of numbers or times, into to as float64,
// NaN where it is missing. Times are microseconds since the epoch, infinite ones
// infinite.
func (b *Batch) Numbers(j int, to []float64) []float64 {
	v := &b.vectors[j]
	to = to[:b.Rows]
	switch v.kind {
	case mapping.TypeDouble:
		copy(to, values[float64](v, b.Rows))
	case mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		for i, t := range values[int64](v, b.Rows) {
			to[i] = float64(t)
			if t == infiniteTime || t == -infiniteTime {
				to[i] = math.Inf(int(t >> 62))
			}
		}
	case mapping.TypeBigInt:
		widen[int64](to, v)
	case mapping.TypeInteger:
		widen[int32](to, v)
	case mapping.TypeSmallInt:
		widen[int16](to, v)
	case mapping.TypeTinyInt:
		widen[int8](to, v)
	case mapping.TypeUBigInt:
		widen[uint64](to, v)
	case mapping.TypeUInteger:
		widen[uint32](to, v)
	case mapping.TypeUSmallInt:
		widen[uint16](to, v)
	case mapping.TypeUTinyInt, mapping.TypeBoolean:
		widen[uint8](to, v)
	case mapping.TypeFloat:
		widen[float32](to, v)
	}
	b.nulls(j, func(r int) { to[r] = math.NaN() })
	return to
}

func widen[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32](to []float64, v *vector) {
	for i, x := range values[T](v, len(to)) {
		to[i] = float64(x)
	}
}

// Nulls counts the rows in which column j has no value; NaN is one.
func (b *Batch) Nulls(j int) (n int64) {
	b.nulls(j, func(int) { n++ })
	return n
}

// Missing calls take for each row in which column j has no value; NaN is none.
func (b *Batch) Missing(j int, take func(r int)) {
	b.nulls(j, take)
	switch v := &b.vectors[j]; v.kind {
	case mapping.TypeDouble:
		notNumbers[float64](b, v, take)
	case mapping.TypeFloat:
		notNumbers[float32](b, v, take)
	}
}

func notNumbers[T float32 | float64](b *Batch, v *vector, take func(r int)) {
	for r, x := range values[T](v, b.Rows) {
		if x != x && v.valid(r) {
			take(r)
		}
	}
}

// nulls calls take for each row in which column j is NULL.
func (b *Batch) nulls(j int, take func(r int)) {
	v := &b.vectors[j]
	if v.validity == nil {
		return
	}
	for from := 0; from < b.Rows; from += 64 {
		gone := ^*(*uint64)(unsafe.Add(v.validity, from/8))
		if left := b.Rows - from; left < 64 {
			gone &= 1<<left - 1
		}
		for ; gone != 0; gone &= gone - 1 {
			take(from + bits.TrailingZeros64(gone))
		}
	}
}

// Text is the value of column j, which must be of text, in row r; ok is false
// where there is none. It is valid as long as the batch.
func (b *Batch) Text(j, r int) (text string, ok bool) {
	v := &b.vectors[j]
	if !v.valid(r) {
		return "", false
	}
	return v.text(r), true
}

// AppendValue appends bytes that two values of column j have in common exactly if
// they are equal, as Exact promises.
func (b *Batch) AppendValue(to []byte, j, r int) []byte {
	v := &b.vectors[j]
	if !v.valid(r) {
		return append(to, 0)
	}
	if v.kind == mapping.TypeVarchar {
		s := v.text(r)
		to = append(to, 1, byte(len(s)), byte(len(s)>>8), byte(len(s)>>16), byte(len(s)>>24))
		return append(to, s...)
	}
	w := v.word(r)
	return append(to, 1, byte(w), byte(w>>8), byte(w>>16), byte(w>>24), byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56))
}

// word is a value of fixed width such that equal ones have equal words: 0 and −0,
// and every NaN, are alike.
func (v *vector) word(r int) uint64 {
	switch v.kind {
	case mapping.TypeDouble:
		return floatWord(at[float64](v, r))
	case mapping.TypeFloat:
		return floatWord(float64(at[float32](v, r)))
	case mapping.TypeBigInt, mapping.TypeUBigInt, mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		return at[uint64](v, r)
	case mapping.TypeInteger, mapping.TypeUInteger:
		return uint64(at[uint32](v, r))
	case mapping.TypeSmallInt, mapping.TypeUSmallInt:
		return uint64(at[uint16](v, r))
	default:
		return uint64(at[uint8](v, r))
	}
}

func floatWord(x float64) uint64 {
	if x != x {
		return 0x7ff8000000000001
	}
	return math.Float64bits(x + 0)
}

// Exact reports whether a Batch tells any two different values of the column
// apart: not those of 128 bits, of nanoseconds, and of types whose equal values
// have several texts.
func Exact(c pipeline.Column) bool {
	switch c.SQL {
	case "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE",
		"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "UUID", "TIME":
		return true
	}
	return strings.HasPrefix(c.SQL, "ENUM(")
}

// raw are the sixteen bytes of every text as the engine has them.
func (v *vector) raw(n int) [][2]uint64 { return unsafe.Slice((*[2]uint64)(v.data), n) }
