package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// BeginRolloutParams open a rollout of a model version to an endpoint.
type BeginRolloutParams struct {
	Run        Run                   `json:"run"`
	Rollout    string                `json:"rollout"` // Workflow ID
	Endpoint   string                `json:"endpoint"`
	Model      string                `json:"model"`
	Version    int                   `json:"version"`
	Champion   string                `json:"champion,omitempty"` // digest of the bundle it was judged against; empty: none
	State      metadata.RolloutState `json:"state"`
	Step       string                `json:"step"`
	Evaluation artifact.Ref          `json:"evaluation,omitzero"`
	Audit      *pipeline.Audit       `json:"audit,omitempty"` // the endpoint's policy from the first move on; nil: as it is
}

// BeginRolloutResult is what the rollout found.
type BeginRolloutResult struct {
	Superseded      string `json:"superseded,omitempty"` // the rollout it took the place of
	Baseline        string `json:"baseline"`             // "flights@2", or "nothing"
	BaselineModel   string `json:"baseline_model,omitempty"`
	BaselineVersion int    `json:"baseline_version"` // 0: nothing was live
	Seq             int    `json:"seq,omitempty"`    // of the last move made under this name
}

// BeginRollout takes the endpoint for one rollout.
func (a *Activities) BeginRollout(ctx context.Context, p BeginRolloutParams) (*BeginRolloutResult, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "begin"}, time.Now()
	r, superseded, err := a.DB.BeginRollout(ctx, metadata.BeginRollout{
		ID: p.Rollout, Endpoint: p.Endpoint, Run: p.Run.ID, ModelName: p.Model, ModelVersion: p.Version, Champion: p.Champion,
		State: p.State, Step: p.Step, Evidence: Evidence{Evaluation: p.Evaluation}, Audit: auditPolicy(p.Endpoint, p.Audit, cmp.Or(p.Run.ID, p.Rollout)),
	})
	if err == nil && p.State == metadata.RolloutApproval {
		err = a.deployed(ctx, p.Run, begun, p.Step)
	}
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	a.logger(ctx, s).Info().Str("rollout", p.Rollout).Str("endpoint", p.Endpoint).Str("superseded", superseded).Msg("rollout begun")
	return &BeginRolloutResult{Superseded: superseded, Baseline: r.BaselineModel(), BaselineModel: r.BaselineName, BaselineVersion: r.BaselineVersion, Seq: r.Seq}, nil
}

// MoveRolloutParams move the endpoint of a rollout.
type MoveRolloutParams struct {
	Run      Run                   `json:"run"`
	Rollout  string                `json:"rollout"`
	Endpoint string                `json:"endpoint"`
	Seq      int                   `json:"seq"` // of this rollout's moves, from 1
	State    metadata.RolloutState `json:"state"`
	Step     string                `json:"step"`
	Live     bool                  `json:"live,omitempty"`
	Canary   float64               `json:"canary,omitempty"` // share
	Shadow   float64               `json:"shadow,omitempty"`
	Reason   string                `json:"reason"`
	Evidence Evidence              `json:"evidence"`

	Audit *pipeline.Audit `json:"audit,omitempty"` // the endpoint's policy from now on; nil: as it is
}

// MoveRolloutResult is the revision that is live.
type MoveRolloutResult struct {
	Revision int64     `json:"revision"`
	Servers  int       `json:"servers"` // that answered from it
	Since    time.Time `json:"since"`   // all of them, from here on
}

// MoveRollout moves the endpoint and waits until every live server answers from the
// new revision. A move that was overtaken changes nothing: RolloutEnded.
func (a *Activities) MoveRollout(ctx context.Context, p MoveRolloutParams) (*MoveRolloutResult, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "move"}, time.Now()
	// Before the revision that needs it: what must not be recorded is not, for no moment.
	if err := a.setAuditPolicyOf(ctx, p); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	revision, err := a.DB.MoveRollout(ctx, metadata.MoveRollout{
		ID: p.Rollout, Seq: p.Seq, State: p.State, Step: p.Step, Live: p.Live, Canary: p.Canary, Shadow: p.Shadow, Reason: p.Reason, Evidence: p.Evidence,
	})
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res := &MoveRolloutResult{Revision: revision.Revision}
	if res.Servers, err = a.awaitServers(ctx, p.Endpoint, revision.Revision); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res.Since = time.Now().UTC()
	a.logger(ctx, s).Info().Str("rollout", p.Rollout).Int64("revision", res.Revision).Int("servers", res.Servers).Str("now", p.Step).Dur("elapsed", time.Since(begun)).Msg("endpoint moved")
	return res, nil
}

// setAuditPolicyOf sets the policy of a rollout that is still the endpoint's: one that
// was overtaken changes nothing.
func (a *Activities) setAuditPolicyOf(ctx context.Context, p MoveRolloutParams) error {
	if p.Audit == nil {
		return nil
	}
	open, err := a.DB.OpenRollout(ctx, p.Endpoint)
	if err != nil || open == nil || open.ID != p.Rollout {
		return err // that it was overtaken the move itself says
	}
	return a.setAuditPolicy(ctx, p.Endpoint, p.Audit, cmp.Or(p.Run.ID, p.Rollout))
}

// NoteRolloutParams say where a rollout stands.
type NoteRolloutParams struct {
	Run            Run                   `json:"run"`
	Rollout        string                `json:"rollout"`
	State          metadata.RolloutState `json:"state"`
	Step           string                `json:"step"`
	ApprovedBy     string                `json:"approved_by,omitempty"`
	ApprovalReason string                `json:"approval_reason,omitempty"`
}

// NoteRollout writes where a rollout stands, and who approved it.
func (a *Activities) NoteRollout(ctx context.Context, p NoteRolloutParams) error {
	s, begun := step{run: p.Run, name: "deploy", part: "note"}, time.Now()
	err := a.DB.NoteRollout(ctx, metadata.NoteRollout{ID: p.Rollout, State: p.State, Step: p.Step, ApprovedBy: p.ApprovedBy, ApprovalReason: p.ApprovalReason})
	if err != nil {
		return a.fail(ctx, s, begun, err)
	}
	return nil
}

// EndRolloutParams end a rollout.
type EndRolloutParams struct {
	Run      Run                   `json:"run"`
	Rollout  string                `json:"rollout"`
	State    metadata.RolloutState `json:"state"`
	Actor    string                `json:"actor"`
	Reason   string                `json:"reason"`
	Servers  int                   `json:"servers"` // live: that answer from it
	Evidence Evidence              `json:"evidence"`
}

// Evidence is what a rollout saw so far; it is kept with each revision it makes.
type Evidence struct {
	Evaluation artifact.Ref        `json:"evaluation,omitzero"`
	Approval   *Approval           `json:"approval,omitempty"`
	Replay     *rollout.Replayed   `json:"replay,omitempty"`
	Shadow     *rollout.Comparison `json:"shadow,omitempty"` // the last look at it
	Canary     *rollout.Comparison `json:"canary,omitempty"`
}

// Approval is who said yes, and why.
type Approval struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// EndRolloutResult is how a rollout ended, which may be other than was asked: whoever
// ended it first is right.
type EndRolloutResult struct {
	State        metadata.RolloutState `json:"state"`
	Actor        string                `json:"actor"`
	Reason       string                `json:"reason"`
	SupersededBy string                `json:"superseded_by,omitempty"`
	Revision     int64                 `json:"revision"` // of the endpoint
	Figure       string                `json:"figure"`
}

// EndRollout ends a rollout; unless it is live, the endpoint serves what it did
// before.
func (a *Activities) EndRollout(ctx context.Context, p EndRolloutParams) (*EndRolloutResult, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "end"}, time.Now()
	r, revision, err := a.DB.EndRollout(ctx, metadata.EndRollout{ID: p.Rollout, State: p.State, Actor: p.Actor, Reason: p.Reason, Evidence: p.Evidence})
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	res := &EndRolloutResult{State: r.State, Actor: r.Actor, Reason: r.Reason, SupersededBy: r.SupersededBy, Revision: revision}
	switch {
	case r.State == metadata.RolloutFailed || r.State == metadata.RolloutCancelled:
		return res, nil // the step's own row says why
	case r.State == metadata.RolloutLive && p.State != metadata.RolloutLive:
		res.Figure = fmt.Sprintf("revision %d, promoted by %s past the workflow: %s", revision, r.Actor, r.Reason)
	case r.State != metadata.RolloutLive:
		res.Figure = string(r.State) + ": " + r.Reason
	case p.Servers == 0:
		res.Figure = fmt.Sprintf("revision %d; no prediction server is running", revision)
	default:
		res.Figure = fmt.Sprintf("revision %d on %d servers", revision, p.Servers)
	}
	a.logger(ctx, s).Info().Str("rollout", p.Rollout).Str("state", string(r.State)).Int64("revision", revision).Str("reason", r.Reason).Msg("rollout ended")
	return res, a.recorded(ctx, s, a.deployed(ctx, p.Run, begun, res.Figure))
}

// deployed writes the row of the run's step deploy; a rollout by hand has none.
func (a *Activities) deployed(ctx context.Context, run Run, begun time.Time, figure string) error {
	if run.ID == "" {
		return nil
	}
	finished := time.Now()
	return a.DB.RecordStep(ctx, metadata.Step{
		Run: run.ID, Step: "deploy", Attempt: attempt(ctx), State: metadata.StepCompleted, Cache: metadata.CacheOff, Figure: figure, Started: begun, Finished: &finished,
	})
}
