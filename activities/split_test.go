package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
)

func TestSplitHoldsTheRulesAboutIt(t *testing.T) {
	s := newShop(t)
	s.env.RegisterActivity(s.Split)
	require.NoError(t, s.DB.RecordChecks(t.Context(), "r", []metadata.Check{{Name: "x is finite", Severity: "stop", Passed: true}}))
	p := SplitParams{
		Run: Run{ID: "r", Pipeline: "p"}, Valid: s.put(t, "SELECT i AS id, i % 50 AS patient FROM range(500) t(i)"),
		Dataset: pipeline.Dataset{Key: []string{"id"}}, Split: pipeline.Split{Method: "random", Validation: 0.2, Test: 0.2},
		Rules: []pipeline.Rule{
			{NoLeakage: &pipeline.NoLeakage{}, OnFail: pipeline.Stop},
			{NoLeakage: &pipeline.NoLeakage{Across: []string{"patient"}}, OnFail: pipeline.Stop},
		},
	}
	for range 2 { // a second time from the cache
		value, err := s.env.ExecuteActivity(s.Split, p)
		require.NoError(t, err)
		var res SplitResult
		require.NoError(t, value.Get(&res))
		require.Contains(t, res.Violation, "no patient in two splits: 50 values in two splits")
		checks, err := s.DB.Checks(t.Context(), "r")
		require.NoError(t, err)
		require.Len(t, checks, 3)
		require.True(t, checks[1].Passed)
		require.False(t, checks[2].Passed)

		var found []split.Crossing
		require.NoError(t, s.Store.JSON(t.Context(), res.Crossings, &found))
		require.Equal(t, []string{"patient"}, found[1].Columns)
		require.EqualValues(t, 50, found[1].Shared)
		page, err := s.Store.Bytes(t.Context(), res.Report, 1<<20)
		require.NoError(t, err)
		require.Contains(t, string(page), "50 in more than one split")
	}
	p.Split = pipeline.Split{Method: "grouped", By: []string{"patient"}, Validation: 0.2, Test: 0.2}
	value, err := s.env.ExecuteActivity(s.Split, p)
	require.NoError(t, err)
	var res SplitResult
	require.NoError(t, value.Get(&res))
	require.Empty(t, res.Violation)
}
