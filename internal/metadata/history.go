package metadata

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// EarlierDatasets returns the datasets of the completed runs of the pipeline that
// began before the given run, the latest first, at most limit. A run that only
// repeated another is no part of the history.
func (db *DB) EarlierDatasets(ctx context.Context, pipeline, run string, limit int) ([]Dataset, error) {
	rows, _ := db.pool.Query(ctx, `select d.run, d.digest, d.size, d.media_type, d.rows, d.schema, d.created
		from datasets d join runs r on r.id = d.run
		where r.pipeline = $1 and r.id <> $2 and r.state = 'completed' and r.trigger <> 'reproduce'
			and r.started < coalesce((select started from runs where id = $2), now())
		order by r.started desc, r.id limit $3`, pipeline, run, limit)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Dataset, err error) {
		err = row.Scan(&d.Run, &d.Artifact.Digest, &d.Artifact.Size, &d.Artifact.MediaType, &d.Rows, &d.Schema, &d.Created)
		d.Created = d.Created.UTC()
		return d, err
	})
	return out, fail(err, "list the earlier datasets of "+pipeline)
}

// EarlierOutput returns the outputs of the step in the latest completed run of
// the pipeline before the given one that has an output of that name; ok is false
// if there is none.
func (db *DB) EarlierOutput(ctx context.Context, pipeline, run, step, name string) (earlier string, outputs Outputs, ok bool, err error) {
	rows, _ := db.pool.Query(ctx, `select r.id, s.outputs from steps s join runs r on r.id = s.run
		where r.pipeline = $1 and r.id <> $2 and r.state = 'completed' and r.trigger <> 'reproduce' and s.step = $3 and s.state = 'completed' and s.outputs ? $4
			and r.started < coalesce((select started from runs where id = $2), now())
		order by r.started desc, r.id, s.attempt desc limit 1`, pipeline, run, step, name)
	type found struct {
		run     string
		outputs Outputs
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		return f, row.Scan(&f.run, &f.outputs)
	})
	if err != nil || len(list) == 0 {
		return "", nil, false, fail(err, "look up the earlier "+step+" of "+pipeline)
	}
	return list[0].run, list[0].outputs, true, nil
}
