package onnx

import (
	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// ExposeFeatures returns a graph that Export made, cut off before the model: its
// outputs are the features, double [N,width] each, in the order of the chains
// (blocks without categories left out). It tells in which transform two
// implementations part. The error is ParityFailed if there are none to expose.
func ExposeFeatures(data []byte) ([]byte, error) {
	var m pb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fault.Wrap(err, fault.ParityFailed, "the graph is not a protocol buffer")
	}
	for i, n := range m.GetGraph().GetNode() {
		if n.GetName() != featuresName+"/concat" {
			continue
		}
		m.Graph.Node = m.Graph.Node[:i]
		expose(&m, n.Input)
		out, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil {
			return nil, fault.Wrap(err, fault.ParityFailed, "encode the graph of the features")
		}
		return out, nil
	}
	return nil, fault.New(fault.ParityFailed, "the graph has no features to expose")
}
