package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// Stage is a value of an exported graph that the native model has, too: what a step
// of a feature's chain makes, the raw scores of a model before its link, or the answer
// of a member of an ensemble. Where two implementations part between one stage and the
// next, its operators are at fault.
type Stage struct {
	Value     string   // its name, double [N,width]
	Feature   string   // the chain; "" for a model
	Step      int      // of the chain
	Member    int      // of the ensemble, from 1; 0 for raw scores
	Operators []string // that make it of the stage before, each once
}

const (
	stepNote   = "step %d of %q"
	memberNote = "member %d"
	scoresNote = "raw scores"
)

// note marks the node that makes value, the first time.
func (g *graph) note(value, text string) {
	for _, n := range slices.Backward(g.nodes) {
		if n.Output[0] == value {
			if n.DocString == nil {
				n.DocString = &text
			}
			return
		}
	}
}

// Stages returns those of a graph that Export made, in the order of its nodes, and the
// operators after the last of them.
func Stages(data []byte) (stages []Stage, rest []string, err error) {
	var m pb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, nil, fault.Wrap(err, fault.ParityFailed, "the graph is not a protocol buffer")
	}
	for _, n := range m.GetGraph().GetNode() {
		if n.GetName() == featuresName+"/concat" { // the model begins
			rest = nil
			continue
		}
		if len(n.GetOutput()) == 0 {
			continue
		}
		if !slices.Contains(rest, n.GetOpType()) {
			rest = append(rest, n.GetOpType())
		}
		s := Stage{Value: n.Output[0], Operators: rest}
		note := n.GetDocString()
		if _, err := fmt.Sscanf(note, stepNote, &s.Step, &s.Feature); err != nil {
			s.Feature = ""
			if _, err := fmt.Sscanf(note, memberNote, &s.Member); err != nil && note != scoresNote {
				continue
			}
		}
		stages, rest = append(stages, s), nil
	}
	return stages, rest, nil
}

// Expose returns a graph that Export made with other outputs: the named values, double
// [N,width] each.
func Expose(data []byte, names ...string) ([]byte, error) {
	var m pb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fault.Wrap(err, fault.ParityFailed, "the graph is not a protocol buffer")
	}
	expose(&m, names)
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
	if err != nil {
		return nil, fault.Wrap(err, fault.ParityFailed, "encode the graph of some values")
	}
	return out, nil
}

func expose(m *pb.ModelProto, names []string) {
	m.Graph.Output = nil
	for _, name := range names {
		v := values(name, pb.TensorProto_DOUBLE, 0)
		v.Type.GetTensorType().Shape.Dim[1] = &pb.TensorShapeProto_Dimension{}
		m.Graph.Output = append(m.Graph.Output, v)
	}
}
