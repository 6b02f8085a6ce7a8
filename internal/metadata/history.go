package metadata

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// EarlierDatasets returns the rows that went on from validation, repaired and
// without those it put aside, in the completed runs of the pipeline that began
// before the given run, the latest first, at most limit. Where a run has no record
// of them it is the dataset as it was integrated. A run that only repeated another
// is no part of the history. Schemas are not among it.
func (db *DB) EarlierDatasets(ctx context.Context, pipeline, run string, limit int) ([]Dataset, error) {
	// Every dataset is held against a rule on its row count, whose figure is how many
	// rows went on.
	rows, _ := db.pool.Query(ctx, `select d.run, coalesce(v.ref->>'digest', d.digest), coalesce((v.ref->>'size')::bigint, d.size), coalesce(v.ref->>'media_type', d.media_type),
			coalesce(c.rows, d.rows), d.created
		from datasets d join runs r on r.id = d.run
		left join lateral (select outputs->'valid' as ref from steps where run = d.run and step = 'validate' and state = 'completed' and outputs ? 'valid'
			order by attempt desc limit 1) v on true
		left join lateral (select (details->>'figure')::float8::bigint as rows from checks where run = d.run and details->>'check' = 'row_count' and details->>'figure' is not null
			order by ordinal limit 1) c on true
		where r.pipeline = $1 and r.id <> $2 and r.state = 'completed' and r.trigger <> 'reproduce'
			and r.started < coalesce((select started from runs where id = $2), now())
		order by r.started desc, r.id limit $3`, pipeline, run, limit)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Dataset, err error) {
		err = row.Scan(&d.Run, &d.Artifact.Digest, &d.Artifact.Size, &d.Artifact.MediaType, &d.Rows, &d.Created)
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
