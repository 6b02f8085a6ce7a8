package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// bench is a Pipeline workflow whose activities answer at once; a test changes
// the answers it is about. The line itself is tested on real servers in examples.
type bench struct {
	*testsuite.TestWorkflowEnvironment
	input    PipelineInput
	finished activities.FinishParams
}

// quiet is a test suite that does not log.
func quiet() *testsuite.WorkflowTestSuite {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(esteiratemporal.NewLogger(zerolog.Nop()))
	return suite
}

func ref(name string) artifact.Ref {
	return artifact.Ref{Digest: artifact.DigestOf([]byte(name)), Size: int64(len(name)), MediaType: artifact.MediaTypeParquet}
}

func setup(t *testing.T) *bench {
	t.Helper()
	p, err := pipeline.Parse("test.yaml", []byte("name: test\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\ntrain: {folds: 2}\n"))
	require.NoError(t, err)
	suite := quiet()
	b := &bench{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), input: PipelineInput{Pipeline: *p, Trigger: "manual"}}
	b.RegisterWorkflow(Pipeline)
	b.RegisterWorkflow(Tuning)
	b.RegisterWorkflow(Rollout)
	b.RegisterActivity(&activities.Activities{})
	t.Cleanup(func() { b.AssertExpectations(t) })
	return b
}

// answers makes the named activities succeed, up to and with last.
func (b *bench) answers(last string) {
	kind := tuning.Trial{ID: 1, Kind: "ols"}
	all := []struct {
		name   string
		method any
		result any
	}{
		{"define", a.Define, &activities.DefineResult{Digest: "d"}},
		{"look", a.Look, &activities.LookResult{List: ref("list"), Parts: 1, Portions: 1}},
		{"portions", a.Collect, &activities.CollectResult{Records: ref("records")}},
		{"collect", a.Snapshot, &activities.SnapshotResult{Name: "s", Manifest: ref("s")}},
		{"integrate", a.Integrate, &activities.DatasetResult{Dataset: ref("dataset"), Rows: 10}},
		{"profile", a.Profile, &activities.ProfileResult{Report: ref("profile")}},
		{"validate", a.Validate, &activities.ValidateResult{Valid: ref("valid"), Rows: 10}},
		{"split", a.Split, &activities.SplitResult{Train: ref("train"), Validation: ref("validation"), Test: ref("test")}},
		{"engineer", a.Engineer, &activities.EngineerResult{Plan: ref("plan"), Features: ref("features")}},
		{"folds", a.FitFold, &activities.FoldResult{Score: new(1.0)}},
		{"train", a.Fit, &activities.FittedResult{Trial: kind, Model: ref("model")}},
		{"search", a.SearchReport, &activities.SearchReportResult{Report: ref("search")}},
		{"evaluate", a.Evaluate, &activities.EvaluateResult{Chosen: activities.FittedResult{Trial: kind, Model: ref("model")}, Score: 1, Reason: "best", ChampionRevision: 4}},
		{"package", a.Package, &activities.PackageResult{Bundle: ref("bundle"), Card: ref("card")}},
		{"register", a.Register, &activities.RegisterResult{Model: "test", Version: 2}},
		{"begin", a.BeginRollout, &activities.BeginRolloutResult{Baseline: "test@1", BaselineModel: "test", BaselineVersion: 1}},
		{"move", a.MoveRollout, &activities.MoveRolloutResult{Revision: 5, Servers: 1}},
		{"deploy", a.EndRollout, &activities.EndRolloutResult{State: metadata.RolloutLive, Revision: 5, Figure: "revision 5 on 1 servers"}},
	}
	for _, x := range all {
		b.OnActivity(x.method, mock.Anything, mock.Anything).Return(x.result, nil)
		if x.name == last {
			break
		}
	}
	b.OnActivity(a.Finish, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.FinishParams) error { b.finished = p; return nil })
}

func (b *bench) run(t *testing.T) (PipelineResult, error) {
	t.Helper()
	b.ExecuteWorkflow(Pipeline, b.input)
	require.True(t, b.IsWorkflowCompleted())
	if err := b.GetWorkflowError(); err != nil {
		return PipelineResult{}, err
	}
	var res PipelineResult
	return res, b.GetWorkflowResult(&res)
}

func TestTheWholeLineEndsDeployed(t *testing.T) {
	b := setup(t)
	b.answers("deploy")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionDeployed, res.Decision)
	require.EqualValues(t, 5, res.Revision)
	require.Equal(t, metadata.RunCompleted, b.finished.State)
	require.Contains(t, res.Details, "| `deploy` | completed |")
	require.Contains(t, res.Details, "esteira predict test")
}

func TestARunTellsWhichProblemItAnsweredAndWhetherItIsSolved(t *testing.T) {
	b := setup(t)
	b.input.Pipeline.Problem.Threshold = new(2.0)
	b.OnActivity(a.Define, mock.Anything, mock.Anything).Return(&activities.DefineResult{Digest: "d", ProblemVersion: 4}, nil)
	b.OnActivity(a.Evaluate, mock.Anything, mock.Anything).Return(&activities.EvaluateResult{Chosen: activities.FittedResult{Trial: tuning.Trial{ID: 1, Kind: "ols"}, Model: ref("model")}, Score: 3, Solved: new(false)}, nil)
	var packaged *bool
	b.OnActivity(a.Package, mock.Anything, mock.MatchedBy(func(p activities.PackageParams) bool { packaged = p.Solved; return true })).
		Return(&activities.PackageResult{Bundle: ref("bundle"), Card: ref("card")}, nil)
	b.answers("deploy")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Contains(t, res.Details, "Problem version 4, solved at rmse 2: **not met** on the test rows")
	require.Equal(t, 4, res.ProblemVersion)
	require.False(t, *res.Solved)
	require.False(t, *packaged, "the model card says it too")
	require.Equal(t, 4, b.finished.ProblemVersion)
	require.False(t, *b.finished.Solved)
}

func TestAJoinThatMustNotMultiplyRowsEndsRejected(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Integrate, mock.Anything, mock.Anything).Return(&activities.DatasetResult{Dataset: ref("dataset"), FanOut: "3 rows became 5", Violation: "3 rows became 5"}, nil)
	b.answers("collect")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionRejected, res.Decision)
	require.Equal(t, "3 rows became 5", res.Reason)
}

func TestPortionsWhoseValuesOnlyMixAsTextAreCollectedAgain(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Look, mock.Anything, mock.Anything).Return(&activities.LookResult{List: ref("list"), Parts: 3, Portions: 3}, nil)
	again := map[int]int{}
	b.OnActivity(a.Collect, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.CollectParams) (*activities.CollectResult, error) {
		if p.Texts.Digest != "" {
			again[p.Portion]++
		}
		return &activities.CollectResult{Records: ref("records")}, nil
	})
	b.OnActivity(a.Snapshot, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.SnapshotParams) (*activities.SnapshotResult, error) {
		if !p.Settled {
			return &activities.SnapshotResult{Recast: []int{1}, Texts: ref("texts")}, nil
		}
		return &activities.SnapshotResult{Name: "s", Manifest: ref("s")}, nil
	})
	b.answers("deploy")
	_, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, map[int]int{1: 1}, again)
}

func TestASourceThatOthersAppendToIsLookedAtAgain(t *testing.T) {
	b := setup(t)
	looks := 0
	b.OnActivity(a.Look, mock.Anything, mock.Anything).Return(func(context.Context, activities.SourceParams) (*activities.LookResult, error) {
		looks++
		return &activities.LookResult{List: ref("list"), Parts: 1, Portions: 1}, nil
	})
	b.OnActivity(a.Snapshot, mock.Anything, mock.Anything).Return(func(context.Context, activities.SnapshotParams) (*activities.SnapshotResult, error) {
		return &activities.SnapshotResult{Name: "s", Manifest: ref("s"), Stale: looks < 3}, nil
	})
	b.answers("deploy")
	_, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, 3, looks)
}

func TestAGateThatSaysNoEndsRejectedAndDeploysNothing(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Evaluate, mock.Anything, mock.Anything).Return(&activities.EvaluateResult{Rejected: "rmse 2 must be below 1: missed by 1"}, nil)
	b.answers("search")
	res, err := b.run(t)
	require.NoError(t, err, "a rejected run is not a failed one")
	require.Equal(t, DecisionRejected, res.Decision)
	require.Contains(t, res.Reason, "missed by 1")
	require.Equal(t, metadata.RunRejected, b.finished.State)
	require.Contains(t, res.Details, "| `deploy` | skipped |")
}

func TestABrokenContractEndsRejected(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Validate, mock.Anything, mock.Anything).Return(&activities.ValidateResult{Violation: "delay in [0, 1]: 3 of 10 rows"}, nil)
	b.answers("profile")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionRejected, res.Decision)
	require.Contains(t, res.Reason, "3 of 10 rows")
}

func TestAFailedStepFailsTheRunWithItsOwnType(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Look, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("no file matches s.csv", string(fault.SourceNotFound), nil))
	b.answers("define")
	_, err := b.run(t)
	var app *temporal.ApplicationError
	require.True(t, errors.As(err, &app))
	require.Equal(t, string(fault.SourceNotFound), app.Type())
	require.Equal(t, fault.SourceNotFound, b.finished.ErrorKind)
	require.Equal(t, metadata.RunFailed, b.finished.State)
	require.Equal(t, "no file matches s.csv", b.finished.Reason)
}

// ends answers the end of a rollout with what was asked for.
func (b *bench) ends(t *testing.T, want metadata.RolloutState) {
	b.OnActivity(a.EndRollout, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.EndRolloutParams) (*activities.EndRolloutResult, error) {
		require.Equal(t, want, p.State)
		return &activities.EndRolloutResult{State: p.State, Actor: p.Actor, Reason: p.Reason, Revision: 4}, nil
	}).Once()
}

func TestADeploymentThatFailsPutsTheEndpointBack(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("server could not load", string(fault.DeploymentFailed), nil))
	b.ends(t, metadata.RolloutFailed)
	b.answers("begin")
	_, err := b.run(t)
	require.ErrorContains(t, err, "server could not load")
	require.Equal(t, metadata.RunFailed, b.finished.State)
	require.Equal(t, fault.DeploymentFailed, b.finished.ErrorKind)
	require.Equal(t, "server could not load; endpoint test is as it was", b.finished.Reason)
}

func TestACancelledRunIsToldAndPutsTheEndpointBack(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).Return(func(context.Context, activities.MoveRolloutParams) (*activities.MoveRolloutResult, error) {
		b.CancelWorkflow()
		return nil, temporal.NewCanceledError()
	})
	b.ends(t, metadata.RolloutCancelled)
	b.answers("begin")
	_, err := b.run(t)
	require.True(t, temporal.IsCanceledError(err))
	require.Equal(t, metadata.RunCancelled, b.finished.State)
}

func TestAnEndpointThatCouldNotBePutBackIsToldOf(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("server could not load", string(fault.DeploymentFailed), nil))
	b.OnActivity(a.EndRollout, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("the table is gone", string(fault.Internal), nil))
	b.answers("begin")
	_, err := b.run(t)
	require.ErrorContains(t, err, "server could not load")
	require.Contains(t, b.finished.Reason, "could not be put back as it was: the table is gone")
	require.NotContains(t, b.finished.Reason, "is as it was")
}

// A rollout that a person must approve goes on without its run.
func TestARunThatAsksForApprovalEndsWithTheQuestion(t *testing.T) {
	b := setup(t)
	b.input.Pipeline.Deploy.Approval = &pipeline.Approval{Required: new(true), Deadline: "2h", Default: "reject"}
	b.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "test/run/1"})
	b.ends(t, metadata.RolloutRejected)
	b.answers("begin")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionAwaiting, res.Decision)
	require.Equal(t, "test/rollout/1", res.Rollout)
	require.Equal(t, metadata.RunCompleted, b.finished.State)
	require.Contains(t, res.Details, "esteira approve test/run/1 --reason")
}

func TestTheRunsDecisionIsWhatTheRolloutCameTo(t *testing.T) {
	for state, want := range map[metadata.RolloutState]Decision{
		metadata.RolloutLive: DecisionDeployed, metadata.RolloutRejected: DecisionRejected,
		metadata.RolloutRolledBack: DecisionRolledBack, metadata.RolloutSuperseded: DecisionSuperseded,
	} {
		b := setup(t)
		b.OnActivity(a.EndRollout, mock.Anything, mock.Anything).Return(&activities.EndRolloutResult{State: state, Revision: 5, Reason: "said"}, nil)
		b.answers("move")
		res, err := b.run(t)
		require.NoError(t, err)
		require.Equal(t, want, res.Decision)
		require.Equal(t, runStates[want], b.finished.State)
	}
}

func TestAModelThatCannotBeRegisteredFailsTheDeployStep(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Register, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("bundle is gone", string(fault.ArtifactMissing), nil))
	var details string
	b.OnActivity(a.Finish, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.FinishParams) error {
		value, err := b.QueryWorkflow("status")
		require.NoError(t, err)
		var s Status
		require.NoError(t, value.Get(&s))
		details = s.Steps[len(s.Steps)-1].State
		return nil
	})
	b.answers("package")
	_, err := b.run(t)
	require.ErrorContains(t, err, "bundle is gone")
	require.Equal(t, "failed", details)
}

func TestWhatWentWrongFirstIsWhatTheRunEndsWith(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Define, mock.Anything, mock.Anything).Return(nil,
		temporal.NewNonRetryableApplicationError("bucket denied", string(fault.ConfigInvalid), nil))
	b.OnActivity(a.Finish, mock.Anything, mock.Anything).Return(
		temporal.NewNonRetryableApplicationError("no such run", string(fault.NotFound), nil))
	_, err := b.run(t)
	require.ErrorContains(t, err, "bucket denied")
}

func TestTheSameBundleIsNotDeployedAgain(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Evaluate, mock.Anything, mock.Anything).Return(&activities.EvaluateResult{
		Chosen: activities.FittedResult{Trial: tuning.Trial{Kind: "ols"}}, ChampionRevision: 4, ChampionBundle: ref("bundle").Digest,
	}, nil)
	b.OnActivity(a.Package, mock.Anything, mock.Anything).Return(&activities.PackageResult{Bundle: ref("bundle")}, nil)
	b.OnActivity(a.Register, mock.Anything, mock.Anything).Return(&activities.RegisterResult{Model: "test", Version: 1}, nil)
	b.answers("search")
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionUnchanged, res.Decision)
}

func TestAMomentThatWasAnsweredIsNotAnsweredAgain(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Define, mock.Anything, mock.Anything).Return(&activities.DefineResult{Existing: "test/run/1", ExistingDecision: "deployed"}, nil)
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionDuplicate, res.Decision)
	require.Contains(t, res.Reason, "test/run/1")
}

func TestTheStatusIsToldWhileTheRunGoesOn(t *testing.T) {
	b := setup(t)
	b.OnActivity(a.Profile, mock.Anything, mock.Anything).Return(func(context.Context, activities.ProfileParams) (*activities.ProfileResult, error) {
		value, err := b.QueryWorkflow("status")
		require.NoError(t, err)
		var s Status
		require.NoError(t, value.Get(&s))
		require.Equal(t, "completed", s.Steps[1].State)
		require.Equal(t, "running", s.Steps[3].State)
		return nil, temporal.NewNonRetryableApplicationError("enough", "Enough", nil)
	})
	b.answers("integrate")
	_, err := b.run(t)
	require.ErrorContains(t, err, "enough")
}

func TestNoMoreThanTheBoundRunAtOnce(t *testing.T) {
	suite := quiet()
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) (int, error) {
		running, most := 0, 0
		err := inParallel(ctx, 3*maxUnderWay, func(ctx workflow.Context, i int) error {
			running++
			most = max(most, running)
			err := workflow.Sleep(ctx, 1)
			running--
			return err
		})
		return most, err
	})
	var most int
	require.NoError(t, env.GetWorkflowResult(&most))
	require.Equal(t, maxUnderWay, most)
}

// A scheduled run gives way to a retraining that is under way, and leaves no row.
func TestAScheduledRunGivesWay(t *testing.T) {
	b := setup(t)
	b.input.Trigger = "schedule"
	b.OnActivity(a.Define, mock.Anything, mock.Anything).Return(&activities.DefineResult{Digest: "d", Busy: "test/run/alert-1"}, nil)
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionSkipped, res.Decision)
	require.Contains(t, res.Reason, "test/run/alert-1 is retraining this pipeline")
	require.Empty(t, b.finished.State)
}

// A scheduled run does nothing while retraining is paused, says who paused it, and
// leaves no row.
func TestAScheduledRunHeedsThePause(t *testing.T) {
	b := setup(t)
	b.input.Trigger = "schedule"
	b.OnActivity(a.Define, mock.Anything, mock.Anything).Return(&activities.DefineResult{Digest: "d", Paused: "ana since 2026-03-01T00:00:00Z: repairs"}, nil)
	res, err := b.run(t)
	require.NoError(t, err)
	require.Equal(t, DecisionPaused, res.Decision)
	require.Equal(t, "retraining was paused by ana since 2026-03-01T00:00:00Z: repairs", res.Reason)
	require.Contains(t, res.Details, "esteira retrain resume test")
	require.Empty(t, b.finished.State)
}

// The window is of retrainings: a run that a person starts learns from all rows.
func TestARetrainingLearnsFromItsWindow(t *testing.T) {
	for trigger, windowed := range map[string]bool{"manual": false, "schedule": true, "alert": true} {
		b := setup(t)
		moment := time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)
		b.input.Trigger, b.input.Moment = trigger, &moment
		b.input.Pipeline.Retrain.Window = &pipeline.TrainWindow{Rows: "sliding", Length: "30d"}
		var from time.Time
		b.OnActivity(a.Integrate, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.IntegrateParams) (*activities.DatasetResult, error) {
			from = p.From
			return &activities.DatasetResult{Dataset: ref("dataset"), Rows: 10}, nil
		})
		b.answers("deploy")
		_, err := b.run(t)
		require.NoError(t, err)
		require.Equal(t, windowed, from.Equal(moment.AddDate(0, 0, -30)), trigger)
	}
}

// since_label asks from when on the live model's answers were labelled, as of the
// moment of the run, and counts the length before that; without labels all rows count.
func TestARetrainingLearnsSinceTheLabelsOfTheLiveModel(t *testing.T) {
	moment := time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)
	labelled := moment.AddDate(0, 0, -3)
	for name, c := range map[string]struct{ found, want time.Time }{"labels": {labelled, labelled.AddDate(0, 0, -30)}, "no label": {}} {
		b := setup(t)
		b.input.Trigger, b.input.Moment, b.input.Pipeline.Deploy.Endpoint = "labels", &moment, "e"
		b.input.Pipeline.Retrain.Window = &pipeline.TrainWindow{Rows: "since_label", Length: "30d"}
		var asked activities.LabelledSinceParams
		b.OnActivity(a.LabelledSince, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.LabelledSinceParams) (*activities.LabelledSinceResult, error) {
			asked = p
			return &activities.LabelledSinceResult{From: c.found}, nil
		})
		from := moment
		b.OnActivity(a.Integrate, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.IntegrateParams) (*activities.DatasetResult, error) {
			from = p.From
			return &activities.DatasetResult{Dataset: ref("dataset"), Rows: 10}, nil
		})
		b.answers("deploy")
		_, err := b.run(t)
		require.NoError(t, err)
		require.Equal(t, "e", asked.Endpoint)
		require.True(t, asked.Until.Equal(moment))
		require.True(t, c.want.Equal(from), "%s: %s", name, from)
	}
}
