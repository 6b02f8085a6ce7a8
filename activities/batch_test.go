package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// newBatch is a fixture with fits of our own: ridge, on three folds each.
func newBatch(t *testing.T, alphas ...float64) (*elsewhere, BatchParams) {
	t.Helper()
	e := newElsewhere(t)
	p := BatchParams{FitParams: e.params, Within: time.Hour}
	p.Watch, p.Trial = nil, tuning.Trial{}
	var err error
	p.Plan, err = e.Store.PutJSON(t.Context(), []pipeline.Feature{{Columns: []string{"x"}}})
	require.NoError(t, err)
	for i, alpha := range alphas {
		for fold := range p.Folds {
			p.Fits = append(p.Fits, BatchFit{Trial: tuning.Trial{ID: i + 1, Kind: "ridge", Params: model.Params{"alpha": alpha}}, Fold: fold})
		}
	}
	return e, p
}

func (e *elsewhere) fitFolds(p BatchParams) ([]FoldResult, error) {
	e.t.Helper()
	value, err := e.env.ExecuteActivity(e.FitFolds, p)
	if err != nil {
		return nil, err
	}
	var res BatchResult
	require.NoError(e.t, value.Get(&res))
	return res.Fits, nil
}

func TestABatchIsItsFitsOneByOne(t *testing.T) {
	t.Parallel()
	e, p := newBatch(t, 0.1, 10)
	batch, err := e.fitFolds(p)
	require.NoError(t, err)
	require.Len(t, batch, 6)
	rows, err := e.DB.Trials(t.Context(), "r")
	require.NoError(t, err)
	require.Len(t, rows, 6, "each has its row")
	for i, r := range batch {
		require.Equal(t, metadata.CacheMiss, r.Cache)
		require.Equal(t, []int{p.Fits[i].Trial.ID, p.Fits[i].Fold}, []int{r.Trial, r.Fold})
		require.Equal(t, rows[i].Scores["rmse"], *r.Score)
		require.Len(t, rows[i].ModelDigest, 64, "it says which model was fitted")
		require.Empty(t, r.Digest)
		require.Positive(t, r.Seconds)
		require.Nil(t, r.Scores, "what is in the row is not in the history")

		alone := p.FitParams
		alone.Trial, alone.Fold = p.Fits[i].Trial, p.Fits[i].Fold
		value, err := e.env.ExecuteActivity(e.FitFold, alone)
		require.NoError(t, err)
		var one FoldResult
		require.NoError(t, value.Get(&one))
		require.Equal(t, metadata.CacheHit, one.Cache, "each is found again by itself")
		require.Equal(t, r.Score, one.Score)
	}
	p.Fits = append(p.Fits, BatchFit{Trial: tuning.Trial{ID: 9, Kind: "ridge", Params: model.Params{"alpha": 3}}})
	again, err := e.fitFolds(p)
	require.NoError(t, err)
	for i, r := range again {
		require.Equal(t, map[bool]metadata.Cache{true: metadata.CacheHit, false: metadata.CacheMiss}[i < 6], r.Cache)
	}
	p.Run.NoCache = true
	off, err := e.fitFolds(p)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheOff, off[0].Cache)
	require.Equal(t, again[6].Score, off[6].Score)
	fittedAgain, err := e.DB.Trials(t.Context(), "r")
	require.NoError(t, err)
	digests := map[string]bool{}
	for i := range rows {
		require.Equal(t, rows[i].ModelDigest, fittedAgain[i].ModelDigest, "the same fit is the same model")
		digests[rows[i].ModelDigest] = true
	}
	require.Len(t, digests, 6, "and every other one another")
	states, err := e.DB.Steps(t.Context(), "r")
	require.NoError(t, err)
	for _, s := range states {
		require.Equal(t, metadata.StepCompleted, s.State, s.Step)
	}
}

func TestABatchBeginsNoFitWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	e, p := newBatch(t, 0.1, 10)
	p.Within = 0
	batch, err := e.fitFolds(p)
	require.NoError(t, err)
	require.Len(t, batch, 1, "but the first")
}

func TestAFitOfABatchThatFailsLeavesTheOthers(t *testing.T) {
	t.Parallel()
	e, p := newBatch(t, 0.1)
	p.Fits[1].Share = 0.1 // so few rows that the target does not vary
	batch, err := e.fitFolds(p)
	require.NoError(t, err)
	require.NotEmpty(t, batch[1].Failed)
	require.NotNil(t, batch[0].Score)
	require.NotNil(t, batch[2].Score)
}

// Cancelled in the middle, what is done is recorded and the rest is not begun.
func TestACancelledBatchLeavesTheFitsItMade(t *testing.T) {
	t.Parallel()
	e, p := newBatch(t, 0.1, 10)
	e.env.RegisterActivityWithOptions(func(ctx context.Context) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		b := &batch{Activities: e.Activities, begun: time.Now()}
		for _, one := range p.Fits {
			fit := p.FitParams
			fit.Trial, fit.Fold = one.Trial, one.Fold
			b.fits = append(b.fits, newFoldFit(fit))
		}
		if err := b.lookup(ctx); err != nil {
			return err
		}
		for i := range 2 {
			if err := b.fit(ctx, i); err != nil {
				return err
			}
		}
		cancel(temporal.NewCanceledError())
		if err := b.fit(ctx, 2); err == nil {
			return nil
		}
		return b.flush(ctx)
	}, activity.RegisterOptions{Name: "interrupted"})
	_, err := e.env.ExecuteActivity("interrupted")
	require.NoError(t, err)
	rows, err := e.DB.Trials(t.Context(), "r")
	require.NoError(t, err)
	require.Len(t, rows, 2)
}

// A checkpoint is that of one fit: another of the same activity does not go on from
// it.
func TestACheckpointIsOfOneFit(t *testing.T) {
	t.Parallel()
	e, p := newBatch(t, 0.1)
	ref, err := e.Store.PutBytes(t.Context(), []byte("half a model"), "application/octet-stream")
	require.NoError(t, err)
	mine, other := newFoldFit(p.FitParams).step, newFoldFit(p.FitParams).step
	other.part = strings.Replace(other.part, "fold-1", "fold-2", 1)
	require.NotEqual(t, mine.label(), other.label())
	e.env.SetHeartbeatDetails(progress{Checkpoint: &checkpoint{Of: mine.label(), Ref: ref}})
	var resumed [2]bool
	e.env.RegisterActivityWithOptions(func(ctx context.Context) error {
		resumed = [2]bool{e.watch(ctx, mine).Resume != nil, e.watch(ctx, other).Resume != nil}
		return nil
	}, activity.RegisterOptions{Name: "watched"})
	_, err = e.env.ExecuteActivity("watched")
	require.NoError(t, err)
	require.Equal(t, [2]bool{true, false}, resumed)
}
