package window

import (
	"encoding/json"
	"math"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// columns reads requests, as they were sent, into the columns of a signature. A value
// that is absent, null or of a wrong type is missing; of those the absent and the wrong
// ones are counted. What there is beside the columns is read over.
//
// It goes over the bytes and makes no values of them. What its cursor refuses, and a name
// that comes twice, it leaves to encoding/json: of any text the outcome is the one that
// encoding/json and bundle.FrameFromRecords have together.
type columns struct {
	inputs []bundle.Input // all nullable
	index  map[string]int // of a column in them
	frame  frame.Frame
	codes  []map[string]int32 // of a text column's dictionary
	cursor jsontext.Cursor
	order  []int   // which column the members of the record before were, -1 for none
	told   []told  // of the record that is read
	wrong  []int64 // by column: values absent or of a wrong type
}

// told is what a record says of a column.
type told uint8

const (
	absent told = iota
	unfit       // a value of a wrong type
	fits        // a value, or null
)

// maxTexts bounds the dictionary that is kept of a text column for the next rows.
const maxTexts = 20_000

func newColumns(inputs []bundle.Input) *columns {
	n := len(inputs)
	d := &columns{
		inputs: inputs, index: make(map[string]int, n), codes: make([]map[string]int32, n), told: make([]told, n), wrong: make([]int64, n),
		frame: frame.Frame{Columns: make([]frame.Column, n)},
	}
	for j, in := range inputs {
		c := &d.frame.Columns[j]
		d.index[in.Name], c.Name = j, in.Name
		switch in.Kind {
		case frame.Text.String():
			c.Kind = frame.Text
		case frame.Time.String():
			c.Kind = frame.Time
		}
	}
	return d
}

// reset makes room for rows of other requests. The dictionaries stay, unless they are
// large: what was taken of the rows before goes on reading them.
func (d *columns) reset(rows int) {
	d.frame.Rows = 0
	clear(d.wrong)
	for j := range d.frame.Columns {
		switch c := &d.frame.Columns[j]; c.Kind {
		case frame.Text:
			c.Codes = room(c.Codes, rows)
			if d.codes[j] == nil || len(c.Dict) > maxTexts {
				d.codes[j], c.Dict = map[string]int32{}, nil
			}
		case frame.Time:
			c.Times = room(c.Times, rows)
		default:
			c.Numbers = room(c.Numbers, rows)
		}
	}
}

// room is a slice of so many values, which may be any.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// add reads the next row; false: it is no record, and none was added. There is room.
func (d *columns) add(features []byte) bool {
	if !d.read(features) && !d.unmarshal(features) {
		return false
	}
	for j, t := range d.told {
		if t != fits {
			d.wrong[j]++
			d.missing(j)
		}
	}
	d.frame.Rows++
	return true
}

// cut leaves of the columns the rows that were added.
func (d *columns) cut() *frame.Frame {
	for j := range d.frame.Columns {
		switch c := &d.frame.Columns[j]; c.Kind {
		case frame.Text:
			c.Codes = c.Codes[:d.frame.Rows]
		case frame.Time:
			c.Times = c.Times[:d.frame.Rows]
		default:
			c.Numbers = c.Numbers[:d.frame.Rows]
		}
	}
	return &d.frame
}

// read reads a record; false: others must say what it is.
func (d *columns) read(features []byte) bool {
	c := &d.cursor
	c.Reset(features)
	clear(d.told)
	if c.Peek() != '{' {
		return false
	}
	c.At++
	for k := 0; ; k++ {
		more, err := c.Next(k == 0, '}')
		if err != nil {
			return false
		}
		if !more {
			return c.End() == nil
		}
		name, err := c.Key()
		if err != nil {
			return false
		}
		j := d.column(k, name)
		if j < 0 {
			_, err = c.Skip(0)
		} else if d.told[j] != absent {
			return false
		} else {
			err = d.value(j)
		}
		if err != nil {
			return false
		}
	}
}

// column is the one of that name, the k-th of its record; -1: none. Most records have
// the same names in the same order.
func (d *columns) column(k int, name []byte) int {
	if k < len(d.order) {
		if j := d.order[k]; j >= 0 && d.inputs[j].Name == string(name) {
			return j
		}
	}
	j, ok := d.index[string(name)]
	if !ok {
		j = -1
	}
	if k == len(d.order) && k < len(d.inputs) {
		d.order = append(d.order, j)
	} else if k < len(d.order) {
		d.order[k] = j
	}
	return j
}

// value reads the value of column j.
func (d *columns) value(j int) error {
	c := &d.cursor
	kind := d.frame.Columns[j].Kind
	d.told[j] = unfit
	switch c.Peek() {
	case 'n':
		d.missing(j)
		d.told[j] = fits
		return c.Literal("null")
	case '"':
		text, err := c.Text()
		switch {
		case err != nil:
		case kind == frame.Text:
			d.text(j, text)
		case kind == frame.Time:
			if micros, ok := bundle.TimeOf(string(text)); ok {
				d.time(j, micros)
			}
		}
		return err
	case 't':
		if kind == frame.Number {
			d.number(j, 1)
		}
		return c.Literal("true")
	case 'f':
		if kind == frame.Number {
			d.number(j, 0)
		}
		return c.Literal("false")
	case '{', '[':
		_, err := c.Skip(0)
		return err
	}
	x, err := c.Float()
	switch {
	case err != nil:
	case kind == frame.Number:
		d.number(j, x)
	case kind == frame.Time:
		if micros, ok := bundle.WholeMicros(x); ok {
			d.time(j, micros)
		}
	}
	return err
}

func (d *columns) number(j int, x float64) {
	d.frame.Columns[j].Numbers[d.frame.Rows], d.told[j] = x, fits
}

func (d *columns) time(j int, micros int64) {
	d.frame.Columns[j].Times[d.frame.Rows], d.told[j] = micros, fits
}

// text puts a text; an empty one is missing, as it is to the features.
func (d *columns) text(j int, text []byte) {
	d.told[j] = fits
	if len(text) == 0 {
		d.missing(j)
		return
	}
	c := &d.frame.Columns[j]
	code, ok := d.codes[j][string(text)]
	if !ok {
		code = int32(len(c.Dict))
		own := string(text)
		c.Dict, d.codes[j][own] = append(c.Dict, own), code
	}
	c.Codes[d.frame.Rows] = code
}

func (d *columns) missing(j int) {
	switch c, row := &d.frame.Columns[j], d.frame.Rows; c.Kind {
	case frame.Text:
		c.Codes[row] = frame.MissingCode
	case frame.Time:
		c.Times[row] = frame.MissingTime
	default:
		c.Numbers[row] = math.NaN()
	}
}

// unmarshal is read by encoding/json; false: it is no record.
func (d *columns) unmarshal(features []byte) bool {
	record := map[string]any{}
	if json.Unmarshal(features, &record) != nil {
		return false
	}
	clear(d.told)
	for j := range d.inputs {
		value, there := record[d.inputs[j].Name]
		if !there {
			continue
		}
		d.told[j] = unfit
		one, err := bundle.FrameFromRecords(bundle.Signature{Inputs: d.inputs[j : j+1]}, []map[string]any{{d.inputs[j].Name: value}})
		if err != nil {
			continue
		}
		switch c := &one.Columns[0]; {
		case c.Missing(0):
			d.missing(j)
			d.told[j] = fits
		case c.Kind == frame.Text:
			d.text(j, []byte(c.Dict[c.Codes[0]]))
		case c.Kind == frame.Time:
			d.time(j, c.Times[0])
		default:
			d.number(j, c.Numbers[0])
		}
	}
	return true
}
