package serving

import (
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
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
	c := &jsontext.Cursor{B: body}
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

// parameters reads those of the request.
func (r *rows) parameters(c *jsontext.Cursor) error {
	return r.members(c, func(name string) (err error) {
		switch name {
		case "explain":
			r.ask.explain, err = c.Truth()
		case "binary_data_output":
			r.ask.binary, err = c.Truth()
		case "timeout":
			var us float64
			if us, err = c.Whole("a count of microseconds"); err == nil && us > 0 {
				r.ask.timeout = time.Duration(min(us, 1e12)) * time.Microsecond
			}
		default:
			_, err = c.Skip(0)
		}
		return err
	})
}

// wantedOutput is an output that a request asks for.
type wantedOutput struct {
	name   string
	binary bool
	chosen bool // binary was said
}

func (r *rows) output(c *jsontext.Cursor) error {
	var w wantedOutput
	err := r.members(c, func(key string) (err error) {
		switch key {
		case "name":
			w.name, err = c.Word("the name of an output")
		case "parameters":
			err = r.members(c, func(key string) (err error) {
				if key == "binary_data" {
					w.chosen = true
					w.binary, err = c.Truth()
					return err
				}
				_, err = c.Skip(0)
				return err
			})
		default:
			_, err = c.Skip(0)
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
