package source

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func asksAfter(query, changedBy string) pipeline.Source {
	s := asks(query)
	s.Postgres.ChangedBy = changedBy
	return s
}

func identity(t *testing.T, s pipeline.Source) (string, error) {
	t.Helper()
	from, err := Open(s, private)
	require.NoError(t, err)
	parts, err := from.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, parts[0].Identity, "the list asks no database")
	part, err := from.Look(t.Context(), parts[0])
	return part.Identity, err
}

func TestAnAnswerIsTheIdentityOfItsRows(t *testing.T) {
	conn := database(t, `create table t (id int, note text)`, `create table changes (at timestamptz, note text)`, `insert into changes values (null, null)`)
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	s := asksAfter("select * from t", "select at, note from changes;")
	seen := map[string]string{}
	fresh := func(what string) {
		t.Helper()
		first, err := identity(t, s)
		require.NoError(t, err)
		again, err := identity(t, s)
		require.NoError(t, err)
		require.Equal(t, first, again, what)
		require.NotContains(t, seen, first, "%s as %s", what, seen[first])
		seen[first] = what
	}
	fresh("NULL")
	exec("update changes set note = ''")
	fresh("an empty text")
	exec("update changes set note = repeat('x', 30000000)") // is hashed where it is
	fresh("a long text")
	exec("update changes set note = repeat('x', 29999999) || 'y'")
	fresh("as long as it was")
	exec("alter table t add column more int")
	fresh("the query gives another column")
	exec("alter table t alter column id type bigint")
	fresh("the query gives another type")
	s.Postgres.Query = "select id from t"
	fresh("another query")
	s.Postgres.ChangedBy = "select note, at from changes"
	fresh("another question")
	none, err := identity(t, asks("select * from t"))
	require.NoError(t, err)
	require.Empty(t, none, "a query without the question is known by its rows alone")
}

func TestAnAnswerIsOneRowThatWasOnlyRead(t *testing.T) {
	conn := database(t, `create table victims (n int)`, `insert into victims values (1), (2)`)
	for _, sql := range []string{
		"select n from victims", "select n from victims where false", "delete from victims returning 1", "select 1; drop table victims", "nonsense",
		"select 1) as a; commit; drop table victims; --", "with gone as (delete from victims returning n) select count(*) from gone",
	} {
		_, err := identity(t, asksAfter("select * from victims", sql))
		f := kind(t, fault.QueryInvalid, err)
		require.NotEmpty(t, f.Remedy)
	}
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from victims").Scan(&n))
	require.Equal(t, 2, n)
	_, err := identity(t, asksAfter("select n from nowhere", "select 1"))
	kind(t, fault.QueryInvalid, err)

	s := asksAfter("select * from victims", "select pg_sleep(3600)")
	s.Postgres.Timeout = "50ms"
	_, err = identity(t, s)
	kind(t, fault.ResourceExhausted, err)
}

// The rows are read in the transaction whose answer is what the look saw, or not.
func TestRowsThatChangeBetweenLookAndCopy(t *testing.T) {
	conn := database(t, `create table t (id int)`, `insert into t values (1)`)
	from, err := Open(asksAfter("select * from t", "select count(*) from t"), private)
	require.NoError(t, err)
	parts, err := from.List(t.Context())
	require.NoError(t, err)
	part, err := from.Look(t.Context(), parts[0])
	require.NoError(t, err)
	got, err := from.Fetch(t.Context(), part, t.TempDir())
	require.NoError(t, err)
	require.Equal(t, "\"id\"\n\"1\"\n", text(t, got.Path))
	_, err = conn.Exec(t.Context(), "insert into t values (2)")
	require.NoError(t, err)
	_, err = from.Fetch(t.Context(), part, t.TempDir())
	kind(t, fault.SourceChanged, err)
	require.True(t, fault.Retryable(fault.SourceChanged))
}
