package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

// Names of what the Retraining workflow listens to.
const (
	SignalTrigger = "trigger" // a Trigger; nobody waits for what becomes of it
	UpdateTrigger = "trigger" // a Trigger; the answer is a TriggerOutcome
	UpdateApply   = "apply"   // a RetrainingInput: from now on this file
	UpdatePause   = "pause"   // a Word
	UpdateResume  = "resume"  // a Word
	QueryStatus   = "status"  // a RetrainingStatus
)

// RetrainingID is the workflow that decides about a pipeline's retraining.
func RetrainingID(pipeline string) string { return esteiratemporal.RetrainingID(pipeline) }

// RetrainingInput is the pipeline as it was applied, and what is carried over from
// one execution of the workflow to the next.
type RetrainingInput struct {
	Pipeline pipeline.Pipeline `json:"pipeline"`
	BaseDir  string            `json:"base_dir"`
	State    RetrainingState   `json:"state,omitzero"`
}

// RetrainingState is what is remembered.
type RetrainingState struct {
	Paused   *Word       `json:"paused,omitempty"`
	Failures int         `json:"failures"`          // runs in a row
	Starts   []time.Time `json:"starts,omitempty"`  // of triggered runs, within the budget's span, the oldest first
	Pending  *Pending    `json:"pending,omitempty"` // waits for its time
	Heard    []Heard     `json:"heard,omitempty"`   // the latest triggers, the oldest first
	Data     string      `json:"data,omitempty"`    // digest of what the sources were at the last look
	Since    time.Time   `json:"since"`             // labels that came later are new, unless a run began since
	Looks    []time.Time `json:"looks,omitempty"`   // when each of retrain.on is looked at next
}

// Word is who said something, and why.
type Word struct {
	Actor string    `json:"actor"`
	Note  string    `json:"note"`
	At    time.Time `json:"at"`
}

// Trigger asks for a retraining. The same key is the same trigger, however often it
// comes.
type Trigger struct {
	Kind   string `json:"kind"` // pipeline.TriggerAlert, …
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// TriggerOutcome is what became of a trigger.
type TriggerOutcome struct {
	Outcome string `json:"outcome"` // started, remembered, dropped, repeated
	Run     string `json:"run,omitempty"`
	Why     string `json:"why"`
}

// Pending is the one run that all remembered triggers become.
type Pending struct {
	First    Trigger `json:"first"`
	Others   int     `json:"others"`   // triggers remembered after it
	Hurried  bool    `json:"hurried"`  // one of those was a person's
	Attempts int     `json:"attempts"` // that found another run under way
	// Not is the moment before which it is not tried again: another run of the
	// pipeline was under way.
	Not time.Time `json:"not,omitzero"`
}

// person reports whether a person asked for the run, first or after others: then it
// waits for neither cool-down nor budget.
func (p Pending) person() bool { return p.Hurried || p.First.Kind == pipeline.TriggerRetrain }

// Heard is one trigger and what became of it.
type Heard struct {
	Trigger
	TriggerOutcome
	At time.Time `json:"at"`
}

// Bounds of what is remembered.
const (
	maxHeard   = 200
	maxKey     = 200
	maxSaid    = 1000        // bytes of a note in the memo
	busyPause  = time.Minute // before a run is tried again that found another under way
	showsHeard = 12
)

// retraining is one execution of the workflow.
type retraining struct {
	in      RetrainingInput
	queues  esteiratemporal.Queues
	running string // id of the run under way; "": none
	begun   string // id of the run that Temporal has started last
	changed bool   // something to act upon
	applied bool   // another file, or word to go on: what is looked at may be another
}

// Retraining decides about the triggers of one pipeline for as long as it is
// applied: at most one run at a time, within cool-down and budget, none while it is
// paused; what cannot run now is remembered as one run, or dropped, as the file says.
func Retraining(ctx workflow.Context, in RetrainingInput) error {
	r := &retraining{in: in, queues: queuesOf(ctx)}
	if r.in.State.Since.IsZero() {
		r.in.State.Since = workflow.Now(ctx)
	}
	if r.in.State.Paused != nil { // by the execution before
		r.paused(ctx, r.in.State.Paused)
	}
	if err := r.listen(ctx); err != nil {
		return err
	}
	workflow.Go(ctx, r.watch)
	for {
		r.changed = false
		r.start(ctx)
		r.render(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.running == "" && workflow.GetInfo(ctx).GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx) {
			r.drain(ctx)
			return workflow.NewContinueAsNewError(ctx, Retraining, r.in)
		}
		if r.changed {
			continue
		}
		wait := r.next(ctx)
		if wait <= 0 {
			if err := workflow.Await(ctx, func() bool { return r.changed }); err != nil {
				return err
			}
			continue
		}
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "until the remembered run may begin"}}, func() bool { return r.changed }); err != nil {
			return err
		}
	}
}

func (r *retraining) listen(ctx workflow.Context) error {
	signals := workflow.GetSignalChannel(ctx, SignalTrigger)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var t Trigger
			if !signals.Receive(ctx, &t) {
				return
			}
			if r.valid(t) == nil {
				r.hear(ctx, t)
			}
		}
	})
	for _, set := range []func() error{
		func() error {
			return workflow.SetUpdateHandlerWithOptions(ctx, UpdateTrigger, r.answer,
				workflow.UpdateHandlerOptions{Validator: r.valid, Description: "Asks for a retraining; the answer says what became of it."})
		},
		func() error {
			return workflow.SetUpdateHandlerWithOptions(ctx, UpdateApply, r.apply, workflow.UpdateHandlerOptions{Validator: r.applicable, Description: "From now on this pipeline file."})
		},
		func() error {
			return workflow.SetUpdateHandlerWithOptions(ctx, UpdatePause, r.pause, workflow.UpdateHandlerOptions{Validator: said, Description: "No run begins until it is resumed."})
		},
		func() error {
			return workflow.SetUpdateHandlerWithOptions(ctx, UpdateResume, r.resume, workflow.UpdateHandlerOptions{Validator: said, Description: "Runs begin again; failures are forgotten."})
		},
		func() error {
			return workflow.SetQueryHandler(ctx, QueryStatus, func() (RetrainingStatus, error) { return r.status(), nil })
		},
	} {
		if err := set(); err != nil {
			return err
		}
	}
	return nil
}

// drain hears the signals that came while the workflow made up its mind to continue
// as new.
func (r *retraining) drain(ctx workflow.Context) {
	signals := workflow.GetSignalChannel(ctx, SignalTrigger)
	for {
		var t Trigger
		if !signals.ReceiveAsync(&t) {
			return
		}
		if r.valid(t) == nil {
			r.hear(ctx, t)
		}
	}
}

func (r *retraining) valid(t Trigger) error {
	switch {
	case !pipeline.Retraining(t.Kind) || t.Kind == pipeline.TriggerSchedule:
		return typed(fault.New(fault.RequestInvalid, "%.40q is no kind of trigger", t.Kind))
	case t.Key == "" || len(t.Key) > maxKey:
		return typed(fault.New(fault.RequestInvalid, "a trigger's key has 1 to %d bytes", maxKey))
	}
	return nil
}

func said(w Word) error {
	if strings.TrimSpace(w.Note) == "" || strings.TrimSpace(w.Actor) == "" {
		return typed(fault.New(fault.RequestInvalid, "say who asks, and why"))
	}
	return nil
}

func (r *retraining) applicable(in RetrainingInput) error {
	if in.Pipeline.Name != r.in.Pipeline.Name {
		return typed(fault.New(fault.RequestInvalid, "this is the retraining of %s, not of %s", r.in.Pipeline.Name, in.Pipeline.Name))
	}
	return nil
}

func (r *retraining) apply(_ workflow.Context, in RetrainingInput) error {
	r.in.Pipeline, r.in.BaseDir, r.in.State.Looks, r.changed, r.applied = in.Pipeline, in.BaseDir, nil, true, true
	return nil
}

func (r *retraining) pause(ctx workflow.Context, w Word) error {
	w.At = workflow.Now(ctx)
	r.paused(ctx, &w)
	r.changed = true
	return nil
}

func (r *retraining) resume(ctx workflow.Context, _ Word) error {
	r.paused(ctx, nil)
	r.in.State.Failures, r.changed, r.applied = 0, true, true
	p := r.in.State.Pending
	if p == nil {
		return nil
	}
	if hindrance, _ := r.hindrance(ctx, p.person()); hindrance != "" {
		return nil // it waits on
	}
	return r.awaitStart(ctx, runOf(r.in.Pipeline.Name, p.First))
}

// paused remembers that somebody paused it, or with nil that it goes on, and says so
// in the memo, where the schedule's runs look: they do not ask this workflow. An
// execution that an earlier build saw pause says so from its next one on.
func (r *retraining) paused(ctx workflow.Context, w *Word) {
	r.in.State.Paused = w
	if workflow.GetVersion(ctx, "a pause is in the memo", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	said := ""
	if w != nil {
		said = w.Actor + " since " + w.At.UTC().Format(time.RFC3339) + ": " + w.Note[:min(len(w.Note), maxSaid)]
	}
	_ = workflow.UpsertMemo(ctx, map[string]any{esteiratemporal.PausedMemo: strings.ToValidUTF8(said, "")}) // a text can be encoded
}

// endOf words how a run ended that came to no decision.
func endOf(err error) string {
	if temporal.IsCanceledError(err) {
		return "cancelled"
	}
	return reasonOf(err)
}
