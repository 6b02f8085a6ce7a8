package metadata

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Directly is what the history keeps of a change that was made in Postgres alone, past
// the workflow of a rollout: in which state and step that was.
type Directly struct {
	State RolloutState `json:"state"`
	Step  string       `json:"step,omitempty"`
}

// directly is the evidence of such a change to an open rollout.
func directly(r Rollout) any {
	return map[string]Directly{"directly": {State: r.State, Step: r.Step}}
}

// PromoteRollout makes the version of an open rollout live and ends the rollout, in one
// transaction and without its workflow, whatever state that is in; what the workflow does
// afterwards is RolloutEnded. Where somebody's approval was waited for, this is it. The
// audit policy that the rollout brings is in force before.
//
// It is RolloutEnded if the rollout has ended otherwise; one that is live already is
// returned as it is.
func (db *DB) PromoteRollout(ctx context.Context, p PromoteRollout) (r Rollout, out Revision, err error) {
	if err := db.bringPolicy(ctx, p); err != nil {
		return r, out, err
	}
	err = db.inTx(ctx, "promote rollout "+p.ID, func(tx pgx.Tx) error {
		h, err := holdRollout(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		r, out = *h.rollout, h.current
		switch {
		case r.Finished != nil && r.State == RolloutLive:
			return nil
		case r.Finished != nil:
			return r.ended()
		}
		if r.State == RolloutApproval && r.ApprovedBy == "" {
			if _, err := tx.Exec(ctx, `update rollouts set approved_by = $2, approval_reason = $3 where id = $1`, p.ID, Clean(p.Actor), Clean(p.Reason)); err != nil {
				return err
			}
			r.ApprovedBy = p.Actor
		}
		how := directly(r)
		if out, err = r.serve(ctx, tx, h.current, p, how); err != nil {
			return err
		}
		if _, err := r.end(ctx, tx, out, EndRollout{State: RolloutLive, Actor: p.Actor, Reason: p.Reason, Evidence: how}); err != nil {
			return err
		}
		again, err := oneRollout(ctx, tx, `id = $1`, p.ID)
		if err == nil {
			r = *again
		}
		return err
	})
	return r, out, err
}

// serve makes the endpoint serve the rollout's version and nothing else; it does nothing
// if the rollout's last move has done so.
func (r *Rollout) serve(ctx context.Context, tx pgx.Tx, current Revision, p PromoteRollout, evidence any) (Revision, error) {
	if current.Rollout == r.ID && current.ModelName == r.ModelName && current.ModelVersion == r.ModelVersion && current.Canary == nil {
		return current, nil
	}
	text, err := encode(evidence, "{}")
	if err != nil {
		return Revision{}, err
	}
	return appendRevision(ctx, tx, SetRevision{Endpoint: r.Endpoint, ModelName: r.ModelName, ModelVersion: r.ModelVersion, Run: r.Run, Actor: p.Actor, Reason: p.Reason,
		Rollout: r.ID, ApprovedBy: r.ApprovedBy}, current.Revision, text)
}

// bringPolicy sets the audit policy that an open rollout brings, in a transaction of its
// own: a server that sees the revision must have seen the policy.
func (db *DB) bringPolicy(ctx context.Context, p PromoteRollout) error {
	r, err := db.Rollout(ctx, p.ID)
	if err != nil || r.Finished != nil {
		return err
	}
	var kept map[string]json.RawMessage
	if err := json.Unmarshal(r.Evidence, &kept); err != nil {
		return fault.Wrap(err, fault.Internal, "read the evidence of rollout %s", r.ID)
	}
	text, known := kept["audit"]
	switch {
	case !known && (r.State == RolloutShadow || r.State == RolloutCanary):
		return nil // its first move brought it
	case !known:
		return fault.New(fault.RolloutEnded, "rollout %s was begun by an older worker, and what it asks of the audit log is not known here", r.ID).
			WithRemedy("start a worker and promote again; or take it back: esteira rollback %s --reason …", r.Endpoint)
	case string(text) == "null":
		return nil
	}
	var policy AuditPolicy
	if err := json.Unmarshal(text, &policy); err != nil {
		return fault.Wrap(err, fault.Internal, "read the audit policy of rollout %s", r.ID)
	}
	_, err = db.SetAuditPolicy(ctx, policy)
	return err
}
