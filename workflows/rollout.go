package workflows

import (
	"errors"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

// RolloutInput starts the rollout of one model version to one endpoint.
type RolloutInput struct {
	Run        activities.Run   `json:"run"` // that made the version; without an ID: somebody started the rollout
	Deploy     pipeline.Deploy  `json:"deploy"`
	Model      string           `json:"model"`
	Version    int              `json:"version"`
	Bundle     artifact.Ref     `json:"bundle"`
	Champion   string           `json:"champion,omitempty"` // digest of the bundle it was judged against; empty: nothing was live
	Evaluation artifact.Ref     `json:"evaluation,omitzero"`
	Reason     string           `json:"reason"` // why it was chosen
	Question   rollout.Question `json:"question"`
}

func (in RolloutInput) name() string {
	return activities.RegisterResult{Model: in.Model, Version: in.Version}.Name()
}

// RolloutResult is how a rollout ended; Details is the long report.
type RolloutResult struct {
	State        metadata.RolloutState `json:"state"`
	Actor        string                `json:"actor"`
	Reason       string                `json:"reason"`
	ApprovedBy   string                `json:"approved_by,omitempty"`
	SupersededBy string                `json:"superseded_by,omitempty"`
	Revision     int64                 `json:"revision"` // the endpoint is at
	Figure       string                `json:"figure"`
	Steps        []StepStatus          `json:"steps"`
	Details      string                `json:"details"`
}

// RolloutID names the rollout of a run's model after its endpoint and the run.
func RolloutID(endpoint, run string) string {
	name, rest, found := strings.Cut(run, "/run/")
	switch {
	case !found:
		rest = run
	case name != endpoint:
		rest = name + "-" + rest
	}
	return endpoint + "/rollout/" + strings.ReplaceAll(rest, "/", "-")
}

// rolloutOptions let the rollout outlive its run: what moves an endpoint ends by
// itself, not because somebody ended what waits for it.
func rolloutOptions(in RolloutInput, id string) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WaitForCancellation:   true,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "roll " + in.name() + " out to " + in.Deploy.Endpoint,
		TypedSearchAttributes: temporal.NewSearchAttributes(pipelineAttribute.ValueSet(in.Run.Pipeline), endpointAttribute.ValueSet(in.Deploy.Endpoint),
			modelVersionAttribute.ValueSet(in.name())),
	}
}

// Rollout brings a model version to its endpoint on the way the pipeline file says:
// approval, replay, shadow, canary, live. It completes with how it ended, whatever
// that is; it fails only if it could not go on, and then, as after a cancellation,
// the endpoint serves what it did.
//
// The endpoint is its own while it is open: metadata refuses everybody else, and
// this rollout, too, once it has ended or a newer one has begun.
func Rollout(ctx workflow.Context, in RolloutInput) (RolloutResult, error) {
	r := &roll{in: in, id: workflow.GetInfo(ctx).WorkflowExecution.ID, queues: queuesOf(ctx)}
	r.plan()
	if err := r.listen(ctx); err != nil {
		return RolloutResult{}, err
	}
	return r.finish(ctx, r.run(ctx))
}

// roll is one execution of Rollout.
type roll struct {
	in     RolloutInput
	id     string
	queues esteiratemporal.Queues
	steps  []rollStep
	base   activities.BeginRolloutResult
	seq    int // of the last move

	awaiting bool   // an answer
	answer   *order // approve or reject
	order    *order // what ends the present step; nil: nothing does
	halt     func() // ends the present step
	ended    bool

	approvedBy, approvalReason string

	role    metadata.Role       // of the comparison
	last    *rollout.Comparison // of this step
	shadow  *rollout.Comparison
	canary  *rollout.Comparison
	replay  *rollout.Replayed
	servers int
	result  RolloutResult
}

// rollStep is a row of the plan.
type rollStep struct {
	StepStatus
	state    metadata.RolloutState
	begun    time.Time
	finished time.Time
	do       func(ctx workflow.Context, s *rollStep) error
}

// ending is an error that ends a rollout in an ordinary state.
type ending struct {
	state         metadata.RolloutState
	actor, reason string
}

func (e *ending) Error() string { return e.reason }

// itself is the actor of what a rollout decides.
const itself = "rollout"

// unrestored is part of the reason of a rollout that could not put things back.
const unrestored = "could not be put back as it was"

// run takes the endpoint and goes the steps.
func (r *roll) run(ctx workflow.Context) error {
	r.halt = func() {}
	if err := r.begin(ctx); err != nil {
		return err
	}
	for i := range r.steps {
		s := &r.steps[i]
		promoted := r.order != nil && r.order.kind == orderPromote
		switch {
		case promoted && s.state != metadata.RolloutPromotion:
			s.State, s.Figure = "skipped", "promoted by "+r.order.Actor
			continue
		case r.base.BaselineVersion == 0 && s.compares():
			s.State, s.Figure = "skipped", "nothing is live to compare with"
			continue
		}
		if err := r.perform(ctx, s); err != nil {
			return err
		}
	}
	return &ending{metadata.RolloutLive, itself, r.in.Reason}
}

// perform goes one step, until it is done or an order ends it.
func (r *roll) perform(ctx workflow.Context, s *rollStep) error {
	if err := r.disobeyed(); err != nil {
		return err
	}
	inner, cancel := workflow.WithCancel(ctx)
	defer cancel()
	r.halt = cancel
	s.State, s.begun = "running", workflow.Now(ctx)
	r.render(ctx)
	if err := workflow.UpsertTypedSearchAttributes(ctx, stepAttribute.ValueSet(string(s.state))); err != nil {
		return err
	}
	err := s.do(inner, s)
	s.finished = workflow.Now(ctx)
	r.halt = func() {}
	var end *ending
	switch {
	case err == nil:
		s.State = "completed"
	case r.order != nil && ctx.Err() == nil && temporal.IsCanceledError(err):
		s.State, s.Error = "cancelled", r.order.kind+" by "+r.order.Actor
		err = r.disobeyed()
	case errors.As(err, &end):
		s.State, s.Error = "failed", end.reason
	case temporal.IsCanceledError(err):
		s.State = "cancelled"
	default:
		s.State, s.Error = "failed", reasonOf(err)
	}
	r.render(ctx)
	return err
}

// disobeyed is the end that an order asks for; nil: none, or to go on to the last
// step.
func (r *roll) disobeyed() error {
	if r.order == nil || r.order.kind == orderPromote {
		return nil
	}
	if r.order.kind == orderSupersede {
		return &ending{metadata.RolloutSuperseded, r.order.Actor, "superseded by " + r.order.Actor}
	}
	return &ending{metadata.RolloutRolledBack, r.order.Actor, "rolled back by " + r.order.Actor + ": " + r.order.Reason}
}

func (r *roll) begin(ctx workflow.Context) error {
	first := r.steps[0]
	err := r.call(ctx, short, "take endpoint "+r.in.Deploy.Endpoint, &r.base, a.BeginRollout, activities.BeginRolloutParams{
		Run: r.in.Run, Rollout: r.id, Endpoint: r.in.Deploy.Endpoint, Model: r.in.Model, Version: r.in.Version, Champion: r.in.Champion,
		State: first.state, Step: first.Name, Evaluation: r.in.Evaluation, Audit: r.in.Deploy.Audit,
	})
	if err != nil {
		return err
	}
	r.seq = r.base.Seq
	if older := r.base.Superseded; older != "" {
		// It would find out by itself at its next move; that can be days away.
		_ = workflow.SignalExternalWorkflow(ctx, older, "", SignalSuperseded, r.id).Get(ctx, nil)
	}
	return nil
}

// call runs one activity. A step that an order ends does not wait for it: what it
// may still do is fenced.
func (r *roll) call(ctx workflow.Context, t timeouts, summary string, res any, activity, params any) error {
	options := activityOptions(r.queues.Deploy, t, summary)
	options.WaitForCancellation = false
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, params).Get(ctx, res)
}

// finish ends the rollout on a context that outlives its cancellation.
func (r *roll) finish(ctx workflow.Context, cause error) (RolloutResult, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	p := activities.EndRolloutParams{Run: r.in.Run, Rollout: r.id, Servers: r.servers, Evidence: r.evidence()}
	var end *ending
	switch {
	case errors.As(cause, &end):
		p.State, p.Actor, p.Reason = end.state, end.actor, end.reason
	case temporal.IsCanceledError(cause):
		p.State, p.Actor, p.Reason = metadata.RolloutCancelled, itself, "cancelled"
	default:
		p.State, p.Actor, p.Reason = metadata.RolloutFailed, itself, reasonOf(cause)
	}
	var res activities.EndRolloutResult
	err := r.call(ctx, short, "end the rollout: "+string(p.State), &res, a.EndRollout, p)
	switch {
	case err == nil:
		r.result.State, r.result.Actor, r.result.Reason, r.result.SupersededBy = res.State, res.Actor, res.Reason, res.SupersededBy
		r.result.Revision, r.result.Figure = res.Revision, res.Figure
	case kindOf(err) == fault.NotFound: // it never began
		r.result.State, r.result.Actor, r.result.Reason = p.State, p.Actor, p.Reason
	default:
		r.result.State, r.result.Actor = metadata.RolloutFailed, itself
		r.result.Reason = p.Reason + "; endpoint " + r.in.Deploy.Endpoint + " " + unrestored + ": " + reasonOf(err)
		cause = temporal.NewNonRetryableApplicationError(r.result.Reason, string(kindOf(err)), cause)
	}
	r.result.ApprovedBy = r.approvedBy
	for i := range r.steps {
		if r.steps[i].State == "pending" {
			r.steps[i].State = "skipped"
		}
		r.steps[i].Seconds = r.steps[i].seconds(workflow.Now(ctx))
		r.result.Steps = append(r.result.Steps, r.steps[i].StepStatus)
	}
	r.ended = true
	r.render(ctx)
	if err := workflow.UpsertTypedSearchAttributes(ctx, decisionAttribute.ValueSet(string(r.result.State))); err != nil {
		return r.result, err
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"report": r.result.Details}); err != nil {
		return r.result, err
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return r.result, err
	}
	switch r.result.State {
	case metadata.RolloutFailed, metadata.RolloutCancelled:
		return r.result, surfaced(cause)
	}
	return r.result, nil
}

func (s *rollStep) seconds(now time.Time) float64 {
	row := stepRow{begun: s.begun, finished: s.finished}
	return row.seconds(now)
}

// evidence is what the rollout saw so far.
func (r *roll) evidence() activities.Evidence {
	e := activities.Evidence{Evaluation: r.in.Evaluation, Replay: r.replay, Shadow: r.shadow, Canary: r.canary}
	if r.approvedBy != "" {
		e.Approval = &activities.Approval{By: r.approvedBy, Reason: r.approvalReason}
	}
	return e
}
