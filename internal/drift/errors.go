package drift

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Errors are the errors of labelled answers in order of time, in units of their usual
// deviation: each, or where there are more than maxPoints, means of as many that
// follow one another. They are what a change is looked for in.
type Errors struct {
	Rows  int64 // labelled answers
	At    []int64
	Value []float64 // from 0 to mostError
}

const (
	maxPoints = 500 // of one summary
	mostError = 8   // in deviations: one error does not make a change
)

// ErrorsOf puts errors (at[i] in microseconds, raw[i] of any unit) in order of time,
// in units of that deviation.
func ErrorsOf(at []int64, raw []float64, unit float64) *Errors {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(at[i], at[j]) })
	e, each := &Errors{Rows: int64(len(at))}, (len(at)+maxPoints-1)/maxPoints
	for lo := 0; lo < len(order); lo += each {
		hi, total := min(lo+each, len(order)), 0.0
		for _, i := range order[lo:hi] {
			total += min(raw[i]/unit, mostError)
		}
		e.At, e.Value = append(e.At, at[order[lo]]), append(e.Value, total/float64(hi-lo))
	}
	return e
}

// Encode writes the errors: equal errors have equal bytes.
func (e *Errors) Encode() []byte {
	out := binary.AppendUvarint([]byte{1}, uint64(e.Rows))
	before := int64(0)
	for i, at := range e.At {
		out = binary.AppendVarint(out, at-before)
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(e.Value[i]))
		before = at
	}
	return out
}

// DecodeErrors reads what Encode wrote. Error: ArtifactCorrupt.
func DecodeErrors(data []byte) (*Errors, error) {
	bad := fault.New(fault.ArtifactCorrupt, "the errors of a window cannot be read").WithRemedy("compute the window again")
	if len(data) < 2 || data[0] != 1 {
		return nil, bad
	}
	rows, n := binary.Uvarint(data[1:])
	if n <= 0 || rows > maxCounted {
		return nil, bad
	}
	e, at := &Errors{Rows: int64(rows)}, int64(0)
	for data = data[1+n:]; len(data) > 0; {
		step, n := binary.Varint(data)
		if n <= 0 || len(data) < n+8 || len(e.At) == maxPoints {
			return nil, bad
		}
		value := math.Float64frombits(binary.LittleEndian.Uint64(data[n:]))
		if !(value >= 0 && value <= mostError) {
			return nil, bad
		}
		at += step
		e.At, e.Value = append(e.At, at), append(e.Value, value)
		data = data[n+8:]
	}
	return e, nil
}
