package onnx

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

// Bounds on a graph that somebody else made.
const (
	maxVetted    = 256 << 20 // bytes
	maxNodes     = 10_000
	maxRank      = 6
	oldestOpset  = 9
	newestOpset  = 21
	newestMLOps  = 4
	newestFormat = 10 // IR version
)

// Contract is what a graph must read and answer.
type Contract struct {
	Inputs  []feature.Input // all of them, in any order
	Classes int             // of the probabilities; 0 for a regression
}

// Vet refuses a graph, from whoever, that could not be run in good conscience, or
// that does not honour the contract: see doc.go for what it accepts. It runs
// nothing. What a graph that passes computes is another matter, but how much memory
// and time it takes depends on the number of rows alone, not on what is in them:
// nothing loops or recurs, no tree has a cycle, and no shape is made of data.
//
// The error is BundleInvalid and says what is wrong, and what would be right.
func Vet(data []byte, c Contract) error {
	if len(data) == 0 || len(data) > maxVetted {
		return refused("it has %d bytes, not 1 to %d", len(data), maxVetted)
	}
	var m pb.ModelProto
	if err := (proto.UnmarshalOptions{RecursionLimit: 100}).Unmarshal(data, &m); err != nil {
		e := refused("it is not a protocol buffer of ONNX")
		e.Cause = err
		return e
	}
	v := &vetting{size: int64(len(data)), constants: map[string]bool{}}
	for _, check := range []func(*pb.ModelProto) error{v.versions, v.initializers, v.nodes} {
		if err := check(&m); err != nil {
			return err
		}
	}
	if err := v.inputs(m.GetGraph(), c.Inputs); err != nil {
		return err
	}
	return v.outputs(m.GetGraph(), c.Classes)
}

func refused(message string, args ...any) *fault.Error {
	return fault.New(fault.BundleInvalid, "the ONNX model is refused: "+message, args...).WithRemedy("see esteira schema external-trainer for what a model must be")
}

type vetting struct {
	size      int64
	constants map[string]bool // names of values that no row decides
}

func (v *vetting) versions(m *pb.ModelProto) error {
	if m.GetGraph() == nil {
		return refused("it has no graph")
	}
	if ir := m.GetIrVersion(); ir < 3 || ir > newestFormat {
		return refused("its IR version is %d, not 3 to %d", ir, newestFormat)
	}
	if len(m.GetFunctions()) > 0 || len(m.GetTrainingInfo()) > 0 {
		return refused("it defines functions or training steps of its own")
	}
	if len(m.GetOpsetImport()) == 0 {
		return refused("it names no operator set")
	}
	for _, o := range m.GetOpsetImport() {
		switch domain, version := o.GetDomain(), o.GetVersion(); {
		case (domain == "" || domain == "ai.onnx") && version >= oldestOpset && version <= newestOpset:
		case domain == mlDomain && version >= 1 && version <= newestMLOps:
		default:
			return refused("it needs version %d of operator set %q: only ai.onnx %d to %d and %s 1 to %d are run", version, clip(domain), oldestOpset, newestOpset, mlDomain, newestMLOps)
		}
	}
	return nil
}

func (v *vetting) initializers(m *pb.ModelProto) error {
	if len(m.Graph.GetSparseInitializer()) > 0 {
		return refused("it has sparse constants")
	}
	for _, t := range m.Graph.GetInitializer() {
		if err := v.tensor(t); err != nil {
			return err
		}
		v.constants[t.GetName()] = true
	}
	return nil
}

// tensor refuses a constant that lies elsewhere, or says to be larger than it is.
func (v *vetting) tensor(t *pb.TensorProto) error {
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL || len(t.GetExternalData()) > 0 {
		return refused("constant %q lies in another file", clip(t.GetName()))
	}
	if len(t.GetDims()) > maxRank {
		return refused("constant %q has %d dimensions, more than %d", clip(t.GetName()), len(t.GetDims()), maxRank)
	}
	elements := int64(1)
	for _, d := range t.GetDims() {
		if d < 0 || d > v.size {
			return refused("constant %q has a dimension of %d", clip(t.GetName()), d)
		}
		if elements *= d; elements > v.size { // both are below 2^28
			return refused("constant %q says to have more elements than the file has bytes", clip(t.GetName()))
		}
	}
	return nil
}

func (v *vetting) nodes(m *pb.ModelProto) error {
	if n := len(m.Graph.GetNode()); n == 0 || n > maxNodes {
		return refused("its graph has %d nodes, not 1 to %d", n, maxNodes)
	}
	for _, n := range m.Graph.GetNode() {
		if err := v.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (v *vetting) node(n *pb.NodeProto) error {
	known, op := runOperators, n.GetOpType()
	switch n.GetDomain() {
	case "", "ai.onnx":
	case mlDomain:
		known = runMLOperators
	default:
		return refused("operator %s is of domain %q, of which nothing is run", clip(op), clip(n.GetDomain()))
	}
	if !slices.Contains(known, op) {
		return refused("operator %q is not one of those that are run; none that loops, branches, draws at random or makes a shape of data is", clip(op))
	}
	for _, a := range n.GetAttribute() {
		switch a.GetType() {
		case pb.AttributeProto_FLOAT, pb.AttributeProto_INT, pb.AttributeProto_STRING, pb.AttributeProto_FLOATS, pb.AttributeProto_INTS, pb.AttributeProto_STRINGS:
		case pb.AttributeProto_TENSOR:
			if err := v.tensor(a.GetT()); err != nil {
				return err
			}
		default:
			return refused("attribute %q of operator %s is of type %s", clip(a.GetName()), op, a.GetType())
		}
		if a.GetG() != nil || len(a.GetGraphs()) > 0 || len(a.GetTensors()) > 0 || a.GetSparseTensor() != nil || len(a.GetSparseTensors()) > 0 {
			return refused("attribute %q of operator %s holds a graph or several tensors", clip(a.GetName()), op)
		}
	}
	for i, name := range n.GetInput() {
		if first, shaped := shapes[op]; shaped && i >= first && name != "" && !v.constants[name] {
			return refused("input %d of operator %s, which decides a shape, is computed; it must be a constant", i, op)
		}
	}
	if op == "Constant" {
		for _, out := range n.GetOutput() {
			v.constants[out] = true
		}
	}
	if strings.HasPrefix(op, "TreeEnsemble") {
		return acyclic(n)
	}
	return nil
}

// acyclic refuses trees of which a node has two parents, or the first a parent: in
// any others a walk from the first comes to a leaf.
func acyclic(n *pb.NodeProto) error {
	ints := func(name string) []int64 {
		for _, a := range n.GetAttribute() {
			if a.GetName() == name {
				return a.GetInts()
			}
		}
		return nil
	}
	trees, ids, yes, no := ints("nodes_treeids"), ints("nodes_nodeids"), ints("nodes_truenodeids"), ints("nodes_falsenodeids")
	var modes [][]byte
	for _, a := range n.GetAttribute() {
		if a.GetName() == "nodes_modes" {
			modes = a.GetStrings()
		}
	}
	if len(ids) != len(trees) || len(yes) != len(trees) || len(no) != len(trees) || len(modes) != len(trees) {
		return refused("the trees of %s do not have as many parts as nodes", n.GetOpType())
	}
	type key struct{ tree, node int64 }
	parents, roots := map[key]int{}, map[int64]key{}
	for i := range trees {
		k := key{trees[i], ids[i]}
		if _, begun := roots[k.tree]; !begun {
			roots[k.tree] = k
		}
		if string(modes[i]) == "LEAF" {
			continue
		}
		parents[key{k.tree, yes[i]}]++
		if no[i] != yes[i] {
			parents[key{k.tree, no[i]}]++
		}
	}
	for i := range trees {
		if k := (key{trees[i], ids[i]}); parents[k] > 1 || k == roots[k.tree] && parents[k] > 0 {
			return refused("node %d of tree %d of %s has two parents or is reached from itself", k.node, k.tree, n.GetOpType())
		}
	}
	return nil
}

// clip bounds a text from outside within a message.
func clip(s string) string {
	if len(s) <= 64 {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

func shown(v *pb.ValueInfoProto) string {
	t := v.GetType().GetTensorType()
	if t == nil {
		return "no tensor"
	}
	var dims []string
	for _, d := range t.GetShape().GetDim() {
		switch d.GetValue().(type) {
		case *pb.TensorShapeProto_Dimension_DimValue:
			dims = append(dims, fmt.Sprint(d.GetDimValue()))
		default:
			dims = append(dims, "N")
		}
	}
	return strings.ToLower(pb.TensorProto_DataType(t.GetElemType()).String()) + " [" + clip(strings.Join(dims, ",")) + "]"
}
