package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// DefineParams open a run.
type DefineParams struct {
	Run      Run               `json:"run"`
	Pipeline pipeline.Pipeline `json:"pipeline"`
	Trigger  string            `json:"trigger"`
	Moment   *time.Time        `json:"moment,omitempty"` // what the run is for; nil when nobody asked for a moment
	At       time.Time         `json:"at"`               // when the run began
}

// DefineResult names the version of the pipeline that runs.
type DefineResult struct {
	Outcome
	Definition     artifact.Ref `json:"definition"` // canonical pipeline (JSON)
	Digest         string       `json:"digest"`     // of the definition
	ProblemVersion int          `json:"problem_version"`
	// Existing is the run that already answered this moment, and how; this run
	// then has nothing to do.
	Existing         string `json:"existing,omitempty"`
	ExistingDecision string `json:"existing_decision,omitempty"`
	// Busy is the retraining that runs now; this one has to wait or to give way.
	Busy string `json:"busy,omitempty"`
	// Paused is who paused the pipeline's retraining, since when and why; a run of the
	// schedule then has nothing to do.
	Paused string `json:"paused,omitempty"`
	// ArtifactURL is where a browser finds artifacts by digest, if anywhere.
	ArtifactURL string `json:"artifact_url,omitempty"`
}

// Define stores the canonical pipeline and its problem, and claims the run's
// moment, so that two starts for one moment are one run.
func (a *Activities) Define(ctx context.Context, p DefineParams) (*DefineResult, error) {
	begun := time.Now()
	s := step{run: p.Run, name: "define"}
	res, err := a.define(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	if res.Existing != "" || res.Busy != "" || res.Paused != "" {
		return res, nil
	}
	finished := time.Now()
	err = a.DB.RecordStep(ctx, metadata.Step{
		Run: p.Run.ID, Step: s.name, Attempt: attempt(ctx), State: metadata.StepCompleted, Cache: res.Cache,
		Figure: res.Figure, Outputs: metadata.Outputs{"definition": res.Definition}, Started: begun, Finished: &finished,
	})
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	a.logger(ctx, s).Info().Str("pipeline", p.Run.Pipeline).Str("digest", res.Definition.Short()).Msg("run defined")
	return res, nil
}

func (a *Activities) define(ctx context.Context, p DefineParams) (*DefineResult, error) {
	canonical, err := pipeline.Canonical(&p.Pipeline)
	if err != nil {
		return nil, err
	}
	ref, err := a.Store.PutBytes(ctx, canonical, artifact.MediaTypeJSON)
	if err != nil {
		return nil, err
	}
	problem, err := artifact.Canonical(p.Pipeline.Problem)
	if err != nil {
		return nil, err
	}
	version, err := a.DB.RecordDefinition(ctx, metadata.Definition{
		Pipeline: p.Pipeline.Name, Digest: ref.Digest, Ref: ref, ProblemDigest: artifact.DigestOf(problem), Problem: problem,
	})
	if err != nil {
		return nil, err
	}
	res := &DefineResult{Definition: ref, Digest: ref.Digest, ProblemVersion: version, ArtifactURL: a.ArtifactURL}
	if res.Paused, err = a.heldBack(ctx, p); err != nil {
		return nil, err
	}
	if res.Paused != "" {
		return res, nil
	}
	start := metadata.StartRun{
		ID: p.Run.ID, TemporalRunID: activity.GetInfo(ctx).WorkflowExecution.RunID, Pipeline: p.Pipeline.Name, PipelineDigest: ref.Digest,
		Trigger: p.Trigger, Moment: p.Moment, Started: p.At,
	}
	if pipeline.Retraining(p.Trigger) {
		start.Alone = pipeline.Retrainings()
	}
	held, claimed, err := a.DB.StartRun(ctx, start)
	if err == nil && !claimed && held.State == metadata.RunRunning {
		if held, claimed, err = a.takeOver(ctx, held, start); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	res.Cache, res.Figure = metadata.CacheOff, fmt.Sprintf("%s of %s, problem version %d", p.Pipeline.Problem.Metric, p.Pipeline.Problem.Target, version)
	switch {
	case claimed:
	case len(start.Alone) > 0 && (p.Moment == nil || held.Moment == nil || !held.Moment.Equal(*p.Moment)):
		res.Busy = held.ID
	default:
		res.Existing, res.ExistingDecision = held.ID, cmp.Or(held.Decision, string(held.State))
	}
	return res, nil
}

// heldBack tells by whom the pipeline's retraining is paused, if this is a run of its
// schedule: nobody else has asked the workflow that decides. It is recorded with the
// triggers that were dropped. A run that an attempt before has begun goes on.
func (a *Activities) heldBack(ctx context.Context, p DefineParams) (string, error) {
	if p.Trigger != pipeline.TriggerSchedule {
		return "", nil
	}
	paused, err := temporal.RetrainingPaused(ctx, activity.GetClient(ctx), p.Pipeline.Name)
	if err != nil || paused == "" {
		return "", err
	}
	switch run, err := a.DB.Run(ctx, p.Run.ID); {
	case err == nil && run.TemporalRunID == activity.GetInfo(ctx).WorkflowExecution.RunID:
		return "", nil
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return "", err
	}
	return paused, a.DB.RecordTrigger(ctx, metadata.Trigger{
		Pipeline: p.Pipeline.Name, Key: p.Run.ID, Kind: p.Trigger, Reason: "its schedule", Outcome: "dropped", Why: "retraining was paused by " + paused, Run: p.Run.ID, At: p.At,
	})
}

// problemDigest names a version of a problem by its content.
func problemDigest(p pipeline.Problem) (string, error) {
	canonical, err := artifact.Canonical(p)
	return artifact.DigestOf(canonical), err
}

// takeOver claims the moment of a run whose workflow was terminated: it could
// not say that it ended, and would hold its moment for ever.
func (a *Activities) takeOver(ctx context.Context, held metadata.Run, start metadata.StartRun) (metadata.Run, bool, error) {
	described, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, held.ID, held.TemporalRunID)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
	case err != nil:
		return held, false, err
	case described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return held, false, nil
	}
	err = a.DB.FinishRun(ctx, metadata.FinishRun{
		ID: held.ID, State: metadata.RunFailed, Decision: "failed", Reason: "its workflow was terminated before it came to a decision",
	})
	if err != nil {
		return held, false, err
	}
	return a.DB.StartRun(ctx, start)
}

// FinishParams close a run.
type FinishParams struct {
	Run          Run               `json:"run"`
	State        metadata.RunState `json:"state"`
	Decision     string            `json:"decision"` // what the run decided
	Reason       string            `json:"reason"`
	ErrorKind    fault.Kind        `json:"error_kind,omitempty"`
	Metric       string            `json:"metric,omitempty"`
	Score        *float64          `json:"score,omitempty"`
	Model        string            `json:"model,omitempty"`         // name
	ModelVersion int               `json:"model_version,omitempty"` // 0: none
	Reports      metadata.Outputs  `json:"reports,omitempty"`

	ProblemVersion int   `json:"problem_version,omitempty"` // 0: it was not defined
	Solved         *bool `json:"solved,omitempty"`          // whether the problem's threshold was met
}

// Finish writes how the run ended. It is the last thing any run does, whatever
// happened before.
func (a *Activities) Finish(ctx context.Context, p FinishParams) error {
	err := a.DB.FinishRun(ctx, metadata.FinishRun{
		ID: p.Run.ID, State: p.State, Decision: p.Decision, Reason: p.Reason, ErrorKind: string(p.ErrorKind),
		Metric: p.Metric, Score: p.Score, ModelName: p.Model, ModelVersion: p.ModelVersion, Reports: p.Reports,
		ProblemVersion: p.ProblemVersion, Solved: p.Solved,
	})
	if errors.Is(err, fault.New(fault.NotFound, "")) {
		err = nil // a run that failed or was cancelled before it was defined has no row to close
	}
	if err != nil {
		return applicationError(ctx, err)
	}
	a.Log.Info().Str("run", p.Run.ID).Str("state", string(p.State)).Str("decision", p.Decision).Str("reason", p.Reason).Msg("run finished")
	return nil
}
