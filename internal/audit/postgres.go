package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Postgres is the sink that fills metadata's table of predictions.
type Postgres struct {
	db *metadata.DB

	mu   sync.Mutex
	days map[string]bool // partitions known to exist
}

var _ Sink = (*Postgres)(nil)

// NewPostgres returns a sink that inserts into db.
func NewPostgres(db *metadata.DB) *Postgres { return &Postgres{db: db, days: map[string]bool{}} }

var columns = []string{
	"day", "id", "endpoint", "revision", "model_name", "model_version", "at", "request_id",
	"features", "outputs", "status", "error", "latency_us",
	"role", "shadow_of", "token", "request_hash", "idempotency_key", "mode", "redacted",
}

const stage = `create temporary table if not exists predictions_staging (like predictions including defaults) on commit delete rows`

var fromStage = `insert into predictions (` + strings.Join(columns, ", ") + `) select ` + strings.Join(columns, ", ") +
	` from predictions_staging order by id on conflict do nothing`

// Insert implements Sink: COPY into the table; where it holds one of the records
// already, COPY into a temporary table and INSERT … ON CONFLICT DO NOTHING, which
// takes twice the time and is needed after a crash alone. Either is one transaction.
// A partition that was dropped after its export is made again for a record that comes
// later still.
func (p *Postgres) Insert(ctx context.Context, records []Record) error {
	err := p.insert(ctx, records)
	if noPartition(err) {
		p.mu.Lock()
		clear(p.days)
		p.mu.Unlock()
		err = p.insert(ctx, records)
	}
	return classify(err)
}

// noPartition recognises that the row's day has no table, which is an error of the
// same class as a row that breaks a rule, but names no rule.
func noPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514" && pg.ConstraintName == ""
}

// alreadyThere recognises a row whose id the table holds.
func alreadyThere(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

func byID(a, b Record) int { return bytes.Compare(a.ID[:], b.ID[:]) }

// The records of one call are shared out to several connections, each with at
// least so many: a transaction is the work of one core of the database. Of more than
// two each row costs more, for all write the ends of the same indexes.
const (
	connections = 2
	atLeastEach = 2000
)

// insert shares the records out; each share is one transaction. When one fails, what
// the others stored is met again, and left alone, at the next attempt.
func (p *Postgres) insert(ctx context.Context, records []Record) error {
	shares := min(connections, max(1, len(records)/atLeastEach))
	errs := make([]error, shares)
	var wg sync.WaitGroup
	for i := range shares {
		wg.Go(func() {
			errs[i] = p.insertShare(ctx, records[i*len(records)/shares:(i+1)*len(records)/shares])
		})
	}
	wg.Wait()
	// What may pass is said before what cannot: the batch is tried again whole.
	for _, err := range errs {
		if err != nil && !errors.Is(classify(err), ErrRejected) {
			return err
		}
	}
	return errors.Join(errs...)
}

func (p *Postgres) insertShare(ctx context.Context, records []Record) error {
	for i := range records {
		if records[i].ID.Version() != 7 {
			return fmt.Errorf("%w: id %s is a UUID of version %d, not 7", ErrRejected, records[i].ID, records[i].ID.Version())
		}
		if err := p.ensureDay(ctx, metadata.Day(records[i].ID)); err != nil {
			return err
		}
	}
	// In order, so that two drains of the same records wait for each other and do not deadlock.
	slices.SortFunc(records, byID)
	err := p.store(ctx, records, copyTo("predictions", records))
	if alreadyThere(err) {
		err = p.store(ctx, records, merge(records))
	}
	return err
}

// store runs one way to fill the table, and keeps the answers with it.
func (p *Postgres) store(ctx context.Context, records []Record, fill func(context.Context, pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, p.db.Pool(), func(tx pgx.Tx) error {
		if err := fill(ctx, tx); err != nil {
			return err
		}
		if err := keepAnswers(ctx, tx, records); err != nil {
			return err
		}
		return touch(ctx, tx, records)
	})
}

// touch tells which hours the records are of: the monitor has summarised some of them,
// if the records are late.
func touch(ctx context.Context, tx pgx.Tx, records []Record) error {
	type key struct {
		endpoint string
		hour     time.Time
	}
	seen := map[key]bool{}
	var endpoints []string
	var hours []time.Time
	for i := range records {
		k := key{records[i].Endpoint, records[i].At.UTC().Truncate(time.Hour)}
		if records[i].Role != metadata.RoleShadow && !seen[k] {
			seen[k] = true
			endpoints, hours = append(endpoints, k.endpoint), append(hours, k.hour)
		}
	}
	if len(hours) == 0 {
		return nil
	}
	return metadata.TouchHours(ctx, tx, endpoints, hours)
}

func copyTo(table string, records []Record) func(context.Context, pgx.Tx) error {
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, &rows{records: records, at: -1})
		return err
	}
}

func merge(records []Record) func(context.Context, pgx.Tx) error {
	return func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, stage); err != nil {
			return err
		}
		if err := copyTo("predictions_staging", records)(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fromStage)
		return err
	}
}

// keepAnswers stores the answers that a key can ask for again. Of two servers that
// answered the same key at once, the one that drains first is repeated by others.
func keepAnswers(ctx context.Context, tx pgx.Tx, records []Record) error {
	batch := &pgx.Batch{}
	for i := range records {
		if r := &records[i]; len(r.Answer) > 0 && r.IdempotencyKey != "" {
			batch.Queue(`insert into idempotent_answers (endpoint, token, key, request_hash, header, body, prediction_id, at)
				values ($1, $2, $3, $4, $5, $6, $7, $8)
				on conflict (endpoint, token, key) do update set request_hash = excluded.request_hash, header = excluded.header, body = excluded.body,
					prediction_id = excluded.prediction_id, at = excluded.at
				where idempotent_answers.at < excluded.at - make_interval(secs => $9)`,
				r.Endpoint, r.Token, r.IdempotencyKey, r.RequestHash, string(r.AnswerHeader), r.Answer, r.ID, r.At, metadata.AnswersLive.Seconds())
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}

// classify tells what is wrong with the data from what is wrong with the world.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrRejected) || fault.KindOf(err) != "" {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23") {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return fault.Wrap(err, fault.DatabaseUnavailable, "store audit records").
		WithRemedy("check DATABASE_URL and that the schema is migrated (esteira migrate)")
}

func (p *Postgres) ensureDay(ctx context.Context, day time.Time) error {
	key := day.Format(time.DateOnly)
	p.mu.Lock()
	known := p.days[key]
	p.mu.Unlock()
	if known {
		return nil
	}
	if err := p.db.EnsureDays(ctx, day); err != nil {
		return err
	}
	p.mu.Lock()
	p.days[key] = true
	p.mu.Unlock()
	return nil
}

// rows feeds COPY.
type rows struct {
	records []Record
	at      int
	values  [20]any
}

func (r *rows) Next() bool { r.at++; return r.at < len(r.records) }
func (r *rows) Err() error { return nil }

func (r *rows) Values() ([]any, error) {
	x := &r.records[r.at]
	r.values = [20]any{
		metadata.Day(x.ID), [16]byte(x.ID), x.Endpoint, x.Revision, x.ModelName, x.ModelVersion, x.At, x.RequestID,
		bytesOrNull(x.Features), bytesOrNull(x.Outputs), x.Status, x.Error,
		min(x.Latency.Microseconds(), math.MaxInt32),
		cmp.Or(x.Role, metadata.RoleLive), idOrNull(x.ShadowOf), x.Token, bytesOrNull(x.RequestHash), x.IdempotencyKey,
		cmp.Or(x.Mode, metadata.AuditStrict), bytesOrNull(x.Redacted),
	}
	return r.values[:], nil
}

func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func idOrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return [16]byte(id)
}
