// Package examples_test runs every example as a person would: with the built
// programs, on real servers.
package examples_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// example is a pipeline file, the question to ask its endpoint and what honest
// figures look like.
type example struct {
	file    string
	sources map[string]string // name to the pattern of its files, beside the pipeline file
	gap     bool              // the split leaves rows out
	history bool              // rules compare with earlier runs, so that each run is validated anew
	record  map[string]any
	answer  func(t *testing.T, p answer)

	better string  // the metric that must beat the baseline's
	gain   float64 // by at least this share of it
	band   map[string][2]float64
}

// answer is one prediction as `esteira predict --output json` prints it.
type answer struct {
	ID            string             `json:"prediction_id"`
	Prediction    *float64           `json:"prediction"`
	Label         *string            `json:"label"`
	Probabilities map[string]float64 `json:"probabilities"`
}

type answers struct {
	ModelName   string   `json:"model_name"`
	Revision    int64    `json:"revision"`
	Predictions []answer `json:"predictions"`
}

var flight = map[string]any{
	"departed": "2001-06-30T18:05:00Z", "distance": 2475,
	"origin_state": "NY", "origin_latitude": 40.64, "origin_longitude": -73.78,
	"destination_state": "CA", "destination_latitude": 33.94, "destination_longitude": -118.41,
}

func with(record map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(record)
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

func between(least, most float64) func(*testing.T, answer) {
	return func(t *testing.T, p answer) {
		require.NotNil(t, p.Prediction)
		require.GreaterOrEqual(t, *p.Prediction, least)
		require.LessOrEqual(t, *p.Prediction, most)
	}
}

func class(label string, least float64) func(*testing.T, answer) {
	return func(t *testing.T, p answer) {
		require.NotNil(t, p.Label)
		require.Equal(t, label, *p.Label)
		require.GreaterOrEqual(t, p.Probabilities[label], least)
		sum := 0.0
		for _, share := range p.Probabilities {
			sum += share
		}
		require.InDelta(t, 1, sum, 1e-9)
	}
}

// The bands are wide enough for another split and narrow enough that a leak of
// the target, or a model that learnt nothing, falls out of them.
var all = []example{
	{
		file: "flights/flights.yaml", sources: map[string]string{"flights": "flights.parquet", "airports": "airports.csv"},
		record: with(flight, "origin", "JFK", "destination", "LAX"), answer: between(-30, 60),
		better: "rmse", gain: 0.01, band: map[string][2]float64{"rmse": {15, 45}, "r2": {0.005, 0.2}},
	},
	{
		file: "flights/flights-trees.yaml", sources: map[string]string{"flights": "flights.parquet", "airports": "airports.csv"},
		record: with(flight, "origin", "JFK", "destination", "LAX"), answer: between(-30, 60),
		better: "rmse", gain: 0.03, band: map[string][2]float64{"rmse": {15, 45}, "r2": {0.05, 0.25}},
	},
	{
		file: "flights/flights-late.yaml", sources: map[string]string{"flights": "flights.parquet", "airports": "airports.csv"},
		record: flight, answer: class("on time", 0.5),
		better: "log_loss", gain: 0.01, band: map[string][2]float64{"roc_auc": {0.6, 0.8}, "log_loss": {0.3, 0.6}},
	},
	{
		file: "delays/delays.yaml", sources: map[string]string{"flights": "flights/*.csv.gz", "airports": "airports.csv", "weather": "weather.csv"}, gap: true, history: true,
		record: with(flight, "origin", "JFK", "destination", "LAX", "coast", "New York", "late_before", 0.25, "flights_before", 120, "rain", 3.2, "wind", 3.5), answer: class("on time", 0.4),
		better: "log_loss", gain: 0.02, band: map[string][2]float64{"roc_auc": {0.6, 0.8}, "log_loss": {0.3, 0.6}},
	},
	{
		file: "penguins/penguins.yaml", sources: map[string]string{"penguins": "penguins.json"},
		record: map[string]any{"island": "Biscoe", "beak_length_mm": 50, "beak_depth_mm": 15, "flipper_length_mm": 225, "body_mass_g": 5500, "sex": "MALE"},
		answer: class("Gentoo", 0.9),
		better: "log_loss", gain: 0.5, band: map[string][2]float64{"accuracy": {0.95, 1}},
	},
	{
		file: "python-trainer/penguins.yaml", sources: map[string]string{"penguins": "../penguins/penguins.json"},
		record: map[string]any{"island": "Biscoe", "beak_length_mm": 50, "beak_depth_mm": 15, "flipper_length_mm": 225, "body_mass_g": 5500, "sex": "MALE"},
		answer: class("Gentoo", 0.9),
		better: "log_loss", gain: 0.5, band: map[string][2]float64{"accuracy": {0.93, 1}},
	},
	{
		file: "cars/cars.yaml", sources: map[string]string{"cars": "cars.json"},
		record: map[string]any{"cylinders": "4", "displacement": 97, "horsepower": 75, "weight": 2171, "acceleration": 16, "model_year": 1975, "origin": "Japan"},
		answer: between(24, 34),
		better: "rmse", gain: 0.3, band: map[string][2]float64{"r2": {0.75, 0.95}},
	},
	{
		file: "weather/weather.yaml", sources: map[string]string{"weather": "weather.csv"},
		record: map[string]any{
			"date": "2015-11-20T00:00:00Z", "location": "Seattle", "precipitation": 12.4, "temp_max": 11.1, "temp_min": 6.7, "wind": 4.2,
			"weather_before": "rain", "precipitation_before": 3.6, "temp_max_before": 10.6, "temp_min_before": 5.0, "wind_before": 3.8,
		},
		answer: class("rain", 0.8),
		better: "log_loss", gain: 0.4, band: map[string][2]float64{"accuracy": {0.75, 0.92}, "log_loss": {0.4, 0.7}},
	},
	{
		file: "minimal.yaml", sources: map[string]string{"penguins": "penguins/penguins.json"},
		record: map[string]any{"Island": "Biscoe", "Beak Length (mm)": 50, "Beak Depth (mm)": 15, "Flipper Length (mm)": 225, "Body Mass (g)": 5500, "Sex": "MALE"},
		answer: class("Gentoo", 0.9),
		better: "log_loss", gain: 0.5, band: map[string][2]float64{"accuracy": {0.95, 1}},
	},
}

func TestExamples(t *testing.T) {
	found, err := filepath.Glob("*/*.yaml")
	require.NoError(t, err)
	found = slices.DeleteFunc(found, func(path string) bool { return strings.HasSuffix(path, ".contract.yaml") })
	found = append(found, "minimal.yaml")
	var listed []string
	for _, e := range all {
		listed = append(listed, e.file)
	}
	require.ElementsMatch(t, found, listed, "every example is run")

	l := testline.Start(t)
	l.StartTrainer("python-trainer")
	for _, e := range all {
		t.Run(e.file, func(t *testing.T) { e.run(t, l.In(t)) })
	}
}

func (e example) run(t *testing.T, l *testline.Line) {
	first := l.Run(testline.ExitDone, e.file)
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	require.Equal(t, int64(1), first.Result.Revision)
	for _, s := range first.Steps {
		require.Equal(t, "completed", s.State, s.Name)
		require.NotEmpty(t, s.Figure, "step %s has a key figure", s.Name)
	}
	store, pool := l.Store(), l.Pool()
	e.honest(t, l.DB, store, first)
	e.apart(t, l.DB, store, first.Run)
	reports(t, store, first)

	endpoint := strings.Split(first.Run, "/")[0]
	e.predict(t, l, pool, endpoint)
	e.infer(t, l, pool, endpoint)

	e.again(t, l, first)
	e.anew(t, l, first)
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from revisions where endpoint = $1`, endpoint))
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from model_versions where name = $1`, endpoint))
}

// honest holds the figures against their bands and the baseline.
func (e example) honest(t *testing.T, db *metadata.DB, store *artifact.Store, o testline.Outcome) {
	steps, err := db.Steps(t.Context(), o.Run)
	require.NoError(t, err)
	at := slices.IndexFunc(steps, func(s metadata.Step) bool { return s.Step == "evaluate" })
	require.GreaterOrEqual(t, at, 0)
	var judged evaluation.Evaluation
	require.NoError(t, store.JSON(t.Context(), steps[at].Outputs["evaluation"], &judged))
	require.NotEqual(t, "baseline", judged.Test.Kind)
	require.Equal(t, *o.Result.Score, judged.Test.Scores[o.Result.Metric])
	for metric, band := range e.band {
		require.GreaterOrEqual(t, judged.Test.Scores[metric], band[0], metric)
		require.LessOrEqual(t, judged.Test.Scores[metric], band[1], metric)
	}
	baseline := judged.Baseline.Scores[e.better]
	require.LessOrEqual(t, judged.Test.Scores[e.better], baseline*(1-e.gain), "%s, baseline %g", e.better, baseline)
	require.Equal(t, judged.Baseline.Rows, judged.Test.Rows)
	for _, g := range judged.Gates {
		require.True(t, g.Passed, g.Condition)
	}
	t.Logf("%s: test %v, baseline %v", e.file, judged.Test.Scores, judged.Baseline.Scores)
}

// apart proves that no row of one part is in another, by the hash of the row's
// key, and that all parts together are the rows that were valid.
func (e example) apart(t *testing.T, db *metadata.DB, store *artifact.Store, run string) {
	parts, err := db.Splits(t.Context(), run)
	require.NoError(t, err)
	require.Len(t, parts, 3)
	engine, err := table.Open(table.Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	defer engine.Close()
	row := table.Ident(split.RowColumn)
	rows, scans := int64(0), map[string]string{}
	for _, p := range parts {
		path, release, err := store.File(t.Context(), p.Artifact)
		require.NoError(t, err)
		defer release()
		scans[p.Split] = fmt.Sprintf("(select %s from %s)", row, table.Scan(path))
		require.Positive(t, p.Rows, p.Split)
		rows += p.Rows
	}
	for _, pair := range [][2]string{{"train", "validation"}, {"train", "test"}, {"validation", "test"}} {
		got, err := engine.QueryRow(t.Context(), fmt.Sprintf("select count(*) from (%s intersect %s)", scans[pair[0]], scans[pair[1]]))
		require.NoError(t, err)
		require.EqualValues(t, 0, got[0], "rows in %s and in %s", pair[0], pair[1])
	}
	steps, err := db.Steps(t.Context(), run)
	require.NoError(t, err)
	for _, s := range steps {
		if s.Step == "validate" {
			path, release, err := store.File(t.Context(), s.Outputs["valid"])
			require.NoError(t, err)
			defer release()
			got, err := engine.QueryRow(t.Context(), "select count(*) from "+table.Scan(path))
			require.NoError(t, err)
			if e.gap {
				require.Less(t, rows, got[0], "rows just before a boundary are left out")
				require.Greater(t, rows, got[0].(int64)*9/10, "and no others")
				continue
			}
			require.EqualValues(t, rows, got[0], "train, validation and test are all valid rows")
		}
	}
}

// reports are there, each a page or a text of its own.
func reports(t *testing.T, store *artifact.Store, o testline.Outcome) {
	for name, want := range map[string]string{
		"exploration": "<!doctype html", "features": "<!doctype html", "evaluation": "<!doctype html", "model card": "#", "validation": "<!doctype html",
	} {
		body, err := store.Bytes(t.Context(), o.Result.Reports[name], 32<<20)
		require.NoError(t, err, name)
		require.Contains(t, strings.ToLower(string(body[:min(len(body), 200)])), want, name)
		if want[0] == '<' {
			if name != "validation" { // which is a table of rules
				require.Contains(t, string(body), "<svg", name+" has plots")
			}
			require.NotContains(t, string(body), "<script src", name+" works offline")
		}
	}
	require.Contains(t, o.Result.Details, "| `deploy` | completed |")
}

// predict asks by the command line and follows the answer to the source's bytes.
func (e example) predict(t *testing.T, l *testline.Line, pool *pgxpool.Pool, endpoint string) {
	record, err := json.Marshal(e.record)
	require.NoError(t, err)
	var got answers
	l.JSON(testline.ExitDone, &got, "predict", endpoint, "--data", string(record))
	require.Len(t, got.Predictions, 1)
	require.Equal(t, int64(1), got.Revision)
	e.answer(t, got.Predictions[0])
	audited(t, l, pool, endpoint, got.Predictions[0].ID)

	var trace metadata.Trace
	l.JSON(testline.ExitDone, &trace, "trace", got.Predictions[0].ID)
	require.JSONEq(t, string(record), string(trace.Prediction.Features))
	sums := map[string][]string{}
	for _, s := range trace.Snapshots {
		for _, f := range s.Files {
			sums[s.Source] = append(sums[s.Source], f.Checksum)
		}
	}
	want := map[string][]string{}
	for name, pattern := range e.sources {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(e.file), pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			sum := sha256.Sum256(body)
			want[name] = append(want[name], hex.EncodeToString(sum[:]))
		}
	}
	require.Equal(t, want, sums)
	// The same way, edge by edge.
	reached := map[string]bool{}
	for _, edge := range trace.Lineage {
		reached[edge.Input] = true
	}
	for name, files := range want {
		for _, sum := range files {
			require.True(t, reached[sum], "lineage reaches the bytes of %s", name)
		}
	}
}

// infer asks by the Open Inference Protocol and expects the same answer.
func (e example) infer(t *testing.T, l *testline.Line, pool *pgxpool.Pool, endpoint string) {
	type tensor struct {
		Name     string `json:"name"`
		Shape    []int  `json:"shape"`
		Datatype string `json:"datatype"`
		Data     []any  `json:"data"`
	}
	var inputs []tensor
	for _, name := range slices.Sorted(maps.Keys(e.record)) {
		x := tensor{Name: name, Shape: []int{1}, Datatype: "FP64", Data: []any{e.record[name]}}
		if _, text := e.record[name].(string); text {
			x.Datatype = "BYTES"
		}
		inputs = append(inputs, x)
	}
	body, err := json.Marshal(map[string]any{"id": "from-a-test", "inputs": inputs})
	require.NoError(t, err)
	var got struct {
		ModelName  string         `json:"model_name"`
		ID         string         `json:"id"`
		Outputs    []tensor       `json:"outputs"`
		Parameters map[string]any `json:"parameters"`
		Error      string         `json:"error"`
	}
	require.Equal(t, 200, l.Post("/v2/models/"+endpoint+"/infer", string(body), &got), got.Error)
	require.Equal(t, endpoint, got.ModelName)
	require.Equal(t, "from-a-test", got.ID)
	require.NotEmpty(t, got.Outputs)
	p := answer{}
	for _, out := range got.Outputs {
		switch value := out.Data[0].(type) {
		case string:
			p.Label = &value
		case float64:
			if out.Name == "prediction" {
				p.Prediction = &value
			}
		}
	}
	if p.Label != nil {
		record, err := json.Marshal(e.record)
		require.NoError(t, err)
		var plain answers
		l.JSON(testline.ExitDone, &plain, "predict", endpoint, "--data", string(record))
		require.Equal(t, plain.Predictions[0].Label, p.Label)
	} else {
		e.answer(t, p)
	}
	audited(t, l, pool, endpoint, fmt.Sprint(got.Parameters["prediction_ids"]))
	require.Equal(t, 1, testline.Count(t, pool, `select count(*) from predictions where id = $1 and request_id = 'from-a-test' and status = 200`, got.Parameters["prediction_ids"]))
}

func audited(t *testing.T, l *testline.Line, pool *pgxpool.Pool, endpoint, id string) {
	t.Helper()
	l.Await(10*time.Second, "the audit row of prediction "+id, func() bool {
		return testline.Count(t, pool, `select count(*) from predictions where id = $1 and endpoint = $2 and revision = 1`, id, endpoint) == 1
	})
}

// again runs the same file on the same bytes: nothing is computed but the
// comparison with what is now live, and then nothing at all.
func (e example) again(t *testing.T, l *testline.Line, first testline.Outcome) {
	second := l.Run(testline.ExitDone, e.file)
	require.Equal(t, workflows.DecisionUnchanged, second.Decision, second.Reason)
	third := l.Run(testline.ExitDone, e.file)
	require.Equal(t, workflows.DecisionUnchanged, third.Decision, third.Reason)
	require.Equal(t, first.Result.Model, third.Result.Model)
	require.Equal(t, first.Result.Bundle, third.Result.Bundle)
	for run, computed := range map[string]string{second.Run: "evaluate", third.Run: ""} {
		steps, err := l.DB.Steps(t.Context(), run)
		require.NoError(t, err)
		require.Greater(t, len(steps), 9)
		for _, s := range steps {
			if s.Step != "define" && s.Step != computed && !(s.Step == "validate" && e.history) {
				require.Equal(t, metadata.CacheHit, s.Cache, "%s of %s: %s", s.Step, run, s.CacheReason)
			}
		}
	}
	for _, s := range third.Steps {
		if s.Name != "define" && s.Name != "deploy" && !(s.Name == "validate" && e.history) {
			require.Equal(t, "hit", s.Cache, s.Name)
		}
	}
}

// anew computes everything again and gets the same bytes.
func (e example) anew(t *testing.T, l *testline.Line, first testline.Outcome) {
	o := l.Run(testline.ExitDone, e.file, "--no-cache")
	require.Equal(t, workflows.DecisionUnchanged, o.Decision, o.Reason)
	require.Equal(t, first.Result.Dataset, o.Result.Dataset)
	require.Equal(t, first.Result.Model, o.Result.Model)
	require.Equal(t, first.Result.Bundle, o.Result.Bundle)
	for _, s := range o.Steps {
		require.NotEqual(t, "hit", s.Cache, s.Name)
	}
}
