package workflows

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

// StepNames are the rows of the table of steps, in order. Besides the design's,
// integrate has a row of its own: it is the longer half of collect.
func StepNames() []string { return slices.Clone(stepNames) }

var stepNames = []string{"define", "collect", "integrate", "profile", "validate", "split", "engineer", "train", "evaluate", "package", "deploy"}

// line is one run of the Pipeline workflow.
type line struct {
	in          PipelineInput
	id          string
	queues      esteiratemporal.Queues
	steps       []stepRow
	snapshots   []activities.SnapshotResult
	result      PipelineResult
	artifactURL string
	reproduces  string                 // the run this one repeats
	repeats     string                 // its trigger
	collecting  workflow.Semaphore     // bounds the portions of all sources under way
	written     func(*strings.Builder) // writes the report of a workflow that is no run of a pipeline; nil: render does
	asText      []string               // columns of CSV files that are texts, whatever they look like
}

type stepRow struct {
	StepStatus
	begun    time.Time
	finished time.Time
	reports  []string // names, in result.Reports
}

// errDecided ends the line early with the decision already taken.
var errDecided = errors.New("decided")

func newLine(ctx workflow.Context, in PipelineInput) (*line, error) {
	info := workflow.GetInfo(ctx)
	l := &line{in: in, id: info.WorkflowExecution.ID, queues: queuesOf(ctx)}
	l.result.Reports = map[string]artifact.Ref{}
	for _, name := range stepNames {
		l.steps = append(l.steps, stepRow{StepStatus: StepStatus{Name: name, State: "pending"}})
	}
	if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledStart); ok && l.in.Moment == nil {
		l.in.Moment = &at
	}
	if err := workflow.SetQueryHandler(ctx, "status", func() (Status, error) { return l.status(ctx), nil }); err != nil {
		return nil, err
	}
	return l, l.upsert(ctx, pipelineAttribute.ValueSet(in.Pipeline.Name), triggerAttribute.ValueSet(in.Trigger))
}

// decide takes the run's decision and ends the line.
func (l *line) decide(d Decision, reason string) error {
	l.result.Decision, l.result.Reason = d, reason
	return errDecided
}

// finish turns the end of the line into the run's result, row, memo and search
// attributes. It works on a disconnected context, so that a cancelled run is
// told of as well as any other.
func (l *line) finish(ctx workflow.Context, cause error) (PipelineResult, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	switch {
	case errors.Is(cause, errDecided):
	case temporal.IsCanceledError(cause):
		l.result.Decision, l.result.Reason = DecisionCancelled, "cancelled"+l.endpointNow("")
	default:
		l.result.Decision, l.result.Reason = DecisionFailed, reasonOf(cause)+l.endpointNow(reasonOf(cause))
	}
	l.skipPending()
	l.render(ctx)
	if err := l.upsert(ctx, decisionAttribute.ValueSet(string(l.result.Decision))); err != nil {
		return l.result, err
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"report": l.result.Details}); err != nil {
		return l.result, err
	}
	switch l.result.Decision {
	case DecisionDuplicate, DecisionSkipped, DecisionPaused: // have no row
	default:
		options := activityOptions(l.queues.Deploy, short, "record the outcome: "+string(l.result.Decision))
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.Finish, l.outcome(cause)).Get(ctx, nil)
		if err != nil && errors.Is(cause, errDecided) {
			return l.result, err
		} // else what went wrong first is what there is to know
	}
	if l.result.Decision == DecisionFailed || l.result.Decision == DecisionCancelled {
		return l.result, surfaced(cause)
	}
	return l.result, nil
}

// endpointNow says what became of an endpoint that was to be moved when the run
// ended so, or "" if none was, or if the reason says it.
func (l *line) endpointNow(reason string) string {
	if l.result.ModelVersion == 0 || l.result.Revision > 0 || strings.Contains(reason, unrestored) {
		return ""
	}
	return "; endpoint " + l.in.Pipeline.Deploy.Endpoint + " is as it was"
}

func (l *line) outcome(cause error) activities.FinishParams {
	p := activities.FinishParams{
		Run: l.runRef(), State: runStates[l.result.Decision], Decision: string(l.result.Decision), Reason: l.result.Reason,
		Metric: l.result.Metric, Score: l.result.Score, ModelVersion: l.result.ModelVersion, Reports: l.result.Reports,
		ProblemVersion: l.result.ProblemVersion, Solved: l.result.Solved,
	}
	if l.result.ModelVersion > 0 {
		p.Model = l.in.Pipeline.Name
	}
	if l.result.Decision == DecisionFailed {
		p.ErrorKind = kindOf(cause)
	}
	return p
}

// kindOf returns the stable type of the error an activity ended with.
func kindOf(err error) fault.Kind {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return fault.Kind(app.Type())
	}
	return fault.Internal
}

// reasonOf is the innermost message: Temporal's wrappings speak of activities
// and events, not of what happened.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "timed out: " + strings.TrimPrefix(timeout.Error(), "activity ")
	}
	return err.Error()
}

// surfaced is the error a failed run ends with: the activity's own type and
// message, so that the UI and callers see what happened first.
func surfaced(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(app.Message(), app.Type(), temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}

// typed makes a fault of a pure package an error of the workflow.
func typed(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), string(fault.KindOf(err)), nil)
}
