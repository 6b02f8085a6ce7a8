package temporal

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/esteira-ml/esteira/internal/fault"
)

// RetrainingID is the workflow that decides about a pipeline's retraining.
func RetrainingID(pipeline string) string { return pipeline + "/retrain" }

// PausedMemo is the field of that workflow's memo that says who paused it, since when
// and why; empty: nobody did.
const PausedMemo = "paused"

// RetrainingPaused tells who paused a pipeline's retraining, since when and why; "" if
// it is not paused, or not applied. It reads the workflow's memo, which Temporal has
// whether or not a worker answers.
func RetrainingPaused(ctx context.Context, c client.Client, pipeline string) (string, error) {
	d, err := c.DescribeWorkflowExecution(ctx, RetrainingID(pipeline), "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return "", nil
	}
	if err != nil {
		return "", fault.Wrap(err, fault.TemporalUnavailable, "look at the retraining of %s", pipeline).WithRemedy("check that Temporal runs: esteira doctor")
	}
	info := d.GetWorkflowExecutionInfo()
	field, ok := info.GetMemo().GetFields()[PausedMemo]
	if !ok || info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", nil
	}
	var said string
	if err := converter.GetDefaultDataConverter().FromPayload(field, &said); err != nil {
		return "", fault.Wrap(err, fault.Internal, "read the memo of the retraining of %s", pipeline)
	}
	return said, nil
}
