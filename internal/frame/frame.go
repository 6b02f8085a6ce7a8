package frame

import "math"

// Kind says which slice of a Column holds its values.
type Kind uint8

// The kinds of a column.
const (
	Number Kind = iota // Numbers, float64; booleans are 0 and 1
	Text               // Codes into Dict
	Time               // Times, microseconds since the Unix epoch, UTC
)

// String returns "number", "text" or "time", the words used in signatures.
func (k Kind) String() string { return [...]string{"number", "text", "time"}[k] }

// MissingTime marks a missing value in Times; MissingCode one in Codes.
const (
	MissingTime int64 = math.MinInt64
	MissingCode int32 = -1
)

// Column is one named column; exactly the slice of its Kind is set, with one
// value a row.
type Column struct {
	Name    string
	Kind    Kind
	Numbers []float64
	Codes   []int32
	Dict    []string // distinct texts; order carries no meaning
	Times   []int64
}

// Frame is a table: Rows rows of Columns with distinct names.
type Frame struct {
	Rows    int
	Columns []Column
}

// Column returns the column of that name, or nil.
func (f *Frame) Column(name string) *Column {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return nil
}

// Missing reports whether row i of the column has no value.
func (c *Column) Missing(i int) bool {
	switch c.Kind {
	case Text:
		return c.Codes[i] == MissingCode
	case Time:
		return c.Times[i] == MissingTime
	default:
		return math.IsNaN(c.Numbers[i])
	}
}

// Take returns a new frame of the given rows, in that order. Dictionaries are
// shared with f.
func (f *Frame) Take(rows []int32) *Frame {
	out := &Frame{Rows: len(rows), Columns: make([]Column, len(f.Columns))}
	for j := range f.Columns {
		c := &f.Columns[j]
		d := Column{Name: c.Name, Kind: c.Kind, Dict: c.Dict}
		switch c.Kind {
		case Text:
			d.Codes = take(c.Codes, rows)
		case Time:
			d.Times = take(c.Times, rows)
		default:
			d.Numbers = take(c.Numbers, rows)
		}
		out.Columns[j] = d
	}
	return out
}

func take[T any](values []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}
