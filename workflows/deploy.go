package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
)

// deploy registers the bundle and puts it live. If any server cannot answer from
// it, or the run is cancelled half-way, the endpoint is put back as it was.
func (l *line) deploy(ctx workflow.Context, verdict activities.EvaluateResult, bundle activities.PackageResult) error {
	p := l.in.Pipeline
	var registered activities.RegisterResult
	if err := call(ctx, l.queues.deploy, short, "register "+p.Name, &registered, a.Register, activities.RegisterParams{
		Run: l.runRef(), Bundle: bundle.Bundle, Evaluation: verdict.Evaluation,
	}); err != nil {
		return err
	}
	l.result.ModelVersion = registered.Version
	if err := l.upsert(ctx, modelVersionAttribute.ValueSet(registered.Name())); err != nil {
		return err
	}
	switch {
	case !*p.Deploy.Enabled:
		return l.decide(DecisionPackaged, "deploy.enabled is false: "+registered.Name()+" is registered and serves nowhere")
	case verdict.ChampionBundle == bundle.Bundle.Digest:
		return l.decide(DecisionUnchanged, registered.Name()+" already serves "+p.Deploy.Endpoint+": the same bytes came out again")
	}
	if err := l.upsert(ctx, endpointAttribute.ValueSet(p.Deploy.Endpoint)); err != nil {
		return err
	}
	params := activities.DeployParams{
		Run: l.runRef(), Endpoint: p.Deploy.Endpoint, Expected: verdict.ChampionRevision,
		Model: registered.Model, Version: registered.Version, Reason: verdict.Reason, Evaluation: verdict.Evaluation,
	}
	res, err := execute[activities.DeployResult](ctx, l, "deploy", l.queues.deploy, long, "deploy "+registered.Name()+" to "+p.Deploy.Endpoint, a.Deploy, params)
	if err != nil {
		return l.restore(ctx, params, err)
	}
	l.result.Revision = res.Revision
	return l.decide(DecisionDeployed, fmt.Sprintf("%s serves %s as revision %d: %s", registered.Name(), p.Deploy.Endpoint, res.Revision, verdict.Reason))
}

// restore undoes a deployment that failed or was cancelled, on a context that
// outlives the cancellation, and returns cause.
func (l *line) restore(ctx workflow.Context, params activities.DeployParams, cause error) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var restored activities.DeployResult
	err := call(ctx, l.queues.deploy, short, "put "+params.Endpoint+" back as it was", &restored, a.Restore, params)
	if err != nil {
		workflow.GetLogger(ctx).Error("endpoint could not be put back", "endpoint", params.Endpoint, "error", err)
	}
	return cause
}
