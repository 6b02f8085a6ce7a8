package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Alert is one event that people are told, by the id of its message.
type Alert struct {
	ID       string          `json:"id"`
	Endpoint string          `json:"endpoint"`
	Window   time.Time       `json:"window"` // end of the window that told
	Change   string          `json:"change"`
	Kind     string          `json:"kind"` // as in monitor.alerts[].on
	Severity string          `json:"severity"`
	Event    json.RawMessage `json:"event"`              // alert.Event
	Told     []string        `json:"told"`               // channels
	Untold   []string        `json:"untold,omitempty"`   // channels that are still tried
	GivenUp  []string        `json:"given_up,omitempty"` // channels that were tried for too long
	At       time.Time       `json:"at"`
}

// StepBoard lets step change the board of an endpoint (nil: it has none yet) and
// keeps what it makes of it with the alerts that come of it, in one transaction.
// Steps of one endpoint come one after another; an alert of an id that is there
// already is not written again. The board is returned with its version.
func (db *DB) StepBoard(ctx context.Context, endpoint string, step func(board json.RawMessage) (json.RawMessage, []Alert, error)) (version int64, err error) {
	err = db.inTx(ctx, "step the board of "+endpoint, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "board", endpoint); err != nil {
			return err
		}
		before, seen, err := board(ctx, tx, endpoint)
		if err != nil {
			return err
		}
		after, alerts, err := step(before)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `insert into boards (endpoint, version, board) values ($1, 1, $2)
			on conflict (endpoint) do update set version = boards.version + 1, board = excluded.board where boards.version = $3 returning version`,
			endpoint, []byte(after), seen).Scan(&version); err != nil {
			return err
		}
		for _, a := range alerts {
			if _, err := tx.Exec(ctx, `insert into alerts (id, endpoint, window_end, change, kind, severity, event, told, untold) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing`,
				a.ID, endpoint, a.Window.UTC(), a.Change, a.Kind, a.Severity, []byte(a.Event), list(a.Told), list(a.Untold)); err != nil {
				return err
			}
		}
		return nil
	})
	return version, err
}

func board(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, endpoint string) (b json.RawMessage, version int64, err error) {
	err = q.QueryRow(ctx, `select board, version from boards where endpoint = $1`, endpoint).Scan(&b, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil
	}
	return b, version, err
}

// Board is where the alerts of an endpoint stand; nil: nothing was judged yet.
func (db *DB) Board(ctx context.Context, endpoint string) (json.RawMessage, error) {
	b, _, err := board(ctx, db.pool, endpoint)
	return b, fail(err, "read the board of "+endpoint)
}

const alertColumns = `id, endpoint, window_end, change, kind, severity, event, told, untold, given_up, at`

func scanAlert(row pgx.CollectableRow) (a Alert, err error) {
	err = row.Scan(&a.ID, &a.Endpoint, &a.Window, &a.Change, &a.Kind, &a.Severity, &a.Event, &a.Told, &a.Untold, &a.GivenUp, &a.At)
	a.Window, a.At = a.Window.UTC(), a.At.UTC()
	return a, err
}

// InGroup is what Told says of an alert that no channel is told of by itself: the
// grouped alert of its window counts it.
const InGroup = "in the grouped message"

// severest is where an alert is among the severities, the most severe first.
const severest = `array_position(array['critical', 'warning', 'info'], severity)`

// WindowAlerts are those that the window ending then tells by themselves, at most
// limit: those of its latest computation first, then the most severe, equals by id.
func (db *DB) WindowAlerts(ctx context.Context, endpoint string, end time.Time, limit int) ([]Alert, error) {
	rows, _ := db.pool.Query(ctx, `select `+alertColumns+` from alerts where endpoint = $1 and window_end = $2 and not $3 = any (told)
		order by at desc, `+severest+`, id limit $4`, endpoint, end.UTC(), InGroup, limit)
	out, err := pgx.CollectRows(rows, scanAlert)
	return out, fail(err, "list the alerts of "+endpoint)
}

// Alerts lists the latest alerts of an endpoint, newest first, at most limit.
func (db *DB) Alerts(ctx context.Context, endpoint string, limit int) ([]Alert, error) {
	rows, _ := db.pool.Query(ctx, `select `+alertColumns+` from alerts where endpoint = $1 order by window_end desc, at desc, id limit $2`, endpoint, limit)
	out, err := pgx.CollectRows(rows, scanAlert)
	return out, fail(err, "list the alerts of "+endpoint)
}

// Alert is the one of that id.
func (db *DB) Alert(ctx context.Context, id string) (Alert, error) {
	rows, _ := db.pool.Query(ctx, `select `+alertColumns+` from alerts where id = $1`, id)
	a, err := pgx.CollectExactlyOneRow(rows, scanAlert)
	return a, orNotFound(err, "alert %s", id)
}

// RecordTold remembers that a channel was told of an alert.
func (db *DB) RecordTold(ctx context.Context, id, channel string) error {
	return db.exec(ctx, "record who was told of "+id, `update alerts set told = array_append(told, $2), untold = array_remove(untold, $2), given_up = array_remove(given_up, $2) where id = $1 and not $2 = any (told)`, id, channel)
}

// Untold lists alerts of which a channel is still to be told, the most severe first,
// then the oldest, at most limit.
func (db *DB) Untold(ctx context.Context, endpoint string, limit int) ([]Alert, error) {
	rows, _ := db.pool.Query(ctx, `select `+alertColumns+` from alerts where endpoint = $1 and untold <> '{}'
		order by `+severest+`, at, id limit $2`, endpoint, limit)
	out, err := pgx.CollectRows(rows, scanAlert)
	return out, fail(err, "list the untold alerts of "+endpoint)
}

// GiveUpTelling ends the telling of alerts that were written before a moment, and
// returns them.
func (db *DB) GiveUpTelling(ctx context.Context, endpoint string, before time.Time) ([]Alert, error) {
	rows, _ := db.pool.Query(ctx, `update alerts set given_up = given_up || untold, untold = '{}' where endpoint = $1 and untold <> '{}' and at < $2 returning `+alertColumns, endpoint, before.UTC())
	out, err := pgx.CollectRows(rows, scanAlert)
	return out, fail(err, "give up alerts of "+endpoint)
}
