package serving

import (
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
)

// tensor is the head of one input of an inference request.
type tensor struct {
	name     string
	datatype string
	shape    []int
	data     int // offset; 0: absent
}

// decodeTensors reads an inference request of the Open Inference Protocol v2:
// {"id", "parameters", "inputs": [{"name", "shape", "datatype", "parameters",
// "data"}], "outputs": [{"name", "parameters"}]}. Each input is one column of the
// signature, of shape [N] or [N, 1]; data may be nested as the shape is, or flat.
// null stands for a missing value, which the protocol leaves open. Parameters are
// read over.
func (r *rows) decodeTensors(body []byte, maxRows int) error {
	c := &cursor{b: body}
	inputs := 0
	return r.object(c, func(name string) error {
		switch name {
		case "inputs":
			return r.array(c, "an array of input tensors", func(n int) error {
				inputs++
				return r.input(c, n, maxRows)
			})
		case "outputs":
			return r.array(c, "an array of requested outputs", func(int) error { return r.output(c) })
		case "id":
			return r.readID(c)
		case "parameters":
			_, err := c.skip(0)
			return err
		}
		return unknownMember(c, name, `"inputs" and, optionally, "id", "parameters" and "outputs"`)
	}, func(map[string]bool) error {
		if inputs == 0 {
			return fault.New(fault.RequestInvalid, `the body has no "inputs"`).WithRemedy("send one input tensor for each of: %s", r.names())
		}
		for j := range r.sig.Inputs {
			if r.seen[j] == 0 {
				return problem(-1, "", "no input "+r.sig.Inputs[j].Name, "one input tensor for each of: "+r.names())
			}
		}
		return nil
	})
}

// members reads an object inside a request, calling member for each name.
func (c *cursor) members(what string, member func(name []byte) error) error {
	if err := c.expect('{', what); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := c.next(first, '}')
		if err != nil || !more {
			return err
		}
		key, err := c.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

func (c *cursor) word(what string) (string, error) {
	if c.peek() != '"' {
		return "", c.unexpected(what)
	}
	s, err := c.text()
	return string(s), err
}

func (r *rows) output(c *cursor) error {
	return c.members("a requested output", func(key []byte) error {
		if string(key) != "name" {
			_, err := c.skip(0)
			return err
		}
		name, err := c.word("the name of an output")
		if err != nil {
			return err
		}
		for _, o := range r.sig.Outputs {
			if o.Name == name {
				r.wanted = append(r.wanted, name)
				if len(r.wanted) > len(r.sig.Outputs) {
					return fault.New(fault.RequestInvalid, "more outputs are asked for than the model has").WithRemedy("name each output once")
				}
				return nil
			}
		}
		return fault.New(fault.RequestInvalid, "the model has no output %q", clip(name)).WithRemedy("ask for: %s", outputNames(r.sig))
	})
}

func outputNames(sig *bundle.Signature) string {
	out := ""
	for i, o := range sig.Outputs {
		if i > 0 {
			out += ", "
		}
		out += o.Name
	}
	return out
}

func (r *rows) input(c *cursor, n, maxRows int) error {
	var t tensor
	given := map[string]bool{}
	err := c.members("an input tensor", func(key []byte) (err error) {
		name := string(key)
		if given[name] {
			return fault.New(fault.RequestInvalid, "%q comes twice in input %d", clip(name), n).WithRemedy("send each name once")
		}
		given[name] = true
		switch name {
		case "name":
			t.name, err = c.word("the name of an input")
		case "datatype":
			t.datatype, err = c.word("a datatype")
		case "shape":
			t.shape, err = r.shape(c)
		case "data":
			c.peek()
			t.data = c.at
			_, err = c.skip(0)
		case "parameters":
			_, err = c.skip(0)
		default:
			err = unknownMember(c, name, `"name", "shape", "datatype" and "data" in an input`)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.column(c, t, n, maxRows)
}

func (r *rows) shape(c *cursor) (shape []int, err error) {
	err = r.array(c, "a shape such as [1]", func(n int) error {
		if ch := c.peek(); n >= 2 || ch < '0' || ch > '9' {
			return c.unexpected("a shape of [N] or [N, 1]")
		}
		x, err := c.float()
		if err != nil {
			return err
		}
		if x != float64(int32(x)) {
			return c.invalid("a dimension of the shape before byte %d is not a whole number of reasonable size", c.at)
		}
		shape = append(shape, int(x))
		return nil
	})
	return shape, err
}

// column reads the values of one tensor, whose head is known by now.
func (r *rows) column(c *cursor, t tensor, n, maxRows int) error {
	j, ok := r.index[t.name]
	if !ok {
		return problem(-1, "", "the unknown input "+quote([]byte(t.name)), "one input tensor for each of: "+r.names())
	}
	bad := func(message string, args ...any) *fault.Error {
		e := fault.New(fault.RequestInvalid, message, args...)
		e.Message = "input " + quote([]byte(t.name)) + " " + e.Message
		return e
	}
	if r.seen[j] != 0 {
		return bad("comes twice").WithRemedy("send each column once")
	}
	r.seen[j] = 1
	kind := datatypes[t.datatype]
	if kind == nil || !kind.fits(r.frame.Columns[j].Kind) {
		return bad("is a %s and cannot have the datatype %s", r.sig.Inputs[j].Kind, quote([]byte(t.datatype))).
			WithRemedy("send it as %s", datatypeOf(r.sig.Inputs[j].Kind))
	}
	if len(t.shape) == 0 || len(t.shape) == 2 && t.shape[1] != 1 || t.shape[0] == 0 {
		return bad("has the shape %v", t.shape).WithRemedy("send a column: [N] or [N, 1] with N of at least 1")
	}
	if t.shape[0] > maxRows {
		return tooManyRows(maxRows)
	}
	if n > 0 && t.shape[0] != r.frame.Rows {
		return bad("has %d rows, the input before it %d", t.shape[0], r.frame.Rows).WithRemedy("send as many values for each column")
	}
	if t.data == 0 {
		return bad(`has no "data"`).WithRemedy("send its values as JSON; binary tensor data is not supported")
	}
	r.frame.Rows = t.shape[0]
	back := c.at
	c.at = t.data
	count := 0
	one := func() error {
		if count == t.shape[0] {
			return bad("has more values than its shape %v", t.shape).WithRemedy("make shape and data agree")
		}
		count++
		c.peek()
		from := c.at
		if err := r.value(c, j, count-1, kind); err != nil {
			return err
		}
		r.cells[j] = append(r.cells[j], span{from, c.at})
		return nil
	}
	err := r.array(c, "an array of values", func(int) error {
		if c.peek() != '[' {
			return one()
		}
		return r.array(c, "a row", func(k int) error {
			if k > 0 {
				return bad("has a row of several values").WithRemedy("send one input tensor for each column")
			}
			return one()
		})
	})
	if err != nil {
		return err
	}
	if count != t.shape[0] {
		return bad("has %d values, its shape says %d", count, t.shape[0]).WithRemedy("make shape and data agree")
	}
	c.at = back
	return nil
}
