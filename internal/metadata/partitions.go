package metadata

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// partitionsAhead is how many days Migrate and servers prepare: a week without
// anyone looking after it.
const partitionsAhead = 7

// Day returns the partition a prediction belongs to: the UTC midnight of the
// timestamp in its UUIDv7. The same id always gives the same day, so a record
// that is sent twice is recognised.
func Day(id uuid.UUID) time.Time {
	ms := int64(0)
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC().Truncate(24 * time.Hour)
}

// EnsurePartitions makes the partitions of predictions from yesterday to days
// ahead of today.
func (db *DB) EnsurePartitions(ctx context.Context, days int) error {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	all := make([]time.Time, 0, days+2)
	for i := -1; i <= days; i++ {
		all = append(all, today.AddDate(0, 0, i))
	}
	return db.EnsureDays(ctx, all...)
}

// EnsureDays makes the partitions of these UTC days; those of records that come
// late, for example. Programs may call it at once.
func (db *DB) EnsureDays(ctx context.Context, days ...time.Time) error {
	return db.inTx(ctx, "make partitions of predictions", func(tx pgx.Tx) error {
		var missing []time.Time
		for _, day := range days {
			var there bool
			if err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, partition(day)).Scan(&there); err != nil {
				return err
			}
			if !there {
				missing = append(missing, day.UTC())
			}
		}
		if len(missing) == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		for _, day := range missing {
			// Names and bounds are made of digits; DDL takes no parameters.
			if _, err := tx.Exec(ctx, fmt.Sprintf(`create table if not exists %s partition of predictions for values from ('%s') to ('%s')`,
				partition(day), day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly))); err != nil {
				return err
			}
		}
		return nil
	})
}

func partition(day time.Time) string { return "predictions_" + day.UTC().Format("20060102") }
