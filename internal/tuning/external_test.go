package tuning

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// A search knows nothing of an external candidate but its name and its intervals,
// and two of them are two kinds.
func TestASearchAsksForExternalTrials(t *testing.T) {
	t.Parallel()
	external := func(name string) pipeline.Candidate {
		return pipeline.Candidate{
			Kind: pipeline.ExternalKind, External: &pipeline.External{Name: name, Queue: "python", Activity: "train"},
			Space: map[string]pipeline.Interval{"rounds": {Low: 10, High: 200, Whole: true}},
		}
	}
	s, err := NewSearch(pipeline.Train{
		Candidates: []pipeline.Candidate{external("lightgbm"), external("xgboost")}, Folds: 2,
		Search: pipeline.Search{Method: pipeline.RandomSearch, Trials: 8, Prune: new(false)},
	}, pipeline.Problem{Task: pipeline.Regression, Metric: "rmse"})
	require.NoError(t, err)
	kinds := map[string]int{}
	for asks := s.Next(); len(asks) > 0; asks = s.Next() {
		for _, ask := range asks {
			kinds[ask.Trial.Kind]++
			score := 9.0
			if e := ask.Trial.External; e != nil {
				require.Equal(t, e.Name, ask.Trial.Kind)
				rounds := ask.Trial.Params["rounds"]
				require.Equal(t, math.Trunc(rounds), rounds)
				score = rounds
			}
			s.Tell(score)
		}
	}
	require.Equal(t, map[string]int{"baseline": 2, "lightgbm": 8, "xgboost": 8}, kinds)
	best, err := Choose(s.Scored(), "rmse")
	require.NoError(t, err)
	require.Len(t, best, 3, "the best of each, and the baseline")
}
