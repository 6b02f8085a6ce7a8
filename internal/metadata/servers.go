package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Heartbeat says that a server lives. Ages are by the database's clock, so that
// servers need not agree about the time.
func (db *DB) Heartbeat(ctx context.Context, s Server) error {
	return db.exec(ctx, "report that server "+s.ID+" lives", `insert into servers (id, address, started) values ($1, $2, $3)
		on conflict (id) do update set address = excluded.address, started = excluded.started, seen = now()`, s.ID, s.Address, orNow(s.Started))
}

// RemoveServer takes a server that stops off the list, with its reports.
func (db *DB) RemoveServer(ctx context.Context, id string) error {
	return db.exec(ctx, "remove server "+id, `delete from servers where id = $1`, id)
}

// LiveServers lists the servers heard of within that time, by id.
func (db *DB) LiveServers(ctx context.Context, within time.Duration) ([]Server, error) {
	rows, _ := db.pool.Query(ctx, `select id, address, started, seen from servers where seen > now() - make_interval(secs => $1) order by id`, within.Seconds())
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Server, err error) {
		err = row.Scan(&s.ID, &s.Address, &s.Started, &s.Seen)
		s.Started, s.Seen = s.Started.UTC(), s.Seen.UTC()
		return s, err
	})
	return out, fail(err, "list prediction servers")
}

// ReportRevision writes what a server made of a revision; the last word wins,
// but the first AnsweredAt stays. The server must have sent a heartbeat.
func (db *DB) ReportRevision(ctx context.Context, r RevisionReport) error {
	return db.exec(ctx, "report on endpoint "+r.Endpoint, `insert into server_revisions (server, endpoint, revision, state, error, answered_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (server, endpoint, revision) do update set state = excluded.state, error = excluded.error,
			answered_at = coalesce(server_revisions.answered_at, excluded.answered_at), changed = now()`,
		r.Server, r.Endpoint, r.Revision, r.State, Clean(r.Error), utc(r.AnsweredAt))
}

// RevisionReports lists what every server said about a revision, by server.
func (db *DB) RevisionReports(ctx context.Context, endpoint string, revision int64) ([]RevisionReport, error) {
	rows, _ := db.pool.Query(ctx, `select server, endpoint, revision, state, error, answered_at, changed
		from server_revisions where endpoint = $1 and revision = $2 order by server`, endpoint, revision)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r RevisionReport, err error) {
		err = row.Scan(&r.Server, &r.Endpoint, &r.Revision, &r.State, &r.Error, &r.AnsweredAt, &r.Changed)
		r.AnsweredAt, r.Changed = utc(r.AnsweredAt), r.Changed.UTC()
		return r, err
	})
	return out, fail(err, "list the servers' reports on "+endpoint)
}
