package pipeline_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// minimal is the shortest useful file.
const minimal = `name: penguins
problem:
  task: multiclass
  target: Species
sources:
  penguins: {path: penguins.json}
`

func TestASearchIsCompleted(t *testing.T) {
	of := func(text string) pipeline.Train { return parse(t, minimal+text+"\n").Train }
	plain := of("")
	require.Equal(t, pipeline.Search{Method: pipeline.GridSearch, Prune: new(false)}, plain.Search)
	require.Equal(t, 1+3, plain.Trials())
	require.Equal(t, pipeline.DefaultFolds, plain.Rounds())
	drawn := of("train: {repeats: 2, candidates: [{kind: logistic, space: {C: {low: 0.1, high: 10, log: true}}}, {kind: logistic}]}")
	require.Equal(t, pipeline.Search{Method: pipeline.TPESearch, Trials: pipeline.DefaultTrials, Batch: 8, Prune: new(true)}, drawn.Search)
	require.Equal(t, 1+1+30, drawn.Trials())
	require.Equal(t, 2*pipeline.DefaultFolds, drawn.Rounds())
	require.Equal(t, 3, of("train: {search: {method: hyperband}}").Search.Factor)
	require.Equal(t, pipeline.Interval{Low: 1e-4, High: 1e4}, of("train: {candidates: [{kind: logistic, space: {C: {low: 1e-4, high: 1E+4}}}]}").Candidates[0].Space["C"])
	list := mistakes(t, minimal+"split: {method: time}\ndataset: {event_time: Seen}\ntrain: {repeats: 2}\n")
	require.Len(t, list, 1)
	require.Contains(t, list[0].Message, "one way only")
	list = mistakes(t, minimal+"train: {candidates: [{kind: logistic, space: {C: {low: '1e-4', high: 1}}}]}\n")
	require.Contains(t, list[0].Message, "not the text")
}

func TestAWeightIsNeitherTargetNorFeature(t *testing.T) {
	weighed := strings.Replace(minimal, "target: Species", "target: Species\n  weight: Wt", 1)
	require.Equal(t, "Wt", parse(t, weighed).Problem.Weight)
	list := mistakes(t, weighed+"features: [{columns: [Mass, Wt]}]\n")
	require.Len(t, list, 1)
	require.Equal(t, "features[0].columns[1]", list[0].Path)
	require.Contains(t, list[0].Message, "weight")
	list = mistakes(t, strings.Replace(weighed, "Wt", "Species", 1))
	require.Len(t, list, 1)
	require.Equal(t, "problem.weight", list[0].Path)
}

func parse(t *testing.T, text string) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Parse("f.yaml", []byte(text))
	require.NoError(t, err)
	return p
}

// mistakes parses a file that must be refused and returns what is said of it.
func mistakes(t *testing.T, text string) []pipeline.Mistake {
	t.Helper()
	p, err := pipeline.Parse("f.yaml", []byte(text))
	require.Error(t, err)
	require.Nil(t, p)
	require.Equal(t, fault.PipelineInvalid, fault.KindOf(err))
	list := pipeline.Mistakes(err)
	require.NotEmpty(t, list)
	for _, m := range list {
		require.NotEmpty(t, m.Message)
		require.NotEmpty(t, m.Remedy, m.Message)
		require.Positive(t, m.Line)
		require.Positive(t, m.Column)
	}
	return list
}

func TestDefaultsAreFilledIn(t *testing.T) {
	p := parse(t, minimal)
	require.Equal(t, "log_loss", p.Problem.Metric)
	require.Equal(t, "majority", p.Problem.Baseline)
	require.Equal(t, "json", p.Sources["penguins"].Format)
	require.Equal(t, `SELECT * FROM "penguins"`, p.Dataset.SQL)
	require.Equal(t, pipeline.Split{Method: "random", Validation: 0.15, Test: 0.15}, p.Split)
	require.True(t, p.Features.Auto)
	require.Equal(t, []pipeline.Candidate{{Kind: "logistic", Grid: map[string][]float64{"C": {0.1, 1, 10}}}}, p.Train.Candidates)
	require.Equal(t, 3, p.Train.Folds)
	require.Equal(t, []pipeline.Gate{{Metric: "log_loss", Against: "baseline"}, {Metric: "log_loss", Against: "champion"}}, p.Evaluate.Gates)
	require.True(t, *p.Package.ONNX)
	require.True(t, *p.Deploy.Enabled)
	require.Equal(t, "penguins", p.Deploy.Endpoint)

	p = parse(t, strings.NewReplacer("multiclass", "regression", "penguins.json", "p.csv.gz").Replace(minimal))
	require.Equal(t, "rmse", p.Problem.Metric)
	require.Equal(t, "mean", p.Problem.Baseline)
	require.Equal(t, "csv", p.Sources["penguins"].Format)
	require.Equal(t, []pipeline.Candidate{{Kind: "ols"}}, p.Train.Candidates)
}

func TestWhatTheFileSaysIsKept(t *testing.T) {
	p := parse(t, `name: late
problem: {task: binary, target: late, positive: 1, metric: roc_auc, threshold: 0.7}
sources: {a: {path: "data/*.csv"}, b: {path: "s3://bucket/b/*", format: parquet}}
dataset:
  sql: |
    SELECT * FROM a JOIN b USING (id)
  key: [id]
  event_time: at
validation:
  - {column: late, set: [true, 1, no]}
  - {column: x, range: {min: -1.5}, on_fail: quarantine}
  - row_count: {min: 10}
split: {method: time, test: 0.2, seed: 9007199254740993}
features:
  - columns: [x, y]
    apply: [impute, log1p, standardize]
  - columns: [c]
    apply: [{impute: {strategy: constant, text: none}}, {one_hot: {max_categories: 5}}]
  - columns: [d]
    apply: [impute, one_hot]
  - columns: [at]
    apply: [date_parts]
evaluate: {gates: []}
package: {onnx: false}
deploy: {endpoint: other, enabled: false}
retrain: {schedule: {cron: "0 3 * * 1", jitter: 1m}}
`)
	require.Equal(t, "1", p.Problem.Positive)
	require.InDelta(t, 0.7, *p.Problem.Threshold, 0)
	require.Equal(t, []string{"true", "1", "no"}, p.Validation[0].Set)
	require.Equal(t, pipeline.Stop, p.Validation[0].OnFail)
	require.Equal(t, "row_count", p.Validation[2].Check())
	require.Equal(t, int64(9007199254740993), p.Split.Seed)
	require.InDelta(t, 0.15, p.Split.Validation, 0)
	require.Equal(t, "median", p.Features.List[0].Apply[0].Impute.Strategy)
	require.Equal(t, "log1p", p.Features.List[0].Apply[1].Name())
	require.Equal(t, "constant", p.Features.List[1].Apply[0].Impute.Strategy)
	require.Equal(t, "most_frequent", p.Features.List[2].Apply[0].Impute.Strategy)
	require.Equal(t, 50, p.Features.List[2].Apply[1].OneHot.MaxCategories)
	require.Equal(t, []string{"month", "day", "day_of_week", "hour"}, p.Features.List[3].Apply[0].DateParts.Parts)
	require.NotNil(t, p.Evaluate.Gates)
	require.Empty(t, p.Evaluate.Gates, "an empty list of gates means none")
	require.False(t, *p.Package.ONNX)
	require.False(t, *p.Deploy.Enabled)
	require.Equal(t, "UTC", p.Retrain.Schedule.TimeZone)
}

func TestAllMistakesAreReportedInTheOrderOfTheFile(t *testing.T) {
	data, err := os.ReadFile("testdata/bad.yaml")
	require.NoError(t, err)
	_, err = pipeline.Parse("bad.yaml", data)
	got := pipeline.Render(pipeline.Mistakes(err))
	golden := "testdata/bad.golden"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestSyntaxAndBounds(t *testing.T) {
	deep := strings.Repeat("[", 100000)
	dashes := strings.Repeat("- ", 100000)
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "empty"},
		"comment only":   {"# nothing\n", "empty"},
		"list":           {"- a\n", "not a mapping"},
		"scalar":         {"flights", "not a mapping"},
		"two documents":  {minimal + "---\n" + minimal, "more than one"},
		"syntax":         {"name: [a\nproblem: }", ""},
		"tab":            {"name: a\n\tproblem: x", ""},
		"too large":      {"# " + strings.Repeat("x", pipeline.MaxBytes), "1 MiB"},
		"too many words": {strings.Repeat("a: b\n", 20000), "words and signs"},
		"brackets":       {"name: " + deep, "nests deeper"},
		"dashes":         {dashes + "x", "nests deeper"},
		"not UTF-8":      {"name: \xff", "UTF-8"},
		"NUL":            {"name: \x00", "NUL"},
		"anchor":         {"name: &a flights\nproblem: *a\n", "anchors"},
		"merge key":      {minimal + "split:\n  <<: {seed: 1}\n", "merge keys"},
		"tag":            {"name: !!str x\n", "tags"},
		"number key":     {minimal + "1: 2\n", "unknown key"},
		"null":           {minimal + "split:\n", "no value"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, pipeline.Render(mistakes(t, c.text)), c.want)
		})
	}
}

// TestEachMistake changes one thing of a good file and expects one mistake, at
// its place.
func TestEachMistake(t *testing.T) {
	for _, c := range []struct{ add, path, want string }{
		{"split: {validation: 0}", "split.validation", "more than 0"},
		{"split: {test: 1.5}", "split.test", "less than 1"},
		{"split: {test: 0.9}", "split", "no rows to train"},
		{"split: {method: time}", "split.method", "event_time"},
		{"split: {seed: 1.5}", "split.seed", "whole number"},
		{"split: {seed: 99999999999999999999}", "split.seed", ""},
		{"split: {test: .inf}", "split.test", "finite"},
		{"split: {tset: 0.1}", "split.tset", "unknown key"},
		{"validation: [{column: a}]", "validation[0]", "checks nothing"},
		{"validation: [{column: a, not_null: false}]", "validation[0].not_null", "false checks nothing"},
		{"validation: [{column: a, not_null: true, finite: true}]", "validation[0]", "2 checks"},
		{"validation: [{not_null: true}]", "validation[0].column", "missing"},
		{"validation: [{column: a, range: {}}]", "validation[0].range", "no bound"},
		{"validation: [{column: a, range: {min: 2, max: 1}}]", "validation[0].range", "more than max"},
		{"validation: [{row_count: {min: 1}, on_fail: quarantine}]", "validation[0].on_fail", "whole table"},
		{"validation: [{row_count: {min: -1}}]", "validation[0].row_count", "negative"},
		{"validation: [{row_count: {min: 1}, column: a}]", "validation[0].column", "one column"},
		{"validation: [{column: a, max_null_share: 2}]", "validation[0].max_null_share", "between 0 and 1"},
		{"validation: [{column: a, set: []}]", "validation[0].set", "empty"},
		{"validation: [{unique: [a, a]}]", "validation[0].unique[1]", "twice"},
		{"features: [{columns: [Species]}]", "features[0].columns[0]", "target"},
		{"features: []", "features", "empty"},
		{"features: none", "features", "not accepted"},
		{"features: [{columns: []}]", "features[0].columns", "empty"},
		{"features: [{columns: [a], apply: [scale]}]", "features[0].apply[0]", "unknown transform"},
		{"features: [{columns: [a], apply: [{log1p: {}, impute: {}}]}]", "features[0].apply[0]", "exactly one"},
		{"features: [{columns: [a], apply: [one_hot, standardize]}]", "features[0].apply[1]", "cannot follow one_hot"},
		{"features: [{columns: [a], apply: [standardize, one_hot]}]", "features[0].apply[1]", "works on a text"},
		{"features: [{columns: [a], apply: [impute, date_parts]}]", "features[0].apply[1]", "cannot follow impute"},
		{"features: [{columns: [a], apply: [{impute: {strategy: constant}}]}]", "features[0].apply[0].impute", "needs its value"},
		{"features: [{columns: [a], apply: [{impute: {strategy: mean, value: 1}}]}]", "features[0].apply[0].impute", "takes no constant"},
		{"features: [{columns: [a], apply: [{one_hot: {max_categories: 1}}]}]", "features[0].apply[0].one_hot.max_categories", "cannot be made"},
		{"features: [{columns: [a], apply: [{date_parts: {parts: [weekday]}}]}]", "features[0].apply[0].date_parts.parts[0]", "unknown part"},
		{"features: [{columns: [a], apply: [{date_parts: {as_categories: [year]}}]}]", "features[0].apply[0].date_parts.as_categories[0]", "closed list"},
		{"train: {folds: 1}", "train.folds", "folds"},
		{"train: {candidates: []}", "train.candidates", "empty"},
		{"train: {candidates: [{kind: ols}]}", "train.candidates[0].kind", "predicts numbers"},
		{"train: {candidates: [{kind: poisson}]}", "train.candidates[0].kind", "predicts numbers"},
		{"train: {candidates: [{kind: logistic, options: {penalty: l3}}]}", "train.candidates[0].options.penalty", "not accepted"},
		{"train: {candidates: [{kind: logistic, options: {growth: leaf}}]}", "train.candidates[0].kind", `no option "growth"`},
		{"train: {candidates: [{kind: xgboost}]}", "train.candidates[0].kind", "not accepted"},
		{"train: {candidates: [{kind: logistic, grid: {c: [1]}}]}", "train.candidates[0].grid.c", "no parameter"},
		{"train: {repeats: 30}", "train.repeats", "1 to 20"},
		{"train: {nested: 1}", "train.nested", "2 to 10"},
		{"train: {ensemble: stack}", "train.ensemble", "only one candidate"},
		{"train: {search: {method: annealing}}", "train.search.method", "not accepted"},
		{"train: {search: {trials: 5}}", "train.search.trials", "every point"},
		{"train: {search: {method: random, trials: 5000}}", "train.search.trials", "1 to 999"},
		{"train: {search: {method: tpe, batch: 1000}}", "train.search.batch", "1 to 100"},
		{"train: {search: {method: halving, factor: 1}}", "train.search.factor", "2 to 10"},
		{"train: {search: {time: soon}}", "train.search.time", "not a duration"},
		{"train: {search: {method: grid}, candidates: [{kind: logistic, space: {C: {low: 1, high: 2}}}]}", "train.candidates[0].space", "no intervals"},
		{"train: {candidates: [{kind: logistic, space: {D: {low: 1, high: 2}}}]}", "train.candidates[0].space.D", "no parameter"},
		{"train: {candidates: [{kind: logistic, space: {C: {low: 2, high: 1}}}]}", "train.candidates[0].space.C", "not below"},
		{"train: {candidates: [{kind: logistic, space: {C: {low: 1, high: 1e12}}}]}", "train.candidates[0].space.C.high", "a number from 1e-10"},
		{"train: {candidates: [{kind: logistic, grid: {C: [1]}, space: {C: {low: 1, high: 2}}}]}", "train.candidates[0].space.C", "in grid, too"},
		{"train: {candidates: [{kind: logistic, options: {growth: leaf}}]}", "train.candidates[0].kind", "no option"},
		{"train: {candidates: [{kind: logistic, grid: {C: [0]}}]}", "train.candidates[0].grid.C[0]", "a number from 1e-10"},
		{"train: {candidates: [{kind: logistic, grid: {max_iter: [1.5]}}]}", "train.candidates[0].grid.max_iter[0]", "whole number"},
		{"train: {candidates: [{kind: logistic, grid: {C: [1, 1]}}]}", "train.candidates[0].grid.C[1]", "twice"},
		{"evaluate: {gates: [{}]}", "evaluate.gates[0]", "no condition"},
		{"evaluate: {gates: [{metric: rmse, max: 1}]}", "evaluate.gates[0].metric", "metric of regression"},
		{"evaluate: {gates: [{metric: acuracy, min: 1}]}", "evaluate.gates[0].metric", "unknown metric"},
		{"evaluate: {gates: [{against: baseline, min: 1}]}", "evaluate.gates[0]", "both"},
		{"evaluate: {gates: [{min: 0.1, min_gain: 1}]}", "evaluate.gates[0].min_gain", "against"},
		{"evaluate: {gates: [{against: champion, min_gain: -1}]}", "evaluate.gates[0].min_gain", "between"},
		{"evaluate: {gates: [{metric: accuracy, min_gain_abs: 1, min: 0}]}", "evaluate.gates[0].min_gain_abs", "against"},
		{"evaluate: {gates: [{against: champion, min_gain: 0.1, min_gain_abs: 1}]}", "evaluate.gates[0].min_gain_abs", "beside min_gain"},
		{"evaluate: {gates: [{against: champion, within: interval, min_gain: 0.1}]}", "evaluate.gates[0].within", "beside a gain"},
		{"evaluate: {gates: [{max: 1, within: interval}]}", "evaluate.gates[0].within", "nothing to compare"},
		{"evaluate: {gates: [{against: champion, within: days}]}", "evaluate.gates[0].within", "not accepted"},
		{"evaluate: {gates: [{max_size_kb: 0}]}", "evaluate.gates[0].max_size_kb", "no model meets"},
		{"evaluate: {gates: [{max_latency_us: -1}]}", "evaluate.gates[0].max_latency_us", "no model meets"},
		{"evaluate: {gates: [{max_size_kb: 5, metric: accuracy}]}", "evaluate.gates[0].metric", "no metric of the test rows"},
		{"evaluate: {gates: [{max_size_kb: 5, max_latency_us: 5}]}", "evaluate.gates[0]", "several conditions"},
		{"evaluate: {gates: [{max: 5, percentile: p50}]}", "evaluate.gates[0].percentile", "max_latency_us alone"},
		{"evaluate: {gates: [{against: overall}]}", "evaluate.gates[0].against", "all rows"},
		{"evaluate: {gates: [{every_slice: true, max: 1}]}", "evaluate.gates[0].every_slice", "no slices"},
		{"evaluate: {slices: [a], gates: [{every_slice: true, slice: {a: 1}, max: 1}]}", "evaluate.gates[0]", "more than one"},
		{"evaluate: {slices: [a], gates: [{every_slice: true, max_size_kb: 1}]}", "evaluate.gates[0]", "not of some rows"},
		{"evaluate: {slices: [a], gates: [{every_slice: true, against: champion, within: interval}]}", "evaluate.gates[0].within", "all rows"},
		{"evaluate: {gates: [{slice: {}, max: 1}]}", "evaluate.gates[0].slice", "empty"},
		{"evaluate: {gates: [{slice: {a: 1, b: 1, c: 1, d: 1}, max: 1}]}", "evaluate.gates[0].slice", "4 columns"},
		{"evaluate: {gates: [{fairness: sex, max: 1}]}", "evaluate.gates[0].fairness", "not compared"},
		{"evaluate: {fairness: [sex], gates: [{fairness: sex, metric: accuracy, max: 1}]}", "evaluate.gates[0].metric", "no gap"},
		{"evaluate: {fairness: [sex], gates: [{fairness: sex, against: baseline}]}", "evaluate.gates[0].against", "bounded"},
		{"evaluate: {gates: [{metric: error_difference, max: 1}]}", "evaluate.gates[0].metric", "of groups"},
		{"evaluate: {slices: [[a, b, c, d]]}", "evaluate.slices[0]", "4 columns"},
		{"evaluate: {slices: [[a, a]]}", "evaluate.slices[0][1]", "twice"},
		{"evaluate: {slices: [[]]}", "evaluate.slices[0]", "empty"},
		{"evaluate: {fairness: [a, a]}", "evaluate.fairness[1]", "twice"},
		{"evaluate: {min_slice_rows: 1}", "evaluate.min_slice_rows", "cannot be judged"},
		{"deploy: {endpoint: UPPER}", "deploy.endpoint", "cannot name an endpoint"},
		{"deploy: {enabled: yes}", "deploy.enabled", "true or false"},
		{"deploy: {approval: {deadline: soon}}", "deploy.approval.deadline", "not a time to wait"},
		{"deploy: {approval: {default: maybe}}", "deploy.approval.default", "not accepted"},
		{"deploy: {replay: {requests: 0}}", "deploy.replay.requests", "cannot be replayed"},
		{"deploy: {replay: {max_refused: 2}}", "deploy.replay.max_refused", "between 0 and 1"},
		{"deploy: {replay: {max_difference: 0}}", "deploy.replay.max_difference", "nothing meets"},
		{"deploy: {shadow: {share: 0}}", "deploy.shadow.share", "no share"},
		{"deploy: {shadow: {for: 31d}}", "deploy.shadow.for", "not a time to wait"},
		{"deploy: {canary: {steps: []}}", "deploy.canary.steps", "is empty"},
		{"deploy: {canary: {steps: [{share: 1, for: 5m}]}}", "deploy.canary.steps[0].share", "no share of a canary"},
		{"deploy: {canary: {steps: [{share: 0.5}]}}", "deploy.canary.steps[0].for", "is missing"},
		{"deploy: {canary: {steps: [{share: 0.5, for: 1m}, {share: 0.5, for: 1m}]}}", "deploy.canary.steps[1].share", "does not grow"},
		{"deploy: {rollback: {min_requests: 100}}", "deploy.rollback", "nothing is compared"},
		{"deploy: {shadow: {}, rollback: {min_requests: 3}}", "deploy.rollback.min_requests", "cannot be judged by"},
		{"deploy: {shadow: {}, rollback: {max_latency_ratio: 0.5}}", "deploy.rollback.max_latency_ratio", "as quick"},
		{"deploy: {shadow: {}, rollback: {max_error_rate: -1}}", "deploy.rollback.max_error_rate", "between 0 and 1"},
		{"deploy: {shadow: {}, rollback: {max_metric_loss: 0}}", "deploy.rollback.max_metric_loss", "nothing meets"},
		{"deploy: {shadow: {}, rollback: {on_insufficient: stop}}", "deploy.rollback.on_insufficient", "not accepted"},
		{"retrain: {schedule: {}}", "retrain.schedule.cron", "missing"},
		{"retrain: {schedule: {cron: '* * * * * *'}}", "retrain.schedule.cron", "five fields"},
		{"retrain: {schedule: {cron: '99 * * * *'}}", "retrain.schedule.cron", "not a cron expression"},
		{"retrain: {schedule: {cron: '@every 1s'}}", "retrain.schedule.cron", "unknown shorthand"},
		{"retrain: {schedule: {cron: '@daily', time_zone: Local}}", "retrain.schedule.time_zone", "unknown time zone"},
		{"retrain: {schedule: {cron: '@daily', jitter: soon}}", "retrain.schedule.jitter", "spread"},
		{"dataset: {key: [a, a]}", "dataset.key[1]", "twice"},
		{"dataset: {event_time: Species}", "dataset.event_time", "is the target"},
		{"dataset: {key: a}", "dataset.key", "must be a list"},
		{"inform: {}", "inform", "unknown key"},
		{"name: again", "name", "stands twice"},
	} {
		t.Run(c.add, func(t *testing.T) {
			list := mistakes(t, minimal+c.add+"\n")
			require.Len(t, list, 1, pipeline.Render(list))
			require.Equal(t, c.path, list[0].Path)
			require.Contains(t, list[0].Message, c.want)
			require.Equal(t, strings.Count(minimal, "\n")+1, list[0].Line)
		})
	}
}

func TestMistakesInTheFirstSections(t *testing.T) {
	for _, c := range []struct{ old, new, path, want string }{
		{"name: penguins", "name: 7", "name", "must be text"},
		{"name: penguins", "name: Big Penguins", "name", "cannot name a pipeline"},
		{"name: penguins", "owner: me", "name", "missing"},
		{"task: multiclass", "task: regression\n  metric: roc_auc", "problem.metric", "metric of binary"},
		{"task: multiclass", "task: regression\n  baseline: majority", "problem.baseline", "not a baseline"},
		{"task: multiclass", "task: regression\n  positive: x", "problem.positive", "binary"},
		{"task: multiclass\n", "statement: which?\n", "problem.task", "missing"},
		{"target: Species", "target: ''", "problem.target", "empty"},
		{"  penguins: {", "  my-penguins: {", "sources.my-penguins", "cannot name a table"},
		{"  penguins: {path: penguins.json}", "  {}", "sources", "empty"},
		{"penguins.json", "penguins.xlsx", "sources.penguins.format", "missing"},
		{"penguins.json", "penguins.ods", "sources.penguins.format", "save the sheet as CSV"},
		{"penguins.json", "penguins.arrow", "sources.penguins.format", "Arrow IPC is not read; write it as Parquet"},
		{"penguins.json", "https://example.org/penguins.Feather?v=2", "sources.penguins.format", "pyarrow.parquet.write_table"},
		{"penguins.json", "penguins.orc", "sources.penguins.format", "write it as Parquet"},
		{"penguins.json", "penguins.csv.zip", "sources.penguins.format", "gzip or zstd"},
		{"penguins.json", "ftp://example.org/a.json", "sources.penguins.path", "not a kind of source"},
		{"penguins.json", "https:///a.json", "sources.penguins.path", "not an address to fetch"},
		{"penguins.json", "https://example.org/a.xlsx", "sources.penguins.format", "missing"},
		{"path: penguins.json", "format: csv", "sources.penguins", "says nowhere where"},
		{"path: penguins.json", "path: a.csv, predictions: {endpoint: penguins}", "sources.penguins", "more than one of"},
		{"path: penguins.json", "predictions: {endpoint: penguins}, format: csv", "sources.penguins.format", "speaks of files"},
		{"path: penguins.json", "predictions: {endpoint: penguins, since: long}", "sources.penguins.predictions.since", "not a span"},
		{"path: penguins.json", "predictions: {endpoint: penguins, labelled: some}", "sources.penguins.predictions.labelled", "not accepted"},
		{"path: penguins.json", "predictions: {endpoint: penguins, model_versions: []}", "sources.penguins.predictions.model_versions", "is empty"},
		{"path: penguins.json", "predictions: {endpoint: penguins, exclude_model_versions: [1, 0]}", "sources.penguins.predictions.exclude_model_versions[1]", "no version"},
		{"path: penguins.json", "predictions: {endpoint: penguins}, incremental: {column: prediction_at}", "sources.penguins.incremental", "would lose labels"},
		{"path: penguins.json", "postgres: {url: 'postgres://db/x', query: SELECT 1}", "sources.penguins.postgres.url", "must be a reference"},
		{"path: penguins.json", "postgres: {url: 'env:DB', query: SELECT 1, timeout: 7h}", "sources.penguins.postgres.timeout", "not a bound"},
		{"path: penguins.json", "postgres: {url: 'env:DB', query: SELECT 1, changed_by: '  '}", "sources.penguins.postgres.changed_by", "is blank"},
		{"path: penguins.json", "path: a.json, csv: {delimiter: ';'}", "sources.penguins.csv", "the format is json"},
		{"path: penguins.json", "path: a.csv, csv: {delimiter: ';;'}", "sources.penguins.csv.delimiter", "not one ASCII"},
		{"path: penguins.json", "path: a.csv, csv: {encoding: klingon}", "sources.penguins.csv.encoding", "unknown encoding"},
		{"path: penguins.json", "path: a.csv, incremental: {column: ' '}", "sources.penguins.incremental.column", "blank"},
		{"penguins.json}", "penguins.json}\ndataset: {rows_from: birds}", "dataset.rows_from", "no source"},
		{"penguins.json}", "penguins.json}\ndataset: {fan_out: stop}", "dataset.fan_out", "nothing says what one row is"},
		{"penguins.json}", "penguins.json}\ndataset: {timeout: soon}", "dataset.timeout", "not a bound"},
		{"  target: Species", "  target: Species\n  costs: {false_positive: 1, false_negative: 2}", "problem.costs", "only a binary"},
		{"penguins.json", "s3://bucket", "sources.penguins.path", "not an address"},
		{"penguins.json", "s3://bucket/a*/b.json", "sources.penguins.path", "only at the end"},
		{"penguins.json", "'[.json'", "sources.penguins.path", "glob"},
		{"{path: penguins.json}", "{path: a.csv}\n  Penguins: {path: b.csv}", "sources.penguins", "only in case"},
	} {
		t.Run(c.new, func(t *testing.T) {
			list := mistakes(t, strings.Replace(minimal, c.old, c.new, 1))
			text := pipeline.Render(list)
			require.Contains(t, text, c.path+": ")
			require.Contains(t, text, c.want)
		})
	}
}

func TestSeveralSourcesNeedSQL(t *testing.T) {
	list := mistakes(t, minimal+"  cars: {path: cars.csv}\n")
	require.Len(t, list, 1)
	require.Equal(t, "dataset.sql", list[0].Path)
	require.Contains(t, list[0].Remedy, "cars or penguins")
}

func TestCredentialsAreRefusedAndNeverRepeated(t *testing.T) {
	for _, secret := range []string{
		"s3://AKIAIOSFODNN7EXAMPLE:hunter2hunter2@bucket/key.csv",
		"http://user:hunter2hunter2@host/a.csv",
		"s3://bucket/a.csv?X-Amz-Signature=hunter2hunter2",
		"s3://bucket/AKIAIOSFODNN7EXAMPLE.csv",
	} {
		for _, text := range []string{
			strings.Replace(minimal, "penguins.json", `"`+secret+`"`, 1),
			minimal + "dataset: {sql: \"SELECT * FROM '" + secret + "'\"}\n",
			minimal + "\"" + secret + "\": 1\n",
			minimal + "deploy: {enabled: \"" + secret + "\"}\n",
		} {
			_, err := pipeline.Parse("f.yaml", []byte(text))
			require.Error(t, err)
			said := err.Error() + pipeline.Render(pipeline.Mistakes(err)) + fmt.Sprintf("%+v", pipeline.Mistakes(err))
			require.NotContains(t, said, "hunter2")
			require.NotContains(t, said, "AKIAIOSFODNN7EXAMPLE")
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	_, err := pipeline.ReadFile(path)
	require.ErrorIs(t, err, fault.New(fault.PipelineInvalid, ""))
	require.True(t, errors.Is(err, os.ErrNotExist))
	require.NoError(t, os.WriteFile(path, []byte(minimal), 0o600))
	p, err := pipeline.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "penguins", p.Name)
	_, err = pipeline.ReadFile(t.TempDir())
	require.Equal(t, fault.PipelineInvalid, fault.KindOf(err))
}

func TestAFileTooLargeToTravelIsRefused(t *testing.T) {
	long := strings.Repeat("x", pipeline.MaxCanonical)
	_, err := pipeline.Parse("f.yaml", []byte(minimal+"\ndataset: {sql: 'SELECT 1 -- "+long+"'}\n"))
	require.ErrorContains(t, err, "canonical form")
	require.Equal(t, fault.PipelineInvalid, fault.KindOf(err))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	bad, err := os.ReadFile("testdata/bad.yaml")
	require.NoError(f, err)
	f.Add(bad)
	f.Add([]byte("a: &a [*a]\nb: !!set {x}\n? [k]\n: v\n--- |\n x"))
	f.Add([]byte(minimal + "retrain: {schedule: {cron: '*/0 1-0 TZ= @ ?'}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := pipeline.Parse("f.yaml", data)
		if err != nil {
			if fault.KindOf(err) != fault.PipelineInvalid || len(pipeline.Mistakes(err)) == 0 {
				t.Fatalf("untyped: %v", err)
			}
			pipeline.Render(pipeline.Mistakes(err))
			return
		}
		first, err := pipeline.Canonical(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := pipeline.Decode(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		second, err := pipeline.Canonical(back)
		if err != nil || string(first) != string(second) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}

func TestGatesAndSlicesHaveTheirDefaults(t *testing.T) {
	binary := strings.Replace(minimal, "multiclass", "binary", 1)
	p := parse(t, binary+"evaluate: {slices: [a, [b, c]], fairness: [a], gates: [{max_size_kb: 5}, {max_latency_us: 9}, {max_latency_us: 9, percentile: p50}, {fairness: a, max: 0.1}, {slice: {a: 1}, max: 2}]}\n")
	require.Equal(t, []pipeline.SliceEntry{{"a"}, {"b", "c"}}, p.Evaluate.Slices)
	var names []string
	for _, g := range p.Evaluate.Gates {
		names = append(names, g.Metric)
	}
	require.Equal(t, []string{"model_size_kb", "latency_p95_us", "latency_p50_us", "demographic_parity_difference", "log_loss"}, names)
	require.Equal(t, "p95", p.Evaluate.Gates[1].Percentile)
	require.Equal(t, map[string]string{"a": "1"}, p.Evaluate.Gates[4].Slice)
	p = parse(t, minimal+"evaluate: {fairness: [a], gates: [{fairness: a, max: 0.1}]}\n")
	require.Equal(t, "error_difference", p.Evaluate.Gates[0].Metric)
}

func TestMetricsAtAThresholdNeedCosts(t *testing.T) {
	binary := strings.Replace(minimal, "multiclass", "binary", 1)
	gate := "evaluate: {gates: [{metric: recall_at_threshold, min: 0.5}]}\n"
	list := mistakes(t, binary+gate)
	require.Len(t, list, 1)
	require.Contains(t, list[0].Message, "needs problem.costs")
	parse(t, strings.Replace(binary, "target: Species", "target: Species\n  costs: {false_positive: 1, false_negative: 2}", 1)+gate)
	list = mistakes(t, strings.Replace(binary, "target: Species", "target: Species\n  metric: cost", 1)+"evaluate: {gates: []}\n")
	require.Len(t, list, 1)
	require.Equal(t, "problem.metric", list[0].Path)
}
