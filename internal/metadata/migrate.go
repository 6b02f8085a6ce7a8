package metadata

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the key of the advisory lock: "esteira" in hexadecimal.
const migrationLock = 0x65737465697261

type migration struct {
	version             int
	name, sql, checksum string
}

// migrations reads the embedded files, which are named NNNN_noun.sql from 0001
// without a gap.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var out []migration
	for i, path := range names {
		b, err := migrationFiles.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql")
		version, err := strconv.Atoi(name[:4])
		if err != nil || version != i+1 {
			return nil, fault.New(fault.Internal, "migration %s is not number %d", name, i+1)
		}
		sum := sha256.Sum256(b)
		out = append(out, migration{version, name, string(b), hex.EncodeToString(sum[:])})
	}
	return out, nil
}

// Migrate brings the schema to what this program knows. Programs may call it at once: one works, the others
// wait. A database that is newer, or whose history differs, is refused with
// ConfigInvalid and left alone.
func (db *DB) Migrate(ctx context.Context) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	err = db.inTx(ctx, "migrate the database", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `create table if not exists schema_migrations (
			version int primary key, name text not null, checksum text not null, applied timestamptz not null default now())`); err != nil {
			return err
		}
		done, err := appliedMigrations(ctx, tx, all)
		if err != nil {
			return err
		}
		for _, m := range all[done:] {
			if _, err := tx.Exec(ctx, m.sql); err != nil {
				return fmt.Errorf("apply %s: %w", m.name, err)
			}
			if _, err := tx.Exec(ctx, `insert into schema_migrations (version, name, checksum) values ($1, $2, $3)`, m.version, m.name, m.checksum); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return db.EnsurePartitions(ctx, partitionsAhead)
}

// appliedMigrations returns how many are applied, having compared their
// checksums with ours.
func appliedMigrations(ctx context.Context, tx pgx.Tx, all []migration) (int, error) {
	rows, err := tx.Query(ctx, `select version, name, checksum from schema_migrations order by version`)
	if err != nil {
		return 0, err
	}
	done, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m migration, err error) {
		return m, row.Scan(&m.version, &m.name, &m.checksum)
	})
	if err != nil {
		return 0, err
	}
	if len(done) > len(all) {
		return 0, fault.New(fault.ConfigInvalid, "the database is at schema version %d, this program knows %d", len(done), len(all)).
			WithRemedy("run the newer version of esteira")
	}
	for i, m := range done {
		if m.checksum != all[i].checksum {
			return 0, fault.New(fault.ConfigInvalid, "migration %s was applied to the database with another text", m.name).
				WithRemedy("use the version of esteira that made the database, or another database")
		}
	}
	return len(done), nil
}

// SchemaVersion returns the version the database is at (0: never migrated) and
// the one this program knows.
func (db *DB) SchemaVersion(ctx context.Context) (have, known int, err error) {
	all, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	var there bool
	if err := db.pool.QueryRow(ctx, `select to_regclass('schema_migrations') is not null`).Scan(&there); err != nil || !there {
		return 0, len(all), fail(err, "read the schema's version")
	}
	err = db.pool.QueryRow(ctx, `select coalesce(max(version), 0) from schema_migrations`).Scan(&have)
	return have, len(all), fail(err, "read the schema's version")
}

// SchemaDigest identifies the schema this program knows: the hex SHA-256 of its
// migrations.
func SchemaDigest() string {
	hash := sha256.New()
	all, err := migrations()
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, m := range all {
		hash.Write([]byte(m.checksum))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
