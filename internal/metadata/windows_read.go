package metadata

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// dayAround widens the days that a window is looked for in: an id, whose day it is, is
// made a moment before its request is dated.
const dayAround = 24 * time.Hour

// inWindow holds of the requests p of an endpoint in an interval, shadows left out, whose
// windowArgs are the first five arguments.
const inWindow = `p.endpoint = $1 and p.role <> 'shadow' and p.at >= $2 and p.at < $3 and p.day between $4 and $5`

func windowArgs(endpoint string, from, to time.Time) []any {
	return []any{endpoint, from.UTC(), to.UTC(), from.UTC().Add(-dayAround), to.UTC().Add(dayAround)}
}

// VersionKey names a model version.
type VersionKey struct {
	Name    string
	Version int
}

// VersionsAsked lists the model versions that answered on an endpoint in a window,
// shadows left out, by name and number, at most limit.
func (db *DB) VersionsAsked(ctx context.Context, endpoint string, from, to time.Time, limit int) (out []VersionKey, err error) {
	err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local jit = off`); err != nil { // it takes longer than what it would speed up
			return err
		}
		rows, _ := tx.Query(ctx, `select distinct p.model_name, p.model_version from predictions p
			where p.model_version > 0 and `+inWindow+` order by 1, 2 limit $6`, append(windowArgs(endpoint, from, to), limit)...)
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[VersionKey])
		return err
	})
	return out, fail(err, "list the model versions that answered on "+endpoint)
}

// What a window reads of its requests; the rest costs the database, and is of no use.
const windowRequests = `select p.id, p.model_name, p.model_version, p.at, p.status, p.latency_us, p.features, p.outputs, null::jsonb
	from predictions p where ` + inWindow

// A window reads the labels of its own answers alone, whatever else is labelled; a label
// of a request with several rows is joined to none of them. What is joined and put in
// order is narrow: features are read once, as they stand.
const windowLabelled = `with asked as materialized (
		select p.day, p.id, p.request_id, p.at from predictions p
		where p.status = 200 and ` + inWindow + `),
	of_requests as (
		select distinct on (a.day, a.id) a.day, a.id, a.request_id, a.at, l.value, l.observed_at, l.received_at, l.id as label
		from asked a join labels l on l.endpoint = $1 and l.target = 'r' || a.request_id
		order by a.day, a.id, l.observed_at desc, l.received_at desc, l.id desc),
	told as materialized (
		select distinct on (day, id) day, id, value from (
			select a.day, a.id, l.value, l.observed_at, l.received_at, l.id as label, 1 as rows from asked a join labels l on l.endpoint = $1 and l.target = 'p' || a.id::text
			union all
			select day, id, value, observed_at, received_at, label, count(*) over (partition by request_id, at) from of_requests) l
		where rows = 1 order by day, id, observed_at desc, received_at desc, label desc)
	select p.id, p.model_name, p.model_version, p.at, p.status, p.latency_us, p.features, p.outputs, t.value
	from predictions p left join told t on t.day = p.day and t.id = p.id
	where ` + inWindow

// EachRequest gives each every request of a window, answered or not, shadows left
// out, with the label in force, by a server-side stream of one state of the tables, in
// any order. Of a request it gives what a window is made of: when and by which model
// version it was answered and how, features, outputs and label, whose bytes are valid
// until each returns. labelsSeen is the latest arrival of a label in that
// state (the epoch: none): labels of an endpoint are written one batch after
// another, so that all that are not in it came later.
func (db *DB) EachRequest(ctx context.Context, endpoint string, from, to time.Time, each func(Answer) error) (labelsSeen time.Time, err error) {
	err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// With room to join the labels of an hour, for which features need not be put in order.
		if _, err := tx.Exec(ctx, `set local jit = off; set local work_mem = '32MB'; set local enable_mergejoin = off`); err != nil {
			return err
		}
		var labelled *time.Time
		if err := tx.QueryRow(ctx, `select max(received_at) from labels where endpoint = $1`, endpoint).Scan(&labelled); err != nil {
			return err
		}
		query := windowRequests
		labelsSeen = time.Unix(0, 0).UTC()
		if labelled != nil {
			query, labelsSeen = windowLabelled, labelled.UTC()
		}
		rows, err := tx.Query(ctx, query, windowArgs(endpoint, from, to)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		p := Answer{Prediction: Prediction{Endpoint: endpoint}}
		var model, features, outputs, label pgtype.DriverBytes
		into := []any{(*[16]byte)(&p.ID), &model, &p.ModelVersion, &p.At, &p.Status, &p.LatencyUS, &features, &outputs, &label}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return err
			}
			if p.ModelName != string(model) {
				p.ModelName = string(model)
			}
			p.At, p.Features, p.Outputs, p.Label = p.At.UTC(), json.RawMessage(features), json.RawMessage(outputs), json.RawMessage(label)
			if err := each(p); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return labelsSeen, fail(err, "read the requests of "+endpoint)
}
