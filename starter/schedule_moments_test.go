package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// A schedule of many moments shows its last ones, not the first thousand of thirty days,
// and none twice or left out where jitter moves them.
func TestTheLatestMomentsOfABusyScheduleAreShown(t *testing.T) {
	isolated(t)
	c := testenv.Temporal(t)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	to := from.Add(momentsBack)
	name := testenv.Name(t)
	path := pipelineFile(t, name, "")
	t.Cleanup(func() { _, _, _ = esteiraIn(context.Background(), "", "schedule", "delete", name) })
	create := func(more ...string) {
		t.Helper()
		decoded[map[string]any](t, exitDone, append([]string{"schedule", "create", path, "--paused"}, more...)...)
	}
	create("--every", "1m")
	last, err := latestMoments(t.Context(), c, name, from, to, 0, maxMoments)
	require.NoError(t, err)
	require.Len(t, last, maxMoments)
	for i, at := range last {
		require.Equal(t, to.Add(time.Duration(i-maxMoments+1)*time.Minute), at)
	}

	// Many by day and none by night; within eight days they are less than a thousand.
	create("--cron", "*/7 9-17 * * *", "--jitter", "3m")
	last, err = latestMoments(t.Context(), c, name, from, to, 3*time.Minute, maxMoments)
	require.NoError(t, err)
	namespace, err := temporal.Namespace(c)
	require.NoError(t, err)
	all, err := momentsBetween(t.Context(), c, namespace, name, to.Add(-8*24*time.Hour), to)
	require.NoError(t, err)
	require.Less(t, len(all), momentsListed)
	require.Equal(t, all[len(all)-maxMoments:], last)

	// Few of them are all there.
	create("--cron", "0 3 1 * *", "--jitter", "0s")
	last, err = latestMoments(t.Context(), c, name, from, to, 0, maxMoments)
	require.NoError(t, err)
	require.Equal(t, []time.Time{from.Add(3 * time.Hour)}, last)
}
