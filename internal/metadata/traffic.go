package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Traffic counts what was asked of an endpoint in a time, a row of a request one,
// shadows left out.
type Traffic struct {
	Asked    int64 `json:"asked"`
	Rejected int64 `json:"rejected"` // with 4xx
	Failed   int64 `json:"failed"`   // with 5xx
}

// EndpointTraffic is the traffic of one endpoint in the last hour and the last day.
type EndpointTraffic struct{ Hour, Day Traffic }

// Traffic counts the hour and the day before now, by endpoint.
func (db *DB) Traffic(ctx context.Context, now time.Time) (map[string]EndpointTraffic, error) {
	out := map[string]EndpointTraffic{}
	err := db.counted(ctx, "count the traffic of a day", func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `select endpoint, count(*) filter (where at >= $1), count(*) filter (where at >= $1 and status between 400 and 499), count(*) filter (where at >= $1 and status >= 500),
				count(*), count(*) filter (where status between 400 and 499), count(*) filter (where status >= 500)
			from predictions where at >= $2 and at <= $3 and day >= $4 and role <> 'shadow' group by endpoint`,
			now.UTC().Add(-time.Hour), now.UTC().Add(-24*time.Hour), now.UTC(), now.UTC().Add(-24*time.Hour-dayAround))
		var endpoint string
		var t EndpointTraffic
		_, err := pgx.ForEachRow(rows, []any{&endpoint, &t.Hour.Asked, &t.Hour.Rejected, &t.Hour.Failed, &t.Day.Asked, &t.Day.Rejected, &t.Day.Failed}, func() error {
			out[endpoint] = t
			return nil
		})
		return err
	})
	return out, err
}

// TrafficPart is the traffic of one part of a time.
type TrafficPart struct {
	Begins time.Time
	Traffic
	P50, P99 *float64 // of the latency of answers, µs; nil: there were none
}

// TrafficOver counts [from, to) in parts of the same length; parts without traffic
// are left out.
func (db *DB) TrafficOver(ctx context.Context, endpoint string, from, to time.Time, part time.Duration) (out []TrafficPart, err error) {
	err = db.counted(ctx, "count the traffic of "+endpoint, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `select date_bin($4::interval, at, $2), count(*), count(*) filter (where status between 400 and 499), count(*) filter (where status >= 500),
				percentile_cont(0.5) within group (order by latency_us) filter (where status = 200), percentile_cont(0.99) within group (order by latency_us) filter (where status = 200)
			from predictions where endpoint = $1 and at >= $2 and at < $3 and day between $5 and $6 and role <> 'shadow' group by 1 order by 1`,
			endpoint, from.UTC(), to.UTC(), part, from.UTC().Add(-dayAround), to.UTC().Add(dayAround))
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t TrafficPart, err error) {
			err = row.Scan(&t.Begins, &t.Asked, &t.Rejected, &t.Failed, &t.P50, &t.P99)
			t.Begins = t.Begins.UTC()
			return t, err
		})
		return err
	})
	return out, err
}

// Labelling is how the truth came to an endpoint in a time.
type Labelling struct {
	Labels      int64    // that came, of the newest LabellingRows
	Targets     int64    // predictions or requests that they are of
	Corrected   int64    // targets that got another value later
	Conflicting int64    // targets of which two values were known at the same time
	Joined      int64    // labels whose answer is in the audit table
	P50, P90    *float64 // seconds from an answer to its label; nil: none is joined
	Last        *time.Time
}

// LabellingRows bounds the labels that Labelling looks at.
const LabellingRows = 50_000

const labelling = `with recent as materialized (
		select target, prediction_id, request_id, value, observed_at, received_at from labels where endpoint = $1 and received_at >= $2 order by received_at desc limit $3),
	targets as (select target, count(distinct value) > 1 as several from recent group by target),
	torn as (select distinct target from recent group by target, observed_at having count(distinct value) > 1),
	told as (
		select r.received_at, p.at from recent r join predictions p on p.id = r.prediction_id
			and p.day = (timezone('UTC', to_timestamp(('x' || left(replace(r.prediction_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)))::date
			where p.endpoint = $1 and p.status = 200 and p.role <> 'shadow'
		union all
		select r.received_at, p.at from recent r cross join lateral (
			select min(q.at) as at from predictions q where q.endpoint = $1 and q.request_id = r.request_id and q.status = 200 and q.role <> 'shadow' having count(*) = 1) p
			where r.request_id is not null)
	select (select count(*) from recent), (select count(*) from targets), (select count(*) from targets where several and target not in (select target from torn)), (select count(*) from torn),
		(select count(*) from told), (select percentile_cont(0.5) within group (order by extract(epoch from received_at - at)) from told),
		(select percentile_cont(0.9) within group (order by extract(epoch from received_at - at)) from told), (select max(received_at) from recent)`

// Labelling counts the labels that have come to an endpoint since then.
func (db *DB) Labelling(ctx context.Context, endpoint string, since time.Time) (l Labelling, err error) {
	err = db.counted(ctx, "count the labels of "+endpoint, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, labelling, endpoint, since.UTC(), LabellingRows).Scan(&l.Labels, &l.Targets, &l.Corrected, &l.Conflicting, &l.Joined, &l.P50, &l.P90, &l.Last)
	})
	l.Last = utc(l.Last)
	return l, err
}
