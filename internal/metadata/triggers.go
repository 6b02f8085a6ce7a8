package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Trigger is something that asked for a retraining, and what became of it.
type Trigger struct {
	Pipeline string    `json:"pipeline"`
	Key      string    `json:"key"`
	Kind     string    `json:"kind"`
	Reason   string    `json:"reason,omitempty"`
	Outcome  string    `json:"outcome"` // started, remembered, dropped
	Why      string    `json:"why,omitempty"`
	Run      string    `json:"run,omitempty"`
	At       time.Time `json:"at"` // when it was decided first
}

// RecordTrigger writes what became of a trigger; the last word wins.
func (db *DB) RecordTrigger(ctx context.Context, t Trigger) error {
	return db.exec(ctx, "record a trigger of "+t.Pipeline, `insert into triggers (pipeline, key, kind, reason, outcome, why, run, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (pipeline, key) do update set outcome = excluded.outcome, why = excluded.why, run = excluded.run`,
		t.Pipeline, t.Key, t.Kind, Clean(t.Reason), t.Outcome, Clean(t.Why), t.Run, orNow(t.At))
}

// Triggers lists the latest triggers of a pipeline, newest first, at most limit.
func (db *DB) Triggers(ctx context.Context, pipeline string, limit int) ([]Trigger, error) {
	rows, _ := db.pool.Query(ctx, `select pipeline, key, kind, reason, outcome, why, run, at from triggers where pipeline = $1 order by at desc, key limit $2`, pipeline, limit)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Trigger, err error) {
		err = row.Scan(&t.Pipeline, &t.Key, &t.Kind, &t.Reason, &t.Outcome, &t.Why, &t.Run, &t.At)
		t.At = t.At.UTC()
		return t, err
	})
	return out, fail(err, "list the triggers of "+pipeline)
}

// NewLabels counts the targets of an endpoint of which a label has come since then. Both
// moments are of the caller's clock, of which the database, whose clock labels have,
// believes only the time between them.
func (db *DB) NewLabels(ctx context.Context, endpoint string, since, now time.Time) (n int64, err error) {
	err = db.pool.QueryRow(ctx, `select count(distinct target) from labels where endpoint = $1 and received_at > clock_timestamp() - make_interval(secs => $2)`,
		endpoint, now.Sub(since).Seconds()).Scan(&n)
	return n, fail(err, "count the labels of "+endpoint)
}

// LastRunBegan is when the last run of a pipeline began that learned, or was to; zero:
// there was none.
func (db *DB) LastRunBegan(ctx context.Context, pipeline string) (time.Time, error) {
	var at *time.Time
	err := db.pool.QueryRow(ctx, `select max(started) from runs where pipeline = $1 and trigger not in ('score', 'reproduce', 'import')`, pipeline).Scan(&at)
	if err != nil || at == nil {
		return time.Time{}, fail(err, "look up the last run of "+pipeline)
	}
	return at.UTC(), nil
}

// FirstLabelled is when the oldest of the answers was asked that got a label after
// since and at or before until; ok is false if none did.
func (db *DB) FirstLabelled(ctx context.Context, endpoint string, since, until time.Time) (at time.Time, ok bool, err error) {
	var first *time.Time
	err = db.pool.QueryRow(ctx, `select min(p.at) from labels l join predictions p
			on p.endpoint = l.endpoint and p.role <> 'shadow' and (p.id = l.prediction_id or p.request_id = l.request_id)
		where l.endpoint = $1 and l.received_at > $2 and l.received_at <= $3`, endpoint, since.UTC(), until.UTC()).Scan(&first)
	if err != nil || first == nil {
		return time.Time{}, false, fail(err, "look up the labelled answers of "+endpoint)
	}
	return first.UTC(), true, nil
}
