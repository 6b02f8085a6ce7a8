package metadata_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// empty is a database without our schema.
func empty(t *testing.T) *metadata.DB {
	t.Helper()
	db := testenv.Database(t)
	if _, err := db.Pool().Exec(t.Context(), `drop schema public cascade; create schema public`); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestProgramsMayMigrateAtOnce(t *testing.T) {
	db := empty(t)
	if have, known, err := db.SchemaVersion(t.Context()); have != 0 || known == 0 || err != nil {
		t.Fatal(have, known, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if have, known, err := db.SchemaVersion(t.Context()); have != known || err != nil {
		t.Fatal(have, known, err)
	}
}

func TestADatabaseOfAnotherHistoryIsRefused(t *testing.T) {
	for name, sql := range map[string]string{
		"newer":   `insert into schema_migrations (version, name, checksum) values (9999, '9999_future', 'x')`,
		"rewrite": `update schema_migrations set checksum = 'another' where version = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			db := testenv.Database(t)
			if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			if err := db.Migrate(t.Context()); fault.KindOf(err) != fault.ConfigInvalid {
				t.Fatal(err)
			}
		})
	}
}

func TestAnUnmigratedDatabaseSaysSo(t *testing.T) {
	if _, err := empty(t).Run(t.Context(), "x"); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
}

func TestTroubleWithTheConnectionIsTyped(t *testing.T) {
	for url, want := range map[string]fault.Kind{
		"postgres://u:pw@127.0.0.1:1/x":          fault.DatabaseUnavailable,
		"postgres://u:sesame@127.0.0.1:notaport": fault.ConfigInvalid,
	} {
		db, err := metadata.Open(t.Context(), url)
		if db != nil || fault.KindOf(err) != want {
			t.Errorf("%s: %v", url, err)
		}
	}
	db := testenv.Database(t)
	db.Close()
	if err := db.Ping(t.Context()); err == nil {
		t.Error("a closed pool answered")
	}
}

func TestThePoolRecoversFromACutConnection(t *testing.T) {
	db := testenv.Database(t)
	// The statement ends its own session, as a restart of the server would.
	_, err := db.Pool().Exec(t.Context(), `select pg_terminate_backend(pg_backend_pid())`)
	if err == nil {
		t.Fatal("the session survived")
	}
	if _, err := db.Runs(t.Context(), metadata.RunFilter{}, 1); err != nil {
		t.Fatal("the pool does not recover", err)
	}
}

func TestPartitions(t *testing.T) {
	db := testenv.Database(t)
	late := time.Date(2021, 2, 28, 23, 59, 59, 0, time.UTC)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := db.EnsureDays(t.Context(), late, late.AddDate(0, 0, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	insert := `insert into predictions (day, id, endpoint, revision, model_name, model_version, at, status, latency_us) values ($1, $2, 'e', 1, 'm', 1, now(), 200, 1)`
	id := uuidAt(late)
	if _, err := db.Pool().Exec(t.Context(), insert, metadata.Day(id), id); err != nil {
		t.Fatal(err)
	}
	today := uuid.Must(uuid.NewV7())
	if _, err := db.Pool().Exec(t.Context(), insert, metadata.Day(today), today); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(t.Context(), insert, metadata.Day(today).AddDate(0, 0, 1), today); err == nil {
		t.Fatal("a prediction was stored under a day that is not its id's")
	}
}

// uuidAt is a version 7 id of that millisecond.
func uuidAt(at time.Time) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	ms := at.UnixMilli()
	for i := range 6 {
		id[5-i] = byte(ms >> (8 * i))
	}
	return id
}
