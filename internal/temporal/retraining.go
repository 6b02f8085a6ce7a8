package temporal

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/fault"
)

// UpdateTrigger is the update by which the workflow that decides about a pipeline's
// retraining is asked for a run: a RetrainTrigger in, a RetrainOutcome out.
const UpdateTrigger = "trigger"

// RetrainingID is the id of that workflow.
func RetrainingID(pipeline string) string { return pipeline + "/retrain" }

// RetrainTrigger asks for a retraining. The same key is the same trigger, however often it
// comes.
type RetrainTrigger struct {
	Kind   string `json:"kind"` // pipeline.TriggerAlert, …
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// RetrainOutcome is what became of a trigger.
type RetrainOutcome struct {
	Outcome string `json:"outcome"` // started, remembered, dropped, repeated
	Run     string `json:"run,omitempty"`
	Why     string `json:"why"`
}

// UpdateRetraining sends an update to the retraining of a pipeline and waits for what
// comes of it. Errors: NotFound if the pipeline is not applied; TemporalUnavailable
// if Temporal, or a worker, does not answer in time; what the workflow refuses with.
func UpdateRetraining(ctx context.Context, c client.Client, pipeline, update string, arg, into any) error {
	h, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: RetrainingID(pipeline), UpdateName: update, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(ctx, into)
	}
	return RetrainingError(err, pipeline)
}

// RetrainingError words what it means that a pipeline's retraining does not answer.
func RetrainingError(err error, pipeline string) error {
	var notFound *serviceerror.NotFound
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notFound):
		return fault.New(fault.NotFound, "pipeline %s is not applied", pipeline).WithRemedy("apply it: esteira apply FILE")
	case errors.As(err, &app):
		return fault.New(fault.Kind(app.Type()), "%s", app.Message())
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.TemporalUnavailable, "no worker answered for the retraining of %s", pipeline).WithRemedy("start a worker: esteira doctor")
	}
	return fault.Wrap(err, fault.TemporalUnavailable, "ask the retraining of %s", pipeline).WithRemedy("check that Temporal and a worker run: esteira doctor")
}
