package servingtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Foreign is a real bundle of a model that somebody else trained: slope·x + 1 of the
// columns x (number) and c (text).
func Foreign(t testing.TB, slope float32) []byte {
	t.Helper()
	graph := foreigntest.Bytes(foreigntest.Regression(slope))
	f := &frame.Frame{Rows: 3, Columns: []frame.Column{
		{Name: "x", Numbers: []float64{1, 2, 3}}, {Name: "c", Kind: frame.Text, Codes: []int32{0, 1, 0}, Dict: []string{"p", "q"}},
	}}
	features := feature.Raw([]feature.Input{{Name: "x", Kind: "number"}, {Name: "c", Kind: "text"}})
	target := &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	m := &model.Foreign{Name: "lightgbm", Framework: "lightgbm 4", Values: 1, SHA256: artifact.DigestOf(graph), Size: int64(len(graph)), ONNX: graph}
	sig, err := bundle.SignatureOf(f, features, target)
	require.NoError(t, err)
	p, err := bundle.NewPredictor(features, target, m, sig)
	require.NoError(t, err)
	golden, err := bundle.Golden(p, f, 3)
	require.NoError(t, err)
	out := make([]float64, f.Rows)
	require.NoError(t, p.Predict(f, out))
	baseline, err := bundle.BaselineOf(f, sig, target, out)
	require.NoError(t, err)
	data, err := bundle.Build(bundle.Contents{
		Name: "flights", Signature: sig, Features: features, Target: target, Model: m, Baseline: baseline, Golden: golden, Card: "# card",
		Lineage: bundle.Lineage{Pipeline: strings.Repeat("a", 64), Dataset: strings.Repeat("b", 64)},
	})
	require.NoError(t, err)
	return data
}
