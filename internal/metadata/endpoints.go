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

// revisionColumns are those of revisions r, joined with the versions that it serves
// (revisionJoins).
const (
	revisionColumns = `r.endpoint, r.revision, r.model_name, r.model_version, r.run, r.actor, r.reason, r.evidence, r.previous, r.created, r.rollout, r.approved_by, r.takes_back,
		coalesce(m.bundle_digest, ''), coalesce(m.bundle_size, 0), coalesce(m.bundle_media_type, ''),
		r.canary_name, r.canary_version, r.canary_share, coalesce(c.bundle_digest, ''), coalesce(c.bundle_size, 0), coalesce(c.bundle_media_type, ''),
		r.shadow_name, r.shadow_version, r.shadow_share, coalesce(s.bundle_digest, ''), coalesce(s.bundle_size, 0), coalesce(s.bundle_media_type, '')`
	revisionJoins = ` left join model_versions m on m.name = r.model_name and m.version = r.model_version
		left join model_versions c on c.name = r.canary_name and c.version = r.canary_version
		left join model_versions s on s.name = r.shadow_name and s.version = r.shadow_version `
	revisionQuery = `select ` + revisionColumns + ` from revisions r` + revisionJoins
)

// fields are where a revision's columns go; settle ends the scan.
func (r *Revision) fields() []any {
	r.Canary, r.Shadow = &Variant{}, &Variant{}
	out := []any{&r.Endpoint, &r.Revision, &r.ModelName, &r.ModelVersion, &r.Run, &r.Actor, &r.Reason, &r.Evidence, &r.Previous, &r.Created, &r.Rollout, &r.ApprovedBy, &r.TakesBack,
		&r.Bundle.Digest, &r.Bundle.Size, &r.Bundle.MediaType}
	for _, v := range []*Variant{r.Canary, r.Shadow} {
		out = append(out, &v.ModelName, &v.ModelVersion, &v.Share, &v.Bundle.Digest, &v.Bundle.Size, &v.Bundle.MediaType)
	}
	return out
}

func (r *Revision) settle() {
	r.Created = r.Created.UTC()
	if r.Canary.ModelVersion == 0 {
		r.Canary = nil
	}
	if r.Shadow.ModelVersion == 0 {
		r.Shadow = nil
	}
}

func scanRevision(row pgx.CollectableRow) (r Revision, err error) {
	err = row.Scan(r.fields()...)
	r.settle()
	return r, err
}

// SetRevision moves an endpoint from the revision the caller saw to a new one
// that serves the model version (none, if that is 0: the endpoint then answers
// nothing) and its variants, and notifies the servers. The endpoint's
// revision is a fencing number: it grows by one, and a caller that saw an older
// one gets EndpointConflict, with the current revision as details.
//
// While a rollout is under way nobody else moves the endpoint: EndpointConflict.
//
// A run gets its own revision back, with no second one made, if it already
// moved the endpoint from Expected to the same model versions and shares, or if
// that is what is live: a retried activity may call again.
func (db *DB) SetRevision(ctx context.Context, p SetRevision) (Revision, error) {
	evidence, err := encode(p.Evidence, "{}")
	if err != nil {
		return Revision{}, err
	}
	var out Revision
	err = db.inTx(ctx, "move endpoint "+p.Endpoint, func(tx pgx.Tx) error {
		current, err := lockEndpoint(ctx, tx, p.Endpoint)
		if err != nil {
			return err
		}
		if open, err := openRollout(ctx, tx, p.Endpoint); err != nil {
			return err
		} else if open != nil {
			return fault.New(fault.EndpointConflict, "rollout %s is moving endpoint %s", open.ID, p.Endpoint).
				WithRemedy("end it first: esteira rollback %s --reason …", p.Endpoint).WithDetails(EndpointChange{p.Endpoint, current})
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

// lockEndpoint makes the endpoint if it is new, and holds it until the transaction
// ends. A process that is frozen while it holds it loses it: nobody else could take
// anything back meanwhile.
func lockEndpoint(ctx context.Context, tx pgx.Tx, name string) (revision int64, err error) {
	if _, err := tx.Exec(ctx, `set local idle_in_transaction_session_timeout = '5s'`); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `insert into endpoints (name) values ($1) on conflict do nothing`, name); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `select revision from endpoints where name = $1 for update`, name).Scan(&revision)
	return revision, err
}

func ownRevision(ctx context.Context, tx pgx.Tx, p SetRevision, current int64) (Revision, bool, error) {
	c, s := orVariant(p.Canary), orVariant(p.Shadow)
	rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision in ($2, $3) and r.run = $4 and r.model_name = $5 and r.model_version = $6
		and (r.canary_name, r.canary_version, r.canary_share, r.shadow_name, r.shadow_version, r.shadow_share) = ($7, $8, $9, $10, $11, $12)
		order by r.revision desc limit 1`, p.Endpoint, p.Expected+1, current, p.Run, p.ModelName, p.ModelVersion,
		c.ModelName, c.ModelVersion, c.Share, s.ModelName, s.ModelVersion, s.Share)
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
	c, s := orVariant(p.Canary), orVariant(p.Shadow)
	for _, v := range []Variant{{ModelName: p.ModelName, ModelVersion: p.ModelVersion, Share: 1}, c, s} {
		if err := checkVariant(ctx, tx, v); err != nil {
			return Revision{}, err
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`insert into revisions (endpoint, revision, model_name, model_version, run, actor, reason, evidence, previous, rollout, approved_by,
			canary_name, canary_version, canary_share, shadow_name, shadow_version, shadow_share, takes_back, created)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, clock_timestamp())`,
		p.Endpoint, current+1, p.ModelName, p.ModelVersion, p.Run, p.Actor, Clean(p.Reason), evidence, current, p.Rollout, p.ApprovedBy,
		c.ModelName, c.ModelVersion, c.Share, s.ModelName, s.ModelVersion, s.Share, p.TakesBack)
	batch.Queue(`update endpoints set revision = $2 where name = $1`, p.Endpoint, current+1)
	batch.Queue(`select pg_notify($1, $2)`, EndpointsChannel, string(payload))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return Revision{}, err
	}
	rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision = $2`, p.Endpoint, current+1)
	return pgx.CollectExactlyOneRow(rows, scanRevision)
}

// orVariant is no variant where there is none.
func orVariant(v *Variant) Variant {
	if v == nil {
		return Variant{}
	}
	return *v
}

// checkVariant refuses a version that does not exist, and one that would get no
// requests or more than there are. Version 0 is none.
func checkVariant(ctx context.Context, tx pgx.Tx, v Variant) error {
	if v.ModelVersion == 0 {
		return nil
	}
	if !(v.Share > 0 && v.Share <= 1) {
		return fault.New(fault.RequestInvalid, "version %d of model %q cannot take %v of the requests", v.ModelVersion, v.ModelName, v.Share).
			WithRemedy("give a share above 0 and at most 1")
	}
	var known bool
	if err := tx.QueryRow(ctx, `select exists (select from model_versions where name = $1 and version = $2)`, v.ModelName, v.ModelVersion).Scan(&known); err != nil {
		return err
	}
	if !known {
		return fault.New(fault.NotFound, "version %d of model %q does not exist", v.ModelVersion, v.ModelName)
	}
	return nil
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
	rows, _ := db.pool.Query(ctx, `select e.name, e.revision, e.created, `+revisionColumns+` from endpoints e
		left join revisions r on r.endpoint = e.name and r.revision = e.revision`+revisionJoins+where+` order by e.name`, args...)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Endpoint, error) {
		var e Endpoint
		into := []any{&e.Name, &e.Revision, &e.Created}
		r := &Revision{}
		for _, field := range r.fields() {
			if row.RawValues()[3] == nil {
				field = nil // an endpoint before its first revision
			}
			into = append(into, field)
		}
		err := row.Scan(into...)
		r.settle()
		e.Created = e.Created.UTC()
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
