package bundle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func theirRows() *frame.Frame {
	return &frame.Frame{Rows: 4, Columns: []frame.Column{
		{Name: "x", Numbers: []float64{1, 2, 3, 4}}, {Name: "c", Kind: frame.Text, Codes: []int32{0, 1, frame.MissingCode, 0}, Dict: []string{"p", "q"}},
	}}
}

// theirs are the contents of a bundle whose model somebody else trained.
func theirs(t testing.TB, graph *pb.ModelProto) Contents {
	t.Helper()
	data := foreigntest.Bytes(graph)
	f := feature.Raw([]feature.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}})
	target := &feature.Target{Column: "y", Kind: "text", Task: pipeline.Multiclass, Classes: []string{"a", "b", "c"}}
	sig, err := SignatureOf(theirRows(), f, target)
	require.NoError(t, err)
	c := Contents{Name: "m", Signature: sig, Features: f, Target: target, Card: "# m\n", Model: &model.Foreign{
		Name: "xgboost", Framework: "xgboost 3.1.0", Values: 3, SHA256: digest(data), Size: int64(len(data)), ONNX: data,
	}}
	predictor, err := NewPredictor(f, target, c.Model, sig)
	require.NoError(t, err)
	out := make([]float64, 12)
	require.NoError(t, predictor.Predict(theirRows(), out))
	c.Baseline, err = BaselineOf(theirRows(), sig, target, out)
	require.NoError(t, err)
	c.Golden, err = Golden(predictor, theirRows(), 4)
	require.NoError(t, err)
	return c
}

func TestAForeignModelIsBuiltOpenedAndAnswered(t *testing.T) {
	c := theirs(t, foreigntest.Classification(0, 1, 2))
	data, err := Build(c)
	require.NoError(t, err)
	b, err := Open(data)
	require.NoError(t, err)
	require.Equal(t, "xgboost", b.Model.Kind())
	p, err := b.Predictor()
	require.NoError(t, err)
	require.NoError(t, b.VerifyGolden(p))
	require.Len(t, b.Golden, 4)
	for _, in := range b.Signature.Inputs {
		require.True(t, in.Nullable, "it is the trainer's to say what a missing value means")
	}
	f, err := FrameFromRecords(b.Signature, []map[string]any{{"x": 2.0, "c": nil}})
	require.NoError(t, err)
	out := make([]float64, 3)
	require.NoError(t, p.Predict(f, out))
	require.Equal(t, "c", p.Label(out))

	b.Golden[1].Outputs[0] += 1e-4
	require.Equal(t, fault.BundleInvalid, fault.KindOf(b.VerifyGolden(p)))
}

func TestAForeignModelThatIsNotItselfIsRefused(t *testing.T) {
	for what, spoil := range map[string]func(c *Contents, m *model.Foreign){
		"other graph": func(c *Contents, m *model.Foreign) {
			m.ONNX = foreigntest.Bytes(foreigntest.Classification(0, 1, 3))
		},
		"no graph": func(c *Contents, m *model.Foreign) { m.ONNX = nil },
		"hostile graph": func(c *Contents, m *model.Foreign) {
			g := foreigntest.Classification(0, 1, 2)
			g.Graph.Node[0].OpType = new("Loop")
			m.ONNX = foreigntest.Bytes(g)
			m.SHA256, m.Size = digest(m.ONNX), int64(len(m.ONNX))
		},
		"fewer outputs": func(c *Contents, m *model.Foreign) { m.Values = 2 },
		"transformed features": func(c *Contents, m *model.Foreign) {
			*c.Features = feature.Fitted{Version: 1, Inputs: c.Features.Inputs, Chains: []feature.Chain{
				{Name: "x", Column: "x", Steps: []feature.Step{{Impute: &feature.ImputeState{Number: new(0.0)}}}},
				{Name: "c", Column: "c", Steps: []feature.Step{{OneHot: &feature.OneHotState{Categories: []string{"p"}}}}},
			}}
		},
	} {
		c := theirs(t, foreigntest.Classification(0, 1, 2))
		m := *c.Model.(*model.Foreign)
		spoil(&c, &m)
		c.Model = &m
		_, err := Build(c)
		require.Equal(t, fault.BundleInvalid, fault.KindOf(err), what)
	}
}
