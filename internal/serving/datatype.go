package serving

import (
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
)

// datatype is a tensor element type of the Open Inference Protocol v2.
type datatype struct {
	name     string
	size     int // bytes of a value; 0: as many as it says
	text     bool
	boolean  bool
	min, max float64 // of an integer type, both inclusive; max < min: not an integer type
}

var datatypes = map[string]*datatype{
	"BOOL": {name: "BOOL", size: 1, boolean: true, min: 0, max: 1}, "BYTES": {name: "BYTES", text: true},
	"FP64": {name: "FP64", size: 8, max: -1}, "FP32": {name: "FP32", size: 4, max: -1},
	"INT8": {name: "INT8", size: 1, min: math.MinInt8, max: math.MaxInt8}, "INT16": {name: "INT16", size: 2, min: math.MinInt16, max: math.MaxInt16},
	"INT32": {name: "INT32", size: 4, min: math.MinInt32, max: math.MaxInt32}, "INT64": {name: "INT64", size: 8, min: math.MinInt64, max: math.MaxInt64},
	"UINT8": {name: "UINT8", size: 1, max: math.MaxUint8}, "UINT16": {name: "UINT16", size: 2, max: math.MaxUint16},
	"UINT32": {name: "UINT32", size: 4, max: math.MaxUint32}, "UINT64": {name: "UINT64", size: 8, max: math.MaxUint64},
}

// fits reports whether a column of kind can be sent as t.
func (t *datatype) fits(kind frame.Kind) bool {
	switch kind {
	case frame.Text:
		return t.text
	case frame.Time:
		return t.text || t.name == "INT64"
	}
	return !t.text
}

// datatypeOf is the datatype in which metadata offers a column.
func datatypeOf(kind string) string {
	switch kind {
	case frame.Text.String():
		return "BYTES"
	case frame.Time.String():
		return "INT64"
	}
	return "FP64"
}

// number returns the value that x is as t, if it is one.
func (t *datatype) number(x float64) (float64, bool) {
	switch {
	case t.text:
		return 0, false
	case t.name == "FP32":
		x = float64(float32(x))
		return x, !math.IsInf(x, 0)
	case t.name == "FP64":
		return x, true
	}
	return x, x == math.Trunc(x) && x >= t.min && x <= t.max
}

// wholeNumber returns a number written as raw, whose value is x, as an int64.
// Digits beyond 2⁵³ count, which x no longer has.
func wholeNumber(x float64, raw []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, n != frame.MissingTime
	}
	return bundle.WholeMicros(x)
}
