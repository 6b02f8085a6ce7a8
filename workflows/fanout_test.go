package workflows

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/external"
)

// hundred is a search of 33 trials on 4 folds.
const hundred = "{folds: 4, search: {method: random, trials: 32, prune: false}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}"

func byC(p activities.FitParams) *activities.FoldResult {
	return scored(p.Trial.Params["C"] + float64(p.Fold))
}

func TestShortFitsAreMadeByTheBatchAndLongOnesAlone(t *testing.T) {
	best := ""
	for _, c := range []struct {
		takes            time.Duration
		fewest, most     int // batches
		largest, singles int
	}{
		{takes: 0, fewest: 6, most: 14, largest: 20, singles: 8}, // the first of each kind are tried alone
		{takes: 30 * time.Millisecond, fewest: 8, most: 45, largest: 16, singles: 8},
		{takes: 400 * time.Millisecond, fewest: 50, most: 66, largest: 2, singles: 16}, // the last ones alone, too
		{takes: time.Minute},
	} {
		b := tuningSetup(t, byC, c.takes)
		res := b.tune(t, settings(t, hundred))
		require.Equal(t, 33*4+2, res.Fits)
		made := slices.Clone(b.fits)
		slices.Sort(made)
		require.Len(t, slices.Compact(made), 33*4, "every fit is made, and none twice")
		together := 0
		for _, n := range b.batches {
			require.LessOrEqual(t, n, c.largest, c.takes)
			together += n
		}
		require.GreaterOrEqual(t, len(b.batches), c.fewest, c.takes)
		require.LessOrEqual(t, len(b.batches), c.most, c.takes)
		if c.takes < time.Minute {
			require.LessOrEqual(t, 33*4-together, c.singles+len(b.batches)/8+1, "%s: %v", c.takes, b.batches)
		}
		if best == "" {
			best = res.Best[1].Trial.String()
		}
		require.Equal(t, best, res.Best[1].Trial.String(), c.takes)
	}
}

// Fits that are as long as nothing comes back of them wait for no probe.
func TestNothingWaitsLongToBeFoundShort(t *testing.T) {
	b := tuningSetup(t, byC, time.Hour)
	begun := b.Now()
	b.tune(t, settings(t, hundred))
	require.Less(t, b.Now().Sub(begun), 3*time.Hour, "all that may be are under way at once")
	require.Empty(t, b.batches)
}

// A batch that turns out long gives back what it has not begun.
func TestWhatABatchHasNotBegunIsAskedForAgain(t *testing.T) {
	whole := tuningSetup(t, byC, 20*time.Millisecond)
	want := whole.tune(t, settings(t, hundred))
	b := tuningSetup(t, byC, 20*time.Millisecond)
	b.within = 1
	require.Equal(t, want, b.tune(t, settings(t, hundred)))
	require.Len(t, b.fits, 33*4)
	require.Greater(t, len(b.batches), 2*len(whole.batches))
}

func TestABatchThatFailsEndsTheSearch(t *testing.T) {
	b := tuningSetup(t, byC)
	b.broken = temporal.NewNonRetryableApplicationError("the rows are gone", "ArtifactMissing", nil)
	b.ExecuteWorkflow(Tuning, settings(t, hundred))
	require.ErrorContains(t, b.GetWorkflowError(), "the rows are gone")
	require.Empty(t, b.fitted)
}

// The trials of a trainer elsewhere are activities of their own among batches of ours.
func TestATrainerElsewhereIsAskedForOneFitAtATime(t *testing.T) {
	b := externalSetup(t, func(_ context.Context, r external.Request) (external.Response, error) { return answers(r) })
	res := b.tune(t, settings(t, "{folds: 5, candidates: [{kind: logistic, grid: {C: [1, 2, 3, 4, 5, 6, 7, 8]}}, {kind: external, external: {name: lightgbm, queue: python, activity: train, timeout: 1m}, grid: {rounds: [1, 2]}}]}"))
	require.Equal(t, 11*5+3, res.Fits)
	require.Len(t, b.asked, 2*5+1)
	require.NotEmpty(t, b.batches)
}

func TestANestedSearchAsksATrainerElsewhere(t *testing.T) {
	outer := map[bool]int{}
	b := externalSetup(t, func(_ context.Context, r external.Request) (external.Response, error) { return answers(r) })
	b.prepared = func(p activities.FitParams) { outer[p.Outer != nil]++ }
	in := settings(t, "{folds: 2, nested: 3, candidates: [{kind: external, external: {name: lightgbm, queue: python, activity: train, timeout: 1m}, grid: {rounds: [1, 2]}}]}")
	res := b.tune(t, in)
	require.Equal(t, map[bool]int{false: 2*2 + 1, true: 3 * (2*2 + 1)}, outer, "its trials on every inner fold, and the winner of each on the outer one")
	require.Len(t, b.reported.Nested, 3)
	for _, o := range b.reported.Nested {
		require.Equal(t, "lightgbm rounds=1", o.Trial.String())
		require.InDelta(t, 0.1, o.Inner, 1e-9)
		require.InDelta(t, 0.1, *o.Score, 1e-9)
	}
	require.Equal(t, "lightgbm rounds=1", res.Best[1].Trial.String())
	require.Len(t, b.discarded, 2*(2*2+1+3*(2*2+1)))
}
