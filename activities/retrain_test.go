package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// A part that is added, changed or removed is new data, and so is another answer of a
// query's changed_by; looking again is not, nor is what a query without it would say.
func TestASourceThatChangedIsNewData(t *testing.T) {
	w := watch(t)
	dir := t.TempDir()
	write := func(name, text string, minute int) {
		t.Helper()
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		at := w.begins.Add(time.Duration(minute) * time.Minute)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	query, conn := postgres(t, "select n from events", "create table events (n int)", "create table orders (n int, updated_at timestamptz)")
	asked := query
	asked.Postgres = &pipeline.Postgres{URL: query.Postgres.URL, Query: "select n from orders", ChangedBy: "select max(updated_at), count(*) from orders", Timeout: "1m"}
	params := NewDataParams{BaseDir: dir, Pipeline: pipeline.Pipeline{Name: "p", Sources: map[string]pipeline.Source{
		"flights": {Path: "flights*.csv", Format: "csv"}, "events": query, "orders": asked,
	}}}
	look := func() string {
		t.Helper()
		digest, err := w.NewData(t.Context(), params)
		require.NoError(t, err)
		require.NotEmpty(t, digest)
		return digest
	}
	write("flights1.csv", "x,y\n1,2\n", 0)
	write("other.csv", "x\n1\n", 0)
	before := look()
	require.Equal(t, before, look(), "nothing has changed")
	write("other.csv", "x\n2\n", 1)
	_, err := conn.Exec(t.Context(), "insert into events values (1)")
	require.NoError(t, err)
	require.Equal(t, before, look(), "what is no part, and rows of a query, are not seen")
	_, err = conn.Exec(t.Context(), "insert into orders values (1, '2024-01-01')")
	require.NoError(t, err)
	ordered := look()
	require.NotEqual(t, before, ordered, "changed_by has another answer")
	_, err = conn.Exec(t.Context(), "update orders set n = 2")
	require.NoError(t, err)
	require.Equal(t, ordered, look(), "the answer alone is asked for")
	_, err = conn.Exec(t.Context(), "delete from orders")
	require.NoError(t, err)
	require.Equal(t, before, look(), "as it was")
	write("flights2.csv", "x,y\n3,4\n", 1)
	added := look()
	require.NotEqual(t, before, added)
	write("flights2.csv", "x,y\n3,5\n", 2)
	changed := look()
	require.NotEqual(t, added, changed, "as long as it was")
	write("flights2.csv", "x,y\n3,5\n", 3)
	require.Equal(t, changed, look(), "copied again, the same bytes")
	require.NoError(t, os.Remove(filepath.Join(dir, "flights2.csv")))
	require.Equal(t, before, look(), "as it was")
	require.NoError(t, os.Remove(filepath.Join(dir, "flights1.csv")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "flights3.csv"), 0o700))
	require.NotEqual(t, before, look(), "a folder is for the run to refuse")
	require.NoError(t, os.Remove(filepath.Join(dir, "flights3.csv")))
	_, err = w.NewData(t.Context(), params)
	require.ErrorContains(t, err, string(fault.SourceNotFound))
}

// retrain.window: since_label counts from the oldest answer that got its label after
// the run of the model that was live began, until the moment of the run.
func TestRowsSinceTheLabelsOfTheLiveModel(t *testing.T) {
	w := watch(t)
	since := func(endpoint string, until time.Time) time.Time {
		t.Helper()
		res, err := w.LabelledSince(t.Context(), LabelledSinceParams{Run: Run{Pipeline: "p"}, Endpoint: endpoint, Until: until})
		require.NoError(t, err)
		return res.From
	}
	later := time.Now().Add(time.Hour)
	require.Zero(t, since("nowhere", later), "nothing is live")
	require.Zero(t, since("e", later), "no label has come")
	rows := usual(3, 1, nil)
	early, late := w.ask(-5, rows), w.ask(-2, rows)
	w.label(early, rows)
	_, err := w.DB.Pool().Exec(t.Context(), `update runs set started = now()`)
	require.NoError(t, err)
	require.Zero(t, since("e", later), "the live model may have learned from these")
	w.label(late, rows)
	from := w.begins.Add(-2 * time.Hour)
	require.Equal(t, from, since("e", later))
	require.Zero(t, since("e", time.Now().Add(-time.Hour)), "a run that repeats another does not see what came later")

	run, err := w.DB.Run(t.Context(), "r")
	require.NoError(t, err)
	began, err := w.championBegan(t.Context(), LabelledSinceParams{Endpoint: "e", Until: later})
	require.NoError(t, err)
	require.Equal(t, run.Started, began)
	_, err = w.DB.Pool().Exec(t.Context(), `update runs set started = started - interval '2 days'`)
	require.NoError(t, err)
	require.Equal(t, w.begins.Add(-5*time.Hour), since("e", later), "a run that began before those labels has not seen them")
}

// Labels are new that came since the last run began, whatever asked for it; a run that
// learns nothing, such as one that repeats another, is none.
func TestNewLabelsAreCountedFromTheLastRun(t *testing.T) {
	w := watch(t)
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(w.Activities)
	began, now := time.Now().Add(-time.Hour).Truncate(time.Microsecond).UTC(), time.Now().UTC()
	count := func(since time.Time) (res NewLabelsResult) {
		t.Helper()
		value, err := env.ExecuteActivity(w.NewLabels, NewLabelsParams{Pipeline: "p", Endpoint: "e", Since: since})
		require.NoError(t, err)
		require.NoError(t, value.Get(&res))
		return res
	}
	start := func(id, trigger string, at time.Time) {
		t.Helper()
		_, claimed, err := w.DB.StartRun(t.Context(), metadata.StartRun{ID: id, Pipeline: "p", Trigger: trigger, Started: at})
		require.NoError(t, err)
		require.True(t, claimed)
	}
	_, err := w.DB.Pool().Exec(t.Context(), `update runs set started = now() - interval '3 hours'`)
	require.NoError(t, err)
	rows := usual(3, 1, nil)
	w.label(w.ask(-5, rows), rows)
	require.Equal(t, NewLabelsResult{Labels: 3, Since: now.Add(-2 * time.Hour)}, count(now.Add(-2*time.Hour)))
	start("scheduled", pipeline.TriggerSchedule, began)
	require.Equal(t, NewLabelsResult{Labels: 3, Since: began}, count(now.Add(-2*time.Hour)))
	require.Equal(t, now, count(now).Since, "what is later counts")
	start("repeated", "reproduce", time.Now().Add(time.Minute))
	require.Equal(t, began, count(now.Add(-2*time.Hour)).Since)
	late := time.Now().Add(time.Minute).Truncate(time.Microsecond).UTC()
	start("manual", "manual", late)
	require.Equal(t, NewLabelsResult{Since: late}, count(now.Add(-2*time.Hour)))
}
