package serving_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
)

// counted is a predictor that counts the rows it is asked for.
type counted struct {
	serving.Predictor
	rows atomic.Int64
}

func (c *counted) Predict(f *frame.Frame, out []float64) error {
	c.rows.Add(int64(f.Rows))
	return c.Predictor.Predict(f, out)
}

// loads is a loader that has looked at nothing.
type loads struct{ model *serving.Model }

func (l loads) Load(context.Context, artifact.Ref) (*serving.Model, error) { return l.model, nil }

// Before a model takes requests it has answered its golden rows by their way, and one
// that answers otherwise than it promises takes none.
func TestAModelIsWarmBeforeItAnswers(t *testing.T) {
	b, err := bundle.Open(regressionBundle(t, 1))
	require.NoError(t, err)
	p, err := b.Predictor()
	require.NoError(t, err)
	golden := serving.Golden{Record: []byte(`{"distance":10,"origin":"JFK","departs":1}`), Answers: []float64{11.5}}
	for name, c := range map[string]struct {
		golden serving.Golden
		live   int
	}{
		"as promised":  {golden, 1},
		"otherwise":    {serving.Golden{Record: golden.Record, Answers: []float64{12}}, 0},
		"no request":   {serving.Golden{Record: []byte(`{"distance":"far"}`), Answers: golden.Answers}, 0},
		"without more": {serving.Golden{Record: golden.Record}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := serving.OpenState(t.TempDir())
			require.NoError(t, err)
			require.NoError(t, state.Keep(metadata.Revision{Endpoint: "flights", Revision: 1, ModelName: "m", ModelVersion: 1, Bundle: shelf{}.put([]byte(name))}))
			table, asked := serving.NewTable(), &counted{Predictor: p}
			w := serving.NewWatcher(serving.WatcherOptions{Table: table, State: state,
				Loader: loads{&serving.Model{Signature: b.Signature, Predictor: asked, Golden: []serving.Golden{c.golden}}}})
			require.Equal(t, c.live, w.Restore(t.Context()))
			require.Len(t, table.Names(), c.live)
			if c.live > 0 {
				require.EqualValues(t, 1, asked.rows.Load(), "nobody has asked yet but the server itself")
			}
		})
	}
}
