package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/console"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// consoleFlows is what Temporal tells the console. It connects when it is first asked,
// and again some time after that failed: who looks meanwhile is told at once.
type consoleFlows struct {
	cfg config.Config
	log zerolog.Logger

	mu     sync.Mutex
	client client.Client
	failed error
	again  time.Time // when it is tried again
}

// dialPause is how long a Temporal that did not answer is left alone.
const dialPause = 3 * time.Second

var _ console.Flows = (*consoleFlows)(nil)

func (f *consoleFlows) dial(ctx context.Context) (client.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client != nil {
		return f.client, nil
	}
	if f.failed != nil && time.Now().Before(f.again) {
		return nil, f.failed
	}
	f.client, f.failed = temporal.Dial(ctx, f.cfg, f.log.Level(max(f.log.GetLevel(), zerolog.WarnLevel)))
	if f.failed != nil {
		f.client, f.again = nil, time.Now().Add(dialPause)
		return nil, f.failed
	}
	return f.client, nil
}

func (f *consoleFlows) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client != nil {
		f.client.Close()
	}
}

// Bounds of what is asked for one page.
const (
	maxScheduled = 500
	maxAsked     = 100 // retrainings
	atOnce       = 8
)

// Paused implements console.Flows.
func (f *consoleFlows) Paused(ctx context.Context) ([]console.Pause, error) {
	t, err := f.dial(ctx)
	if err != nil {
		return nil, err
	}
	var out []console.Pause
	listed, err := t.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
	for n := 0; err == nil && listed.HasNext() && n < maxScheduled; n++ {
		var s *client.ScheduleListEntry
		if s, err = listed.Next(); err == nil && s.Paused {
			p := console.Pause{What: "schedule", Name: s.ID, Note: s.Note, Resume: "esteira schedule resume " + s.ID}
			if s.WorkflowType.Name == pipelineWorkflow {
				p.Pipeline = s.ID
			}
			out = append(out, p)
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "list schedules").WithRemedy("check that Temporal runs: esteira doctor")
	}
	paused, err := f.pausedRetrainings(ctx, t)
	return append(out, paused...), err
}

// pausedRetrainings asks every retraining; that one does not answer is told.
func (f *consoleFlows) pausedRetrainings(ctx context.Context, t client.Client) ([]console.Pause, error) {
	listed, err := t.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: maxAsked, Query: "WorkflowType = 'Retraining' AND ExecutionStatus = 'Running'"})
	if err != nil {
		return nil, fault.Wrap(err, fault.TemporalUnavailable, "list retrainings").WithRemedy("check that Temporal runs: esteira doctor")
	}
	executions := slices.DeleteFunc(listed.GetExecutions(), func(e *workflowpb.WorkflowExecutionInfo) bool { // of another installation in the namespace
		return e.GetTaskQueue() != temporal.QueuesOf(f.cfg.TaskQueue).Workflow
	})
	found, errs := make([]*console.Pause, len(executions)), make([]error, len(executions))
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i, e := range executions {
		name := strings.TrimSuffix(e.GetExecution().GetWorkflowId(), "/retrain")
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var s workflows.RetrainingStatus
			if s, errs[i] = retrainingStatus(ctx, t, name); errs[i] == nil {
				found[i] = pauseOf(name, s.Paused)
			}
		})
	}
	wg.Wait()
	var out []console.Pause
	for i, p := range found {
		if errs[i] != nil && fault.KindOf(errs[i]) != fault.NotFound {
			return out, errs[i]
		}
		if p != nil {
			out = append(out, *p)
		}
	}
	return out, nil
}

func pauseOf(name string, w *workflows.Word) *console.Pause {
	if w == nil {
		return nil
	}
	return &console.Pause{What: "retraining", Name: name, Pipeline: name, By: w.Actor, Note: w.Note, Since: w.At, Resume: "esteira retrain resume " + name + " --reason …"}
}

// Retraining implements console.Flows.
func (f *consoleFlows) Retraining(ctx context.Context, name string) (out console.Retraining, err error) {
	t, err := f.dial(ctx)
	if err != nil {
		return out, err
	}
	s, err := retrainingStatus(ctx, t, name)
	if err != nil {
		return out, err
	}
	file := s.Applied.Pipeline
	out = console.Retraining{
		Endpoint: file.Deploy.Endpoint, Running: s.Running, Paused: pauseOf(name, s.Paused), Failures: s.Failures, Starts: s.Starts, Cooldown: file.Retrain.CooldownOf(), WhenBusy: "remember", Since: s.Since,
	}
	out.Budget, out.Per = file.Retrain.BudgetOf()
	if !file.Retrain.Remembers() {
		out.WhenBusy = "drop"
	}
	if p := s.Pending; p != nil {
		out.Pending, out.PendingFor = p.Others+1, p.First.Reason
	}
	return out, nil
}

// Rollout implements console.Flows.
func (f *consoleFlows) Rollout(ctx context.Context, id string) (out console.Rollout, err error) {
	t, err := f.dial(ctx)
	if err != nil {
		return out, err
	}
	s, err := rolloutStatus(ctx, t, id)
	if err != nil {
		return out, err
	}
	for _, step := range s.Steps {
		said := step.Figure
		if step.Error != "" {
			said = step.Error
		}
		out.Steps = append(out.Steps, console.RolloutStep{Name: step.Name, State: step.State, Said: said, Seconds: step.Seconds})
	}
	if c := s.Comparison; c != nil {
		out.Rows = fmt.Sprintf("The %s %s beside %s: %d rows against %d, failed %d and %d. %s", s.Role, s.Model, s.Baseline, c.Candidate.Rows, c.Champion.Rows, c.Candidate.Failed, c.Champion.Failed, c.Insufficient)
		for _, check := range c.Checks {
			out.Checks = append(out.Checks, console.RolloutCheck{Name: check.Name, Candidate: rollout.Number(check.Candidate) + check.Unit, Champion: check.Of(), Bound: check.Bound, Verdict: verdictOf(check)})
		}
	}
	return out, nil
}

// Schedule implements console.Flows.
func (f *consoleFlows) Schedule(ctx context.Context, id string) (out console.Schedule, err error) {
	t, err := f.dial(ctx)
	if err != nil {
		return out, err
	}
	d, err := t.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
	if err != nil {
		if err = noSchedule(err, id); fault.KindOf(err) == "" {
			err = fault.Wrap(err, fault.TemporalUnavailable, "ask for schedule %s", id).WithRemedy("check that Temporal runs: esteira doctor")
		}
		return out, err
	}
	out = console.Schedule{ID: id, Note: d.Schedule.State.Note, Paused: d.Schedule.State.Paused, Skipped: d.Info.NumActionsSkippedOverlap, Missed: d.Info.NumActionsMissedCatchupWindow, Next: d.Info.NextActionTimes}
	out.Next = out.Next[:min(5, len(out.Next))]
	if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); ok && action.Memo[momentsMemo] != nil {
		out.Moments = wording(action.Memo[momentsMemo])
	}
	for _, r := range slices.Backward(d.Info.RecentActions) {
		if r.StartWorkflowResult != nil && len(out.Recent) < 5 {
			out.Recent = append(out.Recent, console.ScheduledRun{Moment: r.ScheduleTime, Run: r.StartWorkflowResult.WorkflowID})
		}
	}
	return out, nil
}

// Trigger implements console.Flows.
func (f *consoleFlows) Trigger(ctx context.Context, name string, trigger console.Trigger) (out console.Outcome, err error) {
	t, err := f.dial(ctx)
	if err != nil {
		return out, err
	}
	var o workflows.TriggerOutcome
	err = updateRetraining(ctx, t, name, workflows.UpdateTrigger, workflows.Trigger{Kind: pipeline.TriggerHTTP, Key: trigger.Key, Reason: trigger.Reason}, &o)
	return console.Outcome{Outcome: o.Outcome, Run: o.Run, Why: o.Why}, err
}
