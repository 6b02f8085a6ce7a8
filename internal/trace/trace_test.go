package trace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/trace"
)

func TestATreeIsDrawnAndSaysWhatItIsAbout(t *testing.T) {
	root := trace.New("a\n%s", "b\x1b[1m")
	first := root.Add("first").To("models", "flights", "3")
	first.Add("inner")
	root.Add("last")
	require.Equal(t, "a b\uFFFD[1m\n├─ first\n│  └─ inner\n└─ last\n", root.String())
	require.Equal(t, []string{"models", "flights", "3"}, root.Children[0].About)
}

func TestTheWayBackLeadsToPages(t *testing.T) {
	root := trace.Back(metadata.Trace{
		Prediction: metadata.Prediction{Endpoint: "flights", Status: 200}, Revision: &metadata.Revision{Endpoint: "flights", Revision: 2},
		Model: &metadata.ModelVersion{Name: "flights", Version: 3}, Run: &metadata.Run{ID: "flights/run/1"},
	})
	var about [][]string
	var visit func(n *trace.Node)
	visit = func(n *trace.Node) {
		if n.About != nil {
			about = append(about, n.About)
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(root)
	require.Equal(t, [][]string{{"endpoints", "flights"}, {"endpoints", "flights"}, {"models", "flights", "3"}, {"runs", "flights/run/1"}}, about)
}
