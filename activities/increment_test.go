package activities

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

const allRows = "SELECT n, count(*) AS times, 'a' AS y FROM s GROUP BY n ORDER BY n"

// growing is a table that grows hour by hour, collected by its time.
func growing(t *testing.T) (s pipeline.Source, grow func(from, to int)) {
	t.Helper()
	s, conn := postgres(t, "select n, at from events", "create table events (n int, at timestamptz)")
	s.Incremental = &pipeline.Incremental{Column: "at"}
	return s, func(from, to int) {
		_, err := conn.Exec(t.Context(), "insert into events select i, timestamptz '2024-01-01' + i * interval '1 hour' from generate_series($1::int, $2::int) i", from, to)
		require.NoError(t, err)
	}
}

// each says that n of 1…to are there once each.
func each(to int) string {
	out := ""
	for n := 1; n <= to; n++ {
		if n > 1 {
			out += "|"
		}
		out += fmt.Sprintf("%d 1 a", n)
	}
	return out
}

func TestAnIncrementalSourceGrowsByItsNewRows(t *testing.T) {
	d := newDepot(t)
	s, grow := growing(t)
	grow(1, 3)
	require.Equal(t, each(3), d.rows(t, d.run(t, "1"), s, allRows))
	grow(4, 5)
	params, portions, err := d.portions(d.run(t, "2"), s)
	require.NoError(t, err)
	require.EqualValues(t, 2, portions[0].Rows, "only rows past the watermark are collected")
	require.Equal(t, metadata.Position{Generation: 1, Ordinal: 1, Watermark: "2024-01-01 03:00:00+00"}, params.Look.Position)
	snap, err := do[SnapshotResult](d, d.Snapshot, params)
	require.NoError(t, err)
	require.Equal(t, each(5), d.dataset(t, params.Run, allRows, snap))
	require.Equal(t, each(5), d.rows(t, d.run(t, "3"), s, allRows), "nothing new is no part")
	require.Equal(t, 2, testCount(t, d.DB, "select count(*) from increments"))

	require.Equal(t, each(5), d.rows(t, d.run(t, "4", "collect"), s, allRows), "--refresh collect collects everything anew")
	require.Equal(t, 1, testCount(t, d.DB, "select count(*) from increments where generation = 2 and rows = 5"))
	s.Postgres.Query = "select n, at from events where n > 1"
	require.Equal(t, each(5)[len("1 1 a|"):], d.rows(t, d.run(t, "5"), s, allRows), "another query has nothing to append to")
}

func TestACrashBetweenPartAndWatermarkLosesAndDoublesNothing(t *testing.T) {
	t.Run("before the commit", func(t *testing.T) {
		d := newDepot(t)
		s, grow := growing(t)
		grow(1, 3)
		_, _, err := d.portions(d.run(t, "1"), s) // the part is in the store, and the run ends here
		require.NoError(t, err)
		grow(4, 5)
		require.Equal(t, each(5), d.rows(t, d.run(t, "2"), s, allRows))
	})
	t.Run("within the commit", func(t *testing.T) {
		d := newDepot(t)
		s, grow := growing(t)
		grow(1, 3)
		_, err := d.DB.Pool().Exec(t.Context(), `create sequence tries;
			create function die() returns trigger language plpgsql as $$ begin
				if nextval('tries') = 1 then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); end if; return new; end $$;
			create trigger die before insert on increments for each row execute function die()`)
		require.NoError(t, err)
		params, _, err := d.portions(d.run(t, "1"), s)
		require.NoError(t, err)
		_, err = do[SnapshotResult](d, d.Snapshot, params)
		require.False(t, kindOf(t, fault.DatabaseUnavailable, err).NonRetryable())
		require.Zero(t, testCount(t, d.DB, "select count(*) from increments"))
		snap, err := do[SnapshotResult](d, d.Snapshot, params)
		require.NoError(t, err)
		require.Equal(t, each(3), d.dataset(t, params.Run, allRows, snap))
	})
	t.Run("after the commit", func(t *testing.T) {
		d := newDepot(t)
		s, grow := growing(t)
		grow(1, 3)
		params, _, err := d.portions(d.run(t, "1"), s)
		require.NoError(t, err)
		first, err := do[SnapshotResult](d, d.Snapshot, params)
		require.NoError(t, err)
		again, err := do[SnapshotResult](d, d.Snapshot, params) // the answer was lost
		require.NoError(t, err)
		require.Equal(t, first.Manifest, again.Manifest)
		require.Equal(t, each(3), d.dataset(t, params.Run, allRows, again))
		grow(4, 5)
		require.Equal(t, each(5), d.rows(t, d.run(t, "2"), s, allRows))
	})
	t.Run("another run was there first", func(t *testing.T) {
		d := newDepot(t)
		s, grow := growing(t)
		grow(1, 3)
		slow, _, err := d.portions(d.run(t, "slow"), s)
		require.NoError(t, err)
		grow(4, 5)
		require.Equal(t, each(5), d.rows(t, d.run(t, "fast"), s, allRows))
		res, err := do[SnapshotResult](d, d.Snapshot, slow)
		require.NoError(t, err)
		require.True(t, res.Stale, "its rows are there already")
		require.Equal(t, each(5), d.rows(t, slow.Run, s, allRows), "it looks again, and finds them")
	})
}

func TestFilesGrowByTheirNewRowsToo(t *testing.T) {
	d := newDepot(t)
	s := csv("*.csv")
	s.Incremental = &pipeline.Incremental{Column: "at"}
	d.file(t, "1.csv", "n,at\n1,9\n2,10\n")
	require.Equal(t, each(2), d.rows(t, d.run(t, "1"), s, allRows))
	d.file(t, "1.csv", "n,at\n1,9\n2,10\n3,11\n")
	d.file(t, "2.csv", "n,at\n4,100\n")
	require.Equal(t, each(4), d.rows(t, d.run(t, "2"), s, allRows))
	position, err := d.DB.SourcePosition(t.Context(), "p", "s", must(definitionOf(s)), false)
	require.NoError(t, err)
	require.Equal(t, "100", position.Watermark, "watermarks are compared as numbers, not as texts")
}

// A part is typed by its own values, so the watermark must hold for all types.
func TestPartsOfDifferentTypesHaveOneWatermark(t *testing.T) {
	s := csv("*.csv")
	s.Incremental = &pipeline.Incremental{Column: "at"}
	for name, c := range map[string]struct{ first, beside, second, watermark string }{
		"fractions, then whole numbers":  {"n,at\n1,9.5\n2,10.5\n", "", "n,at\n3,11\n4,12\n", "12"},
		"whole numbers beside fractions": {"n,at\n1,9\n2,10\n", "n,at\n3,10.5\n", "n,at\n4,10.75\n", "10.75"},
		"times beside dates":             {"n,at\n1,2024-01-01\n2,2024-01-02\n", "n,at\n3,2024-01-02 10:00:00\n", "n,at\n4,2024-01-03\n", "2024-01-03"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t)
			d.file(t, "2.csv", c.first) // the last part must not decide
			if c.beside != "" {
				d.file(t, "1.csv", c.beside)
			}
			had := 2 + strings.Count(c.beside, "\n3,")
			require.Equal(t, each(had), d.rows(t, d.run(t, "1"), s, allRows))
			require.Equal(t, each(had), d.rows(t, d.run(t, "2"), s, allRows), "nothing comes twice")
			d.file(t, "0.csv", c.second)
			require.Equal(t, each(4), d.rows(t, d.run(t, "3"), s, allRows))
			position, err := d.DB.SourcePosition(t.Context(), "p", "s", must(definitionOf(s)), false)
			require.NoError(t, err)
			require.Equal(t, c.watermark, position.Watermark)
		})
	}
}

// A row that nobody could call new or old is refused in the first run and in the next,
// whether the rows are left out here or in the database.
func TestARowWithoutAPlaceInTheOrderIsRefusedInAnyRun(t *testing.T) {
	for _, value := range []string{"nan", ""} {
		for _, first := range []string{"n,at\n1,0.5\n2,VALUE\n", "n,at\n1,0.5\n"} {
			d := newDepot(t)
			s := csv("*.csv")
			s.Incremental = &pipeline.Incremental{Column: "at"}
			d.file(t, "1.csv", strings.ReplaceAll(first, "VALUE", value))
			_, err := d.snapshot(d.run(t, "1"), s)
			if !strings.Contains(first, "VALUE") {
				require.NoError(t, err)
				d.file(t, "2.csv", "n,at\n2,"+value+"\n3,1.5\n")
				_, err = d.snapshot(d.run(t, "2"), s)
			}
			kindOf(t, fault.SourceUnreadable, err)
		}
	}
	d := newDepot(t)
	s, conn := postgres(t, "select n, at from events", "create table events (n int, at timestamptz)", "insert into events values (1, '2024-01-01')")
	s.Incremental = &pipeline.Incremental{Column: "at"}
	require.Equal(t, each(1), d.rows(t, d.run(t, "1"), s, allRows))
	_, err := conn.Exec(t.Context(), "insert into events values (2, null), (3, '2024-01-02')")
	require.NoError(t, err)
	_, err = d.snapshot(d.run(t, "2"), s)
	kindOf(t, fault.SourceUnreadable, err)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAWatermarkMustTellAnOrder(t *testing.T) {
	for name, c := range map[string]struct {
		content, column string
		kind            fault.Kind
	}{
		"missing value": {"n,at\n1,5\n2,\n", "at", fault.SourceUnreadable},
		"text":          {"n,at\n1,a\n", "at", fault.TypeMismatch},
		"no such":       {"n,at\n1,a\n", "when", fault.ColumnMissing},
		"NaN alone":     {"n,at\n1,nan\n", "at", fault.SourceUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t)
			d.file(t, "a.csv", c.content)
			s := csv("a.csv")
			s.Incremental = &pipeline.Incremental{Column: c.column}
			_, err := d.snapshot(d.run(t, "1"), s)
			kindOf(t, c.kind, err)
			require.Zero(t, testCount(t, d.DB, "select count(*) from increments"))
		})
	}
}
