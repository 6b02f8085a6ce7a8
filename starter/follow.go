package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// How often a followed run is asked, and for how long one question may last.
const (
	askEvery   = 500 * time.Millisecond
	askTimeout = 5 * time.Second
)

// outcome is what a followed run came to.
type outcome struct {
	Run           string                    `json:"run"`
	TemporalRunID string                    `json:"temporal_run_id"`
	UI            string                    `json:"ui"`
	Decision      workflows.Decision        `json:"decision"`
	Reason        string                    `json:"reason"`
	Error         *told                     `json:"error,omitempty"`
	Steps         []workflows.StepStatus    `json:"steps,omitempty"`
	Result        *workflows.PipelineResult `json:"result,omitempty"`
}

// follow shows a run until it is decided and returns what its decision means
// for the exit code.
func (a *app) follow(ctx context.Context, cfg config.Config, t client.Client, id, runID string) error {
	o := outcome{Run: id, TemporalRunID: runID, UI: temporal.UILink(cfg, id, runID)}
	a.say("Run %s", id)
	a.say("Temporal UI: %s\n", o.UI)

	var result workflows.PipelineResult
	steps, err := a.watch(ctx, cfg, t, id, runID, &result)
	if gone := exit(0); errors.As(err, &gone) {
		return err
	}
	o.Steps = steps
	return a.conclude(cfg, o, result, err)
}

// watch shows the steps of a workflow until it ends, and puts its result into into.
// The error is the workflow's own, or an exit if ctx ended first: the workflow goes
// on.
func (a *app) watch(ctx context.Context, cfg config.Config, t client.Client, id, runID string, into any) (steps []workflows.StepStatus, err error) {
	ended := make(chan error, 1)
	// Letting go must not look like an end of the run: the wait has a context that
	// ends after this function has seen ctx end.
	waiting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() { ended <- t.GetWorkflow(waiting, id, runID).Get(waiting, into) }()
	view := a.newView()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for asked := 0; ; asked++ {
		select {
		case end := <-ended:
			if status, err := ask(ctx, t, id, runID); err == nil {
				steps = status.Steps
				view.show(status.Steps)
			}
			view.close()
			return steps, end
		case <-ctx.Done():
			return nil, a.detach(view, id)
		case <-tick.C:
			status, err := ask(ctx, t, id, runID)
			switch {
			case err == nil:
				view.show(status.Steps)
			case asked == 0 && ctx.Err() == nil:
				view.note(fmt.Sprintf("Waiting for a worker on task queue %s; start one with esteira-worker.", temporal.QueuesOf(cfg.TaskQueue).Workflow))
			}
		}
	}
}

// ask queries where the run stands; a worker must be there to answer.
func ask(ctx context.Context, t client.Client, id, runID string) (workflows.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var s workflows.Status
	value, err := t.QueryWorkflow(ctx, id, runID, "status")
	if err != nil {
		return s, err
	}
	return s, value.Get(&s)
}

func (a *app) detach(view view, id string) error {
	view.close()
	fmt.Fprintf(a.err, "Let go of the run; it goes on. Follow it again with: esteira runs show %s --wait\n", id)
	return exit(exitDetached)
}

func exitOf(d workflows.Decision) int {
	switch d {
	case workflows.DecisionRejected, workflows.DecisionRolledBack, workflows.DecisionSuperseded, workflows.DecisionDiffers:
		return exitRejected
	case workflows.DecisionFailed, workflows.DecisionCancelled:
		return exitFailed
	default:
		return exitDone
	}
}

// conclude prints the decision and where to look.
func (a *app) conclude(cfg config.Config, o outcome, result workflows.PipelineResult, err error) error {
	code := exitDone
	switch {
	case err != nil:
		failure := failureOf(err)
		o.Error, o.Decision, o.Reason, code = &failure, workflows.DecisionFailed, failure.Message, exitFailed
		if sdk.IsCanceledError(err) {
			o.Decision, o.Reason = workflows.DecisionCancelled, "cancelled"
		}
	default:
		o.Result, o.Decision, o.Reason = &result, result.Decision, result.Reason
		code = exitOf(o.Decision)
		if o.Decision == workflows.DecisionDuplicate {
			code = exitOf(result.ExistingDecision) // what the moment came to, whoever answered it
		}
	}
	if err := a.print(o, func() { a.printOutcome(cfg, o) }); err != nil {
		return err
	}
	if code != exitDone {
		return exit(code)
	}
	return nil
}

func (a *app) printOutcome(cfg config.Config, o outcome) {
	a.say("\n%s: %s", o.Decision, plain(o.Reason))
	var facts []string
	if o.Error != nil {
		facts = append(facts, "kind", string(o.Error.Kind), "fix", o.Error.Remedy)
	}
	if r := o.Result; r != nil {
		if r.Score != nil {
			facts = append(facts, "score", fmt.Sprintf("%s %s on the test rows", r.Metric, number(r.Score)))
		}
		if r.ModelVersion > 0 {
			facts = append(facts, "model version", fmt.Sprint(r.ModelVersion))
		}
		if r.Revision > 0 {
			facts = append(facts, "endpoint revision", fmt.Sprint(r.Revision))
		}
		for _, name := range sortedKeys(r.Reports) {
			facts = append(facts, name, cfg.ServerAddress+"/artifacts/"+r.Reports[name].Digest)
		}
	}
	a.facts(append(facts, "look", "esteira runs show "+o.Run, "Temporal UI", o.UI)...)
}

// failureOf tells the typed error an activity ended with from Temporal's
// wrappings of it.
func failureOf(err error) told {
	var app *sdk.ApplicationError
	if errors.As(err, &app) {
		f := told{Kind: fault.Kind(app.Type()), Message: app.Message()}
		for ; app != nil; app = inner(app) {
			var detail told
			if app.HasDetails() && app.Details(&detail) == nil && detail.Message != "" {
				f.Message, f.Remedy, f.Details = detail.Message, detail.Remedy, detail.Details
				break
			}
		}
		return f
	}
	var timeout *sdk.TimeoutError
	var ended *sdk.TerminatedError
	switch {
	case errors.As(err, &timeout):
		return told{Kind: fault.Internal, Message: "timed out (" + enumspb.TimeoutType_name[int32(timeout.TimeoutType())] + ")", Remedy: "look at the run in the Temporal UI"}
	case errors.As(err, &ended):
		return told{Kind: fault.Internal, Message: "terminated by hand", Remedy: "run it again; finished steps come from the cache"}
	}
	return told{Kind: fault.Internal, Message: err.Error()}
}

// inner is the application error that caused another, or nil.
func inner(err *sdk.ApplicationError) *sdk.ApplicationError {
	var cause *sdk.ApplicationError
	if next := errors.Unwrap(err); next != nil && errors.As(next, &cause) {
		return cause
	}
	return nil
}
