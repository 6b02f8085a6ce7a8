package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
)

// externalBundle is a search with a trainer elsewhere.
type externalBundle struct {
	*tuningBundle
	asked     []float64 // parameter of each fit the trainer was asked for
	accepted  map[string]activities.AcceptParams
	discarded []string
	hit       bool
	prepared  func(activities.FitParams) // told of each fit, if it is not nil
}

const trainers = "{candidates: [{kind: logistic}, {kind: external, external: {name: lightgbm, queue: python, activity: train, timeout: 1m}, grid: {rounds: [1, 2]}}], folds: 2}"

func externalSetup(t *testing.T, train func(context.Context, external.Request) (external.Response, error)) *externalBundle {
	t.Helper()
	b := &externalBundle{tuningBundle: tuningSetup(t, func(activities.FitParams) *activities.FoldResult { return scored(0.5) }), accepted: map[string]activities.AcceptParams{}}
	b.OnActivity("train", mock.Anything, mock.Anything).Return(func(ctx context.Context, r external.Request) (external.Response, error) {
		b.asked = append(b.asked, r.Parameters["rounds"])
		return train(ctx, r)
	}).Maybe()
	b.OnActivity(a.PrepareExternal, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.FitParams) (*activities.ExternalFit, error) {
		if b.prepared != nil {
			b.prepared(p)
		}
		if b.hit {
			return &activities.ExternalFit{Hit: true}, nil
		}
		return &activities.ExternalFit{Request: &external.Request{Version: 1, Fold: p.Fold, Parameters: p.Trial.Params, Seed: int64(p.Folds)}, Staged: artifact.Staged{Key: p.Trial.String()}, Report: artifact.Staged{Key: "report"}}, nil
	})
	accept := func(p activities.AcceptParams) {
		key := p.Trial.String()
		if p.Folds == 0 {
			key += " all"
		}
		b.accepted[key] = p
	}
	b.OnActivity(a.AcceptFold, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.AcceptParams) (*activities.FoldResult, error) {
		accept(p)
		if p.Failed != "" {
			return &activities.FoldResult{Trial: p.Trial.ID, Fold: p.Fold, Failed: p.Failed}, nil
		}
		return scored(0.1 * p.Trial.Params["rounds"]), nil
	}).Maybe()
	b.OnActivity(a.AcceptFit, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.AcceptParams) (*activities.FittedResult, error) {
		accept(p)
		return &activities.FittedResult{Trial: p.Trial, Failed: p.Failed}, nil
	}).Maybe()
	b.OnActivity(a.DiscardExternal, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.DiscardParams) error {
		for _, s := range p.Staged {
			b.discarded = append(b.discarded, s.Key)
		}
		return nil
	}).Maybe()
	return b
}

func answers(external.Request) (external.Response, error) { return external.ExampleResponse(), nil }

func TestATrainerElsewhereFitsItsTrials(t *testing.T) {
	b := externalSetup(t, func(_ context.Context, r external.Request) (external.Response, error) { return answers(r) })
	res := b.tune(t, settings(t, trainers))
	require.ElementsMatch(t, []float64{1, 1, 2, 2, 1}, b.asked, "each trial on each fold, and the best on all rows")
	require.Len(t, res.Best, 3)
	require.Equal(t, "lightgbm rounds=1", res.Best[2].Trial.String())
	require.Equal(t, 4*2+3, res.Fits)
	p := b.accepted["lightgbm rounds=1 all"]
	require.Equal(t, external.ExampleResponse(), *p.Response)
	require.Nil(t, p.Fit.Request, "addresses are in the history once")
	require.Len(t, b.discarded, 2*5, "what each fit sent is removed, model and report")
}

func TestWhatTheCacheKnowsNoTrainerIsAskedFor(t *testing.T) {
	b := externalSetup(t, func(_ context.Context, r external.Request) (external.Response, error) { return answers(r) })
	b.hit = true
	b.tune(t, settings(t, trainers))
	require.Empty(t, b.asked)
	require.Empty(t, b.discarded)
	require.True(t, b.accepted["lightgbm rounds=2"].Fit.Hit)
}

func TestATrainerThatFailsLosesItsTrialAndIsTriedThrice(t *testing.T) {
	b := externalSetup(t, func(_ context.Context, r external.Request) (external.Response, error) {
		switch {
		case r.Parameters["rounds"] == 1 && r.Fold == 0:
			return external.Response{}, errors.New("out of memory")
		case r.Parameters["rounds"] == 1:
			return external.Response{}, temporal.NewNonRetryableApplicationError("no such parameter", "Unusable", nil)
		case r.Seed == 0: // all rows
			return external.Response{Version: 2}, nil
		}
		return answers(r)
	})
	res := b.tune(t, settings(t, trainers))
	require.Len(t, res.Best, 2, "the final fit failed, too, and the others stay")
	require.Equal(t, "logistic", res.Best[1].Trial.Kind)
	ones := 0
	for _, rounds := range b.asked {
		if rounds == 1 {
			ones++
		}
	}
	require.Equal(t, 3+1, ones, "what may pass is tried thrice, what cannot once")
	require.Contains(t, b.accepted["lightgbm rounds=2 all"].Failed, "version is 2")
	require.Equal(t, 4*2+3, res.Fits)
}

func TestWithNothingButFailedTrialsASearchFailsAndSaysWhy(t *testing.T) {
	b := externalSetup(t, func(context.Context, external.Request) (external.Response, error) {
		return external.Response{}, temporal.NewNonRetryableApplicationError("no licence", "Licence", nil)
	})
	b.ExecuteWorkflow(Tuning, settings(t, "{candidates: [{kind: external, external: {name: lightgbm, queue: python, activity: train}}]}"))
	require.ErrorContains(t, b.GetWorkflowError(), "no licence")
}

func TestACancelledSearchRemovesWhatTheTrainerSent(t *testing.T) {
	b := externalSetup(t, func(ctx context.Context, _ external.Request) (external.Response, error) {
		<-ctx.Done() // it honours the cancellation
		return external.Response{}, ctx.Err()
	})
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Second)
	b.ExecuteWorkflow(Tuning, settings(t, trainers))
	require.True(t, temporal.IsCanceledError(b.GetWorkflowError()), "%v", b.GetWorkflowError())
	require.NotEmpty(t, b.discarded)
	require.Empty(t, b.accepted)
}
