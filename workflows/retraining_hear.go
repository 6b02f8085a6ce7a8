package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// answer is hear for who waits: a run that is said to be started can be looked at.
func (r *retraining) answer(ctx workflow.Context, t Trigger) (TriggerOutcome, error) {
	o := r.hear(ctx, t)
	if o.Outcome != "started" {
		return o, nil
	}
	return o, r.awaitStart(ctx, o.Run)
}

// awaitStart returns once Temporal has started the run that nothing stands against.
func (r *retraining) awaitStart(ctx workflow.Context, id string) error {
	waits := func() bool { p := r.in.State.Pending; return p != nil && runOf(r.in.Pipeline.Name, p.First) == id }
	return workflow.Await(ctx, func() bool { return r.begun == id || r.running != id && !waits() })
}

// hear decides what becomes of a trigger.
func (r *retraining) hear(ctx workflow.Context, t Trigger) TriggerOutcome {
	for _, h := range r.in.State.Heard {
		if h.Key == t.Key {
			return TriggerOutcome{Outcome: "repeated", Run: h.Run, Why: "the same trigger was " + h.Outcome + " at " + h.At.UTC().Format(time.RFC3339)}
		}
	}
	o := TriggerOutcome{Outcome: "started", Why: "nothing stands against it"}
	policy := r.in.Pipeline.Retrain
	if hindrance, until := r.hindrance(ctx, t.Kind == pipeline.TriggerRetrain); hindrance != "" {
		o = TriggerOutcome{Outcome: "remembered", Why: hindrance}
		if !until.IsZero() {
			o.Why += "; runs after " + until.UTC().Format(time.RFC3339)
		}
		if !policy.Remembers() && t.Kind != pipeline.TriggerRetrain {
			o = TriggerOutcome{Outcome: "dropped", Why: hindrance + "; retrain.when_busy is drop"}
		}
	}
	if o.Outcome != "dropped" {
		if p := r.in.State.Pending; p == nil {
			r.in.State.Pending = &Pending{First: t}
		} else {
			p.Others++
			if !p.person() && t.Kind == pipeline.TriggerRetrain {
				p.Hurried = workflow.GetVersion(ctx, "a person hurries what is remembered", workflow.DefaultVersion, 1) != workflow.DefaultVersion
			}
		}
		o.Run = runOf(r.in.Pipeline.Name, r.in.State.Pending.First)
		r.changed = true
	}
	r.remember(ctx, Heard{Trigger: t, TriggerOutcome: o, At: workflow.Now(ctx)})
	return o
}

// hindrance is why no run may begin now, and until when if that is known. A person
// does not wait for cool-down and budget.
func (r *retraining) hindrance(ctx workflow.Context, person bool) (string, time.Time) {
	s, policy, now := &r.in.State, r.in.Pipeline.Retrain, workflow.Now(ctx)
	switch {
	case s.Paused != nil:
		return "retraining is paused: " + s.Paused.Note, time.Time{}
	case r.running != "":
		return "run " + r.running + " is under way", time.Time{}
	case s.Pending != nil && now.Before(s.Pending.Not):
		return "another run of the pipeline is under way, found " + plural(s.Pending.Attempts, "time"), s.Pending.Not
	case person || len(s.Starts) == 0:
		return "", time.Time{}
	}
	if until := s.Starts[len(s.Starts)-1].Add(policy.CooldownOf()); now.Before(until) {
		return "the cool-down of " + policy.CooldownOf().String() + " is not over", until
	}
	runs, per := policy.BudgetOf()
	s.Starts = slices.DeleteFunc(s.Starts, func(t time.Time) bool { return !now.Before(t.Add(per)) })
	if len(s.Starts) >= runs {
		return fmt.Sprintf("the budget of %s in %s is spent", plural(runs, "run"), per), s.Starts[len(s.Starts)-runs].Add(per)
	}
	return "", time.Time{}
}

// runOf is the id of the run that a trigger starts: the same trigger, the same run.
func runOf(pipeline string, t Trigger) string {
	sum := sha256.Sum256([]byte(t.Kind + "\x00" + t.Key))
	return fmt.Sprintf("%s/run/%s-%s", pipeline, t.Kind, hex.EncodeToString(sum[:6]))
}

// remember keeps what became of a trigger, here and in its row.
func (r *retraining) remember(ctx workflow.Context, h Heard) {
	s := &r.in.State
	s.Heard = append(s.Heard, h)
	s.Heard = slices.Delete(s.Heard, 0, max(0, len(s.Heard)-maxHeard))
	r.record(ctx, h)
}
