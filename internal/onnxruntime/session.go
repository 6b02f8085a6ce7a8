package onnxruntime

import (
	ort "github.com/yalue/onnxruntime_go"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// maxModel bounds a graph: a protocol buffer cannot be longer than 2 GiB.
const maxModel = 1 << 31

// Session is one loaded graph. It is safe for concurrent use until Close.
type Session struct {
	session *ort.DynamicAdvancedSession
	inputs  []ort.InputOutputInfo
	outputs []ort.InputOutputInfo
}

// Load opens the runtime if need be and loads a graph on one thread, so that
// sums run in one order. Errors: ConfigInvalid from Open("");
// ParityFailed if the runtime refuses the graph, or if an input or output is not
// a tensor of one of the types that package onnx declares.
func Load(model []byte) (*Session, error) {
	if err := Open(""); err != nil {
		return nil, err
	}
	if len(model) == 0 || len(model) >= maxModel {
		return nil, fault.New(fault.ParityFailed, "a graph of %d bytes cannot be loaded: it must have between 1 byte and 2 GiB", len(model))
	}
	refuse := func(err error) error {
		return fault.Wrap(err, fault.ParityFailed, "ONNX Runtime %s refuses the graph", ort.GetVersion())
	}
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, refuse(err)
	}
	s := &Session{inputs: inputs, outputs: outputs}
	if err := s.check(); err != nil {
		return nil, err
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, refuse(err)
	}
	defer options.Destroy()
	for _, set := range []func(int) error{options.SetIntraOpNumThreads, options.SetInterOpNumThreads} {
		if err := set(1); err != nil {
			return nil, refuse(err)
		}
	}
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, names(inputs), names(outputs), options)
	if err != nil {
		return nil, refuse(err)
	}
	return s, nil
}

func names(infos []ort.InputOutputInfo) []string {
	out := make([]string, len(infos))
	for i := range infos {
		out[i] = infos[i].Name
	}
	return out
}

// kind returns the kind of column that a tensor input holds.
func kind(info *ort.InputOutputInfo) (frame.Kind, bool) {
	switch info.DataType {
	case ort.TensorElementDataTypeDouble, ort.TensorElementDataTypeFloat:
		return frame.Number, true
	case ort.TensorElementDataTypeString:
		return frame.Text, true
	case ort.TensorElementDataTypeInt64:
		return frame.Time, true
	}
	return 0, false
}

func (s *Session) check() error {
	if len(s.inputs) == 0 || len(s.outputs) == 0 {
		return fault.New(fault.ParityFailed, "the graph has %d inputs and %d outputs: at least one of each is needed", len(s.inputs), len(s.outputs))
	}
	for i := range s.inputs {
		in := &s.inputs[i]
		d := in.Dimensions
		if _, ok := kind(in); !ok || in.OrtValueType != ort.ONNXTypeTensor || len(d) != 2 || d[1] != 1 {
			return fault.New(fault.ParityFailed, "graph input %q is %s, where a tensor [N,1] of double, float, string or int64 is needed", in.Name, in.String())
		}
	}
	for i := range s.outputs {
		out := &s.outputs[i]
		switch out.DataType {
		case ort.TensorElementDataTypeDouble, ort.TensorElementDataTypeFloat, ort.TensorElementDataTypeString:
			if out.OrtValueType == ort.ONNXTypeTensor {
				continue
			}
		}
		return fault.New(fault.ParityFailed, "graph output %q is %s, where a tensor of double, float or string is needed", out.Name, out.String())
	}
	return nil
}

// Close frees the session. It must not run.
func (s *Session) Close() error {
	if err := s.session.Destroy(); err != nil {
		return fault.Wrap(err, fault.Internal, "close an ONNX Runtime session")
	}
	return nil
}
