package source

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// database is a real database of the test with its address in a variable.
func database(t *testing.T, sql ...string) *pgx.Conn {
	t.Helper()
	url := testenv.DatabaseURL(t)
	t.Setenv("SOURCE_TEST_DATABASE", url)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(t.Context()) })
	for _, q := range sql {
		_, err := conn.Exec(t.Context(), q)
		require.NoError(t, err)
	}
	return conn
}

func asks(query string) pipeline.Source {
	return pipeline.Source{Postgres: &pipeline.Postgres{URL: "env:SOURCE_TEST_DATABASE", Query: query, Timeout: "30m"}}
}

func TestRowsKeepTheirTypesAndNULLs(t *testing.T) {
	database(t, `create table items (id int8, small int2, price numeric(10,2), rate numeric, x float8, ok bool, name text, day date, at timestamptz, note jsonb, tags text[])`,
		`insert into items values (1, 2, 12.50, 0.1, 'NaN', true, 'a "quoted", name'||chr(10)||'on two lines', '2024-02-29', '2024-01-02 03:04:05.678901+02', '{"a": 1}', '{x,y}'),
			(2, null, null, null, null, null, '', null, null, null, null), (3, null, null, null, 'Infinity', false, '\N', null, null, null, null)`)
	_, got, err := collect(t, asks("select * from items order by id; "), private)
	require.NoError(t, err)
	require.Equal(t, "csv", got.Format)
	types := ""
	for _, c := range got.Columns {
		types += c.Name + " " + c.SQL + "; "
	}
	require.Equal(t, "id BIGINT; small SMALLINT; price DECIMAL(10,2); rate DOUBLE; x DOUBLE; ok BOOLEAN; name VARCHAR; day DATE; at TIMESTAMP WITH TIME ZONE; note VARCHAR; tags VARCHAR; ", types)
	require.Equal(t, `"id","small","price","rate","x","ok","name","day","at","note","tags"
"1","2","12.50","0.1","NaN","t","a ""quoted"", name
on two lines","2024-02-29","2024-01-02 01:04:05.678901+00","{""a"": 1}","{x,y}"
"2",\N,\N,\N,\N,\N,"",\N,\N,\N,\N
"3",\N,\N,\N,"Infinity","f","\N",\N,\N,\N,\N
`, text(t, got.Path))
}

// numeric without a precision may be an id of any length.
func TestWholeNumericsStayApart(t *testing.T) {
	database(t)
	long := strings.Repeat("9", 38)
	for values, want := range map[string]string{
		"1, 2, null": "DOUBLE", "0.1, 12345678901234567890": "DOUBLE", "'NaN', 12345678901234567890": "DOUBLE", "'Infinity', 12345678901234567890": "DOUBLE",
		"9007199254740992, 9007199254740993, null": "DECIMAL(38,0)", "-" + long + ", 1": "DECIMAL(38,0)", long + "0, 1": "VARCHAR",
	} {
		_, got, err := collect(t, asks("select unnest(array["+values+"]::numeric[]) as id"), private)
		require.NoError(t, err)
		require.Equal(t, want, got.Columns[0].SQL, values)
	}
}

func TestOnlyRowsPastTheWatermark(t *testing.T) {
	database(t, `create table events (at timestamptz, n int)`, `insert into events select timestamptz '2024-01-01' + i * interval '1 hour', i from generate_series(0, 9) i`)
	_, got, err := collect(t, asks("select * from events"), Options{AllowPrivate: true, Past: Past{Column: "at", Value: "2024-01-01 07:00:00+00"}})
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(text(t, got.Path), "\n"), "the header and hours 8 and 9")
}

func TestAQueryCanOnlyReadOneStatement(t *testing.T) {
	conn := database(t, `create table victims (n int)`, `insert into victims values (1)`)
	for _, sql := range []string{
		"delete from victims", "delete from victims returning n", "drop table victims", "select 1; drop table victims", "nonsense",
		"select 1) as q; commit; drop table victims; --", "with gone as (delete from victims returning n) select * from gone", "select * from nowhere",
		"select nextval('s')", "commit", "select 1/0", "create table x as select 1", "copy victims to program 'true'",
	} {
		_, _, err := collect(t, asks(sql), private)
		kind(t, fault.QueryInvalid, err)
	}
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from victims").Scan(&n))
	require.Equal(t, 1, n)
}

func TestAQueryThatNeverEndsIsBounded(t *testing.T) {
	database(t)
	s := asks("select pg_sleep(3600)")
	s.Postgres.Timeout = "50ms"
	_, _, err := collect(t, s, private)
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "postgres.timeout, 50ms")
}

// The backend that serves the query is terminated while its rows stream.
func TestADatabaseThatDiesMidStreamIsTriedAgain(t *testing.T) {
	conn := database(t)
	// Rows that take for ever; the first of them arrive and fill the socket.
	s := asks("select repeat('x', 10000) as x, pg_sleep(0.0001) from generate_series(1, 100000000)")
	died := make(chan error, 1)
	go func() { _, _, err := collect(t, s, private); died <- err }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for killed := false; !killed; <-tick.C {
		rows, err := conn.Query(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select * from (select repeat%' and state = 'active' and datname = current_database() and pid <> pg_backend_pid()")
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
		require.NoError(t, err)
		killed = len(found) > 0
	}
	err := <-died
	kind(t, fault.SourceUnavailable, err)
	require.True(t, fault.Retryable(fault.KindOf(err)))
}

func TestAnAddressOfADatabaseIsNeverTold(t *testing.T) {
	const secret = "hunter2hunter2"
	dir := t.TempDir()
	for name, c := range map[string]struct {
		value string
		kind  fault.Kind
	}{
		"nothing":       {"", fault.ConfigInvalid},
		"not an URL":    {"postgres://user:" + secret + "@[broken:99999/x", fault.ConfigInvalid},
		"not at all":    {secret, fault.ConfigInvalid},
		"nobody there":  {"postgres://user:" + secret + "@127.0.0.1:1/db", fault.SourceUnavailable},
		"unknown host":  {"postgres://user:" + secret + "@no.such.host.invalid/db", fault.SourceUnavailable},
		"bad parameter": {"postgres://user:" + secret + "@127.0.0.1/db?sslmode=" + secret, fault.ConfigInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOURCE_TEST_DATABASE", c.value)
			_, _, err := collect(t, asks("select 1"), private)
			kind(t, c.kind, err)
			require.NotContains(t, err.Error(), secret)
			require.NotContains(t, err.Error(), "user")
			s := asks("select 1")
			s.Postgres.URL = "file:" + write(t, dir, "secret", []byte(c.value+"\n"))
			_, _, err = collect(t, s, private)
			kind(t, c.kind, err)
			require.NotContains(t, err.Error(), secret)
		})
	}
	wrong := testenv.DatabaseURL(t)
	at := strings.Index(wrong, "@")
	require.Positive(t, at)
	t.Setenv("SOURCE_TEST_DATABASE", "postgres://nobody_"+secret+":"+secret+wrong[at:])
	_, _, err := collect(t, asks("select 1"), private)
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
}

// The driver must not hold a row that no reader of CSV takes.
func TestAHugeCellOfADatabaseIsRefusedBeforeItIsHeld(t *testing.T) {
	database(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := collect(t, asks("select 1 as n, repeat('x', 100000000) as x"), private)
	runtime.ReadMemStats(&after)
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "more than 2097152, the bound of one")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20<<20))
	_, got, err := collect(t, asks("select repeat('x', 2000000) as x"), private)
	require.NoError(t, err)
	require.EqualValues(t, 2000000+len("\"x\"\n\"\"\n"), got.Size)
}

func TestTheRowsOfAQueryAreBounded(t *testing.T) {
	database(t)
	q := &query{Postgres: *asks("select repeat('x', 1000) as x from generate_series(1, 100000000)").Postgres, private: true, most: 1 << 20}
	parts, err := q.List(t.Context())
	require.NoError(t, err)
	_, err = q.Fetch(t.Context(), parts[0], t.TempDir())
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "more than 1048576 bytes")
}

// A database is looked at as an address of the web is, by the number it is dialled by.
func TestADatabaseOfAPrivateNetworkIsRefusedUnlessAllowed(t *testing.T) {
	database(t)
	_, _, err := collect(t, asks("select 1 as n"), Options{})
	f := kind(t, fault.ConfigInvalid, err)
	require.Equal(t, "the database at env:SOURCE_TEST_DATABASE is not at a public address, and this worker reaches no other", f.Error()[:len(f.Message)])
	require.NotContains(t, err.Error(), "127.0.0.1", "what the reference holds is not told")
	require.Contains(t, f.Remedy, "ESTEIRA_ALLOW_PRIVATE_ADDRESSES")
	t.Setenv("SOURCE_TEST_DATABASE", "postgres://user:hunter2@/db?host="+t.TempDir())
	_, _, err = collect(t, asks("select 1 as n"), Options{})
	f = kind(t, fault.ConfigInvalid, err)
	require.Contains(t, f.Message, "is not at a public address")
	_, _, err = collect(t, asks("select 1 as n"), private)
	kind(t, fault.SourceUnavailable, err)
}
