package metadata

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// Position is how far an incremental source was collected.
type Position struct {
	Generation int    `json:"generation"`
	Ordinal    int    `json:"ordinal"`             // of the last increment; 0: none in this generation
	Watermark  string `json:"watermark,omitempty"` // "": collect everything
}

// Increment is one growth of a source.
type Increment struct {
	Pipeline   string
	Source     string
	Definition string   // digest of the source's definition
	From       Position // what it follows
	Run        string
	Records    []artifact.Ref
	Rows       int64
	Watermark  string
}

// SourcePosition returns where the next increment of a source starts. Another
// definition than the last one's, or fresh, starts a new generation.
func (db *DB) SourcePosition(ctx context.Context, pipeline, source, definition string, fresh bool) (Position, error) {
	var p Position
	var last string
	err := db.pool.QueryRow(ctx, `select generation, ordinal, watermark, definition from increments
		where pipeline = $1 and source = $2 order by generation desc, ordinal desc limit 1`, pipeline, source).
		Scan(&p.Generation, &p.Ordinal, &p.Watermark, &last)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return p, fail(err, "read the watermark of "+source)
	}
	if fresh || last != definition {
		return Position{Generation: p.Generation + 1}, nil
	}
	return p, nil
}

// AppendIncrement writes an increment after the position it was collected from
// and returns the records of the whole generation, in order. The same run again
// at the same position is a no-op. ok is false if another run was there first:
// then nothing is written, and the source must be looked at again. An increment
// without rows is written only where it begins a generation.
func (db *DB) AppendIncrement(ctx context.Context, in Increment) (records []artifact.Ref, ok bool, err error) {
	list, err := encode(in.Records, "[]")
	if err != nil {
		return nil, false, err
	}
	err = db.inTx(ctx, "record the increment of "+in.Source, func(tx pgx.Tx) error {
		records, ok = nil, false
		if err := lock(ctx, tx, "increments", in.Pipeline, in.Source); err != nil {
			return err
		}
		var head Position
		var run string
		err := tx.QueryRow(ctx, `select generation, ordinal, run from increments where pipeline = $1 and source = $2
			order by generation desc, ordinal desc limit 1`, in.Pipeline, in.Source).Scan(&head.Generation, &head.Ordinal, &run)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		next := Position{Generation: in.From.Generation, Ordinal: in.From.Ordinal + 1}
		begins := in.From.Ordinal == 0 && head.Generation == in.From.Generation-1
		follows := head.Generation == in.From.Generation && head.Ordinal == in.From.Ordinal
		mine := head.Generation == next.Generation && head.Ordinal == next.Ordinal && run == in.Run
		switch {
		case mine, follows && in.Rows == 0:
		case begins, follows:
			if _, err := tx.Exec(ctx, `insert into increments (pipeline, source, generation, ordinal, definition, run, records, rows, watermark, taken)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				in.Pipeline, in.Source, next.Generation, next.Ordinal, in.Definition, in.Run, list, in.Rows, in.Watermark, time.Now().UTC()); err != nil {
				return err
			}
		default:
			return nil
		}
		ok = true
		rows, err := tx.Query(ctx, `select records from increments where pipeline = $1 and source = $2 and generation = $3 order by ordinal`,
			in.Pipeline, in.Source, in.From.Generation)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[[]artifact.Ref])
		for _, some := range all {
			records = append(records, some...)
		}
		return err
	})
	return records, ok, err
}
