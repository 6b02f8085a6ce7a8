package metadata

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

const runColumns = `id, temporal_run_id, pipeline, pipeline_digest, trigger, moment, state, decision, reason,
	model_name, model_version, metric, score, error_kind, reports, started, finished, problem_version, solved`

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(&r.ID, &r.TemporalRunID, &r.Pipeline, &r.PipelineDigest, &r.Trigger, &r.Moment, &r.State, &r.Decision, &r.Reason,
		&r.ModelName, &r.ModelVersion, &r.Metric, &r.Score, &r.ErrorKind, &r.Reports, &r.Started, &r.Finished, &r.ProblemVersion, &r.Solved)
	r.Moment, r.Started, r.Finished = utc(r.Moment), r.Started.UTC(), utc(r.Finished)
	return r, err
}

// RecordDefinition remembers a version of a pipeline and of its problem, and
// returns the problem's version: the same for the same problem, else the next.
func (db *DB) RecordDefinition(ctx context.Context, d Definition) (problem int, err error) {
	ref, err := encode(d.Ref, "{}")
	if err != nil {
		return 0, err
	}
	body, err := encode(d.Problem, "{}")
	if err != nil {
		return 0, err
	}
	err = db.inTx(ctx, "record the definition of "+d.Pipeline, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into pipelines (digest, name, definition) values ($1, $2, $3) on conflict do nothing`,
			d.Digest, d.Pipeline, ref); err != nil {
			return err
		}
		if err := lock(ctx, tx, "problem", d.Pipeline); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `select version from problems where pipeline = $1 and digest = $2`, d.Pipeline, d.ProblemDigest).Scan(&problem)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return tx.QueryRow(ctx, `insert into problems (pipeline, version, digest, body)
			select $1, coalesce(max(version), 0) + 1, $2, $3 from problems where pipeline = $1 returning version`,
			d.Pipeline, d.ProblemDigest, body).Scan(&problem)
	})
	return problem, err
}

// lock serialises transactions that decide about the same thing.
func lock(ctx context.Context, tx pgx.Tx, parts ...string) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, strings.Join(parts, "\x1f"))
	return err
}

// StartRun claims the moment (if any) of the pipeline for the run. If another
// run holds it, running or ended with a decision, that run is returned and
// claimed is false; one that failed or was cancelled gives the moment up. The
// same id again is a no-op, unless Temporal started the workflow anew after it
// failed or was cancelled: then the run is running again.
//
// A run that must be alone is refused in the same way while another of the
// pipeline goes that has one of these triggers.
//
// A run whose workflow was terminated holds its moment, and its place, until
// FinishRun says so.
func (db *DB) StartRun(ctx context.Context, p StartRun) (run Run, claimed bool, err error) {
	err = db.inTx(ctx, "start run "+p.ID, func(tx pgx.Tx) error {
		key := []string{"run", p.ID}
		if p.Moment != nil {
			key = []string{"moment", p.Pipeline, p.Moment.UTC().String()}
		}
		if err := lock(ctx, tx, key...); err != nil {
			return err
		}
		if len(p.Alone) > 0 {
			if err := lock(ctx, tx, "retraining", p.Pipeline); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `select `+runColumns+` from runs where id = $1
			or (pipeline = $2 and moment = $3 and state in ('running', 'completed', 'rejected'))
			or (pipeline = $2 and state = 'running' and trigger = any ($4))
			order by id = $1 desc, (moment is not distinct from $3) desc limit 2 for update`, p.ID, p.Pipeline, utc(p.Moment), p.Alone)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, scanRun)
		if err != nil {
			return err
		}
		for _, other := range found {
			if other.ID != p.ID {
				run, claimed = other, false
				return nil
			}
		}
		if len(found) == 1 {
			run, claimed = found[0], true
			if run.TemporalRunID == p.TemporalRunID || run.State == RunCompleted || run.State == RunRejected {
				return nil
			}
		}
		rows, err = tx.Query(ctx, `insert into runs (id, temporal_run_id, pipeline, pipeline_digest, trigger, moment, started)
			values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (id) do update set temporal_run_id = excluded.temporal_run_id, pipeline_digest = excluded.pipeline_digest,
				trigger = excluded.trigger, state = 'running', decision = '', reason = '', error_kind = '', started = excluded.started, finished = null
			returning `+runColumns, p.ID, p.TemporalRunID, p.Pipeline, p.PipelineDigest, p.Trigger, utc(p.Moment), orNow(p.Started))
		if err != nil {
			return err
		}
		run, err = pgx.CollectExactlyOneRow(rows, scanRun)
		claimed = true
		return err
	})
	return run, claimed && err == nil, err
}

// FinishRun records how a run ended. Again with the same end is a no-op; a run
// that ended stays as it ended, except that a later word may correct one that
// failed or was cancelled. No such run is NotFound.
func (db *DB) FinishRun(ctx context.Context, p FinishRun) error {
	if p.State == RunRunning || p.State == "" {
		return fault.New(fault.Internal, "run %s cannot finish as %q", p.ID, p.State)
	}
	reports, err := encode(p.Reports, "{}")
	if err != nil {
		return err
	}
	tag, err := db.pool.Exec(ctx, `update runs set state = $2, decision = $3, reason = $4, model_name = $5, model_version = $6,
			metric = $7, score = $8, error_kind = $9, reports = $10, finished = $11, problem_version = $12, solved = $13
		where id = $1 and state in ('running', 'failed', 'cancelled')`,
		p.ID, p.State, Clean(p.Decision), Clean(p.Reason), p.ModelName, p.ModelVersion, p.Metric, p.Score, p.ErrorKind, reports, orNow(p.Finished), p.ProblemVersion, p.Solved)
	if err != nil || tag.RowsAffected() == 1 {
		return fail(err, "finish run "+p.ID)
	}
	_, err = db.Run(ctx, p.ID)
	return err
}

// Run returns a run, or NotFound.
func (db *DB) Run(ctx context.Context, id string) (Run, error) {
	rows, _ := db.pool.Query(ctx, `select `+runColumns+` from runs where id = $1`, id)
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	return run, orNotFound(err, "run %q", id)
}

// Runs lists the latest runs that pass the filter, newest first, at most limit.
func (db *DB) Runs(ctx context.Context, f RunFilter, limit int) ([]Run, error) {
	var where []string
	var args []any
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if f.Pipeline != "" {
		add("pipeline = $%d", f.Pipeline)
	}
	if f.State != "" {
		add("state = $%d", f.State)
	}
	if f.Trigger != "" {
		add("trigger = $%d", f.Trigger)
	}
	if !f.Before.IsZero() {
		add("started < $%d", f.Before.UTC())
	}
	sql := `select ` + runColumns + ` from runs`
	if len(where) > 0 {
		sql += ` where ` + strings.Join(where, " and ")
	}
	args = append(args, limit)
	sql += fmt.Sprintf(` order by started desc, id limit $%d`, len(args))
	rows, _ := db.pool.Query(ctx, sql, args...)
	runs, err := pgx.CollectRows(rows, scanRun)
	return runs, fail(err, "list runs")
}
