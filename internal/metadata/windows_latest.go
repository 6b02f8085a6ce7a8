package metadata

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// LatestWindows is the last computed window of each endpoint, by name, at most limit.
func (db *DB) LatestWindows(ctx context.Context, limit int) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, `select w.* from endpoints e cross join lateral (select `+windowColumns+` from windows where endpoint = e.name order by begins desc limit 1) w
		order by w.endpoint limit $1`, limit)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "list the latest windows")
}

// OpenAlerts is how many alerts of one endpoint and severity are not over.
type OpenAlerts struct {
	Endpoint string
	Severity string
	Count    int
}

// OpenAlerts counts them on all endpoints that are watched, at most limit counts.
func (db *DB) OpenAlerts(ctx context.Context, limit int) ([]OpenAlerts, error) {
	rows, _ := db.pool.Query(ctx, `select endpoint, subject -> 'last' ->> 'severity', count(*) from boards, jsonb_each(board -> 'subjects') s (key, subject)
		where subject ? 'alert' group by 1, 2 order by 1, 2 limit $1`, limit)
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenAlerts])
	return out, fail(err, "count the open alerts")
}
