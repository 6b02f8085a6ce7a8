package serving

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// tensor is the head of one input of an inference request.
type tensor struct {
	name     string
	datatype string
	shape    []int
	data     int  // offset; 0: absent
	binary   int  // bytes of binary data; -1: the values are JSON
	read     bool // the values are in their column
	given    uint // members there were, by bit
}

// The members of an input.
const (
	tensorName = 1 << iota
	tensorDatatype
	tensorShape
	tensorData
	tensorParameters
)

// tensorMember is the bit of a member; 0: there is none of the name.
func tensorMember(name []byte) uint {
	switch string(name) {
	case "name":
		return tensorName
	case "datatype":
		return tensorDatatype
	case "shape":
		return tensorShape
	case "data":
		return tensorData
	case "parameters":
		return tensorParameters
	}
	return 0
}

// described reports whether all is known that the values are read by.
func (t *tensor) described() bool {
	const all = tensorName | tensorDatatype | tensorShape
	return t.given&all == all
}

func (r *rows) input(c *jsontext.Cursor, n, maxRows int) error {
	t := tensor{binary: -1}
	err := c.Members("an input tensor", func(key []byte) (err error) {
		member := tensorMember(key)
		if t.given&member != 0 {
			return fault.New(fault.RequestInvalid, "%q comes twice in input %d", key, n).WithRemedy("send each name once")
		}
		t.given |= member
		switch member {
		case tensorName:
			t.name, err = r.inputName(c)
		case tensorDatatype:
			t.datatype, err = datatypeWord(c)
		case tensorShape:
			t.shape, err = r.shape(c)
		case tensorData:
			c.Peek()
			t.data = c.At
			if t.described() { // as it is sent by most: its values are read where they stand
				t.read = true
				return r.column(c, t, n, maxRows)
			}
			_, err = c.Skip(0)
		case tensorParameters:
			err = r.members(c, func(key string) error {
				if key != "binary_data_size" {
					_, err := c.Skip(0)
					return err
				}
				size, err := c.Whole("a count of bytes")
				t.binary = int(min(size, math.MaxInt32))
				return err
			})
		default:
			err = unknownMember(c, string(key), `"name", "shape", "datatype" and "data" in an input`)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !t.read {
		return r.column(c, t, n, maxRows)
	}
	if t.binary >= 0 {
		return t.bad(`has both "data" and binary data`).WithRemedy("send its values once")
	}
	return nil
}

// inputName reads the name of an input; a known one is not made anew.
func (r *rows) inputName(c *jsontext.Cursor) (string, error) {
	if c.Peek() != '"' {
		return "", c.Unexpected("the name of an input")
	}
	s, err := c.Text()
	if j, ok := r.index[string(s)]; ok {
		return r.sig.Inputs[j].Name, err
	}
	return string(s), err
}

// datatypeWord reads the name of a datatype; a known one is not made anew.
func datatypeWord(c *jsontext.Cursor) (string, error) {
	if c.Peek() != '"' {
		return "", c.Unexpected("a datatype")
	}
	s, err := c.Text()
	if kind := datatypes[string(s)]; kind != nil {
		return kind.name, err
	}
	return string(s), err
}

// shape reads one; it is valid until the next is read.
func (r *rows) shape(c *jsontext.Cursor) (shape []int, err error) {
	shape = r.dimensions[:0]
	err = r.array(c, "a shape such as [1]", func(n int) error {
		if ch := c.Peek(); n >= 2 || ch < '0' || ch > '9' {
			return c.Unexpected("a shape of [N] or [N, 1]")
		}
		x, err := c.Float()
		if err != nil {
			return err
		}
		if x != float64(int32(x)) {
			return c.Invalid("a dimension of the shape before byte %d is not a whole number of reasonable size", c.At)
		}
		shape = append(shape, int(x))
		return nil
	})
	return shape, err
}

// column reads the values of one tensor, whose head is known by now.
func (r *rows) column(c *jsontext.Cursor, t tensor, n, maxRows int) error {
	j, kind, err := r.head(t, n, maxRows)
	if err != nil {
		return err
	}
	switch {
	case t.binary >= 0 && t.data != 0:
		return t.bad(`has both "data" and binary data`).WithRemedy("send its values once")
	case t.binary > len(r.binary):
		return t.bad("has %d bytes of binary data, the body %d that are left", t.binary, len(r.binary)).WithRemedy("make binary_data_size and the body agree, and send %s", headerLength)
	case t.binary >= 0:
		raw := r.binary[:t.binary]
		r.binary = r.binary[t.binary:]
		return r.raw(t, j, kind, raw)
	case t.data == 0:
		return t.bad(`has no "data"`).WithRemedy("send its values as JSON, or as binary tensor data")
	}
	back := c.At
	c.At = t.data
	count := 0
	one := func() error {
		if count == t.shape[0] {
			return t.bad("has more values than its shape %v", t.shape).WithRemedy("make shape and data agree")
		}
		count++
		c.Peek()
		from := c.At
		if err := r.value(c, j, count-1, kind); err != nil {
			return err
		}
		r.cells[j] = append(r.cells[j], jsontext.Span{From: from, To: c.At})
		return nil
	}
	err = r.array(c, "an array of values", func(int) error {
		if c.Peek() != '[' {
			return one()
		}
		return r.array(c, "a row", func(k int) error {
			if k > 0 {
				return t.bad("has a row of several values").WithRemedy("send one input tensor for each column")
			}
			return one()
		})
	})
	if err != nil {
		return err
	}
	if !t.read {
		c.At = back
	}
	return t.counted(count)
}

// bad is a refusal of the tensor.
func (t *tensor) bad(message string, args ...any) *fault.Error {
	e := fault.New(fault.RequestInvalid, message, args...)
	e.Message = "input " + quote([]byte(t.name)) + " " + e.Message
	return e
}

// counted refuses a tensor that has another number of values than its shape.
func (t *tensor) counted(count int) error {
	if count != t.shape[0] {
		return t.bad("has %d values, its shape says %d", count, t.shape[0]).WithRemedy("make shape and data agree")
	}
	return nil
}

// head checks what a tensor, the n-th, says of itself against the signature and the
// tensors before it, and returns its column and its datatype.
func (r *rows) head(t tensor, n, maxRows int) (j int, kind *datatype, err error) {
	j, ok := r.index[t.name]
	if !ok {
		return 0, nil, problem(-1, "", "the unknown input "+quote([]byte(t.name)), "one input tensor for each of: "+r.names())
	}
	if r.seen[j] != 0 {
		return 0, nil, t.bad("comes twice").WithRemedy("send each column once")
	}
	r.seen[j] = 1
	kind = datatypes[t.datatype]
	if kind == nil || !kind.fits(r.frame.Columns[j].Kind) {
		return 0, nil, t.bad("is a %s and cannot have the datatype %s", r.sig.Inputs[j].Kind, quote([]byte(t.datatype))).
			WithRemedy("send it as %s", datatypeOf(r.sig.Inputs[j].Kind))
	}
	if len(t.shape) == 0 || len(t.shape) > 2 || len(t.shape) == 2 && t.shape[1] != 1 || t.shape[0] <= 0 {
		return 0, nil, t.bad("has the shape %v", t.shape).WithRemedy("send a column: [N] or [N, 1] with N of at least 1")
	}
	if t.shape[0] > maxRows {
		return 0, nil, tooManyRows(maxRows)
	}
	if n > 0 && t.shape[0] != r.frame.Rows {
		return 0, nil, t.bad("has %d rows, the input before it %d", t.shape[0], r.frame.Rows).WithRemedy("send as many values for each column")
	}
	r.frame.Rows = t.shape[0]
	return j, kind, nil
}
