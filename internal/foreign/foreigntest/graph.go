package foreigntest

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// Types of an element.
const (
	Float  = int32(pb.TensorProto_FLOAT)
	Double = int32(pb.TensorProto_DOUBLE)
	Int64  = int32(pb.TensorProto_INT64)
	Text   = int32(pb.TensorProto_STRING)
)

// Value declares an input or output; a dimension below 0 is that of the rows.
func Value(name string, kind int32, dims ...int64) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		one := &pb.TensorShapeProto_Dimension{}
		if d >= 0 {
			one.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}
		}
		shape.Dim = append(shape.Dim, one)
	}
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: &kind, Shape: shape}}}}
}

// Node is an operator of ai.onnx with one output.
func Node(op, out string, inputs ...string) *pb.NodeProto {
	return &pb.NodeProto{OpType: &op, Name: &out, Input: inputs, Output: []string{out}}
}

// Floats is a constant of float32.
func Floats(name string, dims []int64, values ...float32) *pb.TensorProto {
	return &pb.TensorProto{Name: &name, Dims: dims, DataType: proto.Int32(Float), FloatData: values}
}

// Ints is a constant of int64.
func Ints(name string, dims []int64, values ...int64) *pb.TensorProto {
	return &pb.TensorProto{Name: &name, Dims: dims, DataType: proto.Int32(Int64), Int64Data: values}
}

// Model is a graph of a format that every runtime reads.
func Model(inputs, outputs []*pb.ValueInfoProto, constants []*pb.TensorProto, nodes ...*pb.NodeProto) *pb.ModelProto {
	return &pb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}, {Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(3)}},
		Graph:       &pb.GraphProto{Name: proto.String("g"), Node: nodes, Initializer: constants, Input: inputs, Output: outputs},
	}
}

// Bytes encodes a model; of one that this package makes it cannot fail.
func Bytes(m *pb.ModelProto) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// Regression answers slope·x + 1 to columns x (number, float) and c (text), of which
// the text decides nothing.
func Regression(slope float32) *pb.ModelProto {
	return Model(
		[]*pb.ValueInfoProto{Value("x", Float, -1, 1), Value("c", Text, -1, 1)},
		[]*pb.ValueInfoProto{Value("prediction", Float, -1, 1)},
		[]*pb.TensorProto{Floats("slope", []int64{1, 1}, slope), Floats("one", []int64{1, 1}, 1)},
		Node("Mul", "scaled", "x", "slope"), Node("Add", "prediction", "scaled", "one"),
	)
}

// Classification answers the softmax of x times three weights to the same columns.
func Classification(weights ...float32) *pb.ModelProto {
	n := int64(len(weights))
	return Model(
		[]*pb.ValueInfoProto{Value("x", Float, -1, 1), Value("c", Text, -1, 1)},
		[]*pb.ValueInfoProto{Value("probabilities", Float, -1, n)},
		[]*pb.TensorProto{Floats("w", []int64{1, n}, weights...)},
		Node("MatMul", "z", "x", "w"), Node("Softmax", "probabilities", "z"),
	)
}
