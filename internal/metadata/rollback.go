package metadata

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// RollBack takes back what is under way or live on an endpoint, by compare-and-set:
// an open rollout is ended, else the endpoint serves again the version that was live
// before the present one and was not itself taken back. It returns the revision that
// is live (the zero one if there never was any), and the rollout it ended, or nil.
//
// It is EndpointConflict if the open rollout is another than the caller saw or, where it
// saw none, the endpoint is not at Expected; and NotFound if nothing good was live before.
// A rollout that moved on meanwhile is ended all the same.
func (db *DB) RollBack(ctx context.Context, p RollBack) (out Revision, ended *Rollout, err error) {
	err = db.inTx(ctx, "roll back endpoint "+p.Endpoint, func(tx pgx.Tx) error {
		var number int64
		if err := tx.QueryRow(ctx, `select revision from endpoints where name = $1 for update`, p.Endpoint).Scan(&number); err != nil {
			return orNotFound(err, "endpoint %q", p.Endpoint)
		}
		if p.Rollout == "" && number != p.Expected {
			return fault.New(fault.EndpointConflict, "endpoint %s is at revision %d, not %d as seen when the change was decided", p.Endpoint, number, p.Expected).
				WithRemedy("look at the endpoint, and decide again").WithDetails(EndpointChange{p.Endpoint, number})
		}
		open, err := openRollout(ctx, tx, p.Endpoint)
		if err != nil {
			return err
		}
		if open.orEmpty() != p.Rollout {
			return fault.New(fault.EndpointConflict, "another rollout of endpoint %s is under way than was seen when the change was decided, or none", p.Endpoint).
				WithRemedy("look at them, and decide again: esteira rollouts list --endpoint %s", p.Endpoint).WithDetails(EndpointChange{p.Endpoint, number})
		}
		if open != nil {
			h, err := hold(ctx, tx, p.Endpoint, open.ID)
			if err != nil {
				return err
			}
			if number, err = open.end(ctx, tx, h.current, EndRollout{State: RolloutRolledBack, Actor: p.Actor, Reason: p.Reason, Evidence: directly(*open)}); err != nil {
				return err
			}
			ended = open
		} else if number, err = takeBack(ctx, tx, p, number); err != nil {
			return err
		}
		if number == 0 { // its first rollout, which had not moved it
			return nil
		}
		rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision = $2`, p.Endpoint, number)
		out, err = pgx.CollectExactlyOneRow(rows, scanRevision)
		return err
	})
	return out, ended, err
}

// orEmpty is the id, or "" of none.
func (r *Rollout) orEmpty() string {
	if r == nil {
		return ""
	}
	return r.ID
}

// takeBack makes a revision of the version that was live before.
func takeBack(ctx context.Context, tx pgx.Tx, p RollBack, current int64) (int64, error) {
	rows, _ := tx.Query(ctx, `select revision, model_name, model_version, takes_back from revisions where endpoint = $1 order by revision`, p.Endpoint)
	history, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Revision, err error) {
		err = row.Scan(&r.Revision, &r.ModelName, &r.ModelVersion, &r.TakesBack)
		return r, err
	})
	if err != nil {
		return 0, err
	}
	before, ok := goodBefore(history)
	if !ok {
		return 0, fault.New(fault.NotFound, "nothing good was live on endpoint %s before revision %d", p.Endpoint, current).
			WithRemedy("look at what was: esteira endpoints history %s", p.Endpoint)
	}
	made, err := appendRevision(ctx, tx, SetRevision{Endpoint: p.Endpoint, ModelName: before.ModelName, ModelVersion: before.ModelVersion,
		Actor: p.Actor, Reason: p.Reason, TakesBack: current}, current, fmt.Sprintf(`{"as_revision": %d}`, before.Revision))
	if err != nil {
		return 0, err
	}
	return made.Revision, setAlias(ctx, tx, Alias{Model: before.ModelName, Alias: Champion, Version: before.ModelVersion, Actor: p.Actor, Reason: p.Reason,
		Evidence: fmt.Appendf(nil, `{"endpoint": %q, "revision": %d}`, p.Endpoint, made.Revision)})
}

// goodBefore is the revision that first served the version that was live before the
// present one, what was taken back left out. history is oldest first. Those that
// stand are a stack: taking back takes the top off.
func goodBefore(history []Revision) (Revision, bool) {
	var stack []Revision
	for _, r := range history {
		same := func(s Revision) bool { return s.ModelName == r.ModelName && s.ModelVersion == r.ModelVersion }
		if r.TakesBack > 0 {
			for len(stack) > 0 && !same(stack[len(stack)-1]) {
				stack = stack[:len(stack)-1]
			}
		}
		if len(stack) == 0 || !same(stack[len(stack)-1]) {
			stack = append(stack, r)
		}
	}
	if len(stack) < 2 || stack[len(stack)-2].ModelVersion == 0 {
		return Revision{}, false
	}
	return stack[len(stack)-2], true
}

// RevisionAt is what an endpoint served at a time; NotFound before its first.
func (db *DB) RevisionAt(ctx context.Context, endpoint string, at time.Time) (Revision, error) {
	rows, _ := db.pool.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.created <= $2 order by r.revision desc limit 1`, endpoint, at.UTC())
	r, err := pgx.CollectExactlyOneRow(rows, scanRevision)
	return r, orNotFound(err, "a revision of endpoint %q at %s", endpoint, at.UTC().Format(time.RFC3339))
}

// Rollout returns a rollout by its id, or the newest of a run or of an endpoint.
func (db *DB) Rollout(ctx context.Context, name string) (Rollout, error) {
	rows, _ := db.pool.Query(ctx, `select `+rolloutColumns+` from rollouts where id = $1 or run = $1 or endpoint = $1 order by id = $1 desc, started desc limit 1`, name)
	r, err := pgx.CollectExactlyOneRow(rows, scanRollout)
	return r, orNotFound(err, "a rollout of %q", name)
}

// Rollouts lists those of an endpoint (empty: of all), newest first, at most limit.
func (db *DB) Rollouts(ctx context.Context, endpoint string, limit int) ([]Rollout, error) {
	rows, _ := db.pool.Query(ctx, `select `+rolloutColumns+` from rollouts where $1 = '' or endpoint = $1 order by started desc, id limit $2`, endpoint, limit)
	out, err := pgx.CollectRows(rows, scanRollout)
	return out, fail(err, "list rollouts")
}

// OpenRollout is the rollout under way on an endpoint, or nil.
func (db *DB) OpenRollout(ctx context.Context, endpoint string) (out *Rollout, err error) {
	err = db.inTx(ctx, "look for a rollout of "+endpoint, func(tx pgx.Tx) error { out, err = openRollout(ctx, tx, endpoint); return err })
	return out, err
}
