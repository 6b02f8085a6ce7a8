package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/esteira-ml/esteira/internal/fault"
)

// PipelineState is a pipeline as people look for it.
type PipelineState struct {
	Name     string        `json:"name"`
	Last     *Run          `json:"last,omitempty"`     // that trained, or was to
	Champion *ModelVersion `json:"champion,omitempty"` // of its model
	Metric   string        `json:"metric,omitempty"`   // that the champion was chosen by
}

// Pipelines lists those whose names come after one, by name, at most limit.
func (db *DB) Pipelines(ctx context.Context, after string, limit int) ([]PipelineState, error) {
	rows, _ := db.pool.Query(ctx, `select distinct name from pipelines where name > $1 order by name limit $2`, after, limit)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fail(err, "list pipelines")
	}
	rows, _ = db.pool.Query(ctx, `select `+runColumns+` from unnest($1::text[]) n cross join lateral (
		select * from runs where pipeline = n and trigger not in ('score', 'reproduce', 'import') order by started desc, id limit 1) r`, names)
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fail(err, "list the last runs")
	}
	rows, _ = db.pool.Query(ctx, `select m.name, m.version, m.bundle_digest, m.bundle_size, m.bundle_media_type, m.run, m.metrics, m.created
		from aliases a join model_versions m on m.name = a.model and m.version = a.version where a.alias = $2 and a.model = any ($1)`, names, Champion)
	champions, err := pgx.CollectRows(rows, scanModel)
	if err != nil {
		return nil, fail(err, "list the champions")
	}
	out := make([]PipelineState, len(names))
	made := make([]string, len(champions))
	for i, m := range champions {
		made[i] = m.Run
	}
	metrics, err := db.ChosenBy(ctx, made)
	if err != nil {
		return nil, err
	}
	at := make(map[string]*PipelineState, len(names))
	for i, name := range names {
		out[i].Name = name
		at[name] = &out[i]
	}
	for i := range runs {
		at[runs[i].Pipeline].Last = &runs[i]
	}
	for i := range champions {
		at[champions[i].Name].Champion, at[champions[i].Name].Metric = &champions[i], metrics[champions[i].Run]
	}
	return out, nil
}

// ChosenBy is the metric that each of some runs chose its model by.
func (db *DB) ChosenBy(ctx context.Context, runs []string) (map[string]string, error) {
	rows, _ := db.pool.Query(ctx, `select id, metric from runs where id = any ($1)`, runs)
	out := map[string]string{}
	var id, metric string
	_, err := pgx.ForEachRow(rows, []any{&id, &metric}, func() error { out[id] = metric; return nil })
	return out, fail(err, "list what models were chosen by")
}

// HasPipeline reports whether a pipeline of that name was ever defined.
func (db *DB) HasPipeline(ctx context.Context, name string) (known bool, err error) {
	err = db.pool.QueryRow(ctx, `select exists (select from pipelines where name = $1)`, name).Scan(&known)
	return known, fail(err, "look for pipeline "+name)
}

// FailedGates are the gates that said no, by run, in their order.
func (db *DB) FailedGates(ctx context.Context, runs []string) (map[string][]Gate, error) {
	rows, _ := db.pool.Query(ctx, `select run, metric, condition, value, bound, passed, reason from gates where run = any ($1) and not passed order by run, ordinal`, runs)
	out := map[string][]Gate{}
	var run string
	var g Gate
	_, err := pgx.ForEachRow(rows, []any{&run, &g.Metric, &g.Condition, &g.Value, &g.Bound, &g.Passed, &g.Reason}, func() error {
		out[run] = append(out[run], g)
		return nil
	})
	return out, fail(err, "list the gates that said no")
}

// StepTime is how long a step of a run took, its parts together.
type StepTime struct {
	Step    string
	Seconds float64
}

// StepTimes are how long the steps of runs took, from the beginning of their first part
// to the end of the last, by run and in the order they began. Steps that have not ended
// are left out.
func (db *DB) StepTimes(ctx context.Context, runs []string) (map[string][]StepTime, error) {
	rows, _ := db.pool.Query(ctx, `select run, name, extract(epoch from max(finished) - min(started))::float8 from (
			select distinct on (run, step) run, split_part(step, '/', 1) as name, started, finished from steps where run = any ($1) order by run, step, attempt desc) last
		group by run, name having count(*) = count(finished) order by run, min(started), name`, runs)
	out := map[string][]StepTime{}
	var run string
	var t StepTime
	_, err := pgx.ForEachRow(rows, []any{&run, &t.Step, &t.Seconds}, func() error {
		out[run] = append(out[run], t)
		return nil
	})
	return out, fail(err, "read how long steps took")
}

// Problem is the body of the newest version of a pipeline's problem; version 0: it has
// none.
func (db *DB) Problem(ctx context.Context, pipeline string) (version int, body json.RawMessage, err error) {
	err = db.pool.QueryRow(ctx, `select version, body from problems where pipeline = $1 order by version desc limit 1`, pipeline).Scan(&version, &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, nil
	}
	return version, body, fail(err, "read the problem of "+pipeline)
}

// ServedBy lists the latest revisions that served a model version, newest first, at
// most limit.
func (db *DB) ServedBy(ctx context.Context, model string, version, limit int) ([]Revision, error) {
	rows, _ := db.pool.Query(ctx, revisionQuery+`where (r.model_name = $1 and r.model_version = $2) or (r.canary_name = $1 and r.canary_version = $2) or (r.shadow_name = $1 and r.shadow_version = $2)
		order by r.created desc limit $3`, model, version, limit)
	out, err := pgx.CollectRows(rows, scanRevision)
	return out, fail(err, "list where a version of "+model+" served")
}

// LastWindows are the latest computed windows of all endpoints.
func (db *DB) LastWindows(ctx context.Context) ([]Window, error) {
	rows, _ := db.pool.Query(ctx, `select w.* from endpoints e cross join lateral (
		select `+windowColumns+` from windows where endpoint = e.name order by begins desc limit 1) w`)
	out, err := pgx.CollectRows(rows, scanWindow)
	return out, fail(err, "list the latest windows")
}

// Boards are where the alerts of all endpoints stand.
func (db *DB) Boards(ctx context.Context) (map[string]json.RawMessage, error) {
	rows, _ := db.pool.Query(ctx, `select endpoint, board from boards`)
	out := map[string]json.RawMessage{}
	var endpoint string
	var board json.RawMessage
	_, err := pgx.ForEachRow(rows, []any{&endpoint, &board}, func() error {
		out[endpoint] = board
		return nil
	})
	return out, fail(err, "read the boards")
}

// CountWithin bounds questions that count rows of the audit log for somebody who looks.
const CountWithin = 3 * time.Second

// counted lets f count in a transaction that reads, and gives up, ResourceExhausted,
// after CountWithin.
func (db *DB) counted(ctx context.Context, operation string, f func(pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select set_config('statement_timeout', $1, true), set_config('jit', 'off', true)`, CountWithin.String()); err != nil {
			return err
		}
		return f(tx)
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == queryCanceled && ctx.Err() == nil {
		return fault.New(fault.ResourceExhausted, "%s took longer than %s", operation, CountWithin).WithRemedy("ask for a shorter time, or ask the audit log: esteira audit query")
	}
	return fail(err, operation)
}

// queryCanceled is a code of Postgres.
const queryCanceled = "57014"
