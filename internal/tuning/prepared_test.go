package tuning_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// A row that weighs nothing is as one that is not there, for the fit and for the
// score; one that weighs two is as two rows.
func TestRowsCountAsMuchAsTheyWeigh(t *testing.T) {
	f, plan := flights(400)
	weigh := frame.Column{Name: "weight", Numbers: make([]float64, f.Rows)}
	var train, held, trainTwice, heldTwice []int32
	for i := range int32(400) {
		weigh.Numbers[i] = float64(i % 3)
		part, twice := &train, &trainTwice
		if i >= 300 {
			part, twice = &held, &heldTwice
		}
		*part = append(*part, i)
		for range i % 3 {
			*twice = append(*twice, i)
		}
	}
	f.Columns = append(f.Columns, weigh)
	problem := pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse", Weight: "weight"}
	plan = plan[len(plan)-1:] // an encoder, whose statistics know no weights
	for _, kind := range []string{"ols", "ridge", "boosted_trees", "baseline"} {
		trial := tuning.Trial{Kind: kind}
		weighed, err := tuning.FitFold(context.Background(), plan, problem, f, train, held, trial)
		require.NoError(t, err)
		plain := problem
		plain.Weight = ""
		repeated, err := tuning.FitFold(context.Background(), plan, plain, f, trainTwice, heldTwice, trial)
		require.NoError(t, err)
		tolerance := 1e-9
		if kind == "boosted_trees" {
			tolerance = 0.05 // whose leaves are bounded by rows, not by what they weigh
		}
		require.InDelta(t, repeated.Scores["rmse"], weighed.Scores["rmse"], tolerance, kind)
		unweighed, err := tuning.FitFold(context.Background(), plan, plain, f, train, held, trial)
		require.NoError(t, err)
		require.NotEqual(t, unweighed.Scores["rmse"], weighed.Scores["rmse"])
	}
	problem.Weight = "carrier"
	_, err := tuning.Prepare(plan, problem, f, train, held)
	require.Equal(t, fault.ColumnMissing, fault.KindOf(err))
}
