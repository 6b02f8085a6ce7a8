package activities

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/window"
)

// watched is an endpoint on real servers whose model, y = 2x + noise of deviation 1,
// has learned from 2000 rows of x, normal, and c, "a" or "b".
type watched struct {
	*Activities
	t       testing.TB
	begins  time.Time // of the window
	monitor pipeline.Monitor
	notify  []pipeline.Channel
	asked   int
}

func watch(t testing.TB) *watched {
	t.Helper()
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir(), AllowPrivateAddresses: true})
	require.NoError(t, err)
	p, err := pipeline.Parse("test.yaml", []byte("name: p\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\nmonitor: {}\n"))
	require.NoError(t, err)
	w := &watched{Activities: acts, t: t, begins: time.Now().UTC().Truncate(time.Hour), monitor: *p.Monitor}
	_, _, err = acts.DB.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	body := linear(t, acts)
	ref, err := acts.Store.PutBytes(t.Context(), body, artifact.MediaTypeBundle)
	require.NoError(t, err)
	_, err = acts.DB.RegisterModel(t.Context(), metadata.RegisterModel{Name: "p", Run: "r", Bundle: ref})
	require.NoError(t, err)
	_, err = acts.DB.SetRevision(t.Context(), metadata.SetRevision{Endpoint: "e", ModelName: "p", ModelVersion: 1, Actor: "test"})
	require.NoError(t, err)
	return w
}

func linear(t testing.TB, acts *Activities) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	f := &frame.Frame{Rows: 2000, Columns: []frame.Column{{Name: "x", Kind: frame.Number}, {Name: "c", Kind: frame.Text, Dict: []string{"a", "b"}}}}
	for range f.Rows {
		f.Columns[0].Numbers = append(f.Columns[0].Numbers, r.NormFloat64())
		f.Columns[1].Codes = append(f.Columns[1].Codes, int32(r.IntN(2)))
	}
	fitted, err := feature.Fit([]pipeline.Feature{{Columns: []string{"x"}, Apply: []pipeline.Transform{{Impute: &pipeline.Impute{}}}}, {Columns: []string{"c"}, Apply: []pipeline.Transform{{OneHot: &pipeline.OneHot{}}}}}, f)
	require.NoError(t, err)
	x, err := fitted.Apply(f)
	require.NoError(t, err)
	weights := make([]float64, x.Width())
	weights[0] = 2
	target := &feature.Target{Column: "y", Kind: "number", Task: pipeline.Regression}
	m := &model.Linear{Learner: "ols", Link: model.Identity, Names: x.Names(), Intercepts: []float64{0}, Coefficients: [][]float64{weights}}
	sig, err := bundle.SignatureOf(f, fitted, target)
	require.NoError(t, err)
	predictor, err := bundle.NewPredictor(fitted, target, m, sig)
	require.NoError(t, err)
	answers := make([]float64, f.Rows)
	require.NoError(t, predictor.Predict(f, answers))
	baseline, err := bundle.BaselineOf(f, sig, target, answers)
	require.NoError(t, err)
	golden, err := bundle.Golden(predictor, f, 5)
	require.NoError(t, err)
	engine, err := acts.engine(acts.ScratchDir)
	require.NoError(t, err)
	defer engine.Close()
	require.NoError(t, engine.Create(t.Context(), "learned", f))
	require.NoError(t, engine.Append(t.Context(), "learned", f))
	path := filepath.Join(t.TempDir(), "train.parquet")
	_, err = engine.Write(t.Context(), "SELECT * FROM learned", path)
	require.NoError(t, err)
	train, err := acts.Store.PutFile(t.Context(), path, artifact.MediaTypeParquet)
	require.NoError(t, err)
	file, err := pipeline.Parse("test.yaml", []byte("name: p\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\nvalidation: ["+
		"{column: x, range: {min: -10, max: 10}}, {column: c, set: [a, b], on_fail: quarantine}, {sql: 'x < 1000'}, "+
		"{sql: 'y > x'}, {column: y, not_null: true}, {column: gone, not_null: true}, {row_count: {min: 1000000}}, {unique: [x]}]\n"))
	require.NoError(t, err)
	canonical, err := pipeline.Canonical(file)
	require.NoError(t, err)
	definition, err := acts.Store.PutBytes(t.Context(), canonical, artifact.MediaTypeJSON)
	require.NoError(t, err)
	body, err := bundle.Build(bundle.Contents{
		Lineage: bundle.Lineage{Pipeline: definition.Digest, Splits: map[string]string{"train": train.Digest}},
		Name:    "p", Run: "r", Signature: sig, Features: fitted, Target: target, Model: m, Baseline: baseline, Golden: golden, Card: "# p\n",
		Metrics: bundle.Metrics{Metric: "rmse", Test: map[string]float64{"rmse": 1, "mae": .8}},
	})
	require.NoError(t, err)
	return body
}

// row is one request, and the label that came with it.
type row struct {
	features any
	y        *float64
	status   int
}

// usual are n rows as in training, of noise sigma; change may alter each.
func usual(n int, sigma float64, change func(i int, f map[string]any)) []row {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]row, n)
	for i := range out {
		f := map[string]any{"x": r.NormFloat64(), "c": string(rune('a' + r.IntN(2)))}
		y := 2*f["x"].(float64) + sigma*r.NormFloat64()
		if change != nil {
			change(i, f)
		}
		out[i] = row{f, &y, 200}
	}
	return out
}

// ask leaves requests in the window of that number, and returns their ids.
func (w *watched) ask(number int, rows []row) []uuid.UUID {
	w.t.Helper()
	ids, values := make([]uuid.UUID, len(rows)), make([][]any, len(rows))
	for i, r := range rows {
		ids[i] = uuid.Must(uuid.NewV7())
		w.asked++
		at := w.begins.Add(time.Duration(number)*time.Hour + time.Duration(i)*time.Microsecond)
		features, err := json.Marshal(r.features)
		require.NoError(w.t, err)
		var x struct{ X any }
		_ = json.Unmarshal(features, &x)
		value, _ := x.X.(float64)
		values[i] = []any{metadata.Day(ids[i]), [16]byte(ids[i]), "e", 1, "p", 1, at, fmt.Sprint("k", w.asked), features, fmt.Appendf(nil, `{"prediction":%g}`, 2*value), r.status, 900}
	}
	_, err := w.DB.Pool().CopyFrom(w.t.Context(), pgx.Identifier{"predictions"}, []string{"day", "id", "endpoint", "revision", "model_name", "model_version", "at", "request_id", "features", "outputs", "status", "latency_us"}, pgx.CopyFromRows(values))
	require.NoError(w.t, err)
	return ids
}

func (w *watched) label(ids []uuid.UUID, rows []row) {
	w.t.Helper()
	var list []metadata.Label
	for i, id := range ids {
		list = append(list, metadata.Label{PredictionID: &id, Value: fmt.Appendf(nil, "%g", *rows[i].y), ObservedAt: w.begins})
	}
	_, err := w.DB.AddLabels(w.t.Context(), metadata.AddLabels{Endpoint: "e", Source: "test", Labels: list})
	require.NoError(w.t, err)
}

func (w *watched) due(number, computed int) ComputeWindowParams {
	begins := w.begins.Add(time.Duration(number) * time.Hour)
	return ComputeWindowParams{Endpoint: "e", Monitor: w.monitor, Due: Due{Begins: begins, Ends: begins.Add(time.Hour), Computed: computed, Why: "labels came after it was computed"}}
}

// compute computes a window and returns its row and its measures.
func (w *watched) compute(number, computed int) (metadata.Window, window.Measures) {
	w.t.Helper()
	_, err := w.ComputeWindow(w.t.Context(), w.due(number, computed))
	require.NoError(w.t, err)
	kept, err := w.DB.Window(w.t.Context(), "e", w.due(number, computed).Due.Begins)
	require.NoError(w.t, err)
	var m window.Measures
	require.NoError(w.t, w.Store.JSON(w.t.Context(), kept.Result, &m))
	page, err := w.Store.Bytes(w.t.Context(), kept.Report, 1<<24)
	require.NoError(w.t, err)
	require.Contains(w.t, string(page), "</html>")
	return kept, m
}

func (w *watched) verdicts(m window.Measures) map[string]alert.Verdict {
	out := map[string]alert.Verdict{}
	for _, f := range window.Findings(&m, w.monitor.Alerts) {
		out[f.Kind+" "+f.Subject] = f.Verdict
	}
	return out
}

func TestAWindowAsInTrainingIsQuiet(t *testing.T) {
	w := watch(t)
	rows := usual(2000, 1, nil)
	w.label(w.ask(0, rows), rows)
	w.ask(1, usual(1000, 1, nil))
	kept, m := w.compute(0, 1)
	require.Equal(t, window.Measured, kept.State)
	require.EqualValues(t, 2000, kept.Labelled)
	require.Equal(t, map[string]alert.Verdict{
		"data_drift x": alert.Within, "data_drift c": alert.Within, "prediction_drift prediction": alert.Within, "quality ": alert.Within, "quality x": alert.Within,
		"quality c": alert.Within, "performance rmse": alert.Within, "errors ": alert.Within,
		"quality rule x in [-10, 10]": alert.Within, "quality rule c in {a, b}": alert.Within, "quality rule x < 1000": alert.Within,
	}, w.verdicts(m))
	require.Nil(t, m.Models[0].Previous)
	require.NotEmpty(t, m.Models[0].NoPrevious)
	for _, p := range m.Models[0].Performance {
		if p.Metric == "rmse" {
			require.InDelta(t, 1, p.Measured.Value, .1)
			require.Less(t, p.Measured.Low, p.Measured.Value)
			require.InDelta(t, 1, *p.Reference, 0)
		}
	}
	_, next := w.compute(1, 1)
	require.NotNil(t, next.Models[0].Previous)
	require.EqualValues(t, 2000, next.Models[0].Previous.Rows.Reference)
	require.Equal(t, alert.Unknown, w.verdicts(next)["performance rmse"], "no label yet")

	again, _, err := window.Collect(w.begins, w.begins.Add(time.Hour), nil).Measure(t.Context(), window.Options{})
	require.NoError(t, err)
	require.Equal(t, window.NoTraffic, again.State)
}

func TestWhatHasChangedIsFound(t *testing.T) {
	w := watch(t)
	rows := usual(2000, 3, func(_ int, f map[string]any) { f["x"] = f["x"].(float64) + 1 })
	w.label(w.ask(0, rows), rows)
	failed := usual(40, 1, nil)
	for i := range failed {
		failed[i].status = 503
	}
	w.ask(0, failed)
	_, m := w.compute(0, 1)
	v := w.verdicts(m)
	require.Equal(t, alert.Breached, v["data_drift x"])
	require.Equal(t, alert.Within, v["data_drift c"])
	require.Equal(t, alert.Breached, v["prediction_drift prediction"])
	require.Equal(t, alert.Breached, v["performance rmse"])
	require.Equal(t, alert.Breached, v["errors "])
}

// The rules of the pipeline file hold for requests, too, as far as they speak of what
// is asked for.
func TestRequestsThatBreakTheContractAreFound(t *testing.T) {
	w := watch(t)
	w.ask(0, usual(2000, 1, func(i int, f map[string]any) {
		if i%10 == 0 {
			f["x"] = 5000
		} else if i%100 == 1 {
			f["c"] = "z"
		}
	}))
	_, m := w.compute(0, 1)
	v := w.verdicts(m)
	require.Equal(t, alert.Breached, v["quality rule x in [-10, 10]"])
	require.Equal(t, alert.Within, v["quality rule c in {a, b}"], "one of a hundred is within the bound")
	require.Equal(t, alert.Breached, v["quality rule x < 1000"])
	require.Len(t, m.Models[0].Contract, 3)
	for _, r := range m.Models[0].Contract {
		require.False(t, r.Passed)
	}
	require.EqualValues(t, 200, m.Models[0].Contract[0].Failed)
	require.EqualValues(t, 20, m.Models[0].Contract[1].Failed)
}

func TestNoTrafficOneRowAndColumnsThatCannotBeMeasured(t *testing.T) {
	w := watch(t)
	kept, m := w.compute(0, 1)
	require.Equal(t, window.NoTraffic, kept.State)
	for key, v := range w.verdicts(m) {
		require.Equal(t, alert.Unknown, v, key)
	}

	w.ask(1, usual(1, 1, nil))
	kept, m = w.compute(1, 1)
	require.Equal(t, window.Insufficient, kept.State)
	require.EqualValues(t, 1, kept.Answered)
	for key, v := range w.verdicts(m) {
		require.Equal(t, alert.Unknown, v, key)
	}
	require.Equal(t, drift.Insufficient, m.Models[0].Baseline.Features[0].Outcome)

	w.ask(2, usual(1000, 1, func(_ int, f map[string]any) { f["x"] = nil }))
	_, m = w.compute(2, 1)
	v := w.verdicts(m)
	require.Equal(t, alert.Breached, v["data_drift x"], "missingness is part of a distribution")
	require.Equal(t, alert.Breached, v["quality x"])
	require.Equal(t, alert.Within, v["data_drift c"])

	w.ask(3, usual(1000, 1, func(i int, f map[string]any) { f["c"] = fmt.Sprint("new", i) }))
	_, m = w.compute(3, 1)
	v = w.verdicts(m)
	require.Equal(t, alert.Breached, v["data_drift c"])
	require.Equal(t, alert.Breached, v["quality c"])
	require.Equal(t, alert.Within, v["quality x"])

	w.ask(4, usual(1000, 1, func(_ int, f map[string]any) { f["c"] = 7; delete(f, "x") }))
	_, m = w.compute(4, 1)
	require.EqualValues(t, 1000, m.Models[0].Quality[0].Wrong+m.Models[0].Quality[1].Wrong-1000)
	require.Equal(t, alert.Breached, w.verdicts(m)["quality c"])
}

func TestABundleThatIsGoneIsItsVersionsProblem(t *testing.T) {
	w := watch(t)
	_, err := w.DB.RegisterModel(t.Context(), metadata.RegisterModel{Name: "p", Run: "r", Bundle: artifact.Ref{Digest: artifact.DigestOf([]byte("no")), Size: 2, MediaType: artifact.MediaTypeBundle}})
	require.NoError(t, err)
	w.ask(0, usual(600, 1, nil))
	other := w.ask(0, usual(3, 1, nil))
	for _, id := range other {
		_, err := w.DB.Pool().Exec(t.Context(), `update predictions set model_version = 2 where id = $1`, id)
		require.NoError(t, err)
	}
	_, m := w.compute(0, 1)
	require.Len(t, m.Models, 2)
	require.EqualValues(t, 600, m.Models[0].Baseline.Rows.Window)
	require.NotEmpty(t, m.Models[1].Problem)
	require.Equal(t, alert.Within, w.verdicts(m)["data_drift x"])
}

func TestLateLabelsComputeAWindowAgainAndItSaysSo(t *testing.T) {
	w := watch(t)
	rows := usual(600, 1, nil)
	ids := w.ask(0, rows)
	w.label([]uuid.UUID{uuid.Must(uuid.NewV7())}, rows) // of nobody
	first, _ := w.compute(0, 1)
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5))
	w.label(ids, rows)
	due := w.planned(1, 5)
	require.Empty(t, due.New)
	require.Len(t, due.Late, 1)
	require.Equal(t, 2, due.Late[0].Computed)
	second, m := w.compute(0, 2)
	require.Equal(t, 2, second.Computed)
	require.NotEqual(t, first.Result, second.Result)
	require.Contains(t, second.Note, "computed again: labels came after it was computed; 600 labelled, 0 before")
	require.Equal(t, alert.Within, w.verdicts(m)["performance rmse"])
	require.Equal(t, &PlanWindowsResult{}, w.planned(1, 5))
	w.label(ids[:1], rows) // the same again: nothing has come
	third, _ := w.compute(0, 3)
	require.Equal(t, second.Result, third.Result, "the same input is the same digest")
}

func TestWindowsAreComputedOnceByManyAndAfterADeath(t *testing.T) {
	w := watch(t)
	w.ask(0, usual(600, 1, nil))
	var wg sync.WaitGroup
	for range 12 { // more than there are connections; a worker that dies after its work leaves the same: it is done again
		wg.Go(func() {
			_, err := w.ComputeWindow(t.Context(), w.due(0, 1))
			require.NoError(t, err)
		})
	}
	wg.Wait()
	kept, _ := w.compute(0, 1)
	require.Equal(t, 1, kept.Computed)
	list, err := w.DB.WindowSummaries(t.Context(), "e", "p", 1, w.begins, w.begins.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestWindowsAreDueInOrderAndBounded(t *testing.T) {
	w := watch(t)
	plan := func(now time.Duration, change func(*PlanWindowsParams)) *PlanWindowsResult {
		t.Helper()
		p := PlanWindowsParams{Endpoint: "e", Monitor: w.monitor, Now: w.begins.Add(now), Most: 3}
		if change != nil {
			change(&p)
		}
		res, err := w.PlanWindows(t.Context(), p)
		require.NoError(t, err)
		return res
	}
	require.Equal(t, []Due{{w.begins, w.begins.Add(time.Hour), 1, ""}}, plan(time.Hour+w.monitor.Settle(), nil).New, "no traffic: the last that is over")
	w.ask(-1, usual(1, 1, nil))
	require.Empty(t, plan(0, nil).New, "answers are still on their way")
	due := plan(5*time.Hour, nil)
	require.True(t, due.More)
	require.Len(t, due.New, 3)
	require.Equal(t, w.begins.Add(-time.Hour), due.New[0].Begins)
	w.compute(-1, 1)
	due = plan(5*time.Hour, nil)
	require.Equal(t, w.begins, due.New[0].Begins)
	require.Empty(t, due.Note)
	var said bytes.Buffer
	w.Log = zerolog.New(&said)
	due = plan(30*24*time.Hour, nil)
	require.Equal(t, w.begins.Add(16*24*time.Hour), due.New[0].Begins, "labels no longer reach what is older")
	require.Contains(t, due.Note, fmt.Sprintf("%d of 1h from %s to %s", 16*24, w.begins.Format("2006-01-02 15:04"), due.New[0].Begins.UTC().Format("2006-01-02 15:04")))
	require.Contains(t, said.String(), due.Note)
	for _, late := range []string{"1s", "20s", "59m"} { // the schedule starts the monitor that long after the end of a window
		due = plan(5*time.Hour+w.monitor.Delay(), func(p *PlanWindowsParams) { p.Monitor.Late = late })
		require.Equal(t, []Due{{w.begins.Add(4 * time.Hour), w.begins.Add(5 * time.Hour), 1, ""}}, due.New, "late: %s leaves the last", late)
		require.Contains(t, due.Note, "4 of 1h")
	}
	due = plan(10*time.Hour, func(p *PlanWindowsParams) { p.Monitor.Window = "2h" })
	require.Equal(t, w.begins, due.New[0].Begins, "another length leaves no hole")
	require.Zero(t, due.New[0].Ends.Unix()%7200, "and ends at its own multiple")
	require.LessOrEqual(t, due.New[0].Ends.Sub(w.begins), 2*time.Hour)
	require.Equal(t, due.New[0].Ends, due.New[1].Begins)
	day := w.begins.Truncate(24 * time.Hour).Add(24 * time.Hour)
	due = plan(day.Add(24*time.Hour+time.Minute).Sub(w.begins), func(p *PlanWindowsParams) { p.Monitor.Window = "24h" })
	require.Equal(t, []Due{{w.begins, day, 1, ""}, {day, day.Add(24 * time.Hour), 1, ""}}, due.New)
	second := plan(5*time.Second, func(p *PlanWindowsParams) { p.Monitor.Window, p.Monitor.Late = "1s", "4s" })
	require.Equal(t, []Due{{w.begins.Add(time.Second), w.begins.Add(2 * time.Second), 1, ""}, {w.begins.Add(2 * time.Second), w.begins.Add(3 * time.Second), 1, ""}}, second.New, "windows of seconds are due after seconds")
	require.True(t, plan(0, func(p *PlanWindowsParams) { p.Endpoint = "nowhere" }).Gone)
}

func TestAnAlertIsJudgedAndToldOnce(t *testing.T) {
	w := watch(t)
	failed := usual(600, 1, nil)
	for i := range failed {
		failed[i].status = 500
	}
	w.ask(0, failed)
	w.compute(0, 1)
	var first *JudgeWindowResult
	for range 2 { // the answer of the first is lost
		res := w.judge(w.begins)
		require.Len(t, res.Events, 1)
		require.Equal(t, alert.Opened, res.Events[0].Change)
		require.Equal(t, pipeline.OnErrors, res.Events[0].Kind)
		require.Len(t, res.Open, 1)
		require.NotZero(t, res.Unknown)
		if first != nil {
			require.Equal(t, first, res)
		}
		first = res
	}
	var heard atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Esteira-Event-Id") == first.Events[0].ID {
			heard.Add(1)
		}
	}))
	defer hook.Close()
	t.Setenv("MONITOR_TEST_HOOK", hook.URL)
	for range 3 {
		require.NoError(t, w.Notify(t.Context(), NotifyParams{Pipeline: "p", Endpoint: "e", Alert: first.Events[0].ID, Channel: pipeline.Channel{Webhook: &pipeline.Webhook{URL: "env:MONITOR_TEST_HOOK"}}}))
	}
	require.EqualValues(t, 1, heard.Load())

	w.monitor.Alerts = []pipeline.MonitorAlert{} // the file no longer asks
	w.compute(1, 1)
	res := w.judge(w.begins.Add(time.Hour))
	require.Len(t, res.Events, 1)
	require.Equal(t, alert.Resolved, res.Events[0].Change)
	require.Empty(t, res.Open)
}

func TestLabelsArePulledFromASource(t *testing.T) {
	w := watch(t)
	rows := usual(600, 1, nil)
	ids := w.ask(0, rows)
	dir := t.TempDir()
	for part := range 2 {
		text := "prediction_id,label\n"
		for i := part * 300; i < part*300+300; i++ {
			text += fmt.Sprintf("%s,%g\n", ids[i], *rows[i].y)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("labels%d.csv", part)), []byte(text), 0o600))
	}
	params := PullLabelsParams{Pipeline: "p", Endpoint: "e", BaseDir: dir, Source: pipeline.Source{Path: "labels*.csv", Format: "csv"}}
	res, err := w.PullLabels(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, label.Counts{Rows: 600, Accepted: 600}, res.Counts)
	res, err = w.PullLabels(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, label.Counts{Rows: 600, Repeated: 600}, res.Counts)
	kept, _ := w.compute(0, 1)
	require.EqualValues(t, 600, kept.Labelled)
	params.Source.Path = "none*.csv"
	_, err = w.PullLabels(t.Context(), params)
	require.ErrorContains(t, err, string(fault.SourceNotFound))
}

func TestLabelsArePulledByAQuery(t *testing.T) {
	w := watch(t)
	rows := usual(600, 1, nil)
	ids := w.ask(0, rows)
	source, conn := postgres(t, "select prediction_id, label, seen as observed_at from delays where done", "create table delays (prediction_id uuid, label float8, seen timestamptz, done bool)")
	values := make([][]any, len(ids))
	for i, id := range ids {
		values[i] = []any{[16]byte(id), *rows[i].y, w.begins.Add(time.Minute), i < 500}
	}
	_, err := conn.CopyFrom(t.Context(), pgx.Identifier{"delays"}, []string{"prediction_id", "label", "seen", "done"}, pgx.CopyFromRows(values))
	require.NoError(t, err)
	params := PullLabelsParams{Pipeline: "p", Endpoint: "e", Source: source}
	for _, want := range []label.Counts{{Rows: 500, Accepted: 500}, {Rows: 500, Repeated: 500}} {
		res, err := w.PullLabels(t.Context(), params)
		require.NoError(t, err)
		require.Equal(t, want, res.Counts)
	}
	_, err = conn.Exec(t.Context(), "update delays set done = true")
	require.NoError(t, err)
	res, err := w.PullLabels(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, label.Counts{Rows: 600, Accepted: 100, Repeated: 500}, res.Counts)
	kept, m := w.compute(0, 1)
	require.EqualValues(t, 600, kept.Labelled)
	require.Equal(t, alert.Within, w.verdicts(m)["performance rmse"])
}
