package onnx

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

const mlDomain = "ai.onnx.ml"

// graph collects nodes and constants in the order they are asked for, which is
// the order of the bytes. A value is known by its name.
type graph struct {
	nodes     []*pb.NodeProto
	constants []*pb.TensorProto
	inputs    []*pb.ValueInfoProto
	outputs   []*pb.ValueInfoProto
	taken     map[string]bool
	known     map[string]string // constant, by shape and bits → name
	dates     map[string]*date  // parts computed so far, by input column
	codes     map[string]string // code of each block, int64 and negative where it has none, by its indicators
	raws      map[string]string // number before the implicit imputer, by what it made of it
	factors   map[string][2]string
	scope     string // prefix of the names of what is being built
}

func newGraph() *graph {
	return &graph{taken: map[string]bool{}, known: map[string]string{}, dates: map[string]*date{}, codes: map[string]string{}, raws: map[string]string{}, factors: map[string][2]string{}}
}

// unique returns name, or name with the least number appended that is not taken.
func (g *graph) unique(name string) string {
	free := name
	for i := 2; g.taken[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	g.taken[free] = true
	return free
}

// node adds one operator of one output and returns the output's name.
func (g *graph) node(op string, inputs []string, attributes ...*pb.AttributeProto) string {
	out := g.unique(g.scope + "/" + strings.ToLower(op))
	n := &pb.NodeProto{OpType: &op, Input: inputs, Output: []string{out}, Attribute: attributes, Name: proto.String(out)}
	if op == "LabelEncoder" || op == "TreeEnsembleRegressor" {
		n.Domain = proto.String(mlDomain)
	}
	g.nodes = append(g.nodes, n)
	return out
}

// op is node for the many operators without attributes.
func (g *graph) op(op string, inputs ...string) string { return g.node(op, inputs) }

// rename gives the last node's output a name of its own.
func (g *graph) rename(name string) string {
	n := g.nodes[len(g.nodes)-1]
	n.Output[0] = name
	n.Name = proto.String(name)
	return name
}

// float returns a scalar that broadcasts over any shape.
func (g *graph) float(x float64) string { return g.floats([]int64{1, 1}, x) }

func (g *graph) int(x int64) string { return g.ints([]int64{1, 1}, x) }

func (g *graph) floats(shape []int64, values ...float64) string {
	t := &pb.TensorProto{Dims: shape, DataType: dataType(pb.TensorProto_DOUBLE), DoubleData: values}
	if len(values) != 1 {
		return g.constant(t)
	}
	return g.shared(fmt.Sprintf("f%v:%x", shape, math.Float64bits(values[0])), t)
}

func (g *graph) ints(shape []int64, values ...int64) string {
	t := &pb.TensorProto{Dims: shape, DataType: dataType(pb.TensorProto_INT64), Int64Data: values}
	return g.shared(fmt.Sprintf("i%v:%v", shape, values), t)
}

func (g *graph) texts(values []string) string {
	t := &pb.TensorProto{Dims: []int64{int64(len(values))}, DataType: dataType(pb.TensorProto_STRING), StringData: byteStrings(values)}
	return g.constant(t)
}

// shared returns the constant with that key, adding it the first time.
func (g *graph) shared(key string, t *pb.TensorProto) string {
	if name, ok := g.known[key]; ok {
		return name
	}
	g.known[key] = g.constant(t)
	return g.known[key]
}

func (g *graph) constant(t *pb.TensorProto) string {
	name := g.unique("constant/" + fmt.Sprint(len(g.constants)))
	t.Name = &name
	g.constants = append(g.constants, t)
	return name
}

// values declares an input or output of shape [N,width].
func values(name string, kind pb.TensorProto_DataType, width int) *pb.ValueInfoProto {
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{
		ElemType: dataType(kind),
		Shape: &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{
			{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
			{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(width)}},
		}},
	}}}}
}

func dataType(k pb.TensorProto_DataType) *int32 { return proto.Int32(int32(k)) }

func intAttribute(name string, x int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_INT.Enum(), I: &x}
}

func intsAttribute(name string, x []int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_INTS.Enum(), Ints: x}
}

func floatsAttribute(name string, x []float32) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_FLOATS.Enum(), Floats: x}
}

func textsAttribute(name string, x []string) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_STRINGS.Enum(), Strings: byteStrings(x)}
}

func byteStrings(values []string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}
