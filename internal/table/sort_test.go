package table_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/table"
)

// everyType has a column of each type that a dataset can have, with its odd values.
const everyType = `SELECT
	(hash(i, 1) % 3 = 0) AS b, (hash(i, 2) % 256)::INTEGER::UTINYINT AS u8, (hash(i, 3) % 65536)::USMALLINT AS u16, (hash(i, 4) % 4294967296)::UINTEGER AS u32, hash(i, 5) AS u64,
	(hash(i, 6)::UHUGEINT * 1000000007 + hash(i, 7)) AS u128, ((hash(i, 8) % 256)::INTEGER - 128)::TINYINT AS i8, ((hash(i, 9) % 65536)::INTEGER - 32768)::SMALLINT AS i16,
	((hash(i, 10) % 4294967296)::BIGINT - 2147483648)::INTEGER AS i32, (hash(i, 11)::HUGEINT - 9223372036854775808)::BIGINT AS i64, (hash(i, 12)::HUGEINT - 9223372036854775808) * 1000000007 AS i128,
	(hash(i, 50)::HUGEINT - hash(i, 51)::HUGEINT)::VARCHAR::BIGNUM AS big,
	CASE hash(i, 13) % 8 WHEN 0 THEN 'nan'::FLOAT WHEN 1 THEN 'inf'::FLOAT WHEN 2 THEN '-inf'::FLOAT WHEN 3 THEN 0::FLOAT WHEN 4 THEN '-0.0'::FLOAT ELSE sin(i)::FLOAT END AS f32,
	CASE hash(i, 14) % 8 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN '-inf'::DOUBLE WHEN 3 THEN 0 WHEN 4 THEN '-0.0'::DOUBLE ELSE cos(i) * pow(10, (i % 600) - 300) END AS f64,
	((hash(i, 15) % 1900)::INTEGER - 950)::DECIMAL(4,1) AS d4, (sin(i) * 100000)::DECIMAL(9,2) AS d9, (sin(i) * 100000)::DECIMAL(18,5) AS d18, (sin(i) * 100000)::DECIMAL(38,9) AS d38,
	DATE '1970-01-01' + (hash(i, 16) % 200000)::INTEGER - 100000 AS dt, TIME '00:00:00' + to_seconds(hash(i, 17) % 86400) AS tm,
	make_timestamp((hash(i, 18) % 4000000000000000)::BIGINT) AS ts, make_timestamp((hash(i, 18) % 4000000000000000)::BIGINT)::TIMESTAMPTZ AS tz, make_timestamp((hash(i, 19) % 4000000000000000)::BIGINT)::TIMESTAMP_S AS ts_s,
	make_timestamp((hash(i, 20) % 4000000000000000)::BIGINT)::TIMESTAMP_MS AS ts_ms, make_timestamp_ns((hash(i, 21) % 4000000000000000)::BIGINT) AS ts_ns,
	CASE hash(i, 22) % 5 WHEN 0 THEN '' WHEN 1 THEN 'a' || chr(0) || 'b' WHEN 2 THEN '🦆' || i WHEN 3 THEN repeat('é', (hash(i, 23) % 300)::INTEGER) ELSE 'text ' || i END AS tx,
	(['small', 'middle', 'large'][1 + (hash(i, 24) % 3)::INTEGER])::ENUM('large', 'middle', 'small') AS en,
	md5(i::VARCHAR)::UUID AS id, ('{"a": ' || i || '}')::JSON AS js, to_days((hash(i, 25) % 40)::INTEGER) + to_months((hash(i, 26) % 3)::INTEGER) AS iv,
	('12:00:00+' || lpad((hash(i, 27) % 13)::VARCHAR, 2, '0'))::TIMETZ AS ttz
	FROM range(ROWS) r(i)`

func everyRow(n int) string { return strings.ReplaceAll(everyType, "ROWS", fmt.Sprint(n)) }

// Rows of all types are sorted to the same bytes by the engine and beside it, in one
// run or in many that are merged again and again, with any number of threads.
func TestRowsAreSortedToTheSameBytesWhoeverSorts(t *testing.T) {
	for name, sql := range map[string]string{
		"every type":    everyRow(5_000),
		"missing":       "SELECT CASE WHEN hash(i, 77) % 3 > 0 THEN COLUMNS(* EXCLUDE i) END, i FROM (SELECT *, row_number() OVER () AS i FROM (" + everyRow(3_000) + "))",
		"no row":        everyRow(0),
		"one row":       everyRow(1),
		"few bytes":     "SELECT i % 5 = 0 AS b FROM range(130000) r(i)",
		"equal rows":    "SELECT 'as all others, all of them' AS a, NULL::INTEGER AS b FROM range(130000)",
		"long and none": "SELECT CASE WHEN hash(i) % 50 = 0 THEN repeat(md5(i::VARCHAR), 200) ELSE '' END AS story, i % 1000 AS n FROM range(40000) r(i)",
		"in order":      "SELECT i, md5(i::VARCHAR) AS m FROM range(125000) r(i)",
		"equal times":   "SELECT ('12:00:00+' || lpad((i % 3)::VARCHAR, 2, '0'))::TIMETZ - to_hours(1 - i % 3) AS a, CASE WHEN i % 2 = 0 THEN to_days(30) ELSE to_months(1) END AS b FROM range(5000) r(i)",
		"many columns":  "SELECT " + manyColumns(1001) + " FROM range(3000) r(i)",
	} {
		t.Run(name, func(t *testing.T) {
			in := setup(t, 2).parquet("in.parquet", sql)
			var first string
			for _, way := range []struct {
				threads int
				most    int64
			}{{2, 0}, {8, 0}, {2, 16 << 10}, {8, 512 << 10}, {1, 1 << 30}} {
				b := setup(t, way.threads)
				if way.most > 0 {
					defer table.SortOutside(way.most)()
				}
				_, err := b.engine.Integrate(t.Context(), map[string]table.Table{"in": table.Parts(in)}, "", nil, b.path("out.parquet"))
				require.NoError(t, err)
				got := read(t, b.path("out.parquet"))
				if first == "" {
					first = got
				}
				require.True(t, got == first, "%+v gives other bytes", way)
				left, err := os.ReadDir(b.temp)
				require.NoError(t, err)
				require.Empty(t, left)
			}
		})
	}
}

func manyColumns(n int) string {
	items := make([]string, n)
	for j := range items {
		items[j] = fmt.Sprintf("hash(i, %d) %% 1000 AS c%[1]d", j)
	}
	return strings.Join(items, ", ")
}

// A query whose rows nobody could foresee to be so many is asked a second time, when the
// engine's memory does not do for sorting them.
func TestRowsThatTheEngineCannotSortAreSortedBesideIt(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT i, repeat(md5(i::VARCHAR), 32) AS story FROM range(400) r(i)")
	small, err := table.Open(table.Options{MemoryLimit: 48 << 20, Threads: 2, TempDir: b.dir})
	require.NoError(t, err)
	defer small.Close()
	const sql = `SELECT hash(a.i, b.i) AS n, a.story FROM "in" a, "in" b`
	tables := map[string]table.Table{"in": table.Parts(in)}
	info, err := small.Integrate(t.Context(), tables, sql, []string{"n"}, b.path("small.parquet"))
	require.NoError(t, err)
	require.EqualValues(t, 160_000, info.Rows)
	_, err = b.engine.Integrate(t.Context(), tables, sql, []string{"n"}, b.path("large.parquet"))
	require.NoError(t, err)
	require.True(t, read(t, b.path("small.parquet")) == read(t, b.path("large.parquet")))
}

func TestSortingBesideTheEngineStopsWhenTold(t *testing.T) {
	defer table.SortOutside(1 << 20)()
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT * FROM range(100000) t(i)")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := b.engine.Integrate(ctx, map[string]table.Table{"in": table.Parts(in)}, `SELECT a.i, b.i AS j FROM "in" a, "in" b`, nil, b.path("out.parquet"))
	require.True(t, errors.Is(err, context.DeadlineExceeded), err)
	b.noFile("out.parquet")
	left, err := os.ReadDir(b.temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSortingBesideTheEngineSaysWhereItHasNoPlace(t *testing.T) {
	defer table.SortOutside(1 << 20)()
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT * FROM range(1000000) t(i)")
	require.NoError(t, os.RemoveAll(b.temp))
	_, err := b.engine.Integrate(t.Context(), map[string]table.Table{"in": table.Parts(in)}, "", nil, b.path("out.parquet"))
	b.wantKind(err, fault.ResourceExhausted)
	b.noFile("out.parquet")
}

// A query that fails while it runs is told as it is, whoever sorts its rows.
func TestAQueryFailsTheSameWhoeverSorts(t *testing.T) {
	defer table.SortOutside(1 << 20)()
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT 1 AS a")
	_, err := b.engine.Integrate(t.Context(), map[string]table.Table{"in": table.Parts(in)}, `SELECT CAST('x' || a AS INTEGER) AS a FROM "in"`, nil, b.path("out.parquet"))
	b.wantKind(err, fault.QueryInvalid)
}

func TestRowsAreWrittenInTheOrderOfAPlace(t *testing.T) {
	b := setup(t, 2)
	const sql = "SELECT *, i * 7919 % 140009 AS place FROM (SELECT i, md5(i::VARCHAR) AS m, [i] AS more FROM range(140009) r(i))"
	for _, query := range []string{sql, "SELECT * EXCLUDE more FROM (" + sql + ")"} { // a list is the engine's to sort
		_, err := b.engine.WriteBy(t.Context(), query, "place", b.path("engine.parquet"))
		require.NoError(t, err)
		restore := table.SortOutside(1 << 20)
		info, err := b.engine.WriteBy(t.Context(), query, "place", b.path("beside.parquet"))
		restore()
		require.NoError(t, err)
		require.Nil(t, info.Schema.Column("place"))
		require.True(t, read(t, b.path("engine.parquet")) == read(t, b.path("beside.parquet")))
		row, err := b.engine.QueryRow(t.Context(), "SELECT bool_and(i * 7919 % 140009 = file_row_number) FROM "+table.Scan(b.path("beside.parquet")))
		require.NoError(t, err)
		require.Equal(t, true, row[0])
	}
}

func TestKeysAreSortedInRuns(t *testing.T) {
	b := setup(t, 2)
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int64{1, 200, 10_000, 1 << 20} {
		defer table.SortOutside(most)()
		keys := make([]string, 3000)
		for i := range keys {
			key := make([]byte, 1+random.IntN(1+random.IntN(300)))
			for j := range key {
				key[j] = byte(random.IntN(1 + random.IntN(256)))
			}
			keys[i] = string(key)
		}
		keys[77] = strings.Repeat("long", 50_000)
		got, runs, err := b.engine.SortKeys(t.Context(), keys)
		require.NoError(t, err)
		slices.Sort(keys)
		require.True(t, slices.Equal(keys, got), most)
		require.Equal(t, most == 1<<20, runs == 0, most)
		// Keys that come in order are one run.
		got, runs, err = b.engine.SortKeys(t.Context(), keys[:2000])
		require.NoError(t, err)
		require.True(t, slices.Equal(keys[:2000], got), most)
		require.LessOrEqual(t, runs, 1, most)
	}
}
