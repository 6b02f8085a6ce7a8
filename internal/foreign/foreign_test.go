package foreign

import (
	"bytes"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/frame"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
)

func TestMain(m *testing.M) {
	Main() // examinations start this program again
	os.Exit(m.Run())
}

var inputs = []feature.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}}

var abc = []string{"a", "b", "c"}

func rows() *frame.Frame {
	f := &frame.Frame{Rows: 300, Columns: []frame.Column{
		{Name: "x", Numbers: make([]float64, 300)},
		{Name: "c", Kind: frame.Text, Codes: make([]int32, 300), Dict: []string{"p", "q"}},
		{Name: "y", Numbers: make([]float64, 300)},
	}}
	for i := range f.Rows {
		f.Columns[0].Numbers[i] = float64(i) / 100
		f.Columns[1].Codes[i] = int32(i%3) - 1
	}
	return f
}

func TestAnHonestModelIsAnswered(t *testing.T) {
	t.Parallel()
	got, err := Examine(t.Context(), foreigntest.Bytes(foreigntest.Regression(2)), inputs, nil, rows(), Limits{})
	require.NoError(t, err)
	require.Len(t, got, 300)
	require.InDelta(t, 2*1.5+1, got[150], 1e-6)

	data := foreigntest.Bytes(foreigntest.Classification(0, 1, 2))
	got, err = Examine(t.Context(), data, inputs, abc, rows(), Limits{})
	require.NoError(t, err)
	require.Len(t, got, 900)
	sum := math.Exp(0) + math.Exp(1) + math.Exp(2)
	require.InDelta(t, math.Exp(1)/sum, got[3*100+1], 1e-6)

	g, err := Open(data, 3)
	require.NoError(t, err)
	again := make([]float64, 900)
	require.NoError(t, g.Predict(rows(), again))
	require.Equal(t, got, again, "what a Graph answers is what was examined")
	require.InDelta(t, 1, again[0]+again[1]+again[2], 1e-15, "float32 probabilities are brought to add up")
	got, err = Examine(t.Context(), data, inputs, abc, rows().Take(nil), Limits{})
	require.NoError(t, err, "there may be no rows held out")
	require.Empty(t, got)
}

// regression changes the honest model of a regression; computed replaces its
// constants and its nodes.
func regression(change func(m *pb.ModelProto)) []byte {
	m := foreigntest.Regression(2)
	change(m)
	return foreigntest.Bytes(m)
}

func computed(constants []*pb.TensorProto, nodes ...*pb.NodeProto) []byte {
	return regression(func(m *pb.ModelProto) { m.Graph.Initializer, m.Graph.Node = constants, nodes })
}

func graphOf(op string) func(m *pb.ModelProto) {
	return func(m *pb.ModelProto) {
		n := foreigntest.Node(op, "prediction", "x")
		n.Attribute = []*pb.AttributeProto{{Name: proto.String("body"), Type: pb.AttributeProto_GRAPH.Enum(), G: &pb.GraphProto{Node: []*pb.NodeProto{foreigntest.Node("Identity", "b", "a")}}}}
		m.Graph.Node = []*pb.NodeProto{n}
	}
}

// What Vet refuses is never run.
func TestAHostileFileIsRefusedUnrun(t *testing.T) {
	t.Parallel()
	trees := func(modes []string, yes, no []int64) []byte {
		return regression(func(m *pb.ModelProto) {
			n := foreigntest.Node("TreeEnsembleRegressor", "prediction", "x")
			n.Domain = proto.String("ai.onnx.ml")
			ids, tree := make([]int64, len(yes)), make([]int64, len(yes))
			var words [][]byte
			for i := range yes {
				ids[i] = int64(i)
				words = append(words, []byte(modes[i]))
			}
			for name, list := range map[string][]int64{"nodes_nodeids": ids, "nodes_treeids": tree, "nodes_truenodeids": yes, "nodes_falsenodeids": no} {
				n.Attribute = append(n.Attribute, &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INTS.Enum(), Ints: list})
			}
			n.Attribute = append(n.Attribute, &pb.AttributeProto{Name: proto.String("nodes_modes"), Type: pb.AttributeProto_STRINGS.Enum(), Strings: words})
			m.Graph.Node = []*pb.NodeProto{n}
		})
	}
	for want, data := range map[string][]byte{
		"268435457 bytes":            make([]byte, 256<<20+1),
		"0 bytes":                    nil,
		"not a protocol buffer":      bytes.Repeat([]byte("esteira"), 100),
		"has no graph":               regression(func(m *pb.ModelProto) { m.Graph = nil }),
		"IR version is 99":           regression(func(m *pb.ModelProto) { m.IrVersion = proto.Int64(99) }),
		"functions":                  regression(func(m *pb.ModelProto) { m.Functions = []*pb.FunctionProto{{Name: proto.String("f")}} }),
		"no operator set":            regression(func(m *pb.ModelProto) { m.OpsetImport = nil }),
		`operator set "com.evil"`:    regression(func(m *pb.ModelProto) { m.OpsetImport[1].Domain = proto.String("com.evil") }),
		`version 40 of operator set`: regression(func(m *pb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(40) }),
		"0 nodes":                    computed(nil),
		`operator "Forge"`:           computed(nil, foreigntest.Node("Forge", "prediction", "x")),
		`domain "com.evil"`:          regression(func(m *pb.ModelProto) { m.Graph.Node[0].Domain = proto.String("com.evil") }),
		`operator "Loop"`:            regression(graphOf("Loop")),
		`operator "If"`:              regression(graphOf("If")),
		`operator "Scan"`:            regression(graphOf("Scan")),
		"of type GRAPH":              regression(graphOf("Identity")),
		`operator "RandomUniform"`:   computed(nil, foreigntest.Node("RandomUniform", "prediction")),
		`operator "ConstantOfShape"`: computed([]*pb.TensorProto{foreigntest.Ints("n", []int64{1}, 1<<40)}, foreigntest.Node("ConstantOfShape", "prediction", "n")),
		"decides a shape":            computed(nil, foreigntest.Node("Cast", "n", "x"), foreigntest.Node("Reshape", "prediction", "x", "n")),
		"10001 nodes": regression(func(m *pb.ModelProto) {
			for range 9999 {
				m.Graph.Node = append(m.Graph.Node, m.Graph.Node[0])
			}
		}),
		"lies in another file": regression(func(m *pb.ModelProto) {
			m.Graph.Initializer[0].DataLocation = pb.TensorProto_EXTERNAL.Enum()
			m.Graph.Initializer[0].ExternalData = []*pb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("/etc/passwd")}}
		}),
		"more elements than":         regression(func(m *pb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{100, 100} }),
		"dimension of 1099511627776": regression(func(m *pb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40} }),
		"sparse constants":           regression(func(m *pb.ModelProto) { m.Graph.SparseInitializer = []*pb.SparseTensorProto{{}} }),
		`has an input "z"`: regression(func(m *pb.ModelProto) {
			m.Graph.Input = append(m.Graph.Input, foreigntest.Value("z", foreigntest.Float, -1, 1))
		}),
		`has no input "c"`:           regression(func(m *pb.ModelProto) { m.Graph.Input = m.Graph.Input[:1] }),
		`has input "x" twice`:        regression(func(m *pb.ModelProto) { m.Graph.Input = append(m.Graph.Input, m.Graph.Input[0]) }),
		`input "c" is float [N,1]`:   regression(func(m *pb.ModelProto) { m.Graph.Input[1] = foreigntest.Value("c", foreigntest.Float, -1, 1) }),
		`input "x" is float [N,2]`:   regression(func(m *pb.ModelProto) { m.Graph.Input[0] = foreigntest.Value("x", foreigntest.Float, -1, 2) }),
		`input "x" is float [7,1]`:   regression(func(m *pb.ModelProto) { m.Graph.Input[0] = foreigntest.Value("x", foreigntest.Float, 7, 1) }),
		`has no output "prediction"`: regression(func(m *pb.ModelProto) { m.Graph.Output = nil }),
		`has an output "scaled"`: regression(func(m *pb.ModelProto) {
			m.Graph.Output = append(m.Graph.Output, foreigntest.Value("scaled", foreigntest.Float, -1, 1))
		}),
		"output prediction is int64 [N,1]": regression(func(m *pb.ModelProto) { m.Graph.Output[0] = foreigntest.Value("prediction", foreigntest.Int64, -1, 1) }),
		"output prediction is float [N,3]": regression(func(m *pb.ModelProto) { m.Graph.Output[0] = foreigntest.Value("prediction", foreigntest.Float, -1, 3) }),
		"node 1 of tree 0":                 trees([]string{"BRANCH_LEQ", "BRANCH_LEQ", "LEAF"}, []int64{1, 1, 0}, []int64{2, 2, 0}),
		"node 0 of tree 0":                 trees([]string{"BRANCH_LEQ", "LEAF"}, []int64{0, 0}, []int64{1, 0}),
		"as many parts":                    trees([]string{"LEAF"}, []int64{0}, nil),
	} {
		_, err := Examine(t.Context(), data, inputs, nil, rows(), Limits{})
		require.Equal(t, fault.BundleInvalid, fault.KindOf(err), want)
		require.ErrorContains(t, err, want)
	}
	_, err := Examine(t.Context(), foreigntest.Bytes(foreigntest.Classification(0, 1)), inputs, abc, rows(), Limits{})
	require.ErrorContains(t, err, "not double or float [N,3]")
	labelled := foreigntest.Classification(0, 1, 2)
	labelled.Graph.Output = append(labelled.Graph.Output, foreigntest.Value("label", foreigntest.Int64, -1))
	_, err = Examine(t.Context(), foreigntest.Bytes(labelled), inputs, abc, rows(), Limits{})
	require.ErrorContains(t, err, "output label is int64 [N]")
}

// What passes Vet is run in a process of its own, and its answers are judged.
func TestAHostileGraphHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	anyShape := func(m *pb.ModelProto) { m.Graph.Output[0].Type.GetTensorType().Shape = nil }
	outer := []*pb.TensorProto{foreigntest.Ints("at0", []int64{1}, 0), foreigntest.Ints("at1", []int64{1}, 1), foreigntest.Ints("at2", []int64{1}, 2)}
	slow := []*pb.NodeProto{foreigntest.Node("Transpose", "row", "x"), foreigntest.Node("MatMul", "s0", "x", "row")}
	for i := range 400 {
		slow = append(slow, foreigntest.Node("MatMul", "s"+string(rune('A'+i)), slow[len(slow)-1].Output[0], "s0"))
	}
	wide := []*pb.NodeProto{foreigntest.Node("Transpose", "row", "x")} // 64 MiB each, all needed at once
	for _, m := range []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"} {
		wide = append(wide, foreigntest.Node("MatMul", m, "x", "row"))
	}
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"refused by the runtime": {computed(nil, foreigntest.Node("MatMul", "prediction", "c", "x")), "refuses"},
		"NaN":                    {computed(nil, foreigntest.Node("Sub", "zero", "x", "x"), foreigntest.Node("Div", "prediction", "zero", "zero")), "not a finite number"},
		"infinite":               {computed([]*pb.TensorProto{foreigntest.Floats("zero", []int64{1, 1}, 0)}, foreigntest.Node("Div", "prediction", "x", "zero")), "not a finite number"},
		"of the batch": {computed(nil, foreigntest.Node("Transpose", "row", "x"), foreigntest.Node("MatMul", "sums", "row", "x"), foreigntest.Node("Add", "prediction", "x", "sums")),
			"to the same row alone"},
		"too wide": {func() []byte {
			m := foreigntest.Regression(2)
			anyShape(m)
			m.Graph.Node = []*pb.NodeProto{foreigntest.Node("Concat", "prediction", "x", "x")}
			m.Graph.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("axis"), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(1)}}
			m.Graph.Initializer = nil
			return foreigntest.Bytes(m)
		}(), "where 1 belong to each"},
		"memory": {computed(outer,
			foreigntest.Node("Unsqueeze", "a", "x", "at2"), foreigntest.Node("Unsqueeze", "b", "x", "at0"), foreigntest.Node("Transpose", "flat", "x"),
			foreigntest.Node("Unsqueeze", "c3", "flat", "at0"), foreigntest.Node("Mul", "plane", "a", "c3"), foreigntest.Node("Unsqueeze", "d", "plane", "at0"),
			foreigntest.Node("Unsqueeze", "e", "a", "at1"), foreigntest.Node("Mul", "cube", "d", "e"), foreigntest.Node("ReduceMax", "prediction", "cube")), "refuse"},
		"more memory than the bound": {computed(nil, append(wide, foreigntest.Node("Sum", "all", "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"), foreigntest.Node("ReduceMax", "prediction", "all"))...), "Failed to allocate memory"},
		"time":                       {computed(nil, append(slow, foreigntest.Node("ReduceMax", "prediction", slow[len(slow)-1].Output[0]))...), "within 3s"},
	} {
		began := time.Now()
		limits := Limits{Memory: 300 << 20}
		if what == "time" {
			limits = Limits{Timeout: 3 * time.Second} // its memory is not what ends it
		}
		_, err := Examine(t.Context(), c.data, inputs, nil, rows(), limits)
		require.Equal(t, fault.BundleInvalid, fault.KindOf(err), "%s: %v", what, err)
		require.ErrorContains(t, err, c.want, what)
		t.Logf("%s (%s): %v", what, time.Since(began).Round(time.Millisecond), err)
	}

	sums := foreigntest.Classification(0, 1, 2)
	sums.Graph.Node[1].OpType = proto.String("Sigmoid")
	_, err := Examine(t.Context(), foreigntest.Bytes(sums), inputs, abc, rows(), Limits{})
	require.ErrorContains(t, err, "add up to")
	sums.Graph.Node[1].OpType = proto.String("Identity")
	_, err = Examine(t.Context(), foreigntest.Bytes(sums), inputs, abc, rows(), Limits{})
	require.ErrorContains(t, err, "add up to")
	lying := foreigntest.Classification(0, 1, 2)
	lying.Graph.Output = append(lying.Graph.Output, foreigntest.Value("label", foreigntest.Text, -1, 1))
	lying.Graph.Node = append(lying.Graph.Node, foreigntest.Node("Identity", "label", "c"))
	_, err = Examine(t.Context(), foreigntest.Bytes(lying), inputs, abc, rows(), Limits{})
	require.ErrorContains(t, err, "labels row")
}

// Answers are compared, not believed: the same rows again must have the same bits.
func TestAnswersThatDifferAreRefused(t *testing.T) {
	t.Parallel()
	q, err := ask(nil, inputs, rows())
	require.NoError(t, err)
	honest := func() *replies {
		r := &replies{All: make([]float64, q.Rows.Rows), Again: make([]float64, len(q.Again)), Single: make([]float64, len(q.Single))}
		return r
	}
	_, err = judge(q, honest(), 300, nil)
	require.NoError(t, err)
	r := honest()
	r.Again[7] = 1e-300
	_, err = judge(q, r, 300, nil)
	require.ErrorContains(t, err, "when asked again")
	r = honest()
	r.Single[7] = 1e-3
	_, err = judge(q, r, 300, nil)
	require.ErrorContains(t, err, "alone")
	r = honest()
	r.All = r.All[:300]
	_, err = judge(q, r, 300, nil)
	require.Equal(t, fault.BundleInvalid, fault.KindOf(err))
}
