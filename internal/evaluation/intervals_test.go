package evaluation_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// The mean absolute error of errors uniform in (-1, 1) is 0.5, its deviation over n
// rows 1/√(12n).
func TestIntervalsOfAnySample(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := evaluation.Sample{Task: pipeline.Regression}
	const n = 3000
	for range n {
		y := r.NormFloat64()
		s.Y, s.P = append(s.Y, y), append(s.P, y+2*r.Float64()-1)
	}
	scores, intervals, err := evaluation.ScoreIntervals(t.Context(), s, 1)
	require.NoError(t, err)
	plain, err := evaluation.Score(s.Task, s.Y, s.P, 0)
	require.NoError(t, err)
	require.Equal(t, plain, scores)
	mae := intervals["mae"]
	require.Less(t, mae.Low, scores.Values["mae"])
	require.InDelta(t, 2*1.96/190, mae.High-mae.Low, .004)
	_, again, err := evaluation.ScoreIntervals(t.Context(), s, 1)
	require.NoError(t, err)
	require.Equal(t, intervals, again)
	_, _, err = evaluation.ScoreIntervals(t.Context(), evaluation.Sample{Task: pipeline.Regression}, 1)
	require.Error(t, err)
}
