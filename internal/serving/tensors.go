package serving

import (
	"math"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
)

// decodeTensors reads an inference request of the Open Inference Protocol v2:
// {"id", "parameters", "inputs": [{"name", "shape", "datatype", "parameters",
// "data"}], "outputs": [{"name", "parameters"}]}. Each input is one column of the
// signature, of shape [N] or [N, 1]; data may be nested as the shape is, or flat.
// null stands for a missing value, which the protocol leaves open. Of the
// parameters those of the binary tensor data extension, "timeout" (microseconds, as
// Triton has it) and "explain" count; others are read over.
func (r *rows) decodeTensors(x *exchange, maxRows int) error {
	body := x.body
	if x.head > 0 {
		if x.head > len(body) {
			return fault.New(fault.RequestInvalid, "the body has %d bytes, fewer than the %d of its JSON that %s says", len(body), x.head, headerLength).WithRemedy("make them agree")
		}
		body, r.binary = body[:x.head], body[x.head:]
	}
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
			return r.parameters(c)
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
		if len(r.binary) > 0 {
			return fault.New(fault.RequestInvalid, "%d bytes of binary data belong to no input", len(r.binary)).WithRemedy("make binary_data_size and the body agree")
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

// parameters reads those of the request.
func (r *rows) parameters(c *cursor) error {
	return r.members(c, func(name string) (err error) {
		switch name {
		case "explain":
			r.ask.explain, err = c.truth()
		case "binary_data_output":
			r.ask.binary, err = c.truth()
		case "timeout":
			var us float64
			if us, err = c.whole("a count of microseconds"); err == nil && us > 0 {
				r.ask.timeout = time.Duration(min(us, 1e12)) * time.Microsecond
			}
		default:
			_, err = c.skip(0)
		}
		return err
	})
}

func (c *cursor) truth() (bool, error) {
	switch c.peek() {
	case 't':
		return true, c.literal("true")
	case 'f':
		return false, c.literal("false")
	}
	return false, c.unexpected("true or false")
}

// whole reads a whole number that is not negative.
func (c *cursor) whole(what string) (float64, error) {
	if ch := c.peek(); ch < '0' || ch > '9' {
		return 0, c.unexpected(what)
	}
	x, err := c.float()
	if err == nil && x != math.Trunc(x) {
		return 0, c.invalid("the number before byte %d is not %s", c.at, what)
	}
	return x, err
}

// wantedOutput is an output that a request asks for.
type wantedOutput struct {
	name   string
	binary bool
	chosen bool // binary was said
}

func (r *rows) output(c *cursor) error {
	var w wantedOutput
	err := r.members(c, func(key string) (err error) {
		switch key {
		case "name":
			w.name, err = c.word("the name of an output")
		case "parameters":
			err = r.members(c, func(key string) (err error) {
				if key == "binary_data" {
					w.chosen = true
					w.binary, err = c.truth()
					return err
				}
				_, err = c.skip(0)
				return err
			})
		default:
			_, err = c.skip(0)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.want(w)
}

// want adds an output that is asked for.
func (r *rows) want(w wantedOutput) error {
	known := w.name == contributions
	for _, o := range r.sig.Outputs {
		known = known || o.Name == w.name
	}
	if !known {
		return fault.New(fault.RequestInvalid, "the model has no output %q", clip(w.name)).WithRemedy("ask for: %s", outputNames(r.sig))
	}
	for _, o := range r.ask.outputs {
		if o.name == w.name {
			return fault.New(fault.RequestInvalid, "output %q is asked for twice", w.name).WithRemedy("name each output once")
		}
	}
	r.ask.explain = r.ask.explain || w.name == contributions
	r.ask.outputs = append(r.ask.outputs, w)
	return nil
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
