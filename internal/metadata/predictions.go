package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// EachAnswer gives each the answered predictions of an endpoint since a moment
// (zero: all), in the order of their ids, one at a time; its error ends the walk
// and is returned. It reads one state of the table, by a server-side stream:
// memory does not grow with the rows.
func (db *DB) EachAnswer(ctx context.Context, endpoint string, since time.Time, each func(Prediction) error) error {
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id, endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, error, latency_us
			from predictions where endpoint = $1 and status = 200 and at >= $2 and day >= $3 order by day, id`,
			endpoint, since.UTC(), since.UTC().Add(-24*time.Hour)) // an id is made a moment before its request is dated
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Prediction
			if err := rows.Scan(&p.ID, &p.Endpoint, &p.Revision, &p.ModelName, &p.ModelVersion, &p.At, &p.RequestID, &p.Features, &p.Outputs, &p.Status, &p.Error, &p.LatencyUS); err != nil {
				return err
			}
			p.At = p.At.UTC()
			if err := each(p); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return fail(err, "read the predictions of "+endpoint)
}
