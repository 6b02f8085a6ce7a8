package testline_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// The gates let the test hold a run at a place that it would pass in no time: a
// row in the middle of the query's answer, and the transaction that appends the
// new part and moves the watermark.
const gates = `
create table events (id int, at timestamptz, size float8, price float8);
create function pass(id int) returns int language plpgsql as $$
begin
    if id = 450 then perform pg_advisory_xact_lock_shared(1); end if;
    return id;
end $$;
create function pass_increment() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(2);
    return new;
end $$;
create trigger pass before insert on increments for each row execute function pass_increment();
create function tell_increment() returns trigger language plpgsql as $$
begin
    perform pg_notify('testline', format(E'%s\tincrement\tcompleted', new.run));
    return new;
end $$;
create trigger tell after insert on increments for each row execute function tell_increment()`

const growingEvents = `
problem: {task: regression, target: price}
sources:
  events:
    postgres: {url: "env:DATABASE_URL", query: "SELECT pass(id) AS id, at, size, price FROM events"}
    incremental: {column: at}
dataset: {key: [id], sql: "SELECT id, size, price FROM events"}
features:
  - {columns: [size], apply: [impute, standardize]}
`

func grow(t *testing.T, pool *pgxpool.Pool, from, to int) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `insert into events select i, timestamptz '2026-01-01' + i * interval '1 hour', i % 17, 3 + 2 * (i % 17) + sin(i)
		from generate_series($1::int, $2::int) i`, from, to)
	require.NoError(t, err)
}

// key of each gate's advisory lock.
const (
	fetching  = 1 // the fetch is under way, its first rows have come
	appending = 2 // the new part is stored, the watermark is not moved
)

// gate is a lock that a run waits at.
type gate struct {
	conn *pgxpool.Conn
	key  int
}

func shut(t *testing.T, pool *pgxpool.Pool, key int) gate {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `select pg_advisory_lock($1)`, key)
	require.NoError(t, err)
	return gate{conn, key}
}

// reached waits until somebody stands at the gate.
func (g gate) reached(t *testing.T, l *testline.Line) {
	t.Helper()
	l.Await(time.Minute, "the run at the gate", func() bool {
		var n int
		err := g.conn.QueryRow(t.Context(), `select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = $1
			and database = (select oid from pg_database where datname = current_database())`, g.key).Scan(&n)
		require.NoError(t, err)
		return n > 0
	})
}

func (g gate) open(t *testing.T) {
	t.Helper()
	_, err := g.conn.Exec(t.Context(), `select pg_advisory_unlock($1)`, g.key)
	require.NoError(t, err)
	g.conn.Release()
}

// collected runs the pipeline, lets the table grow and runs it again, with what
// is done to the second run.
func collected(t *testing.T, during func(l *testline.Line, begin func() string) string) (*testline.Line, testline.Outcome) {
	t.Helper()
	l := testline.New(t)
	l.SetEnv("ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true") // the test's Postgres is on loopback
	l.StartWorker()
	l.StartServer()
	pool := l.Pool()
	_, err := pool.Exec(t.Context(), gates)
	require.NoError(t, err)
	grow(t, pool, 1, 300)
	file := l.File(t.TempDir(), "a.yaml", "name: "+testenv.Name(t)+growingEvents)
	o := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	grow(t, pool, 301, 600)
	o = l.Follow(testline.ExitDone, during(l, func() string { return l.Begin(file).Run }))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	return l, o
}

// A worker process is killed in the collection of an increment, at one place
// after another: no row is missing, none is there twice, and what comes out is
// what comes out of a run that nobody disturbs.
func TestTheWorkerIsKilledWithinAnIncrement(t *testing.T) {
	t.Parallel()
	_, want := collected(t, func(_ *testline.Line, begin func() string) string { return begin() })
	passes := map[string][]int{"one after another": {fetching, appending}}
	if chaos {
		passes = map[string][]int{"in mid-fetch": {fetching}, "before the watermark": {appending}, "at both, twice": {fetching, fetching, appending, appending}}
	}
	for name, keys := range passes {
		t.Run(name, func(t *testing.T) {
			l, got := collected(t, func(l *testline.Line, begin func() string) (run string) {
				w, pool := l.Watch(), l.Pool()
				for i, key := range keys {
					g := shut(t, pool, key)
					if i == 0 {
						run = begin()
					} else {
						l.StartWorker()
					}
					g.reached(t, l)
					l.KillWorker()
					g.open(t)
				}
				l.StartWorker()
				// And once more when the watermark is moved, before Temporal is told.
				w.Next(time.Minute, "increment", "completed")
				l.KillWorker()
				l.StartWorker()
				return run
			})
			require.Equal(t, want.Result.Dataset, got.Result.Dataset)
			require.Equal(t, want.Result.Model, got.Result.Model)
			require.Equal(t, want.Result.Score, got.Result.Score)
			requireEachOnce(t, l, got.Result.Dataset, 600)
			require.Equal(t, 2, testline.Count(t, l.Pool(), `select count(*) from increments`))
			require.Equal(t, 600, testline.Count(t, l.Pool(), `select sum(rows) from increments`))
		})
	}
}

func requireEachOnce(t *testing.T, l *testline.Line, dataset artifact.Ref, n int64) {
	t.Helper()
	path, release, err := l.Store().File(t.Context(), dataset)
	require.NoError(t, err)
	defer release()
	engine, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer engine.Close()
	row, err := engine.QueryRow(context.Background(), "SELECT count(*)::BIGINT, count(DISTINCT id)::BIGINT, min(id)::BIGINT, max(id)::BIGINT FROM "+table.Scan(path))
	require.NoError(t, err)
	require.Equal(t, []any{n, n, int64(1), n}, row)
}
