package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// deploy registers the bundle and rolls it out, in a workflow of its own that alone
// moves the endpoint. The run waits for its end, and is cancelled with it, unless a
// person is asked: then the run ends, and the rollout goes on by itself.
func (l *line) deploy(ctx workflow.Context, verdict activities.EvaluateResult, bundle activities.PackageResult) error {
	var decision error
	err := l.track(ctx, "deploy", func() (activities.Outcome, error) {
		registered, err := l.register(ctx, verdict, bundle)
		if err != nil {
			return activities.Outcome{}, err
		}
		name, endpoint := registered.Name(), l.in.Pipeline.Deploy.Endpoint
		switch {
		case !*l.in.Pipeline.Deploy.Enabled:
			decision = l.decide(DecisionPackaged, "deploy.enabled is false: "+name+" is registered and serves nowhere")
			return activities.Outcome{Figure: name + " registered"}, nil
		case verdict.ChampionBundle == bundle.Bundle.Digest:
			decision = l.decide(DecisionUnchanged, name+" already serves "+endpoint+": the same bytes came out again")
			return activities.Outcome{Figure: name + " is live already"}, nil
		}
		res, err := l.rollOut(ctx, verdict, bundle, registered)
		if err != nil {
			return activities.Outcome{}, err
		}
		decision = l.decideBy(res, name, verdict.Reason)
		return activities.Outcome{Figure: res.Figure}, nil
	})
	if err != nil {
		return err
	}
	return decision
}

func (l *line) register(ctx workflow.Context, verdict activities.EvaluateResult, bundle activities.PackageResult) (activities.RegisterResult, error) {
	var registered activities.RegisterResult
	err := call(ctx, l.queues.Deploy, short, "register "+l.in.Pipeline.Name, &registered, a.Register, activities.RegisterParams{
		Run: l.runRef(), Bundle: bundle.Bundle, Evaluation: verdict.Evaluation,
	})
	if err != nil {
		return registered, err
	}
	l.result.ModelVersion = registered.Version
	return registered, l.upsert(ctx, modelVersionAttribute.ValueSet(registered.Name()))
}

// rollOut starts the rollout and waits for its end, or, where a person is asked, for
// its start.
func (l *line) rollOut(ctx workflow.Context, verdict activities.EvaluateResult, bundle activities.PackageResult, registered activities.RegisterResult) (RolloutResult, error) {
	p := l.in.Pipeline
	var res RolloutResult
	if err := l.upsert(ctx, endpointAttribute.ValueSet(p.Deploy.Endpoint)); err != nil {
		return res, err
	}
	in := RolloutInput{
		Run: l.runRef(), Deploy: p.Deploy, Model: registered.Model, Version: registered.Version, Bundle: bundle.Bundle,
		Champion: verdict.ChampionBundle, Evaluation: verdict.Evaluation, Reason: verdict.Reason,
		Question: rollout.Question{Task: p.Problem.Task, Metric: p.Problem.Metric},
	}
	l.result.Rollout = RolloutID(p.Deploy.Endpoint, l.id)
	ctx = workflow.WithChildOptions(ctx, rolloutOptions(in, l.result.Rollout))
	child := workflow.ExecuteChildWorkflow(ctx, Rollout, in)
	if !p.Deploy.Asks() {
		return res, child.Get(ctx, &res)
	}
	res.Figure = registered.Name() + " waits for approval"
	return res, child.GetChildWorkflowExecution().Get(ctx, nil)
}

// decideBy makes the end of the rollout the run's decision.
func (l *line) decideBy(res RolloutResult, name, reason string) error {
	endpoint := l.in.Pipeline.Deploy.Endpoint
	switch res.State {
	case "":
		return l.decide(DecisionAwaiting, fmt.Sprintf("%s waits for approval to serve %s, at most %s: %s", name, endpoint, l.in.Pipeline.Deploy.Approval.Deadline, reason))
	case metadata.RolloutLive:
		l.result.Revision = res.Revision
		return l.decide(DecisionDeployed, fmt.Sprintf("%s serves %s as revision %d: %s", name, endpoint, res.Revision, reason))
	case metadata.RolloutSuperseded:
		return l.decide(DecisionSuperseded, name+" was "+res.Reason)
	case metadata.RolloutRejected:
		return l.decide(DecisionRejected, res.Reason)
	default:
		return l.decide(DecisionRolledBack, res.Reason)
	}
}
