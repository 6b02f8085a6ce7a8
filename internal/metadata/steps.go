package metadata

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// RecordStep writes where an attempt of a step stands; the last word wins. That a
// step runs is for those who watch: it does not wait for the disk, and may be lost
// with the server.
func (db *DB) RecordStep(ctx context.Context, s Step) error {
	batch := &pgx.Batch{}
	if s.State == StepRunning {
		batch.Queue(`select set_config('synchronous_commit', 'off', true)`) // for this batch, which is one transaction
	}
	if err := queueStep(batch, s); err != nil {
		return err
	}
	return fail(db.pool.SendBatch(ctx, batch).Close(), "record step "+s.Step+" of "+s.Run)
}

func queueStep(batch *pgx.Batch, s Step) error {
	outputs, err := encode(s.Outputs, "{}")
	if err != nil {
		return err
	}
	if s.Cache == "" {
		s.Cache = CacheOff
	}
	batch.Queue(`insert into steps (run, step, attempt, state, cache, cache_reason, figure, outputs, error_kind, error_message, started, finished)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (run, step, attempt) do update set state = excluded.state, cache = excluded.cache, cache_reason = excluded.cache_reason,
			figure = excluded.figure, outputs = excluded.outputs, error_kind = excluded.error_kind, error_message = excluded.error_message,
			started = excluded.started, finished = excluded.finished`,
		s.Run, s.Step, max(1, s.Attempt), s.State, s.Cache, Clean(s.CacheReason), Clean(s.Figure), outputs, s.ErrorKind, Clean(s.ErrorMessage),
		orNow(s.Started), utc(s.Finished))
	return nil
}

// Steps returns the last attempt of each step of a run, in the order they began.
func (db *DB) Steps(ctx context.Context, run string) ([]Step, error) {
	rows, _ := db.pool.Query(ctx, `select run, step, attempt, state, cache, cache_reason, figure, outputs, error_kind, error_message, started, finished
		from (select distinct on (step) * from steps where run = $1 order by step, attempt desc) last order by started, step`, run)
	steps, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Step, err error) {
		err = row.Scan(&s.Run, &s.Step, &s.Attempt, &s.State, &s.Cache, &s.CacheReason, &s.Figure, &s.Outputs, &s.ErrorKind, &s.ErrorMessage, &s.Started, &s.Finished)
		s.Started, s.Finished = s.Started.UTC(), utc(s.Finished)
		return s, err
	})
	return steps, fail(err, "list the steps of "+run)
}

// CachedStep returns what is remembered under the key; ok is false if nothing.
func (db *DB) CachedStep(ctx context.Context, key string) (cached CachedStep, ok bool, err error) {
	cached.Key = key
	err = db.pool.QueryRow(ctx, `select step, result, outputs, figure, run, created from step_cache where key = $1`, key).
		Scan(&cached.Step, &cached.Result, &cached.Outputs, &cached.Figure, &cached.Run, &cached.Created)
	if errors.Is(err, pgx.ErrNoRows) {
		return CachedStep{}, false, nil
	}
	if err != nil {
		return CachedStep{}, false, fail(err, "look up a cached step")
	}
	cached.Created = cached.Created.UTC()
	return cached, true, nil
}

// CachedSteps is CachedStep of several keys in one round trip; a key of which nothing
// is remembered is not in the map.
func (db *DB) CachedSteps(ctx context.Context, keys []string) (map[string]CachedStep, error) {
	rows, _ := db.pool.Query(ctx, `select key, step, result, outputs, figure, run, created from step_cache where key = any($1)`, keys)
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c CachedStep, err error) {
		err = row.Scan(&c.Key, &c.Step, &c.Result, &c.Outputs, &c.Figure, &c.Run, &c.Created)
		c.Created = c.Created.UTC()
		return c, err
	})
	out := make(map[string]CachedStep, len(found))
	for _, c := range found {
		out[c.Key] = c
	}
	return out, fail(err, "look up cached steps")
}

// SaveStep records a completed step in one transaction: its artifacts, an edge
// from every output to every input, the remembered result if it has a key, and
// the step itself. A cache hit is saved too (Cache: CacheHit), with the same
// inputs: lineage is read run by run, so that a run leads only to its own bytes.
// A fit's row is written in the same transaction.
func (db *DB) SaveStep(ctx context.Context, r StepRecord) error {
	return db.SaveSteps(ctx, []StepRecord{r})
}

// SaveSteps is SaveStep of several steps in one transaction and one round trip: all
// are recorded, or none.
func (db *DB) SaveSteps(ctx context.Context, records []StepRecord) error {
	if len(records) == 0 {
		return nil
	}
	// In the order of their keys, so that two runs that save the same never wait for
	// each other.
	records = slices.SortedStableFunc(slices.Values(records), func(x, y StepRecord) int { return strings.Compare(x.Key, y.Key) })
	batch := &pgx.Batch{}
	for _, r := range records {
		if err := queueRecord(batch, r); err != nil {
			return err
		}
	}
	// A batch outside a transaction is one implicit transaction, and one round trip.
	return fail(db.pool.SendBatch(ctx, batch).Close(), "save step "+records[0].Step+" of "+records[0].Run)
}

func queueRecord(batch *pgx.Batch, r StepRecord) error {
	result, err := encode(r.Result, "null")
	if err != nil {
		return err
	}
	outputs, err := encode(r.Outputs, "{}")
	if err != nil {
		return err
	}
	queueArtifacts(batch, r)
	if r.Key != "" && r.Cache != CacheHit {
		batch.Queue(`insert into step_cache (key, step, result, outputs, figure, run) values ($1, $2, $3, $4, $5, $6)
			on conflict (key) do update set result = excluded.result, outputs = excluded.outputs, figure = excluded.figure, run = excluded.run, created = now()`,
			r.Key, r.Step, result, outputs, Clean(r.Figure), r.Run)
	}
	finished := orNow(r.Finished)
	if err := queueStep(batch, Step{
		Run: r.Run, Step: r.Step, Attempt: r.Attempt, State: StepCompleted, Cache: r.Cache, CacheReason: r.CacheReason,
		Figure: r.Figure, Outputs: r.Outputs, Started: r.Started, Finished: &finished,
	}); err != nil {
		return err
	}
	if r.Trial != nil {
		return queueTrial(batch, *r.Trial)
	}
	return nil
}

func queueArtifacts(batch *pgx.Batch, r StepRecord) {
	var digests, types []string
	var sizes []int64
	add := func(ref artifact.Ref) {
		if !ref.IsZero() {
			digests, sizes, types = append(digests, ref.Digest), append(sizes, ref.Size), append(types, ref.MediaType)
		}
	}
	var outs, ins []string
	for _, ref := range r.Outputs {
		add(ref)
		if !ref.IsZero() {
			outs = append(outs, ref.Digest)
		}
	}
	for _, ref := range r.Inputs {
		add(ref)
		if !ref.IsZero() {
			ins = append(ins, ref.Digest)
		}
	}
	// In the order of their digests, so that two steps never wait for each other.
	batch.Queue(`insert into artifacts (digest, size, media_type)
		select * from unnest($1::text[], $2::bigint[], $3::text[]) as a (digest, size, media_type) order by digest on conflict do nothing`, digests, sizes, types)
	batch.Queue(`insert into lineage (output, input, run, step)
		select distinct o, i, $3::text, $4::text from unnest($1::text[]) o, unnest($2::text[]) i where o <> i order by o, i on conflict do nothing`, outs, ins, r.Run, r.Step)
}
