package metadata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// RecordLook remembers that a model is judged on test rows, both by digest, and
// returns which look at these rows it is, from 1. The same model again has its
// first number; numbers have no gaps.
func (db *DB) RecordLook(ctx context.Context, test, model, run string) (number int, err error) {
	err = db.inTx(ctx, "record the look at test rows "+test, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "looks", test); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `select number from looks where test = $1 and model = $2`, test, model).Scan(&number)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return tx.QueryRow(ctx, `insert into looks (test, number, model, run)
			select $1, coalesce(max(number), 0) + 1, $2, $3 from looks where test = $1 returning number`, test, model, run).Scan(&number)
	})
	return number, err
}
