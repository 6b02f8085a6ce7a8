package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
)

// deploy registers the bundle and puts it live. If any server cannot answer from
// it, or the run is cancelled half-way, the endpoint is put back as it was.
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
		res, err := l.putLive(ctx, verdict, registered)
		if err != nil {
			return activities.Outcome{}, err
		}
		l.result.Revision = res.Revision
		decision = l.decide(DecisionDeployed, fmt.Sprintf("%s serves %s as revision %d: %s", name, endpoint, res.Revision, verdict.Reason))
		return res.Outcome, nil
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

// putLive moves the endpoint, and back if that cannot be completed.
func (l *line) putLive(ctx workflow.Context, verdict activities.EvaluateResult, registered activities.RegisterResult) (activities.DeployResult, error) {
	endpoint := l.in.Pipeline.Deploy.Endpoint
	var res activities.DeployResult
	if err := l.upsert(ctx, endpointAttribute.ValueSet(endpoint)); err != nil {
		return res, err
	}
	params := activities.DeployParams{
		Run: l.runRef(), Endpoint: endpoint, Expected: verdict.ChampionRevision,
		Model: registered.Model, Version: registered.Version, Reason: verdict.Reason, Evaluation: verdict.Evaluation,
		Audit: l.in.Pipeline.Deploy.Audit,
	}
	err := call(ctx, l.queues.Deploy, long, "deploy "+registered.Name()+" to "+endpoint, &res, a.Deploy, params)
	if err != nil {
		l.unrestored = l.restore(ctx, params)
	}
	return res, err
}

// restore undoes a deployment that failed or was cancelled, on a context that
// outlives the cancellation.
func (l *line) restore(ctx workflow.Context, params activities.DeployParams) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var restored activities.DeployResult
	return call(ctx, l.queues.Deploy, short, "put "+params.Endpoint+" back as it was", &restored, a.Restore, params)
}
