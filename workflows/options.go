package workflows

import (
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

// queuesOf are the task queues of the roles. They share the prefix that is the
// workflows' own queue, so that a test or a team has its own by naming one.
func queuesOf(ctx workflow.Context) esteiratemporal.Queues {
	return esteiratemporal.QueuesOf(workflow.GetInfo(ctx).TaskQueueName)
}

// timeouts bound one attempt of an activity.
type timeouts struct{ attempt, heartbeat time.Duration }

var (
	// short is for steps that only write rows.
	short = timeouts{attempt: time.Minute, heartbeat: 10 * time.Second}
	// long is for steps that read and write tables. The attempt's bound is
	// generous because the heartbeat finds a dead worker much sooner.
	long = timeouts{attempt: 6 * time.Hour, heartbeat: 10 * time.Second}
)

// activityOptions retry without a bound on attempts: which errors are worth it
// is known where they arise, and activities end the others themselves. A day is
// longer than any outage one waits for.
func activityOptions(queue string, t timeouts, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              queue,
		StartToCloseTimeout:    t.attempt,
		HeartbeatTimeout:       t.heartbeat,
		ScheduleToCloseTimeout: 24 * time.Hour,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
			NonRetryableErrorTypes: []string{"payloadSizeError"},
		},
	}
}

func fitting(ctx workflow.Context, queue, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, activityOptions(queue, long, summary))
}

// tuningOptions name the search after its run, and end it with its run.
func (l *line) tuningOptions(ctx workflow.Context) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            l.id + "/tuning",
		WaitForCancellation:   true,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "search the candidates of " + l.in.Pipeline.Name,
		TypedSearchAttributes: temporal.NewSearchAttributes(pipelineAttribute.ValueSet(l.in.Pipeline.Name), stepAttribute.ValueSet("train")),
	}
}
