package archive

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Drop removes the partition of an exported day from the table, after everything
// exported of it has been verified, with the partition locked against late records.
// A day with records that are not exported is left alone: ErrLate.
func (a *Archive) Drop(ctx context.Context, day time.Time) (rows int64, err error) {
	day = dayOf(day)
	err = a.DB.Exporting(ctx, func(tx pgx.Tx, exports []metadata.AuditExport) error {
		there, err := a.DB.LockDay(ctx, tx, day)
		if err != nil {
			return err
		}
		if !there {
			return fault.New(fault.NotFound, "there is no partition of %s", day.Format(time.DateOnly))
		}
		dropped, err := a.DB.DroppedDays(ctx)
		if err != nil {
			return err
		}
		v := &verification{Archive: a, digests: map[string][]digest{}}
		if err := v.chain(ctx, exports, day, day); err != nil {
			return broken(err)
		}
		if v.Files == 0 {
			return fault.New(fault.RequestInvalid, "%s is not exported", day.Format(time.DateOnly)).WithRemedy("run: esteira audit export --day %s", day.Format(time.DateOnly))
		}
		if err := v.compare(ctx, tx, day, dropped[day]); err != nil {
			return broken(err)
		}
		if v.Late > 0 {
			return fault.Wrap(ErrLate, fault.RequestInvalid, "%d records of %s are not exported", v.Late, day.Format(time.DateOnly)).
				WithRemedy("export the day again, which makes a supplement of them")
		}
		sequence := int64(0)
		for _, e := range exports {
			if e.Day.Equal(day) {
				sequence = e.Sequence
			}
		}
		rows = v.Compared
		return a.DB.DropDay(ctx, tx, day, rows, sequence)
	})
	return rows, err
}

// ErrLate is that a day has records which came after its export.
var ErrLate = errors.New("late records")
