package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// Window is one monitored interval of an endpoint, [Begins, Ends).
type Window struct {
	Endpoint   string          `json:"endpoint"`
	Begins     time.Time       `json:"begins"`
	Ends       time.Time       `json:"ends"`
	Computed   int             `json:"computed"` // how often; more than once for labels that came late
	State      string          `json:"state"`
	Requests   int64           `json:"requests"`
	Answered   int64           `json:"answered"`
	Labelled   int64           `json:"labelled"`
	Result     artifact.Ref    `json:"result"`
	Report     artifact.Ref    `json:"report"`
	LabelsSeen time.Time       `json:"labels_seen"`
	Note       string          `json:"note,omitempty"`
	Figures    json.RawMessage `json:"figures,omitempty"` // what is told over time: window.Figures
	First      time.Time       `json:"first"`             // computed
	Last       time.Time       `json:"last"`
}

// WindowSummary is a drift.Summary, as it encodes itself, of the requests that one
// model version answered in [Begins, Ends).
type WindowSummary struct {
	ModelName    string
	ModelVersion int
	Begins       time.Time
	Ends         time.Time
	Summary      []byte
	Errors       []byte // of its labelled answers, as drift.Errors encodes itself; nil: none
}

const windowColumns = `endpoint, begins, ends, computed, state, requests, answered, labelled, result, report, labels_seen, note, figures, first, last`

func scanWindow(row pgx.CollectableRow) (w Window, err error) {
	err = row.Scan(&w.Endpoint, &w.Begins, &w.Ends, &w.Computed, &w.State, &w.Requests, &w.Answered, &w.Labelled, &w.Result, &w.Report, &w.LabelsSeen, &w.Note, &w.Figures, &w.First, &w.Last)
	w.Begins, w.Ends, w.LabelsSeen, w.First, w.Last = w.Begins.UTC(), w.Ends.UTC(), w.LabelsSeen.UTC(), w.First.UTC(), w.Last.UTC()
	return w, err
}

// SaveWindow writes a window that was computed for the w.Computed-th time, and its
// summaries in place of those of the time before, in one transaction. Whoever comes
// second with the same number changes nothing: the row that is there is returned,
// and saved is false.
func (db *DB) SaveWindow(ctx context.Context, w Window, summaries []WindowSummary) (kept Window, saved bool, err error) {
	err = db.inTx(ctx, "save a window of "+w.Endpoint, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "windows", w.Endpoint); err != nil {
			return err
		}
		before, err := window(ctx, tx, w.Endpoint, w.Begins)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if before.Computed >= w.Computed {
			kept = before
			return nil
		}
		if before.Computed != w.Computed-1 || before.Computed > 0 && !before.Ends.Equal(w.Ends) {
			return fault.New(fault.Internal, "window %s of %s is computed for the %d. time after the %d.", w.Begins.Format(time.RFC3339), w.Endpoint, w.Computed, before.Computed)
		}
		result, err := encode(w.Result, "{}")
		if err != nil {
			return err
		}
		report, err := encode(w.Report, "{}")
		if err != nil {
			return err
		}
		figures := []byte("{}")
		if w.Figures != nil {
			figures = w.Figures
		}
		if _, err := tx.Exec(ctx, `insert into windows (endpoint, begins, ends, computed, state, requests, answered, labelled, result, report, labels_seen, note, figures)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			on conflict (endpoint, begins) do update set computed = excluded.computed, state = excluded.state, requests = excluded.requests, answered = excluded.answered,
				labelled = excluded.labelled, result = excluded.result, report = excluded.report, labels_seen = excluded.labels_seen, note = excluded.note, figures = excluded.figures, last = now()`,
			w.Endpoint, w.Begins.UTC(), w.Ends.UTC(), w.Computed, w.State, w.Requests, w.Answered, w.Labelled, result, report, w.LabelsSeen.UTC(), Clean(w.Note), figures); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from window_summaries where endpoint = $1 and begins >= $2 and begins < $3`, w.Endpoint, w.Begins.UTC(), w.Ends.UTC()); err != nil {
			return err
		}
		for _, s := range summaries {
			if _, err := tx.Exec(ctx, `insert into window_summaries (endpoint, model_name, model_version, begins, ends, summary, errors) values ($1, $2, $3, $4, $5, $6, $7)`,
				w.Endpoint, s.ModelName, s.ModelVersion, s.Begins.UTC(), s.Ends.UTC(), s.Summary, s.Errors); err != nil {
				return err
			}
		}
		kept, err = window(ctx, tx, w.Endpoint, w.Begins)
		saved = err == nil
		return err
	})
	return kept, saved, err
}

func window(ctx context.Context, tx pgx.Tx, endpoint string, begins time.Time) (Window, error) {
	rows, _ := tx.Query(ctx, `select `+windowColumns+` from windows where endpoint = $1 and begins = $2`, endpoint, begins.UTC())
	return pgx.CollectExactlyOneRow(rows, scanWindow)
}

// Window is the one that holds a moment; NotFound if it was not computed.
func (db *DB) Window(ctx context.Context, endpoint string, at time.Time) (Window, error) {
	rows, _ := db.pool.Query(ctx, `select `+windowColumns+` from windows where endpoint = $1 and begins <= $2 and ends > $2 order by begins desc limit 1`, endpoint, at.UTC())
	w, err := pgx.CollectExactlyOneRow(rows, scanWindow)
	return w, orNotFound(err, "a computed window of %s at %s", endpoint, at.UTC().Format(time.RFC3339))
}

// Windows lists the latest windows of an endpoint, newest first, at most limit.
func (db *DB) Windows(ctx context.Context, endpoint string, limit int) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, `select `+windowColumns+` from windows where endpoint = $1 order by begins desc limit $2`, endpoint, limit)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "list the windows of "+endpoint)
}

// WindowSummaries are those of one model version in [from, to), in order of time.
func (db *DB) WindowSummaries(ctx context.Context, endpoint, model string, version int, from, to time.Time) ([]WindowSummary, error) {
	rows, _ := db.pool.Query(ctx, `select model_name, model_version, begins, ends, summary from window_summaries
		where endpoint = $1 and model_name = $2 and model_version = $3 and begins >= $4 and begins < $5 order by begins`, endpoint, model, version, from.UTC(), to.UTC())
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s WindowSummary, err error) {
		err = row.Scan(&s.ModelName, &s.ModelVersion, &s.Begins, &s.Ends, &s.Summary)
		s.Begins, s.Ends = s.Begins.UTC(), s.Ends.UTC()
		return s, err
	})
	return out, fail(err, "read the summaries of "+endpoint)
}

// ErrorsBefore are the errors that are kept of one model version in summaries that
// begin before a moment, the latest most of them in order of time.
func (db *DB) ErrorsBefore(ctx context.Context, endpoint, model string, version int, before time.Time, most int) ([][]byte, error) {
	rows, _ := db.pool.Query(ctx, `select errors from (select begins, errors from window_summaries
		where endpoint = $1 and model_name = $2 and model_version = $3 and begins < $4 and errors is not null order by begins desc limit $5) l order by begins`, endpoint, model, version, before.UTC(), most)
	out, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	return out, fail(err, "read the errors of "+endpoint)
}

// WindowBefore is the computed window that ends where another begins; ok is false if
// there is none.
func (db *DB) WindowBefore(ctx context.Context, endpoint string, begins time.Time) (w Window, ok bool, err error) {
	rows, _ := db.pool.Query(ctx, `select `+windowColumns+` from windows where endpoint = $1 and begins < $2 and ends = $2 order by begins desc limit 1`, endpoint, begins.UTC())
	w, err = pgx.CollectExactlyOneRow(rows, scanWindow)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, false, nil
	}
	return w, err == nil, fail(err, "look for the window before one of "+endpoint)
}

// WindowsBefore lists the latest windows of an endpoint that end at a moment or
// before, in order of time, at most limit.
func (db *DB) WindowsBefore(ctx context.Context, endpoint string, at time.Time, limit int) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, `select * from (select `+windowColumns+` from windows where endpoint = $1 and ends <= $2 order by begins desc limit $3) l order by begins`, endpoint, at.UTC(), limit)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "list the windows of "+endpoint)
}

// overtaken counts the requests of windows: of one longer than an hour the hours that
// are kept tell, and the requests are counted of the parts of hours at its ends alone; of
// one that could not be computed all are counted.
const overtaken = `select ` + windowColumns + ` from windows w
	cross join lateral (select case when state = 'failed' or ends - begins <= interval '1 hour' then begins else date_trunc('hour', begins + interval '1 hour' - interval '1 microsecond') end as whole,
		case when state = 'failed' or ends - begins <= interval '1 hour' then begins else date_trunc('hour', ends) end as beyond) c
	where endpoint = $1 and ends > $2 and (
		exists (select from hours h where h.endpoint = $1 and h.hour >= c.whole and h.hour < c.beyond and ` + staleHour + `)
		or requests < (select coalesce(sum(h.requests), 0) from hours h where h.endpoint = $1 and h.hour >= c.whole and h.hour < c.beyond)
			+ (select count(*) from predictions p where p.endpoint = $1 and p.role <> 'shadow' and p.at >= w.begins and p.at < c.whole
				and p.day between (timezone('UTC', w.begins))::date - 1 and (timezone('UTC', c.whole))::date + 1)
			+ (select count(*) from predictions p where p.endpoint = $1 and p.role <> 'shadow' and p.at >= c.beyond and p.at < w.ends
				and p.day between (timezone('UTC', c.beyond))::date - 1 and (timezone('UTC', w.ends))::date + 1))
	order by begins limit $3`

// OvertakenWindows are the computed windows that end after a moment and of which more
// requests are there than were counted: a server's records were late. The oldest
// first, at most limit.
func (db *DB) OvertakenWindows(ctx context.Context, endpoint string, after time.Time, limit int) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, overtaken, endpoint, after.UTC(), limit)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "look for late requests of "+endpoint)
}

// CountRequests counts the requests of an endpoint in [from, to), whatever became of
// them, shadows left out; labelsSeen is the latest arrival of a label of the endpoint
// (the epoch: none).
func (db *DB) CountRequests(ctx context.Context, endpoint string, from, to time.Time) (n int64, labelsSeen time.Time, err error) {
	err = db.pool.QueryRow(ctx, `select (select count(*) from predictions p where `+inWindow+`),
		(select coalesce(max(received_at), 'epoch') from labels where endpoint = $1)`, windowArgs(endpoint, from, to)...).Scan(&n, &labelsSeen)
	return n, labelsSeen.UTC(), fail(err, "count the requests of "+endpoint)
}

// AnswerAt is when the n-th answer of an endpoint in [from, to) came, in the order of
// their times; ok is false if there are fewer.
func (db *DB) AnswerAt(ctx context.Context, endpoint string, from, to time.Time, n int) (at time.Time, ok bool, err error) {
	err = db.pool.QueryRow(ctx, `select at from predictions where endpoint = $1 and role <> 'shadow' and status = 200 and at >= $2 and at < $3 order by at offset $4 limit 1`,
		endpoint, from.UTC(), to.UTC(), n-1).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, false, nil
	}
	return at.UTC(), err == nil, fail(err, "count the answers of "+endpoint)
}

// FirstRequest is when the oldest request of an endpoint since then came; ok is
// false if none did. A shadow is asked by nobody.
func (db *DB) FirstRequest(ctx context.Context, endpoint string, since time.Time) (at time.Time, ok bool, err error) {
	var first *time.Time
	err = db.pool.QueryRow(ctx, `select min(at) from predictions where endpoint = $1 and at >= $2 and role <> 'shadow'`, endpoint, since.UTC()).Scan(&first)
	if err != nil || first == nil {
		return time.Time{}, false, fail(err, "look for requests of "+endpoint)
	}
	return first.UTC(), true, nil
}

// relabelled joins what has come since the windows were computed with the answers it
// is about; the day is the one in the prediction's own id.
const relabelled = `with fresh as materialized (
		select prediction_id, request_id, received_at from labels where endpoint = $1
			and received_at > (select min(labels_seen) from windows where endpoint = $1 and ends > $2)),
	told as (
		select p.at, f.received_at from fresh f join predictions p on p.id = f.prediction_id
			and p.day = (timezone('UTC', to_timestamp(('x' || left(replace(f.prediction_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)))::date
			where p.endpoint = $1 and p.status = 200 and p.role <> 'shadow'
		union all
		select p.at, f.received_at from fresh f join predictions p on p.endpoint = $1 and p.request_id = f.request_id
			where p.status = 200 and p.role <> 'shadow')
	select ` + windowColumns + ` from windows w where endpoint = $1 and ends > $2
		and exists (select from told t where t.at >= w.begins and t.at < w.ends and t.received_at > w.labels_seen)
	order by begins limit $3`

// RelabelledWindows are the computed windows that end after a moment and of whose
// answers labels have come since, the oldest first, at most limit.
func (db *DB) RelabelledWindows(ctx context.Context, endpoint string, after time.Time, limit int) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, relabelled, endpoint, after.UTC(), limit)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "look for late labels of "+endpoint)
}
