package metadata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

const rolloutColumns = `id, endpoint, run, model_name, model_version, baseline_name, baseline_version, baseline, state, step, seq,
	approved_by, approval_reason, actor, reason, superseded_by, evidence, started, changed, finished`

func scanRollout(row pgx.CollectableRow) (r Rollout, err error) {
	err = row.Scan(&r.ID, &r.Endpoint, &r.Run, &r.ModelName, &r.ModelVersion, &r.BaselineName, &r.BaselineVersion, &r.Baseline, &r.State, &r.Step, &r.Seq,
		&r.ApprovedBy, &r.ApprovalReason, &r.Actor, &r.Reason, &r.SupersededBy, &r.Evidence, &r.Started, &r.Changed, &r.Finished)
	r.Started, r.Changed, r.Finished = r.Started.UTC(), r.Changed.UTC(), utc(r.Finished)
	return r, err
}

// held is an endpoint under lock, with what it serves and the rollout asked for.
type held struct {
	current Revision // the zero one: none was ever made
	rollout *Rollout // nil: there is none of that id
}

// hold locks an endpoint and reads it. What a rollout may do is decided under this
// lock alone, so that of two that decide at once one sees what the other did.
func hold(ctx context.Context, tx pgx.Tx, endpoint, rollout string) (h held, err error) {
	number, err := lockEndpoint(ctx, tx, endpoint)
	if err != nil {
		return h, err
	}
	if number > 0 {
		rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision = $2`, endpoint, number)
		if h.current, err = pgx.CollectExactlyOneRow(rows, scanRevision); err != nil {
			return h, err
		}
	}
	h.rollout, err = oneRollout(ctx, tx, `id = $1`, rollout)
	return h, err
}

// holdRollout is hold for a rollout that must be there.
func holdRollout(ctx context.Context, tx pgx.Tx, id string) (held, error) {
	r, err := oneRollout(ctx, tx, `id = $1`, id)
	if err != nil {
		return held{}, err
	}
	if r == nil {
		return held{}, fault.New(fault.NotFound, "rollout %q does not exist", id).WithRemedy("list them: esteira rollouts list")
	}
	return hold(ctx, tx, r.Endpoint, id)
}

func oneRollout(ctx context.Context, tx pgx.Tx, where string, args ...any) (*Rollout, error) {
	rows, _ := tx.Query(ctx, `select `+rolloutColumns+` from rollouts where `+where, args...)
	r, err := pgx.CollectExactlyOneRow(rows, scanRollout)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

func openRollout(ctx context.Context, tx pgx.Tx, endpoint string) (*Rollout, error) {
	return oneRollout(ctx, tx, `endpoint = $1 and finished is null`, endpoint)
}

// ended is the refusal of a rollout that may change nothing any more.
func (r *Rollout) ended() error {
	why := string(r.State)
	if r.SupersededBy != "" {
		why += " by " + r.SupersededBy
	}
	return fault.New(fault.RolloutEnded, "rollout %s has ended, %s: it changes nothing", r.ID, why).WithRemedy("look at it: esteira rollouts show %s", r.ID)
}

// BeginRollout opens a rollout and returns it, with the id of the one it took the
// place of, if one was under way. It is refused, EndpointConflict, if what is live
// is not what the version was judged against. The same id again is a no-op while
// it is open, and RolloutEnded afterwards, unless it failed or was cancelled: then it
// begins anew, and its moves go on counting from where they were.
//
// The endpoint afterwards serves what it did without canary and shadow.
func (db *DB) BeginRollout(ctx context.Context, p BeginRollout) (r Rollout, superseded string, err error) {
	evidence, err := encode(p.Evidence, "{}")
	if err != nil {
		return r, "", err
	}
	audit, err := encode(p.Audit, "null")
	if err != nil {
		return r, "", err
	}
	err = db.inTx(ctx, "begin rollout "+p.ID, func(tx pgx.Tx) error {
		h, err := hold(ctx, tx, p.Endpoint, p.ID)
		if err != nil {
			return err
		}
		seq := 0
		switch {
		case h.rollout == nil:
		case h.rollout.Finished == nil:
			r = *h.rollout
			older, err := oneRollout(ctx, tx, `superseded_by = $1`, p.ID)
			if older != nil {
				superseded = older.ID
			}
			return err
		case h.rollout.State != RolloutFailed && h.rollout.State != RolloutCancelled:
			return h.rollout.ended()
		default: // a run that failed is tried again under its name; moves of the first try are overtaken
			seq = h.rollout.Seq
			if _, err := tx.Exec(ctx, `delete from rollouts where id = $1`, p.ID); err != nil {
				return err
			}
		}
		older, err := openRollout(ctx, tx, p.Endpoint)
		if err != nil {
			return err
		}
		baseline, err := p.baseline(ctx, tx, h.current, older)
		if err != nil {
			return err
		}
		if older != nil {
			superseded = older.ID
			if err := supersede(ctx, tx, *older, p, baseline); err != nil {
				return err
			}
		}
		rows, _ := tx.Query(ctx, `insert into rollouts (id, endpoint, run, model_name, model_version, baseline_name, baseline_version, baseline, state, step, evidence, seq)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb || jsonb_build_object('audit', $13::jsonb), $12) returning `+rolloutColumns,
			p.ID, p.Endpoint, p.Run, p.ModelName, p.ModelVersion, baseline.ModelName, baseline.ModelVersion, h.current.Revision, p.State, Clean(p.Step), evidence, seq, audit)
		if r, err = pgx.CollectExactlyOneRow(rows, scanRollout); err != nil {
			return err
		}
		if superseded != "" {
			if _, err := r.restore(ctx, tx, h.current, SetRevision{Actor: "rollout", Reason: "rollout " + superseded + " was superseded"}); err != nil {
				return err
			}
		}
		return setAlias(ctx, tx, Alias{Model: p.ModelName, Alias: Challenger, Version: p.ModelVersion, Actor: "rollout", Reason: p.ID, Evidence: []byte(evidence)})
	})
	return r, superseded, err
}

// baseline is what is live as far as the rollout is concerned: what the version was
// judged against. Of a rollout that is about to be live, that is either version.
func (p BeginRollout) baseline(ctx context.Context, tx pgx.Tx, current Revision, older *Rollout) (Variant, error) {
	live := Variant{ModelName: current.ModelName, ModelVersion: current.ModelVersion, Bundle: current.Bundle}
	if live.Bundle.Digest == p.Champion {
		return live, nil
	}
	if older != nil {
		before := Variant{ModelName: older.BaselineName, ModelVersion: older.BaselineVersion}
		if before.ModelVersion > 0 {
			if err := tx.QueryRow(ctx, `select bundle_digest from model_versions where name = $1 and version = $2`, before.ModelName, before.ModelVersion).Scan(&before.Bundle.Digest); err != nil {
				return before, err
			}
		}
		if before.Bundle.Digest == p.Champion {
			return before, nil
		}
	}
	return live, fault.New(fault.EndpointConflict, "endpoint %s serves %s@%d, which %s@%d was not judged against", p.Endpoint, live.ModelName, live.ModelVersion, p.ModelName, p.ModelVersion).
		WithRemedy("run again, so that it is judged against what is live").WithDetails(EndpointChange{p.Endpoint, current.Revision})
}

// supersede ends the older rollout. If its version is what the newer one was judged
// against, it had come to be live.
func supersede(ctx context.Context, tx pgx.Tx, older Rollout, by BeginRollout, baseline Variant) error {
	state, reason := RolloutSuperseded, "superseded by "+by.ID
	if baseline.ModelName == older.ModelName && baseline.ModelVersion == older.ModelVersion {
		state, reason = RolloutLive, "live when "+by.ID+" began"
	}
	if err := older.crown(ctx, tx, state, "rollout", reason); err != nil {
		return err
	}
	return older.close(ctx, tx, EndRollout{State: state, Actor: by.ID, Reason: reason}, by.ID)
}

// MoveRollout moves the endpoint for an open rollout and returns the revision. A
// move that was made before returns what the endpoint serves since; one that was
// overtaken by a later one, or is of a rollout that ended, is RolloutEnded and
// changes nothing.
func (db *DB) MoveRollout(ctx context.Context, p MoveRollout) (out Revision, err error) {
	evidence, err := encode(p.Evidence, "{}")
	if err != nil {
		return out, err
	}
	err = db.inTx(ctx, "move the endpoint of rollout "+p.ID, func(tx pgx.Tx) error {
		h, err := holdRollout(ctx, tx, p.ID)
		switch {
		case err != nil:
			return err
		case h.rollout.Finished != nil:
			return h.rollout.ended()
		case p.Seq == h.rollout.Seq:
			out = h.current
			return nil
		case p.Seq < h.rollout.Seq:
			return fault.New(fault.RolloutEnded, "move %d of rollout %s was overtaken by move %d: it changes nothing", p.Seq, p.ID, h.rollout.Seq)
		}
		r := h.rollout
		set := SetRevision{
			Endpoint: r.Endpoint, ModelName: r.BaselineName, ModelVersion: r.BaselineVersion, Run: r.Run, Actor: "rollout", Reason: p.Reason,
			Rollout: r.ID, ApprovedBy: r.ApprovedBy, Canary: r.variant(p.Canary), Shadow: r.variant(p.Shadow),
		}
		if p.Live {
			set.ModelName, set.ModelVersion = r.ModelName, r.ModelVersion
		}
		if out, err = appendRevision(ctx, tx, set, h.current.Revision, evidence); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update rollouts set seq = $2, state = $3, step = $4, changed = now() where id = $1`, p.ID, p.Seq, p.State, Clean(p.Step))
		return err
	})
	return out, err
}

// variant is the rollout's version with a share, or none.
func (r *Rollout) variant(share float64) *Variant {
	if share == 0 {
		return nil
	}
	return &Variant{ModelName: r.ModelName, ModelVersion: r.ModelVersion, Share: share}
}

// NoteRollout writes where an open rollout stands; RolloutEnded if it is not open.
func (db *DB) NoteRollout(ctx context.Context, p NoteRollout) error {
	return db.inTx(ctx, "note where rollout "+p.ID+" stands", func(tx pgx.Tx) error {
		h, err := holdRollout(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if h.rollout.Finished != nil {
			return h.rollout.ended()
		}
		_, err = tx.Exec(ctx, `update rollouts set state = $2, step = $3, approved_by = case when $4 = '' then approved_by else $4 end,
			approval_reason = case when $4 = '' then approval_reason else $5 end, changed = now() where id = $1`, p.ID, p.State, Clean(p.Step), Clean(p.ApprovedBy), Clean(p.ApprovalReason))
		return err
	})
}
