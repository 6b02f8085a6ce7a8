package table

import (
	"errors"
	"io"
	"math"
	"time"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// chunk is up to 2,048 rows of a result, column by column, in the engine's own
// memory; it is valid until destroyed.
type chunk struct {
	data    mapping.DataChunk
	rows    int
	vectors []vector
	kept    bool // whoever took it destroys it
}

// vector is one column of a chunk.
type vector struct {
	kind     mapping.Type
	handle   mapping.Vector
	data     unsafe.Pointer
	validity unsafe.Pointer // nil: no NULL
}

// fetch returns the next chunk of a result, or io.EOF.
func fetch(result *mapping.Result) (*chunk, error) {
	data := mapping.FetchChunk(*result)
	if data.Ptr == nil {
		if message := mapping.ResultError(result); message != "" {
			return nil, errors.New(message)
		}
		return nil, io.EOF
	}
	c := &chunk{data: data, rows: int(mapping.DataChunkGetSize(data))}
	c.vectors = make([]vector, mapping.DataChunkGetColumnCount(data))
	for j := range c.vectors {
		c.vectors[j] = newVector(mapping.DataChunkGetVector(data, mapping.IdxT(j)))
	}
	return c, nil
}

// bytes is about what the chunk takes: of its texts some are looked at.
func (c *chunk) bytes() int {
	const every = 16
	n := 0
	for j := range c.vectors {
		v := &c.vectors[j]
		n += 8 * c.rows
		if v.kind != mapping.TypeVarchar {
			continue
		}
		n += 8 * c.rows
		for r := 0; r < c.rows; r += every {
			if v.valid(r) {
				n += every * len(v.text(r))
			}
		}
	}
	return n
}

func (c *chunk) destroy() { mapping.DestroyDataChunk(&c.data) }

func newVector(handle mapping.Vector) vector {
	t := mapping.VectorGetColumnType(handle)
	defer mapping.DestroyLogicalType(&t)
	return vector{
		kind:     mapping.GetTypeId(t),
		handle:   handle,
		data:     mapping.VectorGetData(handle),
		validity: mapping.VectorGetValidity(handle),
	}
}

// valid reports whether row r is not NULL; the mask has one bit a row.
func (v *vector) valid(r int) bool {
	return v.validity == nil || *(*uint64)(unsafe.Add(v.validity, r/64*8))>>(r%64)&1 == 1
}

func values[T any](v *vector, n int) []T { return unsafe.Slice((*T)(v.data), n) }

func at[T any](v *vector, r int) T {
	var t T
	return *(*T)(unsafe.Add(v.data, uintptr(r)*unsafe.Sizeof(t)))
}

// text returns the string at row r without copying it: valid until the chunk is
// destroyed. The layout is duckdb_string_t's: a length, then up to twelve bytes
// in place, or four and a pointer.
func (v *vector) text(r int) string {
	s := unsafe.Add(v.data, r*16)
	n := *(*uint32)(s)
	if n <= 12 {
		return unsafe.String((*byte)(unsafe.Add(s, 4)), n)
	}
	return unsafe.String(*(**byte)(unsafe.Add(s, 8)), n)
}

// value returns one value in Go's terms; see Query for the types.
func (v *vector) value(r int) (any, error) {
	if !v.valid(r) {
		return nil, nil
	}
	switch v.kind {
	case mapping.TypeSQLNull:
		return nil, nil
	case mapping.TypeBoolean:
		return at[bool](v, r), nil
	case mapping.TypeTinyInt:
		return int64(at[int8](v, r)), nil
	case mapping.TypeSmallInt:
		return int64(at[int16](v, r)), nil
	case mapping.TypeInteger:
		return int64(at[int32](v, r)), nil
	case mapping.TypeBigInt:
		return at[int64](v, r), nil
	case mapping.TypeUTinyInt:
		return int64(at[uint8](v, r)), nil
	case mapping.TypeUSmallInt:
		return int64(at[uint16](v, r)), nil
	case mapping.TypeUInteger:
		return int64(at[uint32](v, r)), nil
	case mapping.TypeUBigInt:
		if u := at[uint64](v, r); u > math.MaxInt64 {
			return float64(u), nil
		}
		return int64(at[uint64](v, r)), nil
	case mapping.TypeHugeInt:
		h := at[mapping.HugeInt](v, r)
		if lower, upper := mapping.HugeIntMembers(&h); upper == 0 && lower <= math.MaxInt64 {
			return int64(lower), nil
		}
		return mapping.HugeIntToDouble(h), nil
	case mapping.TypeFloat:
		return float64(at[float32](v, r)), nil
	case mapping.TypeDouble:
		return at[float64](v, r), nil
	case mapping.TypeVarchar:
		return string(append([]byte(nil), v.text(r)...)), nil
	case mapping.TypeDate:
		return time.Unix(int64(at[int32](v, r))*86400, 0).UTC(), nil
	case mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		return time.UnixMicro(at[int64](v, r)).UTC(), nil
	case mapping.TypeList:
		span := at[[2]uint64](v, r) // offset, length
		child := newVector(mapping.ListVectorGetChild(v.handle))
		list := make([]any, span[1])
		for i := range list {
			item, err := child.value(int(span[0]) + i)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	default:
		return nil, fault.New(fault.Internal, "a query gives the engine's type %v, which must be cast", v.kind)
	}
}
