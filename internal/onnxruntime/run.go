package onnxruntime

import (
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// batchRows bounds the memory of one call: indicators are spread in there.
const batchRows = 4096

// Outputs is what a graph answered for N rows.
type Outputs struct {
	// Predictions holds the numeric outputs, row by row: the only one, or several
	// side by side in the graph's order. Its width is
	// len(Predictions) / N.
	Predictions []float64
	// Labels holds the text output, one a row, or nil if the graph has none.
	Labels []string
}

// Run answers every row of f. Columns of f that are not inputs are ignored.
//
// Errors: ColumnMissing and TypeMismatch name the column; a text with a NUL
// byte, which the runtime's C interface would cut short, is a TypeMismatch too.
// What the runtime itself refuses is ParityFailed.
func (s *Session) Run(f *frame.Frame) (Outputs, error) {
	columns := make([]*frame.Column, len(s.inputs))
	for i := range s.inputs {
		in := &s.inputs[i]
		c := f.Column(in.Name)
		if c == nil {
			return Outputs{}, fault.New(fault.ColumnMissing, "the graph reads column %q, which the frame does not have", in.Name)
		}
		if want, _ := kind(in); c.Kind != want {
			return Outputs{}, fault.New(fault.TypeMismatch, "column %q is a %s where the graph reads a %s", in.Name, c.Kind, want)
		}
		columns[i] = c
	}
	var out Outputs
	for from := 0; from < f.Rows; from += batchRows {
		if err := s.batch(columns, from, min(from+batchRows, f.Rows), &out); err != nil {
			return Outputs{}, err
		}
	}
	return out, nil
}

// batch answers rows [from,to) and appends to out.
func (s *Session) batch(columns []*frame.Column, from, to int, out *Outputs) error {
	inputs := make([]ort.Value, 0, len(columns))
	outputs := make([]ort.Value, len(s.outputs))
	defer func() {
		for _, v := range slices.Concat(inputs, outputs) {
			if v != nil {
				v.Destroy() // frees memory; its error can only be a nil handle
			}
		}
	}()
	for i, c := range columns {
		v, err := tensor(c, from, to, s.inputs[i].DataType == ort.TensorElementDataTypeFloat)
		if err != nil {
			return err
		}
		inputs = append(inputs, v)
	}
	if err := s.session.Run(inputs, outputs); err != nil {
		return fault.Wrap(err, fault.ParityFailed, "ONNX Runtime cannot answer rows %d to %d", from, to-1)
	}
	return s.collect(outputs, to-from, out)
}

func tensor(c *frame.Column, from, to int, single bool) (ort.Value, error) {
	shape := ort.NewShape(int64(to-from), 1)
	var v ort.Value
	var err error
	switch {
	case c.Kind == frame.Number && single:
		rounded := make([]float32, to-from)
		for i, x := range c.Numbers[from:to] {
			rounded[i] = float32(x)
		}
		v, err = ort.NewTensor(shape, rounded)
	case c.Kind == frame.Number:
		v, err = ort.NewTensor(shape, c.Numbers[from:to])
	case c.Kind == frame.Time:
		v, err = ort.NewTensor(shape, c.Times[from:to])
	default:
		texts := make([]string, to-from)
		for i, code := range c.Codes[from:to] {
			if code == frame.MissingCode {
				continue // "" stands for missing
			}
			if texts[i] = c.Dict[code]; strings.IndexByte(texts[i], 0) >= 0 {
				return nil, fault.New(fault.TypeMismatch, "column %q holds a NUL byte in row %d, which ONNX Runtime cannot be given", c.Name, from+i)
			}
		}
		var t *ort.StringTensor
		if t, err = ort.NewStringTensor(shape); err == nil {
			if err = t.SetContents(texts); err != nil {
				t.Destroy()
			}
		}
		v = t
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "make a tensor of column %q", c.Name)
	}
	return v, nil
}

// collect appends the outputs of rows rows.
func (s *Session) collect(values []ort.Value, rows int, out *Outputs) error {
	var blocks [][]float64
	width := 0
	for i, v := range values {
		n := v.GetShape().FlattenedSize()
		if n == 0 || n%int64(rows) != 0 {
			return fault.New(fault.ParityFailed, "graph output %q has shape %v for %d rows", s.outputs[i].Name, v.GetShape(), rows)
		}
		switch t := v.(type) {
		case *ort.Tensor[float64]:
			blocks = append(blocks, t.GetData())
			width += int(n) / rows
		case *ort.Tensor[float32]:
			wide := make([]float64, n)
			for k, x := range t.GetData() {
				wide[k] = float64(x)
			}
			blocks = append(blocks, wide)
			width += int(n) / rows
		case *ort.StringTensor:
			texts, err := t.GetContents()
			if err != nil {
				return fault.Wrap(err, fault.ParityFailed, "read graph output %q", s.outputs[i].Name)
			}
			if len(texts) != rows {
				return fault.New(fault.ParityFailed, "graph output %q has %d texts for %d rows", s.outputs[i].Name, len(texts), rows)
			}
			out.Labels = append(out.Labels, texts...)
		default:
			return fault.New(fault.ParityFailed, "graph output %q is not of its declared type", s.outputs[i].Name)
		}
	}
	out.Predictions = slices.Grow(out.Predictions, rows*width)
	for row := range rows {
		for _, b := range blocks {
			w := len(b) / rows
			out.Predictions = append(out.Predictions, b[row*w:(row+1)*w]...)
		}
	}
	return nil
}
