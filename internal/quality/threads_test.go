package quality_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
)

// everyCheck has a rule of each check, and of each repair, over rows of many.
func everyCheck() []pipeline.Rule {
	num := func(x float64) *float64 { return &x }
	zero := "0"
	rules := []pipeline.Rule{
		{Column: "id", Exists: true}, {Column: "gone", Absent: true},
		{Columns: &pipeline.ColumnSet{Names: []string{"id", "x"}, Match: "contain"}},
		{Column: "x", Type: "number"}, {Column: "x", NotNull: true}, {Column: "x", MaxNullShare: num(0.05)},
		{Column: "s", MissingTokens: []string{"n/a"}}, {Column: "x", Finite: true}, {Column: "x", NotNaN: true},
		{Column: "x", Range: between(-0.9, 0.9)}, {Column: "s", Set: []string{"k1", "k2"}, MinShare: num(0.1)},
		{Column: "s", Pattern: "^k[0-8]"}, {Column: "s", Length: between(2, 3)}, {Column: "s", UTF8: true},
		{Column: "d", Parse: &pipeline.ParseAs{As: "time"}}, {Column: "t0", AtMost: "t1"}, {SQL: "x < y OR id % 97 > 0"},
		{Column: "s", References: &pipeline.Reference{Source: "codes", Column: "code"}},
		{Unique: []string{"k", "s"}}, {NoRepeats: true},
		{Column: "y", Mean: between(0, 0.5)}, {Column: "y", Deviation: between(0, 0.5)}, {Column: "y", Quantile: &pipeline.Quantile{P: 0.37, Max: num(0)}},
		{Column: "k", Distinct: atLeast(5000)}, {Column: "s", Balance: between(0.01, 0.2)}, {Column: "t0", Freshness: "36h"},
		{RowCount: atLeast(1)}, {RowsSince: &pipeline.RowsSince{Runs: 3, Min: num(0.5)}},
	}
	for _, measure := range []string{"jensen_shannon", "psi", "linf"} {
		for _, column := range []string{"y", "s"} {
			rules = append(rules, pipeline.Rule{Column: column, Distribution: &pipeline.Distribution{Measure: measure, Max: 1e-6}})
		}
	}
	for i := range rules {
		rules[i].OnFail = pipeline.Warn
	}
	return append(rules,
		pipeline.Rule{Column: "m", Pattern: "^[0-9]*$", OnFail: pipeline.Correct, Repair: "trim"},
		pipeline.Rule{Column: "n", Parse: &pipeline.ParseAs{As: "number"}, OnFail: pipeline.Correct, Repair: "cast"},
		pipeline.Rule{Column: "n", NotNull: true, OnFail: pipeline.Correct, Repair: "impute", Value: &zero},
		pipeline.Rule{Column: "n", Range: between(0, 90), OnFail: pipeline.Correct, Repair: "clip"},
		pipeline.Rule{Column: "d", Set: []string{"2024-01-01", "2024-02-30"}, OnFail: pipeline.Correct, Repair: "map", Map: map[string]string{"never": ""}},
		pipeline.Rule{Unique: []string{"id"}, OnFail: pipeline.Correct, Repair: "drop_duplicate"},
		pipeline.Rule{Column: "x", Range: between(-0.99, 0.99), OnFail: pipeline.Quarantine},
		pipeline.Rule{Column: "k", Range: atLeast(3), OnFail: pipeline.Quarantine})
}

const manyRows = `SELECT i % 250000 AS id, CASE WHEN i % 11 = 0 THEN NULL WHEN i % 1001 = 0 THEN 'nan'::DOUBLE ELSE sin(i) END AS x, cos(i) * 0.1 AS y, i % 4999 AS k,
	CASE WHEN i % 13 = 0 THEN 'n/a' ELSE 'k' || (i % 12) END AS s, CASE i % 3 WHEN 0 THEN '2024-01-01' WHEN 1 THEN '2024-02-30' ELSE 'never' END AS d,
	TIMESTAMP '2024-01-01' + INTERVAL (i % 5000) MINUTE AS t0, TIMESTAMP '2024-01-01' + INTERVAL (i % 4001) MINUTE AS t1,
	CASE WHEN i % 7 = 0 THEN 'about ' || (i % 100) WHEN i % 17 = 0 THEN NULL ELSE '' || (i % 100) END AS n, repeat(' ', i % 3) || i AS m FROM range(260000) t(i)`

// Every check and repair gives the same result, quarantined rows and valid rows, by
// their digests, and the same page, with any number of threads.
func TestEveryCheckIsTheSameWithAnyThreads(t *testing.T) {
	checks := reflect.TypeFor[pipeline.Rule]()
	for i := range checks.NumField() {
		name := checks.Field(i).Name
		if slices.Contains([]string{"Environment", "NoLeakage"}, name) { // which rules hold; checked of splits
			continue
		}
		if !slices.ContainsFunc(everyCheck(), func(r pipeline.Rule) bool { return !reflect.ValueOf(r).Field(i).IsZero() }) {
			t.Errorf("no rule here has %s", name)
		}
	}
	first := ""
	for _, threads := range []int{1, 2, 8} {
		b := setup(t, threads)
		got, err := b.with(manyRows, map[string]string{"codes": "SELECT 'k' || i AS code FROM range(9) t(i)"}, "SELECT y + 0.01 AS y, s FROM ("+manyRows+") WHERE k % 3 > 0",
			quality.Options{At: time.Date(2024, 1, 8, 0, 0, 0, 0, time.UTC), History: []int64{600_000}}, everyCheck()...)
		if err != nil {
			t.Fatal(err)
		}
		if got.Quarantined == 0 || got.Dropped == 0 || !got.Changed {
			t.Fatalf("%+v", got)
		}
		failed := 0
		for _, r := range got.Rules {
			if !r.Passed || r.Corrected > 0 {
				failed++
			}
		}
		if failed < 25 {
			t.Fatalf("%d rules find something: rules that find nothing prove little", failed)
		}
		all, err := artifact.Canonical(got)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := got.HTML(&page, "threads", ""); err != nil {
			t.Fatal(err)
		}
		digests := fmt.Sprintln("validation", artifact.DigestOf(all), "page", artifact.DigestOf(page.Bytes()))
		for _, path := range []string{b.out.Valid, b.out.Quarantined} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			digests += fmt.Sprintln(artifact.DigestOf(data))
		}
		if first == "" {
			first = digests
		}
		if digests != first {
			told, _ := json.MarshalIndent(got.Rules, "", " ")
			t.Fatalf("%d threads give\n%snot\n%s%s", threads, digests, first, told)
		}
	}
}
