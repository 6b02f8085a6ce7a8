package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// plan lists the steps of the file.
func (r *roll) plan() {
	d := r.in.Deploy
	add := func(state metadata.RolloutState, name string, do func(workflow.Context, *rollStep) error) {
		r.steps = append(r.steps, rollStep{StepStatus: StepStatus{Name: name, State: "pending"}, state: state, do: do})
	}
	if d.Asks() {
		add(metadata.RolloutApproval, "approval within "+d.Approval.Deadline, r.approval)
	}
	if d.Replay != nil {
		add(metadata.RolloutReplay, fmt.Sprintf("replay of %d requests", d.Replay.Requests), r.replayed)
	}
	if d.Shadow != nil {
		add(metadata.RolloutShadow, fmt.Sprintf("shadow of %s for %s", percent(d.Shadow.Share), d.Shadow.For), func(ctx workflow.Context, s *rollStep) error {
			return r.bake(ctx, s, metadata.RoleShadow, d.Shadow.Share, d.Shadow.For)
		})
	}
	if d.Canary != nil {
		for _, c := range d.Canary.Steps {
			add(metadata.RolloutCanary, fmt.Sprintf("canary of %s for %s", percent(c.Share), c.For), func(ctx workflow.Context, s *rollStep) error {
				return r.bake(ctx, s, metadata.RoleCanary, c.Share, c.For)
			})
		}
	}
	add(metadata.RolloutPromotion, "live", r.promote)
}

// compares reports whether the step needs something that is live.
func (s *rollStep) compares() bool {
	return s.state == metadata.RolloutReplay || s.state == metadata.RolloutShadow || s.state == metadata.RolloutCanary
}

func percent(share float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", 100*share), "0"), ".") + " %"
}

// approval waits for an answer, and takes the default if none comes.
func (r *roll) approval(ctx workflow.Context, s *rollStep) error {
	p := r.in.Deploy.Approval
	deadline, err := pipeline.ParseDuration(p.Deadline)
	if err != nil {
		return typed(err)
	}
	r.awaiting = true
	r.render(ctx)
	answered, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: deadline, TimerOptions: workflow.TimerOptions{Summary: "approval of " + r.in.name() + ", else " + p.Default},
	}, func() bool { return r.answer != nil })
	r.awaiting = false
	switch {
	case err != nil:
		return err
	case !answered && p.Default == "approve":
		r.answer = &order{Order{"the deadline", "no answer within " + p.Deadline + ", and deploy.approval.default is approve"}, orderApprove}
	case !answered:
		return &ending{metadata.RolloutRejected, "the deadline", "rejected by the deadline: no answer within " + p.Deadline}
	}
	if r.answer.kind == orderReject {
		return &ending{metadata.RolloutRejected, r.answer.Actor, "rejected by " + r.answer.Actor + ": " + r.answer.Reason}
	}
	r.approvedBy, r.approvalReason = r.answer.Actor, r.answer.Reason
	s.Figure = "approved by " + r.approvedBy + ": " + r.approvalReason
	return r.note(ctx, s)
}

// note writes where the rollout stands, where no move does.
func (r *roll) note(ctx workflow.Context, s *rollStep) error {
	return r.call(ctx, short, "note: "+s.Name, nil, a.NoteRollout, activities.NoteRolloutParams{
		Run: r.in.Run, Rollout: r.id, State: s.state, Step: s.Name, ApprovedBy: r.approvedBy, ApprovalReason: r.approvalReason,
	})
}

// replayed scores requests of the past, before any other is touched.
func (r *roll) replayed(ctx workflow.Context, s *rollStep) error {
	if err := r.note(ctx, s); err != nil {
		return err
	}
	var res rollout.Replayed
	err := r.call(ctx, long, s.Name, &res, a.Replay, activities.ReplayParams{
		Run: r.in.Run, Endpoint: r.in.Deploy.Endpoint, Model: r.base.BaselineModel, Version: r.base.BaselineVersion, Bundle: r.in.Bundle,
		Question: r.in.Question, Rules: *r.in.Deploy.Replay,
	})
	if err != nil {
		return err
	}
	r.replay, s.Figure = &res, res.Figure(r.in.Question)
	if res.Breach != "" {
		return &ending{metadata.RolloutRolledBack, itself, "rolled back because of the replay: " + res.Breach}
	}
	return nil
}

// move moves the endpoint and waits for the servers.
func (r *roll) move(ctx workflow.Context, s *rollStep, p activities.MoveRolloutParams) (activities.MoveRolloutResult, error) {
	r.seq++
	p.Run, p.Rollout, p.Endpoint, p.Seq, p.State, p.Step, p.Evidence = r.in.Run, r.id, r.in.Deploy.Endpoint, r.seq, s.state, s.Name, r.evidence()
	p.Audit = r.in.Deploy.Audit
	p.Reason = s.Name + " of " + r.in.name()
	if p.Live {
		p.Reason = r.in.Reason
	}
	if r.order != nil && r.order.kind == orderPromote {
		p.Reason = "promoted by " + r.order.Actor + ": " + r.order.Reason
	}
	var res activities.MoveRolloutResult
	err := r.call(ctx, long, r.in.name()+" on "+r.in.Deploy.Endpoint+": "+s.Name, &res, a.MoveRollout, p)
	r.servers = res.Servers
	return res, err
}

// promote makes the version live.
func (r *roll) promote(ctx workflow.Context, s *rollStep) error {
	if r.order != nil && r.approvedBy != "" && r.in.Deploy.Asks() && r.answer == nil {
		if err := r.note(ctx, s); err != nil { // that who promoted it approved it
			return err
		}
	}
	res, err := r.move(ctx, s, activities.MoveRolloutParams{Live: true})
	if err == nil {
		s.Figure = fmt.Sprintf("revision %d on %d servers", res.Revision, res.Servers)
	}
	return err
}

// looks is how often a step is looked at, at least: each look is a few events, and a
// history is bounded.
const looks = 200

// interval is the time between two looks at a step.
func interval(bake time.Duration) time.Duration {
	return max(time.Second, bake/looks, min(30*time.Second, bake/10))
}

// bake gives the version a share for a time, and looks at how it does.
func (r *roll) bake(ctx workflow.Context, s *rollStep, role metadata.Role, share float64, text string) error {
	bake, err := pipeline.ParseDuration(text)
	if err != nil {
		return typed(err)
	}
	p := activities.MoveRolloutParams{Canary: share}
	if role == metadata.RoleShadow {
		p = activities.MoveRolloutParams{Shadow: share}
	}
	moved, err := r.move(ctx, s, p)
	if err != nil {
		return err
	}
	r.role, r.last = role, nil
	s.Figure = fmt.Sprintf("revision %d", moved.Revision)
	end := workflow.Now(ctx).Add(bake)
	for {
		every := interval(bake)
		left := end.Sub(workflow.Now(ctx))
		if left > 0 {
			every = min(every, left)
		}
		r.render(ctx)
		if err := workflow.NewTimerWithOptions(ctx, every, workflow.TimerOptions{Summary: s.Name + ": look again"}).Get(ctx, nil); err != nil {
			return err
		}
		if err := r.look(ctx, s, moved, role); err != nil {
			return err
		}
		if over := workflow.Now(ctx).Sub(end); over >= 0 {
			if done, err := r.enough(s, over); done || err != nil {
				return err
			}
		}
	}
}

// look compares both versions in the present revision.
func (r *roll) look(ctx workflow.Context, s *rollStep, moved activities.MoveRolloutResult, role metadata.Role) error {
	var c rollout.Comparison
	err := r.call(ctx, long, "compare the "+string(role)+" "+r.in.name()+" with "+r.base.Baseline, &c, a.CompareAnswers, activities.CompareAnswersParams{
		Run: r.in.Run, Rollout: r.id, Endpoint: r.in.Deploy.Endpoint, Revision: moved.Revision, Role: role, Since: moved.Since, Question: r.in.Question, Rules: *r.in.Deploy.Rollback,
	})
	if err != nil {
		return err
	}
	r.last, r.canary = &c, &c
	if role == metadata.RoleShadow {
		r.shadow, r.canary = &c, nil
	}
	s.Figure = fmt.Sprintf("revision %d: %d rows against %d", moved.Revision, c.Candidate.Rows, c.Champion.Rows)
	if c.Breach != "" {
		return &ending{metadata.RolloutRolledBack, itself, "rolled back because " + c.Breach + " (" + s.Name + ")"}
	}
	return nil
}

// enough decides, once a step's time is over, whether it may end: what was seen may
// be too little to tell.
func (r *roll) enough(s *rollStep, over time.Duration) (bool, error) {
	rules := r.in.Deploy.Rollback
	if r.last.Insufficient == "" {
		return true, nil
	}
	s.Figure += "; " + r.last.Insufficient + ": " + rules.OnInsufficient
	switch rules.OnInsufficient {
	case "proceed":
		return true, nil
	case "wait":
		wait, err := pipeline.ParseDuration(rules.Wait)
		if err != nil {
			return false, typed(err)
		}
		if over < wait {
			return false, nil
		}
	}
	return false, &ending{metadata.RolloutRolledBack, itself, "rolled back because of " + r.last.Insufficient + " (" + s.Name + ")"}
}
