package metadata

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// EndRollout ends a rollout and returns how it ended, and the endpoint's revision.
// One that has ended keeps its end, which is returned: whoever was first is right.
func (db *DB) EndRollout(ctx context.Context, p EndRollout) (r Rollout, revision int64, err error) {
	err = db.inTx(ctx, "end rollout "+p.ID, func(tx pgx.Tx) error {
		h, err := holdRollout(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if h.rollout.Finished == nil {
			if revision, err = h.rollout.end(ctx, tx, h.current, p); err != nil {
				return err
			}
		} else {
			revision = h.current.Revision
		}
		again, err := oneRollout(ctx, tx, `id = $1`, p.ID)
		if err == nil {
			r = *again
		}
		return err
	})
	return r, revision, err
}

// end ends an open rollout under the lock of its endpoint.
func (r *Rollout) end(ctx context.Context, tx pgx.Tx, current Revision, p EndRollout) (revision int64, err error) {
	revision = current.Revision
	if p.State == RolloutLive {
		if current.Rollout != r.ID || current.ModelName != r.ModelName || current.ModelVersion != r.ModelVersion || current.Canary != nil {
			return 0, fault.New(fault.Internal, "rollout %s is said to be live, and endpoint %s does not serve it", r.ID, r.Endpoint)
		}
	} else if revision, err = r.restore(ctx, tx, current, SetRevision{Actor: p.Actor, Reason: p.Reason, Evidence: p.Evidence}); err != nil {
		return 0, err
	}
	if err := r.crown(ctx, tx, p.State, p.Actor, p.Reason); err != nil {
		return 0, err
	}
	return revision, r.close(ctx, tx, p, "")
}

// restore makes the endpoint serve the baseline and nothing else; it does nothing
// if it does.
func (r *Rollout) restore(ctx context.Context, tx pgx.Tx, current Revision, set SetRevision) (revision int64, err error) {
	if current.ModelName == r.BaselineName && current.ModelVersion == r.BaselineVersion && current.Canary == nil && current.Shadow == nil {
		return current.Revision, nil
	}
	evidence, err := encode(set.Evidence, "{}")
	if err != nil {
		return 0, err
	}
	set.Endpoint, set.ModelName, set.ModelVersion, set.Run, set.Rollout, set.TakesBack = r.Endpoint, r.BaselineName, r.BaselineVersion, r.Run, r.ID, current.Revision
	made, err := appendRevision(ctx, tx, set, current.Revision, evidence)
	return made.Revision, err
}

// crown makes the version of a rollout that is live its model's champion; of any
// that ends, it is no challenger any more.
func (r *Rollout) crown(ctx context.Context, tx pgx.Tx, state RolloutState, actor, reason string) error {
	a := Alias{Model: r.ModelName, Version: r.ModelVersion, Actor: actor, Reason: reason, Evidence: fmt.Appendf(nil, `{"rollout": %q}`, r.ID)}
	if state == RolloutLive {
		a.Alias = Champion
		if err := setAlias(ctx, tx, a); err != nil {
			return err
		}
	}
	a.Alias = Challenger
	_, err := removeAlias(ctx, tx, a)
	return err
}

func (r *Rollout) close(ctx context.Context, tx pgx.Tx, p EndRollout, supersededBy string) error {
	evidence, err := encode(p.Evidence, "{}")
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update rollouts set state = $2, actor = $3, reason = $4, evidence = evidence || $5, superseded_by = $6, changed = now(), finished = clock_timestamp() where id = $1`,
		r.ID, p.State, Clean(p.Actor), Clean(p.Reason), evidence, supersededBy)
	return err
}
