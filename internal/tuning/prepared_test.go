package tuning_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
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

// What a fit is said to take depends on its learner and settings, not on the rows alone:
// it is what it would be refused by.
func TestTheMemoryOfAFitIsThatOfItsLearner(t *testing.T) {
	f, plan := flights(400)
	var train, held []int32
	for i := range int32(400) {
		if i < 300 {
			train = append(train, i)
		} else {
			held = append(held, i)
		}
	}
	rows, err := tuning.Prepare(plan, pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"}, f, train, held)
	require.NoError(t, err)
	mean := rows.Memory(tuning.Trial{Kind: "baseline"})
	// The targets and every column of the rows learnt from and held out, and the answers.
	require.GreaterOrEqual(t, mean, int64(400*8+100*8))
	require.Equal(t, mean, rows.Bytes()/2+100*8)
	shallow := rows.Memory(tuning.Trial{Kind: "boosted_trees", Params: model.Params{"max_iter": 10, "max_leaves": 8}})
	deep := rows.Memory(tuning.Trial{Kind: "boosted_trees", Params: model.Params{"max_iter": 10_000, "max_leaves": 256}})
	require.Greater(t, shallow, mean)
	require.Greater(t, deep, shallow)
	require.Greater(t, rows.Memory(tuning.Trial{Kind: "ols"}), mean)
	require.Zero(t, rows.Memory(tuning.Trial{Kind: "lightgbm"}))
}
