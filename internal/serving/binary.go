package serving

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// raw reads the values of tensor t, of column j, as the protocol has them in bytes:
// row by row, little-endian, a text after its length in four bytes. A text that is
// empty is missing, and so are NaN and, of times, the smallest number: these are how
// NumPy says it.
func (r *rows) raw(t tensor, j int, kind *datatype, raw []byte) error {
	if kind.text {
		count := 0
		for ; len(raw) > 0; count++ {
			if len(raw) < 4 || uint64(binary.LittleEndian.Uint32(raw)) > uint64(len(raw)-4) {
				return t.bad("has a text, number %d, that runs past the end of the binary data", count).WithRemedy("send each text after its length in four bytes")
			}
			if count == t.shape[0] {
				return t.bad("has more values than its shape %v", t.shape).WithRemedy("make shape and data agree")
			}
			n := int(binary.LittleEndian.Uint32(raw))
			if err := r.writeText(j, count, raw[4:4+n], kind); err != nil {
				return err
			}
			raw = raw[4+n:]
		}
		return t.counted(count)
	}
	if len(raw) != t.shape[0]*kind.size {
		return t.bad("has %d bytes, %d values of %s have %d", len(raw), t.shape[0], kind.name, t.shape[0]*kind.size).WithRemedy("make shape and data agree")
	}
	for i := range t.shape[0] {
		if err := r.element(j, i, raw[i*kind.size:(i+1)*kind.size], kind); err != nil {
			return err
		}
	}
	return nil
}

// element reads one number or truth of a tensor in bytes.
func (r *rows) element(j, i int, b []byte, kind *datatype) error {
	switch kind.name {
	case "FP64":
		return r.writeFloat(j, i, math.Float64frombits(binary.LittleEndian.Uint64(b)), kind)
	case "FP32":
		return r.writeFloat(j, i, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), kind)
	case "BOOL":
		return r.writeTruth(j, i, b[0], kind)
	case "INT8":
		return r.writeInt(j, i, int64(int8(b[0])), kind)
	case "INT16":
		return r.writeInt(j, i, int64(int16(binary.LittleEndian.Uint16(b))), kind)
	case "INT32":
		return r.writeInt(j, i, int64(int32(binary.LittleEndian.Uint32(b))), kind)
	case "INT64":
		return r.writeInt(j, i, int64(binary.LittleEndian.Uint64(b)), kind)
	case "UINT8":
		return r.writeInt(j, i, int64(b[0]), kind)
	case "UINT16":
		return r.writeInt(j, i, int64(binary.LittleEndian.Uint16(b)), kind)
	case "UINT32":
		return r.writeInt(j, i, int64(binary.LittleEndian.Uint32(b)), kind)
	}
	return r.writeUint(j, i, binary.LittleEndian.Uint64(b), kind)
}

// The write methods take one value that did not come as JSON into column j, and
// write it down as JSON for the record.

func (r *rows) wrote(j, from int) {
	r.written[j] = true
	r.cells[j] = append(r.cells[j], jsontext.Span{From: from, To: len(r.text)})
}

func (r *rows) writeMissing(j, i int, got string) error {
	if !r.sig.Inputs[j].Nullable {
		return problem(i, r.frame.Columns[j].Name, got+", which means missing", "a "+r.sig.Inputs[j].Kind+" that is not missing")
	}
	from := len(r.text)
	r.text = append(r.text, "null"...)
	r.missing(j)
	r.wrote(j, from)
	return nil
}

func (r *rows) writeText(j, i int, s []byte, kind *datatype) error {
	if len(s) == 0 {
		return r.writeMissing(j, i, "an empty string")
	}
	if !utf8.Valid(s) || hasNUL(s) {
		return problem(i, r.frame.Columns[j].Name, "bytes that are not UTF-8, or contain NUL", "a text")
	}
	if err := r.textual(j, i, s, kind); err != nil {
		return err
	}
	from := len(r.text)
	r.text = appendText(r.text, string(s))
	r.wrote(j, from)
	return nil
}

func hasNUL(s []byte) bool {
	for _, ch := range s {
		if ch == 0 {
			return true
		}
	}
	return false
}

func (r *rows) writeFloat(j, i int, x float64, kind *datatype) error {
	if math.IsNaN(x) {
		return r.writeMissing(j, i, "NaN")
	}
	if math.IsInf(x, 0) {
		return problem(i, r.frame.Columns[j].Name, "an infinite number", "a finite number")
	}
	from := len(r.text)
	r.text = appendFloat(r.text, x)
	return r.writeNumber(j, i, x, from, kind)
}

func (r *rows) writeInt(j, i int, n int64, kind *datatype) error {
	if n == frame.MissingTime && r.frame.Columns[j].Kind == frame.Time {
		return r.writeMissing(j, i, "the smallest number")
	}
	from := len(r.text)
	r.text = strconv.AppendInt(r.text, n, 10)
	return r.writeNumber(j, i, float64(n), from, kind)
}

func (r *rows) writeUint(j, i int, n uint64, kind *datatype) error {
	from := len(r.text)
	r.text = strconv.AppendUint(r.text, n, 10)
	return r.writeNumber(j, i, float64(n), from, kind)
}

func (r *rows) writeNumber(j, i int, x float64, from int, kind *datatype) error {
	if err := r.number(j, i, x, r.text[from:], kind); err != nil {
		return err
	}
	r.wrote(j, from)
	return nil
}

func (r *rows) writeTruth(j, i int, v byte, kind *datatype) error {
	col := &r.frame.Columns[j]
	if v > 1 {
		return problem(i, col.Name, "the byte "+strconv.Itoa(int(v)), r.expected(j, kind))
	}
	from := len(r.text)
	r.text = strconv.AppendBool(r.text, v == 1)
	col.Numbers = append(col.Numbers, float64(v))
	r.wrote(j, from)
	return nil
}
