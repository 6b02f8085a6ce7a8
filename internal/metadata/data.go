package metadata

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// RecordSnapshot writes what a source gave to a run; again replaces it.
func (db *DB) RecordSnapshot(ctx context.Context, s Snapshot) error {
	files, err := encode(s.Files, "[]")
	if err != nil {
		return err
	}
	schema, err := encode(s.Schema, "[]")
	if err != nil {
		return err
	}
	return db.exec(ctx, "record snapshot of "+s.Source, `insert into snapshots
			(run, source, digest, size, media_type, checksum, files, rows, schema, taken) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (run, source) do update set digest = excluded.digest, size = excluded.size, media_type = excluded.media_type,
			checksum = excluded.checksum, files = excluded.files, rows = excluded.rows, schema = excluded.schema, taken = excluded.taken`,
		s.Run, s.Source, s.Artifact.Digest, s.Artifact.Size, s.Artifact.MediaType, s.Checksum, files, s.Rows, schema, orNow(s.Taken))
}

// Snapshots returns those of a run, by source.
func (db *DB) Snapshots(ctx context.Context, run string) ([]Snapshot, error) {
	return snapshots(ctx, db.pool, run)
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func snapshots(ctx context.Context, q querier, run string) ([]Snapshot, error) {
	rows, _ := q.Query(ctx, `select run, source, digest, size, media_type, checksum, files, rows, schema, taken
		from snapshots where run = $1 order by source`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Snapshot, err error) {
		err = row.Scan(&s.Run, &s.Source, &s.Artifact.Digest, &s.Artifact.Size, &s.Artifact.MediaType, &s.Checksum, &s.Files, &s.Rows, &s.Schema, &s.Taken)
		s.Taken = s.Taken.UTC()
		return s, err
	})
	return out, fail(err, "list the snapshots of "+run)
}

// RecordDataset writes the integrated table of a run; again replaces it.
func (db *DB) RecordDataset(ctx context.Context, d Dataset) error {
	schema, err := encode(d.Schema, "[]")
	if err != nil {
		return err
	}
	return db.exec(ctx, "record the dataset of "+d.Run, `insert into datasets (run, digest, size, media_type, rows, schema) values ($1, $2, $3, $4, $5, $6)
		on conflict (run) do update set digest = excluded.digest, size = excluded.size, media_type = excluded.media_type, rows = excluded.rows, schema = excluded.schema`,
		d.Run, d.Artifact.Digest, d.Artifact.Size, d.Artifact.MediaType, d.Rows, schema)
}

// Dataset returns the integrated table of a run, or NotFound.
func (db *DB) Dataset(ctx context.Context, run string) (Dataset, error) {
	d, err := dataset(ctx, db.pool, run)
	return d, orNotFound(err, "the dataset of run %q", run)
}

func dataset(ctx context.Context, q querier, run string) (Dataset, error) {
	d := Dataset{Run: run}
	err := q.QueryRow(ctx, `select digest, size, media_type, rows, schema, created from datasets where run = $1`, run).
		Scan(&d.Artifact.Digest, &d.Artifact.Size, &d.Artifact.MediaType, &d.Rows, &d.Schema, &d.Created)
	d.Created = d.Created.UTC()
	return d, err
}

// replace writes all the rows of a run in one table, in place of those that are
// there. Rows are given in the order of columns, without the run.
func (db *DB) replace(ctx context.Context, table, run string, columns []string, rows [][]any) error {
	for i := range rows {
		rows[i] = append([]any{run}, rows[i]...)
	}
	return db.inTx(ctx, fmt.Sprintf("record %s of %s", table, run), func(tx pgx.Tx) error {
		if err := lock(ctx, tx, table, run); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from `+pgx.Identifier{table}.Sanitize()+` where run = $1`, run); err != nil {
			return err
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, append([]string{"run"}, columns...), pgx.CopyFromRows(rows))
		return err
	})
}

// RecordChecks writes the results of all rules of a run, in their order.
func (db *DB) RecordChecks(ctx context.Context, run string, checks []Check) error {
	rows := make([][]any, len(checks))
	for i, c := range checks {
		details, err := encode(c.Details, "{}")
		if err != nil {
			return err
		}
		rows[i] = []any{i, Clean(c.Column), c.Name, c.Severity, c.Passed, c.Failed, c.Rows, Clean(c.Message), details}
	}
	return db.replace(ctx, "checks", run, []string{"ordinal", "column_name", "name", "severity", "passed", "failed", "rows", "message", "details"}, rows)
}

// Checks returns the results of the rules of a run, in their order.
func (db *DB) Checks(ctx context.Context, run string) ([]Check, error) {
	rows, _ := db.pool.Query(ctx, `select column_name, name, severity, passed, failed, rows, message, details from checks where run = $1 order by ordinal`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Check, err error) {
		return c, row.Scan(&c.Column, &c.Name, &c.Severity, &c.Passed, &c.Failed, &c.Rows, &c.Message, &c.Details)
	})
	return out, fail(err, "list the checks of "+run)
}

// RecordSplits writes the parts of the valid dataset.
func (db *DB) RecordSplits(ctx context.Context, run string, splits []Split) error {
	rows := make([][]any, len(splits))
	for i, s := range splits {
		rows[i] = []any{s.Split, s.Artifact.Digest, s.Artifact.Size, s.Artifact.MediaType, s.Rows}
	}
	return db.replace(ctx, "splits", run, []string{"split", "digest", "size", "media_type", "rows"}, rows)
}

// Splits returns the parts of the valid dataset, by name.
func (db *DB) Splits(ctx context.Context, run string) ([]Split, error) {
	return splits(ctx, db.pool, run)
}

func splits(ctx context.Context, q querier, run string) ([]Split, error) {
	rows, _ := q.Query(ctx, `select split, digest, size, media_type, rows from splits where run = $1 order by split`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Split, err error) {
		return s, row.Scan(&s.Split, &s.Artifact.Digest, &s.Artifact.Size, &s.Artifact.MediaType, &s.Rows)
	})
	return out, fail(err, "list the splits of "+run)
}

// RecordTrial writes one fit; again replaces it.
func (db *DB) RecordTrial(ctx context.Context, t Trial) error {
	batch := &pgx.Batch{}
	if err := queueTrial(batch, t); err != nil {
		return err
	}
	return fail(db.pool.SendBatch(ctx, batch).Close(), fmt.Sprintf("record trial %d of %s", t.Trial, t.Run))
}

func queueTrial(batch *pgx.Batch, t Trial) error {
	var texts [4]string
	for i, v := range []any{t.Params, t.Scores, t.Options, t.Report} {
		var err error
		if texts[i], err = encode(v, "{}"); err != nil {
			return err
		}
	}
	batch.Queue(`insert into trials
			(run, outer_fold, trial, fold, kind, params, scores, options, report, share, rows, memory, seconds, worker, model_digest, error)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict (run, outer_fold, trial, fold) do update set kind = excluded.kind, params = excluded.params, scores = excluded.scores,
			options = excluded.options, report = excluded.report, share = excluded.share, rows = excluded.rows, memory = excluded.memory,
			seconds = excluded.seconds, worker = excluded.worker, model_digest = excluded.model_digest, error = excluded.error`,
		t.Run, t.Outer, t.Trial, t.Fold, t.Kind, texts[0], texts[1], texts[2], texts[3], t.Share, t.Rows, t.Memory, t.Seconds, t.Worker, t.ModelDigest, Clean(t.Error))
	return nil
}

// Trials returns the fits of a run by outer fold (the search itself first), trial
// and fold.
func (db *DB) Trials(ctx context.Context, run string) ([]Trial, error) {
	rows, _ := db.pool.Query(ctx, `select run, outer_fold, trial, fold, kind, params, scores, options, report, share, rows, memory, seconds, worker, model_digest, error
		from trials where run = $1 order by outer_fold, trial, fold`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Trial, err error) {
		return t, row.Scan(&t.Run, &t.Outer, &t.Trial, &t.Fold, &t.Kind, &t.Params, &t.Scores, &t.Options, &t.Report, &t.Share, &t.Rows, &t.Memory, &t.Seconds, &t.Worker, &t.ModelDigest, &t.Error)
	})
	return out, fail(err, "list the trials of "+run)
}

// RecordMetrics writes all the metrics of a run.
func (db *DB) RecordMetrics(ctx context.Context, run string, metrics []Metric) error {
	rows := make([][]any, len(metrics))
	for i, m := range metrics {
		rows[i] = []any{m.Model, m.Split, m.Metric, m.Value}
	}
	return db.replace(ctx, "metrics", run, []string{"model", "split", "metric", "value"}, rows)
}

// Metrics returns the metrics of a run by model, split and name.
func (db *DB) Metrics(ctx context.Context, run string) ([]Metric, error) {
	rows, _ := db.pool.Query(ctx, `select model, split, metric, value from metrics where run = $1 order by model, split, metric`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Metric, err error) {
		return m, row.Scan(&m.Model, &m.Split, &m.Metric, &m.Value)
	})
	return out, fail(err, "list the metrics of "+run)
}

// RecordGates writes the answers of all gates of a run, in their order.
func (db *DB) RecordGates(ctx context.Context, run string, gates []Gate) error {
	rows := make([][]any, len(gates))
	for i, g := range gates {
		rows[i] = []any{i, g.Metric, Clean(g.Condition), g.Value, g.Bound, g.Passed, Clean(g.Reason)}
	}
	return db.replace(ctx, "gates", run, []string{"ordinal", "metric", "condition", "value", "bound", "passed", "reason"}, rows)
}

// Gates returns the answers of the gates of a run, in their order.
func (db *DB) Gates(ctx context.Context, run string) ([]Gate, error) { return gates(ctx, db.pool, run) }

func gates(ctx context.Context, q querier, run string) ([]Gate, error) {
	rows, _ := q.Query(ctx, `select metric, condition, value, bound, passed, reason from gates where run = $1 order by ordinal`, run)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g Gate, err error) {
		return g, row.Scan(&g.Metric, &g.Condition, &g.Value, &g.Bound, &g.Passed, &g.Reason)
	})
	return out, fail(err, "list the gates of "+run)
}
