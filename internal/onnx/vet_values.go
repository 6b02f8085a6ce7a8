package onnx

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// runOperators are those of ai.onnx that are run: those that pipelines of scikit-learn, boosted
// trees and plain networks are converted to.
var runOperators = []string{
	"Abs", "Acos", "Add", "And", "ArgMax", "ArgMin", "Asin", "Atan", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Constant", "Cos", "Cosh",
	"Div", "Elu", "Equal", "Erf", "Exp", "Flatten", "Floor", "Gather", "GatherElements", "Gelu", "Gemm", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity",
	"IsInf", "IsNaN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "Mean", "Min", "Mod", "Mul", "Neg", "Not", "Or",
	"PRelu", "Pow", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
	"Relu", "Reshape", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Slice", "Softmax", "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "StringNormalizer",
	"Sub", "Sum", "Tan", "Tanh", "TfIdfVectorizer", "TopK", "Transpose", "Unsqueeze", "Where", "Xor",
}

// runMLOperators are those of ai.onnx.ml.
var runMLOperators = []string{
	"ArrayFeatureExtractor", "Binarizer", "FeatureVectorizer", "Imputer", "LabelEncoder", "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder",
	"SVMClassifier", "SVMRegressor", "Scaler", "TreeEnsembleClassifier", "TreeEnsembleRegressor",
}

// shapes are the operators with inputs that decide the shape of what they give,
// from the index named on.
var shapes = map[string]int{"ReduceSum": 1, "ReduceMean": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1, "ReduceL1": 1, "ReduceL2": 1, "ReduceLogSumExp": 1,
	"ReduceSumSquare": 1, "Reshape": 1, "Slice": 1, "Split": 1, "Squeeze": 1, "TopK": 1, "Unsqueeze": 1}

// accepted are the types of an input of each kind.
var accepted = map[string][]pb.TensorProto_DataType{
	frame.Number.String(): {pb.TensorProto_DOUBLE, pb.TensorProto_FLOAT},
	frame.Text.String():   {pb.TensorProto_STRING},
	frame.Time.String():   {pb.TensorProto_INT64},
}

// inputs compares those of a graph with what it will be given.
func (v *vetting) inputs(g *pb.GraphProto, want []feature.Input) error {
	seen := map[string]bool{}
	for _, in := range g.GetInput() {
		name := in.GetName()
		if v.constants[name] {
			continue // a default, in the old form of the format
		}
		at := slices.IndexFunc(want, func(w feature.Input) bool { return w.Name == name })
		switch {
		case at < 0:
			return refused("it has an input %q, which is no column of the signature", clip(name))
		case seen[name]:
			return refused("it has input %q twice", clip(name))
		}
		seen[name] = true
		if !slices.ContainsFunc(accepted[want[at].Kind], func(t pb.TensorProto_DataType) bool { return tensor(in, t, columnShape) }) {
			return refused("input %q is %s, and a %s is %s", clip(name), shown(in), want[at].Kind, map[string]string{
				frame.Number.String(): "double or float [N,1]", frame.Text.String(): "string [N,1]", frame.Time.String(): "int64 [N,1]",
			}[want[at].Kind])
		}
	}
	for _, w := range want {
		if !seen[w.Name] {
			return refused("it has no input %q: every column of the signature is one", clip(w.Name))
		}
	}
	return nil
}

// outputs compares those of a graph with what it must answer.
func (v *vetting) outputs(g *pb.GraphProto, classes int) error {
	answer := "prediction"
	if classes > 0 {
		answer = "probabilities"
	}
	found, label := false, false
	for _, out := range g.GetOutput() {
		numeric := func(shape func([]*pb.TensorShapeProto_Dimension) bool) bool {
			return tensor(out, pb.TensorProto_DOUBLE, shape) || tensor(out, pb.TensorProto_FLOAT, shape)
		}
		switch {
		case out.GetName() == answer && !found && classes == 0:
			if !numeric(singleShape) {
				return refused("output prediction is %s, not double or float [N,1]", shown(out))
			}
			found = true
		case out.GetName() == answer && !found:
			if !numeric(func(d []*pb.TensorShapeProto_Dimension) bool {
				return len(d) == 2 && open(d[0]) && (open(d[1]) || d[1].GetDimValue() == int64(classes))
			}) {
				return refused("output probabilities is %s, not double or float [N,%d]: one for each class", shown(out), classes)
			}
			found = true
		case out.GetName() == "label" && classes > 0 && !label:
			if !tensor(out, pb.TensorProto_STRING, singleShape) {
				return refused("output label is %s, not string [N]; leave it out if classes are numbers", shown(out))
			}
			label = true
		default:
			return refused("it has an output %q, which nobody asked for", clip(out.GetName()))
		}
	}
	if !found {
		return refused("it has no output %q", answer)
	}
	return nil
}

// tensor reports whether a value is one of a type and of a shape, if it says so.
func tensor(v *pb.ValueInfoProto, kind pb.TensorProto_DataType, shape func([]*pb.TensorShapeProto_Dimension) bool) bool {
	t := v.GetType().GetTensorType()
	return t != nil && t.GetElemType() == int32(kind) && (t.GetShape() == nil || shape(t.GetShape().GetDim()))
}

func columnShape(d []*pb.TensorShapeProto_Dimension) bool {
	return len(d) == 2 && open(d[0]) && d[1].GetDimValue() == 1
}

func singleShape(d []*pb.TensorShapeProto_Dimension) bool {
	return len(d) > 0 && len(d) <= 2 && open(d[0]) && (len(d) == 1 || open(d[1]) || d[1].GetDimValue() == 1)
}

// open reports whether a dimension is as long as there are rows.
func open(d *pb.TensorShapeProto_Dimension) bool {
	_, fixed := d.GetValue().(*pb.TensorShapeProto_Dimension_DimValue)
	return !fixed
}
