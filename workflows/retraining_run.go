package workflows

import (
	"fmt"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// RetrainingStatus answers the query "status".
type RetrainingStatus struct {
	Pipeline string    `json:"pipeline"`
	Running  string    `json:"running,omitempty"` // run under way
	Paused   *Word     `json:"paused,omitempty"`
	Pending  *Pending  `json:"pending,omitempty"`
	Failures int       `json:"failures"`
	Starts   int       `json:"starts"` // of the budget
	Heard    []Heard   `json:"heard"`  // the latest last
	Since    time.Time `json:"since"`  // labels that came later are new, unless a run began since

	Applied RetrainingInput `json:"applied"` // what esteira apply gave it
}

func (r *retraining) status() RetrainingStatus {
	s := r.in.State
	applied := r.in
	applied.State = RetrainingState{}
	return RetrainingStatus{
		Pipeline: r.in.Pipeline.Name, Running: r.running, Paused: s.Paused, Pending: s.Pending, Failures: s.Failures, Starts: len(s.Starts), Heard: s.Heard, Since: s.Since, Applied: applied,
	}
}

// record writes the row of a trigger beside everything else: nothing waits for it.
func (r *retraining) record(ctx workflow.Context, h Heard) {
	row := metadata.Trigger{Pipeline: r.in.Pipeline.Name, Key: h.Key, Kind: h.Kind, Reason: h.Reason, Outcome: h.Outcome, Why: h.Why, Run: h.Run, At: h.At}
	options := activityOptions(r.queues.Deploy, short, "record: "+h.Kind+" "+h.Outcome)
	workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.RecordTrigger, row)
}

// start begins the pending run if nothing stands against it.
func (r *retraining) start(ctx workflow.Context) {
	p := r.in.State.Pending
	if p == nil {
		return
	}
	if hindrance, _ := r.hindrance(ctx, p.person()); hindrance != "" {
		return
	}
	r.in.State.Pending, r.running = nil, runOf(r.in.Pipeline.Name, p.First)
	begun := workflow.Now(ctx)
	ctx = workflow.WithChildOptions(ctx, r.childOptions(ctx, *p))
	run := workflow.ExecuteChildWorkflow(ctx, Pipeline, PipelineInput{Pipeline: r.in.Pipeline, BaseDir: r.in.BaseDir, Trigger: p.First.Kind})
	id := r.running
	workflow.Go(ctx, func(ctx workflow.Context) {
		if run.GetChildWorkflowExecution().Get(ctx, nil) == nil { // else Get says why
			r.begun = id
		}
		var res PipelineResult
		err := run.Get(ctx, &res)
		r.ended(ctx, *p, begun, res, err)
	})
}

// childOptions let the run live on if this workflow ends: a person may end it.
func (r *retraining) childOptions(ctx workflow.Context, p Pending) workflow.ChildWorkflowOptions {
	name, t := r.in.Pipeline.Name, p.First
	details := fmt.Sprintf("Trigger: **%s**. %s\n\nDecided by `%s`.", t.Kind, t.Reason, workflow.GetInfo(ctx).WorkflowExecution.ID)
	if p.Others > 0 {
		details += fmt.Sprintf("\n\nThis one run is for %s more.", plural(p.Others, "trigger"))
	}
	return workflow.ChildWorkflowOptions{
		WorkflowID:            r.running,
		TaskQueue:             r.queues.Workflow,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         fmt.Sprintf("%s: predict %s (%s), %s", name, r.in.Pipeline.Problem.Target, r.in.Pipeline.Problem.Task, t.Kind),
		StaticDetails:         details,
		TypedSearchAttributes: temporal.NewSearchAttributes(pipelineAttribute.ValueSet(name), triggerAttribute.ValueSet(t.Kind)),
	}
}

// ended counts how a run ended. One that found another under way was none; one that
// failed counts, and so many in a row pause: a cause that stays is not
// hammered.
func (r *retraining) ended(ctx workflow.Context, p Pending, begun time.Time, res PipelineResult, err error) {
	s, id := &r.in.State, r.running
	r.running, r.changed = "", true
	if err == nil && res.Decision == DecisionSkipped {
		r.gaveWay(ctx, p, id, res.Reason)
		return
	}
	s.Starts, s.Since = append(s.Starts, begun), begun
	why := string(res.Decision) + ": " + res.Reason
	switch {
	case err != nil:
		why = "failed: " + endOf(err)
		s.Failures++
		if most := r.in.Pipeline.Retrain.Failures(); s.Failures >= most && s.Paused == nil {
			r.paused(ctx, &Word{Actor: "esteira", Note: fmt.Sprintf("%s in a row failed, the last %s: %s", plural(s.Failures, "run"), id, endOf(err)), At: workflow.Now(ctx)})
		}
	case res.Decision == DecisionRejected:
		s.Failures = 0
		why = "retrained, not better, the champion stays: " + res.Reason
	default:
		s.Failures = 0
	}
	r.tell(ctx, id, "started", why)
}

// gaveWay decides about a run that found another under way, such as the schedule's: it
// is tried again, as one with what was remembered meanwhile, or dropped as any trigger
// that comes while a run goes. What a person asked for is never dropped.
func (r *retraining) gaveWay(ctx workflow.Context, p Pending, id, why string) {
	s := &r.in.State
	if !r.in.Pipeline.Retrain.Remembers() && !p.person() && workflow.GetVersion(ctx, "drop what gave way", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		r.tell(ctx, id, "dropped", why+"; retrain.when_busy is drop")
		return
	}
	if later := s.Pending; later != nil {
		if later.person() && !p.person() {
			p.Hurried = workflow.GetVersion(ctx, "a person hurries what gave way", workflow.DefaultVersion, 1) != workflow.DefaultVersion
		}
		p.Others += later.Others + 1
	}
	p.Attempts++
	p.Not = workflow.Now(ctx).Add(busyPause)
	s.Pending = &p
}

// tell adds what became of a run to the triggers that were for it.
func (r *retraining) tell(ctx workflow.Context, id, outcome, why string) {
	for i := range r.in.State.Heard {
		if h := &r.in.State.Heard[i]; h.Run == id {
			h.Outcome, h.Why = outcome, why
			r.record(ctx, *h)
		}
	}
}

// next is how long nothing is to be done of itself; 0: until somebody says something.
func (r *retraining) next(ctx workflow.Context) time.Duration {
	p := r.in.State.Pending
	if p == nil {
		return 0
	}
	_, until := r.hindrance(ctx, p.person())
	if until.IsZero() {
		return 0
	}
	return max(until.Sub(workflow.Now(ctx)), time.Millisecond)
}

// render tells in the Temporal UI where retraining stands.
func (r *retraining) render(ctx workflow.Context) {
	var b strings.Builder
	s, policy := &r.in.State, r.in.Pipeline.Retrain
	runs, per := policy.BudgetOf()
	state := "waits for a trigger"
	switch {
	case s.Paused != nil:
		state = fmt.Sprintf("**paused** by %s since %s: %s. Runs of the schedule end as paused. Resume: `esteira retrain resume %s --reason …`", s.Paused.Actor, s.Paused.At.UTC().Format("2006-01-02 15:04"), s.Paused.Note, r.in.Pipeline.Name)
	case r.running != "":
		state = "**running** `" + r.running + "`"
	case s.Pending != nil:
		why, until := r.hindrance(ctx, s.Pending.person())
		state = "**remembers** " + plural(s.Pending.Others+1, "trigger") + ": " + why
		if !until.IsZero() {
			state += ", until " + until.UTC().Format("2006-01-02 15:04")
		}
	}
	say(&b, "Retraining of **%s**: %s\n\n", r.in.Pipeline.Name, state)
	say(&b, "Cool-down %s; %d of %d runs in %s; failures in a row %d of %d; when busy: %s\n\n", policy.CooldownOf(), len(s.Starts), runs, per, s.Failures, policy.Failures(), busyWord(policy))
	b.WriteString("| when | trigger | reason | outcome | run |\n|---|---|---|---|---|\n")
	for i := len(s.Heard) - 1; i >= max(0, len(s.Heard)-showsHeard); i-- {
		h := s.Heard[i]
		say(&b, "| %s | %s | %s | %s: %s | %s |\n", h.At.UTC().Format("2006-01-02 15:04"), h.Kind, cell(h.Reason), h.Outcome, cell(h.Why), code(h.Run))
	}
	workflow.SetCurrentDetails(ctx, b.String())
}

func busyWord(r pipeline.Retrain) string {
	if r.Remembers() {
		return "remember"
	}
	return "drop"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
