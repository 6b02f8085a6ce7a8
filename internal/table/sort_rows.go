package table

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// rowMaker makes rows of keys, in chunks of the engine's.
type rowMaker struct {
	values []value
	types  []mapping.LogicalType // of the columns
	text   []byte
	row    int // of the chunk, that is being made
}

// value is how a field lies in a key and in the chunk.
type value struct {
	form   form
	width  int
	column int // of the chunk; -1: it is passed over
	handle mapping.Vector
	data   unsafe.Pointer
	valid  unsafe.Pointer // a bit a row
}

// form is what was done to a value for its bytes to be in order: a float's bits, a
// signed number's sign, a text's and other bytes' values.
type form int

const (
	plainForm form = iota
	signedForm
	floatForm
	textForm
	bytesForm
)

// formOf tells the form of a type and the bytes of a value, 0 if they vary.
func formOf(t mapping.LogicalType) (form, int, error) {
	id := mapping.GetTypeId(t)
	switch id {
	case mapping.TypeDecimal:
		id = mapping.DecimalInternalType(t)
	case mapping.TypeEnum:
		id = mapping.EnumInternalType(t)
	}
	switch id {
	case mapping.TypeBoolean, mapping.TypeUTinyInt:
		return plainForm, 1, nil
	case mapping.TypeUSmallInt:
		return plainForm, 2, nil
	case mapping.TypeUInteger:
		return plainForm, 4, nil
	case mapping.TypeUBigInt:
		return plainForm, 8, nil
	case mapping.TypeUHugeInt:
		return plainForm, 16, nil
	case mapping.TypeTinyInt:
		return signedForm, 1, nil
	case mapping.TypeSmallInt:
		return signedForm, 2, nil
	case mapping.TypeInteger, mapping.TypeDate:
		return signedForm, 4, nil
	case mapping.TypeBigInt, mapping.TypeTime, mapping.TypeTimeNS, mapping.TypeTimestamp, mapping.TypeTimestampTZ,
		mapping.TypeTimestampS, mapping.TypeTimestampMS, mapping.TypeTimestampNS:
		return signedForm, 8, nil
	case mapping.TypeHugeInt, mapping.TypeUUID:
		return signedForm, 16, nil
	case mapping.TypeFloat:
		return floatForm, 4, nil
	case mapping.TypeDouble:
		return floatForm, 8, nil
	case mapping.TypeVarchar:
		return textForm, 0, nil
	case mapping.TypeBigNum, mapping.TypeBlob:
		return bytesForm, 0, nil
	}
	return 0, 0, fault.New(fault.Internal, "no key gives values of the engine's type %v back", id)
}

// newRowMaker makes rows of the columns of k, whose types are the maker's to destroy.
func newRowMaker(k sortKey, types []mapping.LogicalType) (*rowMaker, error) {
	r := &rowMaker{types: types}
	columns := make([]value, len(types))
	for j, t := range types {
		var err error
		if columns[j].form, columns[j].width, err = formOf(t); err != nil {
			r.close()
			return nil, err
		}
		columns[j].column = j
	}
	for _, f := range k.fields {
		switch {
		case f.column >= 0:
			r.values = append(r.values, columns[f.column])
		case f.width == 0:
			r.values = append(r.values, value{column: -1, form: textForm})
		default:
			r.values = append(r.values, value{column: -1, width: f.width})
		}
	}
	return r, nil
}

func (r *rowMaker) close() {
	for i := range r.types {
		mapping.DestroyLogicalType(&r.types[i])
	}
}

// make fills an empty chunk with the rows of the keys that next returns: 2,048, or fewer
// after the last.
func (r *rowMaker) make(chunk mapping.DataChunk, next func() ([]byte, error)) error {
	for i := range r.values {
		v := &r.values[i]
		if v.column < 0 {
			continue
		}
		v.handle = mapping.DataChunkGetVector(chunk, mapping.IdxT(v.column))
		mapping.VectorEnsureValidityWritable(v.handle)
		v.data, v.valid = mapping.VectorGetData(v.handle), mapping.VectorGetValidity(v.handle)
	}
	for r.row = 0; r.row < BatchRows; r.row++ {
		key, err := next()
		if err != nil {
			return err
		}
		if key == nil {
			break
		}
		r.add(key)
	}
	mapping.DataChunkSetSize(chunk, mapping.IdxT(r.row))
	return nil
}

// add makes a key's row. A key begins each value with 1, or with 2 where there is none.
func (r *rowMaker) add(key []byte) {
	for i := range r.values {
		v := &r.values[i]
		missing := key[0] == 2
		key = key[1:]
		switch {
		case missing && v.column >= 0:
			*(*uint64)(unsafe.Add(v.valid, r.row/64*8)) &^= 1 << (r.row % 64)
		case missing:
		case v.form == textForm || v.form == bytesForm:
			key = r.bytes(v, key)
		default:
			if v.column >= 0 {
				v.put(unsafe.Slice((*byte)(unsafe.Add(v.data, r.row*v.width)), v.width), key)
			}
			key = key[v.width:]
		}
	}
}

// put writes a value of fixed width; this machine has the last byte first.
func (v *value) put(to, key []byte) {
	switch {
	case v.form == floatForm && v.width == 8:
		binary.LittleEndian.PutUint64(to, doubleBits(binary.BigEndian.Uint64(key)))
	case v.form == floatForm:
		binary.LittleEndian.PutUint32(to, floatBits(binary.BigEndian.Uint32(key)))
	default:
		last := len(to) - 1
		for i := range to {
			to[last-i] = key[i]
		}
		if v.form == signedForm {
			to[last] ^= 0x80
		}
	}
}

// doubleBits are the bits of the float64 that a key has as these: of a negative number
// they are inverted, of any other but for the sign as they are.
func doubleBits(key uint64) uint64 {
	switch {
	case key == math.MaxUint64:
		return 0x7ff8 << 48 // NaN
	case key == math.MaxUint64-1:
		return math.Float64bits(math.Inf(1))
	case key == 0:
		return math.Float64bits(math.Inf(-1))
	case key>>63 == 1:
		return key ^ 1<<63
	}
	return ^key
}

// floatBits is doubleBits of a float32.
func floatBits(key uint32) uint32 {
	switch {
	case key == math.MaxUint32:
		return 0x7fc0 << 16
	case key == math.MaxUint32-1:
		return math.Float32bits(float32(math.Inf(1)))
	case key == 0:
		return math.Float32bits(float32(math.Inf(-1)))
	case key>>31 == 1:
		return key ^ 1<<31
	}
	return ^key
}

// bytes writes a text, or other bytes, and returns the rest of the key. They end with 0:
// each byte of a text is one more there than it is, and of others 0 and 1 follow a 1.
func (r *rowMaker) bytes(v *value, key []byte) []byte {
	r.text = r.text[:0]
	n := 0
	if v.form == textForm {
		if n = bytes.IndexByte(key, 0); v.column < 0 {
			return key[n+1:]
		}
		r.text = append(r.text, key[:n]...)
		for i := range r.text {
			r.text[i]--
		}
	} else {
		for ; key[n] != 0; n++ {
			if key[n] == 1 {
				n++
			}
			r.text = append(r.text, key[n])
		}
	}
	mapping.VectorAssignStringElementLen(v.handle, mapping.IdxT(r.row), r.text)
	return key[n+1:]
}
