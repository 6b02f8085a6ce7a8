package metadata

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// Answer is an answered prediction (of a shadow: none) with the label in force, if there is one.
type Answer struct {
	Prediction
	Label   json.RawMessage // nil: none yet
	LabelAt *time.Time      // when the truth was known
}

// AnswerFilter says which answers of an endpoint EachAnswer gives.
type AnswerFilter struct {
	Endpoint       string
	Since          time.Time // asked at or after; zero: all
	Labelled       bool      // only those with a label
	Versions       []int     // of these model versions; none: of all
	ExceptVersions []int
}

// truth is the label in force of each target; a label of a request with several
// rows is joined to none of them.
const answersQuery = `with truth as materialized (
		select distinct on (target) target, value, observed_at, received_at, id from labels
		where endpoint = $1 order by target, observed_at desc, received_at desc, id desc)
	select p.id, p.endpoint, p.revision, p.model_name, p.model_version, p.at, p.request_id, p.features, p.outputs, p.status, p.error, p.latency_us, p.role,
		l.value, l.observed_at
	from predictions p
	left join truth a on a.target = 'p' || p.id::text
	left join truth b on b.target = 'r' || p.request_id and not exists (
		select from predictions q where q.endpoint = p.endpoint and q.at = p.at and q.request_id = p.request_id
			and q.id <> p.id and q.role <> 'shadow' and q.status = 200 and q.day between p.day - 1 and p.day + 1)
	cross join lateral (select a.id is null or (b.observed_at, b.received_at, b.id) > (a.observed_at, a.received_at, a.id) as newer) c
	cross join lateral (select case when b.id is not null and c.newer then b.value else a.value end as value,
		case when b.id is not null and c.newer then b.observed_at else a.observed_at end as observed_at) l
	where p.endpoint = $1 and p.role <> 'shadow' and p.status = 200 and p.at >= $2 and p.day >= $3
		and (not $4 or l.value is not null) and (cardinality($5::int[]) = 0 or p.model_version = any ($5)) and p.model_version <> all ($6)
	order by p.day, p.id`

// EachAnswer gives each the answered predictions that the filter admits, each
// with its label, in the order of their ids, one at a time; its error ends the
// walk and is returned. It reads one state of the tables, by a server-side stream:
// memory does not grow with the rows.
func (db *DB) EachAnswer(ctx context.Context, f AnswerFilter, each func(Answer) error) error {
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// How many labels there are is not known when the query is planned: a guess of
		// few would join them one by one.
		if _, err := tx.Exec(ctx, `set local enable_nestloop = off; set local jit = off`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, answersQuery, f.Endpoint, f.Since.UTC(), f.Since.UTC().Add(-24*time.Hour), // an id is made a moment before its request is dated
			f.Labelled, orNone(f.Versions), orNone(f.ExceptVersions))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Answer
			if err := rows.Scan(&p.ID, &p.Endpoint, &p.Revision, &p.ModelName, &p.ModelVersion, &p.At, &p.RequestID, &p.Features, &p.Outputs, &p.Status, &p.Error, &p.LatencyUS, &p.Role,
				&p.Label, &p.LabelAt); err != nil {
				return err
			}
			p.At, p.LabelAt = p.At.UTC(), utc(p.LabelAt)
			if err := each(p); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return fail(err, "read the predictions of "+f.Endpoint)
}

func orNone(list []int) []int {
	if list == nil {
		return []int{}
	}
	return list
}
