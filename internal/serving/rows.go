package serving

import (
	"math"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// rows are the rows of one request on their way through the server. They are
// used again for other requests of the same revision, so that a request in the
// steady state allocates little more than its texts.
type rows struct {
	sig     *bundle.Signature
	index   map[string]int // of a column in the signature
	frame   frame.Frame
	codes   []map[string]int32 // of a text column's dictionary
	seen    []int              // 1 + the last row that had the column
	records []jsontext.Span    // plain records: each row as sent
	cells   [][]jsontext.Span  // else: per column, each value as sent
	text    []byte             // values that did not come as JSON, written so
	written []bool             // by column: cells are of text, else of the body
	// dimensions are of the tensor being read.
	dimensions [2]int
	binary     []byte // tensors: the values behind the JSON not read yet
	out        []float64
	// explained holds, if asked for, rows × outputs × (inputs + 1) values: what each
	// column added to the raw score, and last the base value.
	explained []float64
	id        string // the caller's own, if it sent one
	ask       asked
}

func newRows(sig *bundle.Signature) *rows {
	n := len(sig.Inputs)
	r := &rows{
		sig: sig, index: make(map[string]int, n), codes: make([]map[string]int32, n),
		seen: make([]int, n), cells: make([][]jsontext.Span, n), written: make([]bool, n),
		frame: frame.Frame{Columns: make([]frame.Column, n)},
	}
	for j := range sig.Inputs {
		in := &sig.Inputs[j]
		r.index[in.Name] = j
		c := &r.frame.Columns[j]
		c.Name = in.Name
		switch in.Kind {
		case frame.Text.String():
			c.Kind = frame.Text
			r.codes[j] = map[string]int32{}
		case frame.Time.String():
			c.Kind = frame.Time
		}
	}
	return r
}

// reset makes r empty, for a request that asks for ask.
func (r *rows) reset(ask asked) {
	r.frame.Rows = 0
	outputs := r.ask.outputs[:0]
	r.ask = ask
	r.ask.outputs = outputs
	r.records, r.text, r.binary, r.id = r.records[:0], r.text[:0], nil, ""
	clear(r.written)
	clear(r.seen)
	for j := range r.frame.Columns {
		c := &r.frame.Columns[j]
		c.Numbers, c.Codes, c.Times = c.Numbers[:0], c.Codes[:0], c.Times[:0]
		clear(c.Dict)
		c.Dict = c.Dict[:0]
		clear(r.codes[j])
		r.cells[j] = r.cells[j][:0]
	}
}

// problem is a refusal that says where.
func problem(row int, column, got, expected string) *fault.Error {
	p := bundle.Problem{Row: row, Column: clip(column), Got: got, Expected: expected}
	return fault.New(fault.RequestInvalid, "the request does not fit the model's signature: %s", p).WithDetails([]bundle.Problem{p})
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// value reads one JSON value into column j; it is the value of row.
func (r *rows) value(c *jsontext.Cursor, j, row int, t *datatype) error {
	col := &r.frame.Columns[j]
	switch ch := c.Peek(); ch {
	case 'n':
		if err := c.Literal("null"); err != nil {
			return err
		}
		if !r.sig.Inputs[j].Nullable {
			return problem(row, col.Name, "null", "a "+r.sig.Inputs[j].Kind+" that is not null")
		}
		r.missing(j)
		return nil
	case '"':
		s, err := c.Text()
		if err != nil {
			return err
		}
		return r.textual(j, row, s, t)
	case 't', 'f':
		x, word := 1.0, "true"
		if ch == 'f' {
			x, word = 0, "false"
		}
		if err := c.Literal(word); err != nil {
			return err
		}
		if col.Kind != frame.Number || t != nil && !t.boolean {
			return problem(row, col.Name, word, r.expected(j, t))
		}
		col.Numbers = append(col.Numbers, x)
		return nil
	case '{', '[':
		return problem(row, col.Name, "an object or array", r.expected(j, t))
	}
	start := c.At
	x, err := c.Float()
	if err != nil {
		return err
	}
	return r.number(j, row, x, c.B[start:c.At], t)
}

func (r *rows) expected(j int, t *datatype) string {
	switch {
	case t != nil:
		return "a value of datatype " + t.name
	case r.frame.Columns[j].Kind == frame.Time:
		return "a time: RFC 3339, 2006-01-02 15:04:05 in UTC, or whole microseconds since 1970"
	case r.frame.Columns[j].Kind == frame.Text:
		return "a string"
	}
	return "a number"
}

func (r *rows) missing(j int) {
	col := &r.frame.Columns[j]
	switch col.Kind {
	case frame.Text:
		col.Codes = append(col.Codes, frame.MissingCode)
	case frame.Time:
		col.Times = append(col.Times, frame.MissingTime)
	default:
		col.Numbers = append(col.Numbers, math.NaN())
	}
}

func (r *rows) textual(j, row int, s []byte, t *datatype) error {
	col := &r.frame.Columns[j]
	if t != nil && !t.text || col.Kind == frame.Number {
		return problem(row, col.Name, "the string "+quote(s), r.expected(j, t))
	}
	if col.Kind == frame.Time {
		micros, ok := bundle.TimeOf(string(s))
		if !ok {
			return problem(row, col.Name, "the string "+quote(s), "a time: RFC 3339, or 2006-01-02 15:04:05 in UTC")
		}
		col.Times = append(col.Times, micros)
		return nil
	}
	if len(s) == 0 {
		if !r.sig.Inputs[j].Nullable {
			return problem(row, col.Name, "an empty string, which means missing", "a text that is not missing")
		}
		r.missing(j)
		return nil
	}
	code, ok := r.codes[j][string(s)]
	if !ok {
		code = int32(len(col.Dict))
		text := string(s)
		col.Dict = append(col.Dict, text)
		r.codes[j][text] = code
	}
	col.Codes = append(col.Codes, code)
	return nil
}

func quote(s []byte) string { return `"` + clip(string(s)) + `"` }

func (r *rows) number(j, row int, x float64, raw []byte, t *datatype) error {
	col := &r.frame.Columns[j]
	if t != nil {
		var ok bool
		if x, ok = t.number(x); !ok {
			return problem(row, col.Name, "the number "+string(raw), r.expected(j, t))
		}
	}
	switch col.Kind {
	case frame.Text:
		return problem(row, col.Name, "the number "+string(raw), r.expected(j, t))
	case frame.Time:
		micros, ok := wholeNumber(x, raw)
		if !ok {
			return problem(row, col.Name, "the number "+string(raw), r.expected(j, t))
		}
		col.Times = append(col.Times, micros)
	default:
		col.Numbers = append(col.Numbers, x)
	}
	return nil
}
