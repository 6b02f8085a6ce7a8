package serving

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/esteira-ml/esteira/internal/fault"
)

// A ModelInferRequest is read from its bytes as a JSON body is from its own, without
// building messages: a client cannot make the server hold more than it sent.

// Numbers of the fields of oip.ModelInferRequest and of what it holds.
const (
	fieldModelName, fieldModelVersion, fieldID, fieldParameters     = 1, 2, 3, 4
	fieldInputs, fieldOutputs, fieldRaw                             = 5, 6, 7
	fieldTensorName, fieldTensorType, fieldTensorShape              = 1, 2, 3
	fieldTensorContents                                             = 5
	fieldKey, fieldValue                                            = 1, 2
	fieldBools, fieldInts, fieldInt64s, fieldUints, fieldUint64s    = 1, 2, 3, 4, 5
	fieldFP32s, fieldFP64s, fieldTexts                              = 6, 7, 8
	fieldBoolParam, fieldInt64Param, fieldDoubleParam, fieldUint64P = 1, 2, 4, 5
)

func notMessage(what string) error {
	return fault.New(fault.RequestInvalid, "the message is not %s of the Open Inference Protocol", what).WithRemedy("send inference.ModelInferRequest")
}

// fields calls f with each field of a message: v is its content, or n the number it
// is.
func fields(b []byte, what string, f func(field protowire.Number, v []byte, n uint64) error) error {
	for len(b) > 0 {
		field, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return notMessage(what)
		}
		b = b[size:]
		var v []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			v, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var small uint32
			small, size = protowire.ConsumeFixed32(b)
			n = uint64(small)
		case protowire.Fixed64Type:
			n, size = protowire.ConsumeFixed64(b)
		default: // groups are none of ours
			return notMessage(what)
		}
		if size < 0 {
			return notMessage(what)
		}
		b = b[size:]
		if err := f(field, v, n); err != nil {
			return err
		}
	}
	return nil
}

// readTarget reads which endpoint, and which version of it, a message asks.
func (x *exchange) readTarget() error {
	return fields(x.body, "a request", func(field protowire.Number, v []byte, _ uint64) error {
		switch field {
		case fieldModelName:
			x.endpoint = string(v)
		case fieldModelVersion:
			x.version = string(v)
		}
		return nil
	})
}

// decodeMessage reads an inference request as decodeTensors does.
func (r *rows) decodeMessage(x *exchange, maxRows int) error {
	var inputs, raws [][]byte
	bound := len(r.sig.Inputs)
	err := fields(x.body, "a request", func(field protowire.Number, v []byte, _ uint64) error {
		switch field {
		case fieldID:
			if len(v) > maxID {
				return fault.New(fault.RequestInvalid, "the request's id has %d bytes, the bound is %d", len(v), maxID).WithRemedy("send a shorter id")
			}
			r.id = string(v)
		case fieldParameters:
			return r.messageParameter(v)
		case fieldInputs:
			inputs = append(inputs, v)
		case fieldRaw:
			raws = append(raws, v)
		case fieldOutputs:
			return r.messageOutput(v)
		}
		if len(inputs) > bound || len(raws) > bound {
			return problem(-1, "", "more inputs than the model has", "one input tensor for each of: "+r.names())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(raws) > 0 && len(raws) != len(inputs) {
		return fault.New(fault.RequestInvalid, "there are %d raw_input_contents for %d inputs", len(raws), len(inputs)).WithRemedy("send one for each input, or none")
	}
	for n, in := range inputs {
		var raw []byte
		if len(raws) > 0 {
			raw = raws[n]
		}
		if err := r.messageInput(in, raw, len(raws) > 0, n, maxRows); err != nil {
			return err
		}
	}
	for j := range r.sig.Inputs {
		if r.seen[j] == 0 {
			return problem(-1, "", "no input "+r.sig.Inputs[j].Name, "one input tensor for each of: "+r.names())
		}
	}
	return nil
}

// messageParameter reads a parameter of the request; those it does not know it reads
// over.
func (r *rows) messageParameter(b []byte) error {
	name := ""
	var value []byte
	if err := fields(b, "a parameter", func(field protowire.Number, v []byte, _ uint64) error {
		switch field {
		case fieldKey:
			name = string(v)
		case fieldValue:
			value = v
		}
		return nil
	}); err != nil {
		return err
	}
	return fields(value, "a parameter", func(field protowire.Number, _ []byte, n uint64) error {
		switch {
		case name == "explain" && field == fieldBoolParam:
			r.ask.explain = n != 0
		case name == "timeout" && (field == fieldInt64Param || field == fieldUint64P):
			r.ask.timeout = time.Duration(min(n, 1e12)) * time.Microsecond
		case name == "timeout" && field == fieldDoubleParam:
			if us := math.Float64frombits(n); us > 0 {
				r.ask.timeout = time.Duration(min(us, 1e12)) * time.Microsecond
			}
		}
		return nil
	})
}

func (r *rows) messageOutput(b []byte) error {
	var w wantedOutput
	if err := fields(b, "an output", func(field protowire.Number, v []byte, _ uint64) error {
		if field == fieldTensorName {
			w.name = string(v)
		}
		return nil
	}); err != nil {
		return err
	}
	return r.want(w)
}

// messageInput reads the n-th input; raw are its values if hasRaw, else they are in
// the message.
func (r *rows) messageInput(b, raw []byte, hasRaw bool, n, maxRows int) error {
	t := tensor{binary: -1}
	var contents []byte
	err := fields(b, "an input", func(field protowire.Number, v []byte, n uint64) error {
		switch field {
		case fieldTensorName:
			t.name = string(v)
		case fieldTensorType:
			t.datatype = string(v)
		case fieldTensorShape:
			return varints(v, n, func(d uint64) error {
				if len(t.shape) == 2 || d > math.MaxInt32 {
					return t.bad("has a shape of more than two dimensions, or an impossible one").WithRemedy("send a column: [N] or [N, 1] with N of at least 1")
				}
				t.shape = append(t.shape, int(d))
				return nil
			})
		case fieldTensorContents:
			contents = v
		}
		return nil
	})
	if err != nil {
		return err
	}
	j, kind, err := r.head(t, n, maxRows)
	if err != nil {
		return err
	}
	if !hasRaw {
		return r.contents(t, j, kind, contents)
	}
	if len(contents) > 0 {
		return t.bad("has both contents and raw_input_contents").WithRemedy("send its values once")
	}
	return r.raw(t, j, kind, raw)
}

// varints calls f with the numbers of a repeated field, packed (v) or not (n).
func varints(v []byte, n uint64, f func(n uint64) error) error {
	return packed(v, n, protowire.ConsumeVarint, f)
}

// packed is varints of a field whose numbers consume takes from its bytes.
func packed(v []byte, n uint64, consume func([]byte) (uint64, int), f func(n uint64) error) error {
	if v == nil {
		return f(n)
	}
	for len(v) > 0 {
		n, size := consume(v)
		if size < 0 {
			return notMessage("an input")
		}
		if err := f(n); err != nil {
			return err
		}
		v = v[size:]
	}
	return nil
}

// contentsField is the field of InferTensorContents that a datatype's values are in.
var contentsField = map[string]protowire.Number{
	"BOOL": fieldBools, "BYTES": fieldTexts, "FP64": fieldFP64s, "FP32": fieldFP32s, "INT64": fieldInt64s, "UINT64": fieldUint64s,
	"INT8": fieldInts, "INT16": fieldInts, "INT32": fieldInts, "UINT8": fieldUints, "UINT16": fieldUints, "UINT32": fieldUints,
}

// contents reads the values of tensor t, of column j, from the field of its
// datatype.
func (r *rows) contents(t tensor, j int, kind *datatype, b []byte) error {
	want, count := contentsField[kind.name], 0
	more := func() error {
		if count == t.shape[0] {
			return t.bad("has more values than its shape %v", t.shape).WithRemedy("make shape and data agree")
		}
		count++
		return nil
	}
	err := fields(b, "contents", func(field protowire.Number, v []byte, n uint64) error {
		if field != want {
			return t.bad("has the datatype %s and contents of another", kind.name).WithRemedy("put its values into the field of its datatype")
		}
		if kind.text {
			if err := more(); err != nil {
				return err
			}
			return r.writeText(j, count-1, v, kind)
		}
		return numbers(field, v, n, func(n uint64) error {
			if err := more(); err != nil {
				return err
			}
			return r.writeContent(j, count-1, field, n, kind)
		})
	})
	if err != nil {
		return err
	}
	return t.counted(count)
}

// numbers is varints, for fields of fixed size, too.
func numbers(field protowire.Number, v []byte, n uint64, f func(n uint64) error) error {
	switch field {
	case fieldFP32s:
		return packed(v, n, func(b []byte) (uint64, int) {
			small, size := protowire.ConsumeFixed32(b)
			return uint64(small), size
		}, f)
	case fieldFP64s:
		return packed(v, n, protowire.ConsumeFixed64, f)
	}
	return varints(v, n, f)
}

func (r *rows) writeContent(j, i int, field protowire.Number, n uint64, kind *datatype) error {
	switch field {
	case fieldBools:
		return r.writeTruth(j, i, byte(min(n, 2)), kind)
	case fieldFP32s:
		return r.writeFloat(j, i, float64(math.Float32frombits(uint32(n))), kind)
	case fieldFP64s:
		return r.writeFloat(j, i, math.Float64frombits(n), kind)
	case fieldInts:
		return r.writeInt(j, i, int64(int32(n)), kind)
	case fieldInt64s:
		return r.writeInt(j, i, int64(n), kind)
	}
	return r.writeUint(j, i, n, kind)
}
