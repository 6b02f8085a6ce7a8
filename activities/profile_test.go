package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
)

func TestProfileIsComparedWithThatOfTheRunBefore(t *testing.T) {
	s := newShop(t)
	s.env.RegisterActivity(s.Profile)
	explore := func(p ProfileParams) (res ProfileResult, found profile.Profile) {
		p.Run, p.Problem = Run{ID: "r", Pipeline: "p"}, pipeline.Problem{Target: "y", Task: pipeline.Regression}
		value, err := s.env.ExecuteActivity(s.Profile, p)
		require.NoError(t, err)
		require.NoError(t, value.Get(&res))
		require.NoError(t, s.Store.JSON(t.Context(), res.Profile, &found))
		return res, found
	}
	before, now := s.put(t, "SELECT i AS y, i % 10 AS x FROM range(1000) t(i)"), s.put(t, "SELECT i AS y, i % 3 AS x FROM range(1000) t(i)")
	first, found := explore(ProfileParams{Dataset: before})
	require.Empty(t, found.Previous)

	s.earlier(t, "before", before, 1000, metadata.Outputs{"profile": first.Profile})
	_, found = explore(ProfileParams{Dataset: now})
	require.Equal(t, "before", found.Previous)
	require.Greater(t, *found.Column("x").Drift, 0.3)
	require.Less(t, *found.Column("y").Drift, 0.01)

	// The same dataset has not changed, and is answered from the cache.
	again, _ := explore(ProfileParams{Dataset: before})
	require.Equal(t, metadata.CacheHit, again.Cache)
	require.Equal(t, first.Profile, again.Profile)
}
