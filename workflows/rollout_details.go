package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// RolloutStatus answers the query "status" and every update.
type RolloutStatus struct {
	Rollout    string                `json:"rollout"`
	Endpoint   string                `json:"endpoint"`
	Model      string                `json:"model"`    // "flights@3"
	Baseline   string                `json:"baseline"` // what is live beside it, "nothing" if nothing is
	State      metadata.RolloutState `json:"state"`
	Reason     string                `json:"reason,omitempty"` // once it has ended
	Revision   int64                 `json:"revision,omitempty"`
	ApprovedBy string                `json:"approved_by,omitempty"`
	Steps      []StepStatus          `json:"steps"`
	Role       metadata.Role         `json:"role,omitempty"` // of the comparison
	Comparison *rollout.Comparison   `json:"comparison,omitempty"`
	Replay     *rollout.Replayed     `json:"replay,omitempty"`
}

func (r *roll) status(ctx workflow.Context) RolloutStatus {
	s := RolloutStatus{
		Rollout: r.id, Endpoint: r.in.Deploy.Endpoint, Model: r.in.name(), Baseline: r.base.Baseline, State: r.result.State, Reason: r.result.Reason,
		Revision: r.result.Revision, ApprovedBy: r.approvedBy, Role: r.role, Comparison: r.last, Replay: r.replay,
	}
	for i := range r.steps {
		row := r.steps[i].StepStatus
		row.Seconds = r.steps[i].seconds(workflow.Now(ctx))
		if row.State == "running" && !r.ended {
			s.State = r.steps[i].state
		}
		s.Steps = append(s.Steps, row)
	}
	return s
}

// render writes the report that the Temporal UI shows: the plan, where it stands, the
// figures, and what can be typed.
func (r *roll) render(ctx workflow.Context) {
	var b strings.Builder
	say(&b, "`%s` to endpoint `%s`", r.in.name(), r.in.Deploy.Endpoint)
	if r.base.Baseline != "" {
		is := "is"
		if r.ended {
			is = "was"
		}
		say(&b, ", where `%s` %s live", r.base.Baseline, is)
	}
	say(&b, "; chosen because %s\n\n", r.in.Reason)
	if r.in.Run.ID != "" {
		say(&b, "Run `%s`\n\n", r.in.Run.ID)
	}
	b.WriteString("| step | state | time | what came out |\n|---|---|---|---|\n")
	for i := range r.steps {
		s := &r.steps[i]
		took, said := "", s.Figure
		if !s.finished.IsZero() {
			took = fmt.Sprintf("`%.0fs`", s.seconds(s.finished))
		}
		if s.Error != "" {
			said = s.Error
		}
		say(&b, "| `%s` | %s | %s | %s |\n", s.Name, s.State, took, cell(said))
	}
	r.renderReplay(&b)
	r.renderComparison(&b)
	if r.ended {
		say(&b, "\n**%s**: %s\n", r.result.State, r.result.Reason)
	}
	r.renderCommands(&b)
	r.result.Details = b.String()
	workflow.SetCurrentDetails(ctx, r.result.Details)
}

func (r *roll) renderReplay(b *strings.Builder) {
	if r.replay == nil || len(r.replay.Examples) == 0 {
		return
	}
	b.WriteString("\nThe greatest differences of the replay; `esteira trace PREDICTION` shows what was asked.\n\n| prediction | was | would be | distance |\n|---|---|---|---|\n")
	for _, e := range r.replay.Examples {
		say(b, "| `%s` | %s | %s | %s |\n", e.Prediction, cell(e.Was), cell(e.Now), rollout.Number(e.Distance))
	}
}

func (r *roll) renderComparison(b *strings.Builder) {
	c := r.last
	if c == nil {
		return
	}
	say(b, "\n| %s | `%s` | `%s` | bound | |\n|---|---|---|---|---|\n", r.role, r.in.name(), r.base.Baseline)
	say(b, "| rows | %d | %d | %d | %s |\n", c.Candidate.Rows, c.Champion.Rows, r.in.Deploy.Rollback.MinRequests, cell(c.Insufficient))
	say(b, "| failed | %d | %d | | |\n", c.Candidate.Failed, c.Champion.Failed)
	say(b, "| p50, p99 | %.2f, %.2f ms | %.2f, %.2f ms | | |\n", c.Candidate.P50MS, c.Candidate.P99MS, c.Champion.P50MS, c.Champion.P99MS)
	for _, check := range c.Checks {
		verdict := "passed"
		switch {
		case check.Breached:
			verdict = "**too bad**"
		case check.Note != "":
			verdict = check.Note
		}
		say(b, "| %s | %s%s | %s | %s | %s |\n", check.Name, rollout.Number(check.Candidate), check.Unit, check.Of(), cell(check.Bound), verdict)
	}
}

func (r *roll) renderCommands(b *strings.Builder) {
	endpoint := r.in.Deploy.Endpoint
	if r.ended {
		say(b, "\nLook: `esteira endpoints history %s`, `esteira rollouts show %s`.\n", endpoint, r.id)
		if r.result.State == metadata.RolloutLive {
			say(b, "Take it back: `esteira rollback %s --reason …`.\n", endpoint)
		}
		return
	}
	b.WriteString("\nWhat can be done:\n\n")
	if r.awaiting {
		say(b, "- `esteira approve %s --reason …`\n- `esteira reject %s --reason …`\n", r.id, r.id)
	}
	say(b, "- `esteira promote %s --reason …` makes it live now\n- `esteira rollback %s --reason …` takes it back now\n", endpoint, endpoint)
}
