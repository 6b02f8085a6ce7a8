package metadata_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func TestDataOfARunIsReplacedNotAdded(t *testing.T) {
	b := setup(t)
	run := b.run.ID
	snapshot := metadata.Snapshot{
		Run: run, Source: "flights", Artifact: ref("part"), Checksum: "c0ffee", Files: []metadata.SourceFile{{Path: "a.csv", Size: 3, Checksum: "ab"}},
		Rows: 10, Schema: json.RawMessage(`[{"name": "delay", "type": "number"}]`), Taken: time.Now().UTC().Truncate(time.Microsecond),
	}
	dataset := metadata.Dataset{Run: run, Artifact: ref("dataset"), Rows: 9, Schema: json.RawMessage(`[]`)}
	checks := []metadata.Check{
		{Column: "delay", Name: "range", Severity: "warn", Failed: 2, Rows: 9, Message: "2 rows above 100\x00", Details: json.RawMessage(`{"max": 120}`)},
		{Name: "row_count", Severity: "stop", Passed: true, Rows: 9, Details: json.RawMessage(`{}`)},
	}
	splits := []metadata.Split{{Split: "test", Artifact: ref("test"), Rows: 2}, {Split: "train", Artifact: ref("train"), Rows: 7}}
	trial := metadata.Trial{Run: run, Outer: -1, Trial: 1, Fold: -1, Kind: "logistic", Options: json.RawMessage(`{"penalty": "l1"}`), Share: 0.5, Rows: 70, Memory: 1 << 40, Report: json.RawMessage(`{"converged": true}`), Params: metadata.Values{"C": 0.1}, Scores: metadata.Values{"log_loss": math.Inf(1)}, Seconds: 1.5, Worker: "w", ModelDigest: "d"}
	metrics := []metadata.Metric{{Model: "baseline", Split: "test", Metric: "rmse", Value: 20}, {Model: "ols", Split: "test", Metric: "rmse", Value: 12.5}}
	gates := []metadata.Gate{{Metric: "rmse", Condition: "rmse < baseline", Value: 12.5, Bound: 20, Passed: true, Reason: "37 % better"}}
	for range 2 {
		for _, err := range []error{
			b.RecordSnapshot(b.ctx, snapshot), b.RecordDataset(b.ctx, dataset), b.RecordChecks(b.ctx, run, checks), b.RecordSplits(b.ctx, run, splits),
			b.RecordTrial(b.ctx, trial), b.RecordMetrics(b.ctx, run, metrics), b.RecordGates(b.ctx, run, gates),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	checks[0].Message = "2 rows above 100\uFFFD"
	equal(t, []metadata.Snapshot{snapshot})(b.Snapshots(b.ctx, run))
	equal(t, checks)(b.Checks(b.ctx, run))
	equal(t, splits)(b.Splits(b.ctx, run))
	equal(t, []metadata.Trial{trial})(b.Trials(b.ctx, run))
	equal(t, metrics)(b.Metrics(b.ctx, run))
	equal(t, gates)(b.Gates(b.ctx, run))
	got, err := b.Dataset(b.ctx, run)
	if err != nil || got.Artifact != dataset.Artifact || got.Rows != 9 {
		t.Fatal(got, err)
	}
	if _, err := b.Dataset(b.ctx, "absent"); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if err := b.RecordMetrics(b.ctx, run, []metadata.Metric{{Model: "ols", Split: "test", Metric: "r2", Value: math.NaN()}}); err != nil {
		t.Fatal(err)
	}
	if after, err := b.Metrics(b.ctx, run); err != nil || len(after) != 1 || !math.IsNaN(after[0].Value) {
		t.Fatal(after, err)
	}
}

func equal[T any](t *testing.T, want T) func(T, error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
}

func TestValuesKeepWhatJSONCannotSay(t *testing.T) {
	b, err := json.Marshal(metadata.Values{"a": 1.5, "b": math.NaN(), "c": math.Inf(1), "d": math.Inf(-1)})
	if err != nil || string(b) != `{"a":1.5,"b":"NaN","c":"Infinity","d":"-Infinity"}` {
		t.Fatal(string(b), err)
	}
	var got metadata.Values
	if err := json.Unmarshal(b, &got); err != nil || got["a"] != 1.5 || !math.IsNaN(got["b"]) || got["c"] != math.Inf(1) || got["d"] != math.Inf(-1) {
		t.Fatal(got, err)
	}
	for _, bad := range []string{`{"a":"1"}`, `{"a":null}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Error(bad)
		}
	}
}
