package testenv

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// templateLock is the key of the advisory lock around making the template.
const templateLock = 0x6573746d706c

// Database returns a migrated database of the test alone, dropped after it. It
// is a copy of a template that the first test makes, so it costs little; the
// template's name has the schema's digest, so a new schema makes a new one.
func Database(t testing.TB) *metadata.DB {
	t.Helper()
	db := OpenDatabase(t, DatabaseURL(t))
	// The template may be days old.
	if err := db.EnsurePartitions(setUp(t), 1); err != nil {
		t.Fatal(err)
	}
	return db
}

// OpenDatabase opens the database at url for the test.
func OpenDatabase(t testing.TB, url string) *metadata.DB {
	t.Helper()
	db, err := metadata.Open(setUp(t), url)
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	t.Cleanup(db.Close)
	return db
}

// DatabaseURL is Database for a test that connects by itself.
func DatabaseURL(t testing.TB) string {
	t.Helper()
	c, err := config.Load()
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	ctx := setUp(t)
	base := c.DatabaseURL.Reveal()
	admin, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	defer admin.Close(context.WithoutCancel(ctx))
	template, err := ensureTemplate(ctx, admin, base)
	if err != nil {
		t.Fatalf("make the template of test databases: %v", err)
	}
	name := "test_" + strings.ReplaceAll(Name(t), "-", "_")
	if _, err := admin.Exec(ctx, `create database `+quote(name)+` template `+quote(template)); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() { drop(t, base, name) })
	return withDatabase(base, name)
}

func ensureTemplate(ctx context.Context, admin *pgx.Conn, base string) (string, error) {
	name := "esteira_template_" + metadata.SchemaDigest()[:16]
	if _, err := admin.Exec(ctx, `select pg_advisory_lock($1)`, int64(templateLock)); err != nil {
		return "", err
	}
	defer admin.Exec(ctx, `select pg_advisory_unlock($1)`, int64(templateLock))
	var ready bool
	// A template that a killed test left half made is not marked, and is made anew.
	if err := admin.QueryRow(ctx, `select exists (select from pg_database where datname = $1 and datistemplate)`, name).Scan(&ready); err != nil || ready {
		return name, err
	}
	if _, err := admin.Exec(ctx, `drop database if exists `+quote(name)+` with (force)`); err != nil {
		return "", err
	}
	if _, err := admin.Exec(ctx, `create database `+quote(name)); err != nil {
		return "", err
	}
	db, err := metadata.Open(ctx, withDatabase(base, name))
	if err != nil {
		return "", err
	}
	err = db.Migrate(ctx)
	db.Close()
	if err != nil {
		return "", err
	}
	_, err = admin.Exec(ctx, `alter database `+quote(name)+` is_template true`)
	return name, err
}

func drop(t testing.TB, base, name string) {
	ctx, cancel := tearDown()
	defer cancel()
	admin, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Errorf("drop test database %s: %v", name, err)
		return
	}
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, `drop database if exists `+quote(name)+` with (force)`)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == insufficientPrivilege {
		// An autovacuum worker is there, which only a superuser may end by force;
		// without force Postgres asks it to leave by itself.
		_, err = admin.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = current_user`, name)
		if err == nil {
			_, err = admin.Exec(ctx, `drop database if exists `+quote(name))
		}
	}
	if err != nil {
		t.Errorf("drop test database %s: %v", name, err)
	}
}

// insufficientPrivilege is a code of Postgres.
const insufficientPrivilege = "42501"

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// withDatabase names another database in a connection URL. An empty base (the
// PG* variables) becomes a URL without a host, which leaves the rest to them.
func withDatabase(base, name string) string {
	if base == "" {
		base = "postgres://"
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme == "" {
		return base + " dbname=" + name // keyword=value form: the last word counts
	}
	u.Path = "/" + name
	return u.String()
}
