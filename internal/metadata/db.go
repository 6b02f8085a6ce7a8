package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/esteira-ml/esteira/internal/fault"
)

// DB is the metadata database. It is safe for concurrent use.
type DB struct {
	pool *pgxpool.Pool
}

// connectTimeout is how long one connection may take to come: an outage is
// reported, and waiting it out is the caller's.
const connectTimeout = 5 * time.Second

// Open connects to the database at url (empty: the PG* variables) and makes
// sure that it answers. It does not migrate.
func Open(ctx context.Context, url string) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.New(fault.ConfigInvalid, "the database's address does not parse").WithRemedy("write DATABASE_URL as postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = "esteira"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.MaxConnIdleTime = 5 * time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fail(err, "open the database")
	}
	db := &DB{pool: pool}
	if err := db.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// Close waits for queries in flight and closes the connections.
func (db *DB) Close() { db.pool.Close() }

// Pool gives the connections to the packages that own other tables.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Ping asks the database for an answer.
func (db *DB) Ping(ctx context.Context) error {
	return fail(db.pool.Ping(ctx), "reach the database")
}

// inTx runs f in one transaction.
func (db *DB) inTx(ctx context.Context, operation string, f func(pgx.Tx) error) error {
	return fail(pgx.BeginFunc(ctx, db.pool, f), operation)
}

func (db *DB) exec(ctx context.Context, operation, sql string, args ...any) error {
	_, err := db.pool.Exec(ctx, sql, args...)
	return fail(err, operation)
}

// fail gives an error of the driver its kind; typed errors pass as they are.
func fail(err error, operation string) error {
	if err == nil || fault.KindOf(err) != "" {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return failAnswer(err, answer, operation)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed") {
		return fault.Wrap(err, fault.DatabaseUnavailable, "%s", operation).WithRemedy("check that Postgres runs: esteira doctor")
	}
	return fault.Wrap(err, fault.Internal, "%s", operation)
}

// failAnswer reads the SQLSTATE of an answer
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func failAnswer(err error, answer *pgconn.PgError, operation string) error {
	switch code := answer.Code; {
	case code == "3D000":
		return fault.Wrap(err, fault.ConfigInvalid, "%s", operation).WithRemedy("create the database, or correct DATABASE_URL")
	case strings.HasPrefix(code, "28"), code == "42501":
		return fault.Wrap(err, fault.ConfigInvalid, "%s", operation).WithRemedy("correct the user, password or privileges in DATABASE_URL")
	case code == "23503":
		return fault.Wrap(err, fault.NotFound, "%s: it refers to a row that does not exist", operation).WithRemedy("start the run, or register the model version or server, first")
	case code == "42P01", code == "42703", code == "42883":
		return fault.Wrap(err, fault.ConfigInvalid, "%s: the database lacks a table or column", operation).WithRemedy("run: esteira migrate")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "58"), code == "40001", code == "40P01", code == "55P03", code == "25006":
		return fault.Wrap(err, fault.DatabaseUnavailable, "%s", operation).WithRemedy("check that Postgres runs: esteira doctor")
	}
	return fault.Wrap(err, fault.Internal, "%s", operation)
}

// orNotFound turns the absence of a row into NotFound.
func orNotFound(err error, what string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, what+" does not exist", args...)
	}
	return fail(err, "read "+fmt.Sprintf(what, args...))
}

// Clean makes any text acceptable to Postgres, which takes valid UTF-8 without
// the zero byte. Messages may quote a user's bytes, and addresses name what they ask for.
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// encode gives v as the text of a jsonb value, def if it is nil or empty.
// jsonb refuses the escaped zero character, which becomes the replacement.
func encode(v any, def string) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "encode %T as JSON", v)
	}
	if s := string(b); s != "null" {
		return strings.ReplaceAll(s, `\u0000`, `\ufffd`), nil
	}
	return def, nil
}

func orNow(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC()
}

func utc(t *time.Time) *time.Time {
	if t != nil {
		u := t.UTC()
		return &u
	}
	return nil
}
