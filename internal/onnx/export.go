package onnx

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Versions of the format: old enough for every runtime in use, new enough for
// every operator needed.
const (
	irVersion    = 8
	opset        = 17
	mlOpset      = 3
	producer     = "esteira"
	featuresName = "features" // scope of the node that joins the chains, found by ExposeFeatures
)

// Export returns the graph of f, then m, with the outputs of t; name is the
// model's. It fails with FeatureInvalid where a transform has no form in ONNX,
// and with ParityFailed where the three do not fit together.
func Export(f *feature.Fitted, t *feature.Target, m model.Model, name string) ([]byte, error) {
	if len(f.Inputs) == 0 {
		e := fault.New(fault.FeatureInvalid, "model %q reads no columns, so its graph would not know how many rows to answer", name)
		return nil, e.WithRemedy("name at least one feature, or set package.onnx: false")
	}
	g := newGraph()
	g.taken[featuresName+"/concat"] = true
	kinds := make(map[string]string, len(f.Inputs))
	for _, in := range f.Inputs {
		if err := g.input(in); err != nil {
			return nil, err
		}
		kinds[in.Name] = in.Kind
	}
	x, err := g.features(f, kinds)
	if err != nil {
		return nil, err
	}
	y, outputs, err := g.model(m, x, f.Inputs[0].Name)
	if err != nil {
		return nil, err
	}
	if err := g.answer(t, y, outputs); err != nil {
		return nil, err
	}
	return g.marshal(t, name)
}

// matrix is the features in a graph: each, double [N,its width] or "" if that is
// 0, and all side by side, double [N,width] or "".
type matrix struct {
	features []string
	all      string
	width    int
}

// features adds every chain, products after what they multiply, and returns the
// visible ones.
func (g *graph) features(f *feature.Fitted, kinds map[string]string) (x matrix, err error) {
	outs, widths := make([]string, len(f.Chains)), make([]int, len(f.Chains))
	byName := make(map[string]string, len(f.Chains))
	for i := range f.Chains {
		c := &f.Chains[i]
		if c.Factors != nil {
			continue
		}
		if outs[i], widths[i], err = g.chain(c, kinds); err != nil {
			return x, err
		}
		byName[c.Name] = outs[i]
	}
	for i := range f.Chains {
		c := &f.Chains[i]
		if c.Factors == nil {
			continue
		}
		a, b := byName[c.Factors[0]], byName[c.Factors[1]]
		if a == "" || b == "" {
			return x, inexpressible(c, "its factors are not numbers")
		}
		g.scope = c.Name
		outs[i], widths[i] = g.op("Mul", a, b), 1
		g.factors[outs[i]] = [2]string{a, b}
	}
	var parts []string
	for i := range f.Chains {
		if f.Chains[i].Hidden {
			continue
		}
		if x.features = append(x.features, outs[i]); widths[i] > 0 {
			parts, x.width = append(parts, outs[i]), x.width+widths[i]
		}
	}
	g.scope = featuresName
	if len(parts) > 0 {
		g.node("Concat", parts, intAttribute("axis", 1))
		x.all = g.rename(featuresName + "/concat")
	}
	return x, nil
}

func (g *graph) input(in feature.Input) error {
	if in.Name == "" || strings.ContainsRune(in.Name, 0) {
		return fault.New(fault.FeatureInvalid, "column %q cannot be an input of an ONNX graph", in.Name).WithRemedy("rename it in dataset.sql")
	}
	kind := map[string]pb.TensorProto_DataType{
		frame.Number.String(): pb.TensorProto_DOUBLE,
		frame.Text.String():   pb.TensorProto_STRING,
		frame.Time.String():   pb.TensorProto_INT64,
	}[in.Kind]
	if kind == pb.TensorProto_UNDEFINED || g.taken[in.Name] {
		return fault.New(fault.FeatureInvalid, "column %q of kind %q is listed twice or is of no kind", in.Name, in.Kind)
	}
	g.taken[in.Name] = true
	g.inputs = append(g.inputs, values(in.Name, kind, 1))
	return nil
}

// answer turns the model's values into the declared outputs.
func (g *graph) answer(t *feature.Target, y string, outputs int) error {
	g.scope = "answer"
	if t.Task == pipeline.Regression {
		if outputs != 1 {
			return fault.New(fault.ParityFailed, "a regression model has %d outputs", outputs)
		}
		g.output(y, "prediction", pb.TensorProto_DOUBLE, 1)
		return nil
	}
	if outputs != len(t.Classes) || outputs < 2 {
		return fault.New(fault.ParityFailed, "the model answers %d classes and the target has %d", outputs, len(t.Classes))
	}
	best := g.node("ArgMax", []string{y}, intAttribute("axis", 1), intAttribute("keepdims", 1))
	label := g.op("Gather", g.texts(t.Classes), best)
	g.output(label, "label", pb.TensorProto_STRING, 1)
	g.output(y, "probabilities", pb.TensorProto_DOUBLE, outputs)
	return nil
}

// output declares value as an output under name.
func (g *graph) output(value, name string, kind pb.TensorProto_DataType, width int) {
	for g.taken[name] {
		name += "_"
	}
	g.op("Identity", value)
	g.taken[name] = true
	g.outputs = append(g.outputs, values(g.rename(name), kind, width))
}

func (g *graph) marshal(t *feature.Target, name string) ([]byte, error) {
	m := &pb.ModelProto{
		IrVersion:    proto.Int64(irVersion),
		ProducerName: proto.String(producer),
		OpsetImport: []*pb.OperatorSetIdProto{
			{Domain: proto.String(""), Version: proto.Int64(opset)},
			{Domain: proto.String(mlDomain), Version: proto.Int64(mlOpset)},
		},
		Graph: &pb.GraphProto{Name: &name, Node: g.nodes, Initializer: g.constants, Input: g.inputs, Output: g.outputs},
	}
	if t.Task != pipeline.Regression {
		classes, err := json.Marshal(t.Classes)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "encode the classes of model %q", name)
		}
		m.MetadataProps = []*pb.StringStringEntryProto{{Key: proto.String("classes"), Value: proto.String(string(classes))}}
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(err, fault.ParityFailed, "encode the graph of model %q", name)
	}
	return data, nil
}
