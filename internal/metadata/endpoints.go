package metadata

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// EndpointsChannel is notified, with the JSON of EndpointChange, in the
// transaction that moves an endpoint.
const EndpointsChannel = "esteira_endpoints"

// EndpointChange is the payload on EndpointsChannel.
type EndpointChange struct {
	Endpoint string `json:"endpoint"`
	Revision int64  `json:"revision"`
}

const revisionQuery = `select r.endpoint, r.revision, r.model_name, r.model_version, r.run, r.actor, r.reason, r.evidence, r.previous, r.created,
		coalesce(m.bundle_digest, ''), coalesce(m.bundle_size, 0), coalesce(m.bundle_media_type, '')
	from revisions r left join model_versions m on m.name = r.model_name and m.version = r.model_version `

func scanRevision(row pgx.CollectableRow) (r Revision, err error) {
	err = row.Scan(&r.Endpoint, &r.Revision, &r.ModelName, &r.ModelVersion, &r.Run, &r.Actor, &r.Reason, &r.Evidence, &r.Previous, &r.Created,
		&r.Bundle.Digest, &r.Bundle.Size, &r.Bundle.MediaType)
	r.Created = r.Created.UTC()
	return r, err
}

// SetRevision moves an endpoint from the revision the caller saw to a new one
// that serves the model version (none, if that is 0: the endpoint then answers
// nothing), and notifies the servers. The endpoint's
// revision is a fencing number: it grows by one, and a caller that saw an older
// one gets EndpointConflict, with the current revision as details.
//
// A run gets its own revision back, with no second one made, if it already
// moved the endpoint from Expected to the same model version, or if that is
// what is live: a retried activity may call again.
func (db *DB) SetRevision(ctx context.Context, p SetRevision) (Revision, error) {
	evidence, err := encode(p.Evidence, "{}")
	if err != nil {
		return Revision{}, err
	}
	var out Revision
	err = db.inTx(ctx, "move endpoint "+p.Endpoint, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into endpoints (name) values ($1) on conflict do nothing`, p.Endpoint); err != nil {
			return err
		}
		var current int64
		if err := tx.QueryRow(ctx, `select revision from endpoints where name = $1 for update`, p.Endpoint).Scan(&current); err != nil {
			return err
		}
		if p.Run != "" {
			own, found, err := ownRevision(ctx, tx, p, current)
			if err != nil || found {
				out = own
				return err
			}
		}
		if current != p.Expected {
			return fault.New(fault.EndpointConflict, "endpoint %s is at revision %d, not %d as seen when the change was decided", p.Endpoint, current, p.Expected).
				WithRemedy("look at the endpoint, and decide again").WithDetails(EndpointChange{p.Endpoint, current})
		}
		out, err = appendRevision(ctx, tx, p, current, evidence)
		return err
	})
	return out, err
}

func ownRevision(ctx context.Context, tx pgx.Tx, p SetRevision, current int64) (Revision, bool, error) {
	rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision in ($2, $3) and r.run = $4 and r.model_name = $5 and r.model_version = $6
		order by r.revision desc limit 1`, p.Endpoint, p.Expected+1, current, p.Run, p.ModelName, p.ModelVersion)
	own, err := pgx.CollectExactlyOneRow(rows, scanRevision)
	if errors.Is(err, pgx.ErrNoRows) {
		return Revision{}, false, nil
	}
	return own, err == nil, err
}

func appendRevision(ctx context.Context, tx pgx.Tx, p SetRevision, current int64, evidence string) (Revision, error) {
	payload, err := json.Marshal(EndpointChange{p.Endpoint, current + 1})
	if err != nil {
		return Revision{}, err
	}
	var known bool
	if err := tx.QueryRow(ctx, `select exists (select from model_versions where name = $1 and version = $2)`, p.ModelName, p.ModelVersion).Scan(&known); err != nil {
		return Revision{}, err
	}
	if !known && p.ModelVersion > 0 {
		return Revision{}, fault.New(fault.NotFound, "version %d of model %q does not exist", p.ModelVersion, p.ModelName)
	}
	batch := &pgx.Batch{}
	batch.Queue(`insert into revisions (endpoint, revision, model_name, model_version, run, actor, reason, evidence, previous) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		p.Endpoint, current+1, p.ModelName, p.ModelVersion, p.Run, p.Actor, clean(p.Reason), evidence, current)
	batch.Queue(`update endpoints set revision = $2 where name = $1`, p.Endpoint, current+1)
	batch.Queue(`select pg_notify($1, $2)`, EndpointsChannel, string(payload))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return Revision{}, err
	}
	rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision = $2`, p.Endpoint, current+1)
	return pgx.CollectExactlyOneRow(rows, scanRevision)
}

// Endpoint returns an endpoint with what is live on it; EndpointNotFound if it
// never was deployed to.
func (db *DB) Endpoint(ctx context.Context, name string) (Endpoint, error) {
	all, err := db.endpoints(ctx, `where e.name = $1`, name)
	if err != nil {
		return Endpoint{}, err
	}
	if len(all) == 0 {
		return Endpoint{}, fault.New(fault.EndpointNotFound, "endpoint %q does not exist", name).WithRemedy("list them with: esteira endpoints list")
	}
	return all[0], nil
}

// Endpoints lists every endpoint with what is live on it, by name.
func (db *DB) Endpoints(ctx context.Context) ([]Endpoint, error) { return db.endpoints(ctx, ``) }

func (db *DB) endpoints(ctx context.Context, where string, args ...any) ([]Endpoint, error) {
	// One statement, so that an endpoint and its revision are of one moment.
	rows, _ := db.pool.Query(ctx, `select e.name, e.revision, e.created, r.model_name, r.model_version, r.run, r.actor, r.reason, r.evidence, r.previous, r.created,
			coalesce(m.bundle_digest, ''), coalesce(m.bundle_size, 0), coalesce(m.bundle_media_type, '')
		from endpoints e
		left join revisions r on r.endpoint = e.name and r.revision = e.revision
		left join model_versions m on m.name = r.model_name and m.version = r.model_version `+where+` order by e.name`, args...)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Endpoint, error) {
		var e Endpoint
		if row.RawValues()[3] == nil {
			err := row.Scan(&e.Name, &e.Revision, &e.Created, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
			e.Created = e.Created.UTC()
			return e, err
		}
		r := &Revision{}
		err := row.Scan(&e.Name, &e.Revision, &e.Created, &r.ModelName, &r.ModelVersion, &r.Run, &r.Actor, &r.Reason, &r.Evidence, &r.Previous, &r.Created,
			&r.Bundle.Digest, &r.Bundle.Size, &r.Bundle.MediaType)
		r.Endpoint, r.Revision, r.Created, e.Created = e.Name, e.Revision, r.Created.UTC(), e.Created.UTC()
		if r.ModelVersion > 0 {
			e.Live = r
		}
		return e, err
	})
	return out, fail(err, "list endpoints")
}

// Revisions lists the history of an endpoint, newest first, at most limit.
func (db *DB) Revisions(ctx context.Context, endpoint string, limit int) ([]Revision, error) {
	rows, _ := db.pool.Query(ctx, revisionQuery+`where r.endpoint = $1 order by r.revision desc limit $2`, endpoint, limit)
	out, err := pgx.CollectRows(rows, scanRevision)
	return out, fail(err, "list the revisions of "+endpoint)
}
