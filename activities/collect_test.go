package activities

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/source"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// depot is the steps of collection on real servers, done in the order of the
// workflow.
type depot struct {
	*Activities
	env *testsuite.TestActivityEnvironment
	dir string // of the pipeline file
}

func newDepot(t *testing.T) *depot {
	t.Helper()
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir(), Table: table.Options{Threads: 2}, AllowPrivateAddresses: true})
	require.NoError(t, err)
	d := &depot{Activities: acts, dir: t.TempDir()}
	var suite testsuite.WorkflowTestSuite
	d.env = suite.NewTestActivityEnvironment()
	d.env.RegisterActivity(acts)
	return d
}

// run begins a run.
func (d *depot) run(t *testing.T, id string, refresh ...string) Run {
	t.Helper()
	_, _, err := d.DB.StartRun(t.Context(), metadata.StartRun{ID: id, Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	return Run{ID: id, Pipeline: "p", Refresh: refresh}
}

func (d *depot) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(d.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func do[R any](d *depot, activity, params any) (res R, err error) {
	value, err := d.env.ExecuteActivity(activity, params)
	if err != nil {
		return res, err
	}
	return res, value.Get(&res)
}

// portions looks at a source and collects all of it.
func (d *depot) portions(run Run, s pipeline.Source) (SnapshotParams, []CollectResult, error) {
	p := SourceParams{Run: run, Name: "s", Source: s, BaseDir: d.dir}
	look, err := do[LookResult](d, d.Look, p)
	if err != nil {
		return SnapshotParams{}, nil, err
	}
	params := SnapshotParams{SourceParams: p, Look: look}
	var all []CollectResult
	for i := range look.Portions {
		got, err := do[CollectResult](d, d.Collect, CollectParams{SourceParams: p, Look: look, Portion: i})
		if err != nil {
			return params, nil, err
		}
		params.Records = append(params.Records, got.Records)
		all = append(all, got)
	}
	return params, all, nil
}

// snapshot collects a source as the workflow does.
func (d *depot) snapshot(run Run, s pipeline.Source) (SnapshotResult, error) {
	params, _, err := d.portions(run, s)
	if err != nil {
		return SnapshotResult{}, err
	}
	res, err := do[SnapshotResult](d, d.Snapshot, params)
	if err != nil || len(res.Recast) == 0 {
		return res, err
	}
	for _, i := range res.Recast {
		got, err := do[CollectResult](d, d.Collect, CollectParams{SourceParams: params.SourceParams, Look: params.Look, Portion: i, Texts: res.Texts})
		if err != nil {
			return res, err
		}
		params.Records[i] = got.Records
	}
	params.Settled = true
	return do[SnapshotResult](d, d.Snapshot, params)
}

// rows integrates the source by sql and returns what came out, as text.
func (d *depot) rows(t *testing.T, run Run, s pipeline.Source, sql string) string {
	t.Helper()
	snap, err := d.snapshot(run, s)
	require.NoError(t, err)
	return d.dataset(t, run, sql, snap)
}

func (d *depot) dataset(t *testing.T, run Run, sql string, snapshots ...SnapshotResult) string {
	t.Helper()
	p := pipeline.Pipeline{Name: "p", Problem: pipeline.Problem{Task: pipeline.Multiclass, Target: "y"}, Features: pipeline.Features{Auto: true}, Dataset: pipeline.Dataset{SQL: sql}}
	res, err := do[DatasetResult](d, d.Integrate, IntegrateParams{Run: run, Pipeline: p, Snapshots: snapshots})
	require.NoError(t, err)
	path, release, err := d.Store.File(t.Context(), res.Dataset)
	require.NoError(t, err)
	defer release()
	e, err := d.engine(d.ScratchDir)
	require.NoError(t, err)
	defer e.Close()
	var out []string
	require.NoError(t, e.Stream(context.Background(), "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM "+table.Scan(path), func(row []any) error {
		out = append(out, strings.Trim(fmt.Sprint(row), "[]"))
		return nil
	}))
	return strings.Join(out, "|")
}

func csv(path string) pipeline.Source { return pipeline.Source{Path: path, Format: "csv"} }

func kindOf(t *testing.T, want fault.Kind, err error) *temporal.ApplicationError {
	t.Helper()
	var app *temporal.ApplicationError
	require.True(t, errors.As(err, &app), "%v", err)
	require.Equal(t, string(want), app.Type(), "%v", err)
	return app
}

func TestOnlyThePartThatChangedIsCollectedAgain(t *testing.T) {
	d := newDepot(t)
	for i := range 3 {
		d.file(t, fmt.Sprintf("%d.csv", i), fmt.Sprintf("x,y\n%d,a\n", i))
	}
	_, first, err := d.portions(d.run(t, "1"), csv("*.csv"))
	require.NoError(t, err)
	require.Len(t, first, 3, "each part is an activity of its own")
	d.file(t, "1.csv", "x,y\n10,b\n")
	run := d.run(t, "2")
	params, second, err := d.portions(run, csv("*.csv"))
	require.NoError(t, err)
	require.Equal(t, []metadata.Cache{metadata.CacheHit, metadata.CacheMiss, metadata.CacheHit}, []metadata.Cache{second[0].Cache, second[1].Cache, second[2].Cache})
	snap, err := do[SnapshotResult](d, d.Snapshot, params)
	require.NoError(t, err)
	require.Equal(t, "0 a|2 a|10 b", d.dataset(t, run, "SELECT x, y FROM s ORDER BY 1", snap))

	var m Snapshot
	require.NoError(t, d.Store.JSON(t.Context(), snap.Manifest, &m))
	require.Equal(t, "1.csv", m.Files[1].Name)
	require.Equal(t, artifact.DigestOf([]byte("x,y\n10,b\n")), m.Files[1].Digest)
	require.EqualValues(t, 3, m.Rows)
	steps, err := d.DB.Steps(t.Context(), "2")
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(steps), "collect/s/00001")
	lineage := testCount(t, d.DB, "select count(*) from lineage where run = '2' and input = $1", m.Files[1].Digest)
	require.Positive(t, lineage, "the way back ends at the checksum of the file")
}

// witness is a source that counts what is fetched of it.
type witness struct {
	source.Source
	fetched int
}

func (w *witness) Fetch(ctx context.Context, part source.Part, dir string) (source.Fetched, error) {
	w.fetched++
	return w.Source.Fetch(ctx, part, dir)
}

func TestAPackedFileThatIsKnownIsNotUnpacked(t *testing.T) {
	d := newDepot(t)
	pack := func(content string) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(content))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		d.file(t, "a.csv.gz", b.String())
	}
	from, err := source.Open(csv("a.csv.gz"), source.Options{BaseDir: d.dir})
	require.NoError(t, err)
	w := &witness{Source: from}
	d.env.RegisterActivityWithOptions(func(ctx context.Context, run Run) (*partResult, error) {
		p := CollectParams{SourceParams: SourceParams{Run: run, Name: "s", Source: csv("a.csv.gz"), BaseDir: d.dir}}
		c := collector{Activities: d.Activities, step: step{run: run, name: "collect", part: "s"}, params: p, from: w, dir: filepath.Join(t.TempDir(), "0")}
		parts, err := w.List(ctx)
		if err != nil {
			return nil, err
		}
		return c.part(ctx, parts[0])
	}, activity.RegisterOptions{Name: "CollectPart"})
	collect := func(id string) partResult {
		got, err := do[partResult](d, "CollectPart", d.run(t, id))
		require.NoError(t, err)
		return got
	}
	pack("x,y\n1,a\n")
	first := collect("1")
	require.Equal(t, metadata.CacheMiss, first.Cache)
	second := collect("2")
	require.Equal(t, metadata.CacheHit, second.Cache)
	require.Equal(t, first.Record, second.Record)
	require.Equal(t, 1, w.fetched, "a look is enough")
	pack("x,y\n2,a\n")
	third := collect("3")
	require.Equal(t, metadata.CacheMiss, third.Cache)
	require.NotEqual(t, first.Data, third.Data)
	require.Equal(t, 2, w.fetched)
	require.Positive(t, testCount(t, d.DB, "select count(*) from lineage where run = '2' and input = $1", first.File.Digest), "the way back still ends at the checksum of the file")
}

func testCount(t *testing.T, db *metadata.DB, sql string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.Pool().QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func TestManyPartsAreDealtToPortions(t *testing.T) {
	d := newDepot(t)
	for i := range maxPortions + 44 {
		d.file(t, fmt.Sprintf("%03d.csv", i), fmt.Sprintf("x,y\n%d,a\n", i))
	}
	run := d.run(t, "1")
	look, err := do[LookResult](d, d.Look, SourceParams{Run: run, Name: "s", Source: csv("*.csv"), BaseDir: d.dir})
	require.NoError(t, err)
	require.Equal(t, maxPortions+44, look.Parts)
	require.Equal(t, maxPortions, look.Portions)
	next := 0
	for i := range look.Portions {
		from, to := portion(i, look.Portions, look.Parts)
		require.Equal(t, next, from, "no part is left out, none is twice there")
		require.Greater(t, to, from)
		next = to
	}
	require.Equal(t, look.Parts, next)
}

func TestPartsOfDifferentTypesAreOneTable(t *testing.T) {
	d := newDepot(t)
	d.file(t, "1.csv", "code,n,when,y\n007,1,2024-01-01,a\n")
	d.file(t, "2.csv", "code,n,when,y\nA12,2.5,2024-01-01 10:00:00,\n")
	d.file(t, "3.csv", "n,code,y,extra\n,,c,9\n")
	got := d.rows(t, d.run(t, "1"), csv("*.csv"), "SELECT code, n, \"when\", y, extra FROM s ORDER BY y")
	require.Equal(t, "007 1.0 2024-01-01 00:00:00 a <nil>|A12 2.5 2024-01-01 10:00:00 <nil> <nil>|<nil> <nil> <nil> c 9", got)
}

func TestADialectMayBeSaid(t *testing.T) {
	d := newDepot(t)
	d.file(t, "a.csv", "1,5;'x;''y';NA\n2,5;z;-\n")
	s := csv("a.csv")
	s.CSV = &pipeline.CSV{Delimiter: ";", Quote: "'", Header: new(false), Null: []string{"NA", "-"}, Decimal: "comma"}
	require.Equal(t, "1.5 x;'y <nil>|2.5 z <nil>", d.rows(t, d.run(t, "1"), s, "SELECT column_1, column_2 AS y, column_3 FROM s"))
	d.file(t, "b.csv", "nome;y\na\xe7\xe3o;1\n")
	s = csv("b.csv")
	s.CSV = &pipeline.CSV{Encoding: "windows-1252"}
	require.Equal(t, "ação 1", d.rows(t, d.run(t, "2"), s, "SELECT nome, y FROM s"))
	d.file(t, "c.tsv", "x\ty\n1,2\tb\n")
	require.Equal(t, "1,2 b", d.rows(t, d.run(t, "3"), csv("c.tsv"), "SELECT x, y FROM s"))
}

func postgres(t *testing.T, query string, sql ...string) (pipeline.Source, *pgx.Conn) {
	t.Helper()
	url := testenv.DatabaseURL(t)
	t.Setenv("COLLECT_TEST_DATABASE", url)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(t.Context()) })
	for _, q := range sql {
		_, err := conn.Exec(t.Context(), q)
		require.NoError(t, err)
	}
	return pipeline.Source{Postgres: &pipeline.Postgres{URL: "env:COLLECT_TEST_DATABASE", Query: query, Timeout: "1m"}}, conn
}

func TestAQueryOfPostgresBecomesATable(t *testing.T) {
	d := newDepot(t)
	s, conn := postgres(t, "select * from items", `create table items (x numeric(6,2), y text, at timestamptz, ok bool, note text)`,
		`insert into items values (1.50, 'b', '2024-01-02 03:04:05.678901Z', true, ''), (null, 'a', null, false, null), (2, '\N', 'infinity', null, E'two\nlines, "quoted"')`)
	run := d.run(t, "1")
	got := d.rows(t, run, s, "SELECT x, y, \"at\", ok, note IS NULL AS missing, note FROM s ORDER BY y")
	require.Equal(t, "1.50 b 2024-01-02 03:04:05.678901+00 true false |2.00 \\N infinity <nil> false two\nlines, \"quoted\"|<nil> a <nil> false true <nil>", got)

	_, same, err := d.portions(d.run(t, "2"), s)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheHit, same[0].Cache, "the same rows are looked at, not copied")
	_, err = conn.Exec(t.Context(), "update items set x = 3 where y = 'a'")
	require.NoError(t, err)
	_, other, err := d.portions(d.run(t, "3"), s)
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, other[0].Cache)

	for _, table := range []string{"steps", "step_cache", "snapshots", "artifacts"} {
		require.Zero(t, testCount(t, d.DB, "select count(*) from "+table+" x where x::text like '%"+conn.Config().Password+"@%'"), "the address is in no table")
	}
	empty, _ := postgres(t, "select x, y from items where false", `create table items (x int, y text)`)
	snap, err := d.snapshot(d.run(t, "4"), empty)
	require.NoError(t, err)
	require.Zero(t, snap.Rows)
}

// The rows change under an answer that stays: what is collected is what was, so
// nothing was read but the answer.
func TestTheSameAnswerOfChangedByIsALookAndNoCopy(t *testing.T) {
	d := newDepot(t)
	s, conn := postgres(t, "select x, y from items", `create table items (x int, y text, updated_at timestamptz)`, `insert into items values (1, 'a', '2024-01-01')`)
	s.Postgres.ChangedBy = "select max(updated_at), count(*) from items"
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	const all = "SELECT x, y FROM s ORDER BY x"
	collect := func(run Run) (string, metadata.Cache, SnapshotResult) {
		t.Helper()
		params, portions, err := d.portions(run, s)
		require.NoError(t, err)
		snap, err := do[SnapshotResult](d, d.Snapshot, params)
		require.NoError(t, err)
		return d.dataset(t, run, all, snap), portions[0].Cache, snap
	}
	rows, cache, first := collect(d.run(t, "1"))
	require.Equal(t, "1 a", rows)
	require.Equal(t, metadata.CacheMiss, cache)
	exec("update items set x = 2")
	rows, cache, second := collect(d.run(t, "2"))
	require.Equal(t, "1 a", rows)
	require.Equal(t, metadata.CacheHit, cache)
	require.Equal(t, first.Manifest, second.Manifest, "the last snapshot is the snapshot")
	rows, _, _ = collect(d.run(t, "3", "collect"))
	require.Equal(t, "2 a", rows, "--refresh collect reads the rows")
	exec("update items set x = 3, updated_at = '2024-01-02'")
	rows, cache, third := collect(d.run(t, "4"))
	require.Equal(t, "3 a", rows)
	require.Equal(t, metadata.CacheMiss, cache)
	answers := map[string]bool{}
	for _, snap := range []SnapshotResult{first, second, third} {
		var m Snapshot
		require.NoError(t, d.Store.JSON(t.Context(), snap.Manifest, &m))
		require.NotEmpty(t, m.Files[0].Answer)
		answers[m.Files[0].Answer] = true
	}
	require.Len(t, answers, 2, "the snapshot keeps what was answered")
	s.Postgres.Query = "select x + 1 as x, y from items"
	rows, _, _ = collect(d.run(t, "5"))
	require.Equal(t, "4 a", rows, "the answer is one of its query")
}

func TestHostileFilesEndTypedAndBounded(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 24 { // 24 MB of one cell in 24 kB
		_, err := w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	lines := strings.Repeat("x,y\n1,2\n", 100)
	for name, c := range map[string]struct {
		content string
		kind    fault.Kind
		says    string
	}{
		"cut.csv.gz":       {bomb.String()[:bomb.Len()/2], fault.SourceUnreadable, "its end is missing"},
		"cell.csv.gz":      {bomb.String(), fault.SourceUnreadable, "cell.csv.gz"},
		"ragged.csv":       {"a,b\n1,2\n3\n4,5,6\n", fault.SourceUnreadable, "ragged.csv, line 3"},
		"misquoted.csv":    {"a,b\n1,\"2\n3,4\n", fault.SourceUnreadable, "misquoted.csv"},
		"mixed.csv":        {"a,b\nação,1\na\xe7\xe3o,1\n", fault.SourceUnreadable, "mixed.csv, line 3"},
		"cell.csv":         {"a,b\n1," + strings.Repeat("x", table.MaxRecord+1) + "\n", fault.SourceUnreadable, "cell.csv"},
		"case.csv":         {"a,A\n1,2\n", fault.SourceUnreadable, "differ only in case"},
		"deep.json":        {`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", fault.SourceUnreadable, "deeper than 100"},
		"deepobjects.json": {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), fault.SourceUnreadable, "deeper than 100"},
		"cell.json":        {`{"a":"` + strings.Repeat("x", 40<<20) + `"}`, fault.SourceUnreadable, "cell.json"},
		"cut.parquet":      {"PAR1" + lines, fault.SourceUnreadable, "cut.parquet"},
		"footer.parquet":   {"PAR1" + lines + "\xff\xff\xff\x7fPAR1", fault.SourceUnreadable, "footer.parquet"},
		"empty.csv":        {"", fault.DatasetEmpty, "empty.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t)
			d.file(t, name, c.content)
			s := pipeline.Source{Path: name, Format: pipeline.FormatOf(name)}
			_, err := d.snapshot(d.run(t, "1"), s)
			app := kindOf(t, c.kind, err)
			require.Contains(t, app.Message(), c.says)
			require.NotContains(t, app.Message(), d.ScratchDir, "people know the file by its own name")
			require.True(t, app.NonRetryable())
			left, err := filepath.Glob(filepath.Join(d.ScratchDir, "*", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestHostileNamesAndWidthsPass(t *testing.T) {
	d := newDepot(t)
	d.file(t, "odd.csv", "\"a \"\"q\"\"\",\"new\nline\",😀,'; DROP TABLE s; --,y\n1,2,3,4,=1+1\n")
	require.Equal(t, "1 2 3 4 =1+1", d.rows(t, d.run(t, "1"), csv("odd.csv"), "SELECT * FROM s"))
	d.Table.MemoryLimit = 768 << 20 // a worker's default
	names, values := make([]string, 10_000), make([]string, 10_000)
	for i := range names {
		names[i], values[i] = fmt.Sprintf("c%d", i), fmt.Sprint(i)
	}
	names[0] = "y"
	d.file(t, "wide.csv", strings.Join(names, ",")+"\n"+strings.Join(values, ",")+"\n")
	snap, err := d.snapshot(d.run(t, "2"), csv("wide.csv"))
	require.NoError(t, err)
	var m Snapshot
	require.NoError(t, d.Store.JSON(t.Context(), snap.Manifest, &m))
	require.Len(t, m.Schema, 10_000)
	require.Equal(t, "0 9999", d.dataset(t, d.run(t, "2"), "SELECT y, c9999 FROM s", snap))
}
