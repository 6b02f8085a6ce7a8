package workflows

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// tuningBundle runs Tuning with fits that score as score says.
type tuningBundle struct {
	*testsuite.TestWorkflowEnvironment
	fits, fitted []string
	batches      []int // fits of each batch
	broken       error // of every batch
	within       int   // how many fits a batch makes before its time is over; 0: all
	reported     activities.SearchReportParams
	joined       []activities.EnsembleParams
}

func tuningSetup(t *testing.T, score func(activities.FitParams) *activities.FoldResult, takes ...time.Duration) *tuningBundle {
	t.Helper()
	suite := quiet()
	b := &tuningBundle{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	b.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // the machine may be busy
	b.RegisterWorkflow(Tuning)
	b.RegisterActivity(&activities.Activities{})
	b.RegisterActivityWithOptions(func(context.Context, external.Request) (external.Response, error) { return external.Response{}, nil },
		activity.RegisterOptions{Name: "train"})
	fit := func(p activities.FitParams) *activities.FoldResult {
		b.fits = append(b.fits, fmt.Sprintf("%d %s/%d", p.Trial.ID, p.Trial, p.Fold))
		r := score(p)
		r.Trial, r.Fold = p.Trial.ID, p.Fold
		if len(takes) > 0 {
			r.Seconds = takes[0].Seconds()
		}
		return r
	}
	b.OnActivity(a.FitFold, mock.Anything, mock.Anything).After(append(takes, 0)[0]).Return(func(_ context.Context, p activities.FitParams) (*activities.FoldResult, error) {
		return fit(p), nil
	})
	b.OnActivity(a.FitFolds, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.BatchParams) (*activities.BatchResult, error) {
		if b.broken != nil {
			return nil, b.broken
		}
		b.batches = append(b.batches, len(p.Fits))
		res := &activities.BatchResult{}
		for i, one := range p.Fits {
			if b.within > 0 && i == b.within {
				break
			}
			of := p.FitParams
			of.Trial, of.Fold, of.Share = one.Trial, one.Fold, one.Share
			res.Fits = append(res.Fits, *fit(of))
		}
		return res, nil
	}).Maybe()
	b.OnActivity(a.Fit, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.FitParams) (*activities.FittedResult, error) {
		require.NotNil(t, p.Watch, "early stopping of a final fit watches the validation rows")
		b.fitted = append(b.fitted, p.Trial.String())
		return &activities.FittedResult{Trial: p.Trial}, nil
	})
	b.OnActivity(a.Ensemble, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.EnsembleParams) (*activities.FittedResult, error) {
		b.joined = append(b.joined, p)
		return &activities.FittedResult{Trial: p.Trial}, nil
	})
	b.OnActivity(a.SearchReport, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.SearchReportParams) (*activities.SearchReportResult, error) {
		b.reported = p
		return &activities.SearchReportResult{Report: ref("search")}, nil
	})
	return b
}

func settings(t *testing.T, train string) TuningInput {
	t.Helper()
	p, err := pipeline.Parse("f.yaml", []byte("name: p\nproblem: {task: binary, target: y}\nsources: {d: {path: d.csv}}\ntrain: "+train+"\n"))
	require.NoError(t, err)
	return TuningInput{Problem: p.Problem, Settings: p.Train, Split: p.Split, Train: ref("train"), Plan: ref("plan"), Validation: ref("validation")}
}

func (b *tuningBundle) tune(t *testing.T, in TuningInput) TuningResult {
	t.Helper()
	b.ExecuteWorkflow(Tuning, in)
	require.NoError(t, b.GetWorkflowError())
	var res TuningResult
	require.NoError(t, b.GetWorkflowResult(&res))
	return res
}

func scored(v float64) *activities.FoldResult { return &activities.FoldResult{Score: &v} }

func TestTheEarlierOfEqualTrialsWinsWhateverTheOrderOfResults(t *testing.T) {
	b := tuningSetup(t, func(activities.FitParams) *activities.FoldResult { return scored(0.5) })
	res := b.tune(t, settings(t, "{candidates: [{kind: logistic, grid: {C: [0.1, 1, 10]}}]}"))
	require.ElementsMatch(t, []string{"baseline", "logistic C=0.1"}, b.fitted)
	require.Equal(t, "logistic C=0.1", res.Best[1].Trial.String())
	require.Equal(t, 4*3+2, res.Fits)
	require.Equal(t, ref("search"), res.Report)
	require.Equal(t, 1, b.reported.Best+1, "the baseline did as well and came first")
}

func TestATrialThatFailsLeavesTheOthers(t *testing.T) {
	b := tuningSetup(t, func(p activities.FitParams) *activities.FoldResult {
		if p.Trial.Params["C"] == 1 {
			return &activities.FoldResult{Failed: "no finite optimum"}
		}
		return scored(1 - p.Trial.Params["C"]/100)
	})
	res := b.tune(t, settings(t, "{candidates: [{kind: logistic, grid: {C: [0.1, 1]}}]}"))
	require.Equal(t, "logistic C=0.1", res.Best[1].Trial.String())

	none := tuningSetup(t, func(p activities.FitParams) *activities.FoldResult {
		if p.Trial.ID > 0 {
			return &activities.FoldResult{Failed: "no finite optimum"}
		}
		return scored(1)
	})
	none.ExecuteWorkflow(Tuning, settings(t, "{candidates: [{kind: logistic}]}"))
	err := none.GetWorkflowError()
	require.ErrorContains(t, err, "no finite optimum")
	require.ErrorContains(t, err, string(fault.TrainingFailed))
	require.Empty(t, none.fitted)
}

// A search of more fits than one history should hold goes on in another, and
// comes to what it would have come to in one.
func TestALongSearchContinuesAsNew(t *testing.T) {
	in := settings(t, "{folds: 2, seed: 3, search: {method: tpe, trials: 700, batch: 50, prune: false}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}")
	score := func(p activities.FitParams) *activities.FoldResult {
		return scored(p.Trial.Params["C"] + float64(p.Fold))
	}
	var all []string
	executions := 0
	for {
		b := tuningSetup(t, score)
		b.ExecuteWorkflow(Tuning, in)
		executions++
		all = append(all, b.fits...)
		var again *workflow.ContinueAsNewError
		if err := b.GetWorkflowError(); err != nil {
			require.ErrorAs(t, err, &again)
			require.Equal(t, "Tuning", again.WorkflowType.Name)
			in = TuningInput{}
			require.Less(t, again.Input.Payloads[0].Size(), 64<<10)
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
			continue
		}
		var res TuningResult
		require.NoError(t, b.GetWorkflowResult(&res))
		require.Equal(t, 701*2+2, res.Fits)
		break
	}
	require.Equal(t, 2, executions)
	require.Len(t, all, 701*2)
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 701*2, "no fit is made twice")
}

func TestASearchEndsWhenItsTimeIsOver(t *testing.T) {
	b := tuningSetup(t, func(p activities.FitParams) *activities.FoldResult { return scored(float64(p.Trial.ID)) }, time.Minute)
	in := settings(t, "{folds: 2, search: {method: tpe, trials: 100, batch: 5, time: 10m, prune: false}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}")
	begun := b.Now()
	res := b.tune(t, in)
	require.Less(t, res.Fits, 150)
	require.GreaterOrEqual(t, b.Now().Sub(begun), 10*time.Minute)
	require.Zero(t, (res.Fits-2)%2, "trials that were begun are finished")
}

func TestANestedSearchIsRepeatedWithinEachOuterFold(t *testing.T) {
	b := tuningSetup(t, func(p activities.FitParams) *activities.FoldResult {
		if p.Outer != nil && p.Folds == 1 {
			return scored(0.9)
		}
		return scored(0.5 + p.Trial.Params["C"]/100)
	})
	res := b.tune(t, settings(t, "{folds: 2, nested: 3, candidates: [{kind: logistic, grid: {C: [0.1, 1]}}]}"))
	require.Equal(t, 3*2+2, res.Fits)
	require.Len(t, b.reported.Nested, 3)
	for k, o := range b.reported.Nested {
		require.Equal(t, k, o.Outer)
		require.Equal(t, 0.9, *o.Score)
		require.InDelta(t, 0.5, o.Inner, 0.01)
	}
	require.Len(t, b.fits, 3*2+3*(3*2+1))
}

func TestAnEnsembleIsOneMoreContender(t *testing.T) {
	score := func(p activities.FitParams) *activities.FoldResult { return scored(float64(10 - p.Trial.ID)) }
	p, err := pipeline.Parse("f.yaml", []byte("name: p\nproblem: {task: regression, target: y}\nsources: {d: {path: d.csv}}\ntrain: {ensemble: stack, candidates: [{kind: ols}, {kind: ridge, grid: {alpha: [1, 2]}}]}\n"))
	require.NoError(t, err)
	b := tuningSetup(t, score)
	res := b.tune(t, TuningInput{Problem: p.Problem, Settings: p.Train, Split: p.Split, Train: ref("train"), Plan: ref("plan"), Validation: ref("validation")})
	require.Len(t, b.joined, 1)
	require.Equal(t, "stack", b.joined[0].Method)
	var members []string
	for _, m := range b.joined[0].Members {
		members = append(members, m.Trial.String())
	}
	require.Equal(t, []string{"ols", "ridge alpha=2"}, members, "the best of each kind, the baseline left out")
	require.Equal(t, "ensemble", res.Best[3].Trial.Kind)

	p.Train.Ensemble, p.Train.Candidates = "average", p.Train.Candidates[:1]
	alone := tuningSetup(t, score)
	require.Len(t, alone.tune(t, TuningInput{Problem: p.Problem, Settings: p.Train, Split: p.Split}).Best, 2)
	require.Empty(t, alone.joined, "one kind alone is no ensemble")
}
