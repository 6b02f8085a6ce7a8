package metadata

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Hour is what the requests of an endpoint in one hour of UTC came to.
type Hour struct {
	Begins   time.Time
	Requests int64
	Counts   []byte // JSON: of all requests
	Parts    []HourPart
}

// HourPart is what one model version answered in an hour.
type HourPart struct {
	ModelName    string
	ModelVersion int
	Part         []byte        // JSON
	Samples      [2]HourSample // drawn of all answers, and of the labelled ones
}

// HourSample is rows in blocks, one a level, the highest first.
type HourSample struct {
	From   int     // the lowest level that Data has, or would have if it had a row
	Levels []int   // of the blocks
	Rows   []int64 // of each
	Ends   []int64 // where in Data each ends
	Data   []byte
}

// touchedBefore is how long before its end an hour is touched by what is added to it:
// longer than a transaction that adds to it takes, so that none is overlooked.
const touchedBefore = 5 * time.Minute

// TouchHours tells, within the transaction that adds requests, of which hours of which
// endpoints these are. Hours that have long to go are left alone: nobody summarises
// them yet. It is the last statement of the transaction, for others that touch the
// same hours wait for its end.
func TouchHours(ctx context.Context, tx pgx.Tx, endpoints []string, hours []time.Time) error {
	_, err := tx.Exec(ctx, `insert into hours (endpoint, hour, touched)
		select e, h, 1 from (select distinct e, h from unnest($1::text[], $2::timestamptz[]) l(e, h)) d where h + interval '1 hour' - make_interval(secs => $3) < clock_timestamp()
		order by e, h on conflict (endpoint, hour) do update set touched = hours.touched + 1`, endpoints, hours, touchedBefore.Seconds())
	return err
}

// touchLabelled touches the hours of the answers that labels after $2 are about.
const touchLabelled = `with fresh as materialized (
		select prediction_id, request_id from labels where endpoint = $1 and received_at > $2 and received_at <= $3),
	told as (
		select p.at from fresh f join predictions p on p.id = f.prediction_id
			and p.day = (timezone('UTC', to_timestamp(('x' || left(replace(f.prediction_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)))::date
			where p.endpoint = $1 and p.status = 200 and p.role <> 'shadow'
		union all
		select p.at from fresh f join predictions p on p.endpoint = $1 and p.request_id = f.request_id
			where p.status = 200 and p.role <> 'shadow')
	update hours h set touched = touched + 1 from (select distinct date_trunc('hour', at) as hour from told) t where h.endpoint = $1 and h.hour = t.hour`

// TouchLabelled touches the hours that are kept of an endpoint and of whose answers
// labels have come since it was asked last. seen is the latest arrival of a label that
// this has looked at: what is read afterwards holds them all.
func (db *DB) TouchLabelled(ctx context.Context, endpoint string) (seen time.Time, err error) {
	err = db.inTx(ctx, "look for labels of hours of "+endpoint, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "hours", endpoint); err != nil {
			return err
		}
		var before time.Time
		if err := tx.QueryRow(ctx, `select coalesce((select seen from hour_labels where endpoint = $1), 'epoch'), coalesce((select max(received_at) from labels where endpoint = $1), 'epoch')`, endpoint).Scan(&before, &seen); err != nil {
			return err
		}
		if !seen.After(before) {
			seen = before
			return nil
		}
		if _, err := tx.Exec(ctx, touchLabelled, endpoint, before, seen); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into hour_labels (endpoint, seen) values ($1, $2) on conflict (endpoint) do update set seen = excluded.seen`, endpoint, seen)
		return err
	})
	return seen.UTC(), err
}

// staleHour holds for an hour h that was summarised and is no longer what its requests
// come to. One whose day was dropped from the table stays as it was.
const staleHour = `h.summarised >= 0 and h.touched > h.summarised and not exists (
	select from audit_drops d where d.day between (timezone('UTC', h.hour))::date - 1 and (timezone('UTC', h.hour))::date + 1)`

// StaleHours lists the hours of [from, to), both whole, that are not summarised, or no
// longer what their requests come to.
func (db *DB) StaleHours(ctx context.Context, endpoint string, from, to time.Time) ([]time.Time, error) {
	rows, _ := db.pool.Query(ctx, `select at from generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '1 hour') at
		left join hours h on h.endpoint = $1 and h.hour = at where coalesce(h.summarised, -1) < 0 or `+staleHour+` order by at`, endpoint, from.UTC(), to.UTC())
	out, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	for i := range out {
		out[i] = out[i].UTC()
	}
	return out, fail(err, "look which hours of "+endpoint+" are summarised")
}

// BeginHour is to be asked before the requests of an hour are read, and what it returns
// to be given to SaveHour.
func (db *DB) BeginHour(ctx context.Context, endpoint string, hour time.Time) (touched int64, err error) {
	err = db.pool.QueryRow(ctx, `insert into hours (endpoint, hour) values ($1, $2) on conflict (endpoint, hour) do update set touched = hours.touched returning touched`, endpoint, hour.UTC()).Scan(&touched)
	return touched, fail(err, "begin an hour of "+endpoint)
}

// SaveHour keeps what an hour came to, in place of what was kept of it before. saved is
// false, and nothing kept, for an hour that is not over by the clock of the database,
// or was summarised meanwhile from newer requests.
func (db *DB) SaveHour(ctx context.Context, endpoint string, h Hour, touched int64) (saved bool, err error) {
	err = db.inTx(ctx, "save an hour of "+endpoint, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update hours set summarised = $3, requests = $4, counts = $5 where endpoint = $1 and hour = $2 and summarised <= $3 and hour + interval '1 hour' < clock_timestamp()`,
			endpoint, h.Begins.UTC(), touched, h.Requests, h.Counts)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from hour_parts where endpoint = $1 and hour = $2`, endpoint, h.Begins.UTC()); err != nil {
			return err
		}
		for _, p := range h.Parts {
			a, b := p.Samples[0], p.Samples[1]
			if _, err := tx.Exec(ctx, `insert into hour_parts (endpoint, hour, model_name, model_version, part, sample_from, rows_levels, rows_counts, rows_ends, rows, labelled_levels, labelled_counts, labelled_ends, labelled)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
				endpoint, h.Begins.UTC(), p.ModelName, p.ModelVersion, p.Part, []int{a.From, b.From},
				list(a.Levels), list(a.Rows), list(a.Ends), list(a.Data), list(b.Levels), list(b.Rows), list(b.Ends), list(b.Data)); err != nil {
				return err
			}
		}
		saved = true
		return nil
	})
	return saved, err
}

// list is never null.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}

// Hours are those kept of [from, to) in order of time, without the rows of samples.
func (db *DB) Hours(ctx context.Context, endpoint string, from, to time.Time) (out []Hour, err error) {
	operation := "read the hours of " + endpoint
	rows, _ := db.pool.Query(ctx, `select hour, requests, counts from hours where endpoint = $1 and hour >= $2 and hour < $3 and summarised >= 0 order by hour`, endpoint, from.UTC(), to.UTC())
	out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Hour, err error) {
		err = row.Scan(&h.Begins, &h.Requests, &h.Counts)
		h.Begins = h.Begins.UTC()
		return h, err
	})
	if err != nil {
		return nil, fail(err, operation)
	}
	rows, _ = db.pool.Query(ctx, `select hour, model_name, model_version, part, sample_from, rows_levels, rows_counts, rows_ends, labelled_levels, labelled_counts, labelled_ends
		from hour_parts where endpoint = $1 and hour >= $2 and hour < $3 order by hour, model_name, model_version`, endpoint, from.UTC(), to.UTC())
	var hour time.Time
	var p HourPart
	var lowest []int
	a, b := &p.Samples[0], &p.Samples[1]
	_, err = pgx.ForEachRow(rows, []any{&hour, &p.ModelName, &p.ModelVersion, &p.Part, &lowest, &a.Levels, &a.Rows, &a.Ends, &b.Levels, &b.Rows, &b.Ends}, func() error {
		at, ok := slices.BinarySearchFunc(out, hour, func(h Hour, t time.Time) int { return h.Begins.Compare(t) })
		if ok && len(lowest) == len(p.Samples) {
			a.From, b.From = lowest[0], lowest[1]
			out[at].Parts = append(out[at].Parts, p)
		}
		p = HourPart{}
		return nil
	})
	return out, fail(err, operation)
}

// HourSamples reads the rows of the samples of hours from these levels on, by model
// version.
func (db *DB) HourSamples(ctx context.Context, endpoint string, hours []Hour, from map[VersionKey][2]int) error {
	for i := range hours {
		for j := range hours[i].Parts {
			p := &hours[i].Parts[j]
			var ends [2]int64
			for kind := range p.Samples {
				s := &p.Samples[kind]
				s.From = max(s.From, from[VersionKey{p.ModelName, p.ModelVersion}][kind])
				for k, level := range s.Levels {
					if level >= s.From && k < len(s.Ends) {
						ends[kind] = max(ends[kind], s.Ends[k])
					}
				}
			}
			if err := db.pool.QueryRow(ctx, `select substr(rows, 1, $5), substr(labelled, 1, $6) from hour_parts where endpoint = $1 and hour = $2 and model_name = $3 and model_version = $4`,
				endpoint, hours[i].Begins, p.ModelName, p.ModelVersion, ends[0], ends[1]).Scan(&p.Samples[0].Data, &p.Samples[1].Data); err != nil {
				return fail(err, "read rows of an hour of "+endpoint)
			}
		}
	}
	return nil
}

// ForgetHours removes the hours of an endpoint before a moment: no window that is
// computed or computed again begins there.
func (db *DB) ForgetHours(ctx context.Context, endpoint string, before time.Time) error {
	return db.exec(ctx, "forget hours of "+endpoint, `delete from hours where endpoint = $1 and hour < $2`, endpoint, before.UTC())
}
