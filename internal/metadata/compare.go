package metadata

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// RoleAnswers asks for the answers of a revision in one role.
type RoleAnswers struct {
	Endpoint string
	Revision int64
	Role     Role
	Since    time.Time
	Limit    int // the newest so many
}

// RoleAnswer is one of them, with the label in force of what was asked.
type RoleAnswer struct {
	Status    int
	LatencyUS int
	Outputs   json.RawMessage
	Label     json.RawMessage // nil: none yet
}

// A shadow's truth is that of the prediction it shadows. A label that names a
// request counts where that has one row.
const roleAnswersQuery = `with newest as (
		select id, coalesce(shadow_of, id) as answered, request_id, at, status, latency_us, outputs
		from predictions where endpoint = $1 and revision = $2 and role = $3 and at >= $4 and day >= $5
		order by at desc, id desc limit $6),
	asked as (select *, count(*) over (partition by request_id, at) as rows from newest)
	select a.status, a.latency_us, a.outputs, l.value from asked a
	left join lateral (select value from labels l where l.endpoint = $1
		and (l.target = 'p' || a.answered::text or a.rows = 1 and l.target = 'r' || a.request_id)
		order by l.observed_at desc, l.received_at desc, l.id desc limit 1) l on true`

// EachRoleAnswer gives each one answer after another; the order is not told.
func (db *DB) EachRoleAnswer(ctx context.Context, p RoleAnswers, each func(RoleAnswer)) error {
	rows, err := db.pool.Query(ctx, roleAnswersQuery, p.Endpoint, p.Revision, p.Role, p.Since.UTC(), p.Since.UTC().Add(-24*time.Hour), p.Limit)
	if err == nil {
		var a RoleAnswer
		_, err = pgx.ForEachRow(rows, []any{&a.Status, &a.LatencyUS, &a.Outputs, &a.Label}, func() error {
			each(a)
			a = RoleAnswer{}
			return nil
		})
	}
	return fail(err, "read what revision of "+p.Endpoint+" answered")
}

// Asked is an answered row of the past.
type Asked struct {
	ID       uuid.UUID
	Features json.RawMessage
	Outputs  json.RawMessage
}

// EachAsked gives each the newest rows that a model version answered on an endpoint,
// newest first, at most limit.
func (db *DB) EachAsked(ctx context.Context, endpoint, model string, version, limit int, each func(Asked) error) error {
	rows, err := db.pool.Query(ctx, `select id, features, outputs from predictions
		where endpoint = $1 and model_name = $2 and model_version = $3 and status = 200 and role <> 'shadow' order by at desc limit $4`, endpoint, model, version, limit)
	if err == nil {
		var a Asked
		_, err = pgx.ForEachRow(rows, []any{&a.ID, &a.Features, &a.Outputs}, func() error {
			defer func() { a = Asked{} }()
			return each(a)
		})
	}
	return fail(err, "read what was asked of "+endpoint)
}
