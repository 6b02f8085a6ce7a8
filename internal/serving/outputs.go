package serving

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
)

// contributions names the output that explains the others, if it is asked for: of
// shape [rows, outputs, inputs + 1], what each column of the request added to the
// raw score, in the order of the parameter "columns", and last the base value.
const contributions = "contributions"

// output is one output tensor of an answer.
type output struct {
	name     string
	datatype string
	shape    []int
	numbers  []float64 // nil: the labels
	binary   bool
}

// outputs lists what the request asks for, in the order of the signature.
func (x *exchange) outputs() []output {
	s, r := x.served, x.rows
	list := make([]output, 0, len(s.model.Signature.Outputs)+1)
	add := func(o output) {
		at := slices.IndexFunc(r.ask.outputs, func(w wantedOutput) bool { return w.name == o.name })
		if at < 0 && len(r.ask.outputs) > 0 && o.name != contributions {
			return
		}
		o.binary = r.ask.binary
		if at >= 0 && r.ask.outputs[at].chosen {
			o.binary = r.ask.outputs[at].binary
		}
		list = append(list, o)
	}
	for _, o := range s.model.Signature.Outputs {
		out := output{name: o.Name, datatype: datatypeOf(o.Kind), shape: []int{r.frame.Rows}}
		if o.Name == "probabilities" {
			out.shape = append(out.shape, len(s.classes))
		}
		if o.Kind != frame.Text.String() {
			out.numbers = r.out
		}
		add(out)
	}
	if r.ask.explain {
		add(output{name: contributions, datatype: "FP64", shape: []int{r.frame.Rows, s.model.Predictor.Outputs(), len(r.sig.Inputs) + 1}, numbers: r.explained})
	}
	return list
}

// labels calls f with the class of each row.
func (x *exchange) labels(f func(i int, class string)) {
	k := len(x.served.classes)
	for i := range x.rows.frame.Rows {
		f(i, x.served.classes[bundle.MostProbable(x.rows.out[i*k:(i+1)*k])])
	}
}

// appendBytes writes the tensor as raw reads one.
func (o *output) appendBytes(b []byte, x *exchange) []byte {
	for _, v := range o.numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	if o.numbers == nil {
		x.labels(func(_ int, class string) {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(class))), class...)
		})
	}
	return b
}

// predictionIDs are the ids of the records, separated by commas: the protocol has no
// arrays among its parameters.
func (x *exchange) predictionIDs(b []byte) []byte {
	for i := range x.records {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUUID(b, x.records[i].ID)
	}
	return b
}

// columns names the inputs in the order of contributions.
func (r *rows) columns() string {
	names := make([]string, len(r.sig.Inputs))
	for j := range r.sig.Inputs {
		names[j] = r.sig.Inputs[j].Name
	}
	return strings.Join(names, ",")
}

// appendTensors writes the answer of the Open Inference Protocol v2. Outputs that
// are asked for in bytes follow the JSON.
func (x *exchange) appendTensors(b []byte) []byte {
	s := x.served
	b = append(b, `{"model_name":`...)
	b = appendText(b, s.endpoint)
	b = append(b, `,"model_version":"`...)
	b = append(b, s.version...)
	b = append(b, `","id":`...)
	b = appendText(b, x.requestID)
	b = append(b, `,"parameters":{"revision":`...)
	b = strconv.AppendInt(b, s.revision, 10)
	b = append(b, `,"prediction_ids":"`...)
	b = append(x.predictionIDs(b), `"},"outputs":[`...)
	outputs := x.outputs()
	var tail []byte
	for i := range outputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = outputs[i].appendHead(b, x)
		if !outputs[i].binary {
			b = append(outputs[i].appendData(append(b, `,"data":[`...), x), "]}"...)
			continue
		}
		from := len(tail)
		tail = outputs[i].appendBytes(tail, x)
		b = append(b, `,"parameters":{"binary_data_size":`...)
		b = append(strconv.AppendInt(b, int64(len(tail)-from), 10), "}}"...)
	}
	b = append(b, "]}"...)
	if tail == nil {
		return append(b, '\n')
	}
	x.answered = len(b)
	return append(b, tail...)
}

// appendHead writes the object of an output as far as its data.
func (o *output) appendHead(b []byte, x *exchange) []byte {
	b = appendText(append(b, `{"name":`...), o.name)
	b = append(b, `,"datatype":"`...)
	b = append(b, o.datatype...)
	b = append(b, `","shape":[`...)
	for i, n := range o.shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	b = append(b, ']')
	if o.name == contributions && !o.binary {
		b = append(appendText(append(b, `,"parameters":{"columns":`...), x.rows.columns()), '}')
	}
	return b
}

func (o *output) appendData(b []byte, x *exchange) []byte {
	for i, v := range o.numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, v)
	}
	if o.numbers == nil {
		x.labels(func(i int, class string) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, class)
		})
	}
	return b
}
