package quality_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
)

const inferred = `SELECT i AS id, i % 97 - 3 AS delay, CASE WHEN i % 10 > 0 THEN i / 7 END AS x, chr(65 + CAST(i % 3 AS INTEGER)) AS carrier, 'https://x.y/' || i AS url,
	CAST(TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS VARCHAR) AS seen, CASE WHEN i % 50 = 0 THEN 'N/A' ELSE 'row ' || i END AS note, i % 20 = 0 AS late FROM range(2000) t(i)`

func infer(t *testing.T, sql string, p pipeline.Pipeline) ([]quality.Suggestion, *bench, pipeline.Schema) {
	t.Helper()
	b := setup(t, 2)
	in := filepath.Join(b.dir, "in.parquet")
	info, err := b.engine.Write(context.Background(), sql, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := quality.Infer(context.Background(), b.engine, in, info.Schema, p)
	if err != nil {
		t.Fatal(err)
	}
	return got, b, info.Schema
}

var late = pipeline.Pipeline{Name: "late", Problem: pipeline.Problem{Target: "late", Task: pipeline.Binary}, Dataset: pipeline.Dataset{Key: []string{"id"}}, Split: pipeline.Split{Method: "time"}}

func TestInferSuggestsWithReasons(t *testing.T) {
	got, _, _ := infer(t, inferred, late)
	said := map[string]string{}
	for _, s := range got {
		said[quality.Text(s.Rule)] = s.Reason
	}
	for text, reason := range map[string]string{
		"row count ≥ 1000": "2000 rows", "id unique": "no row repeats", "delay in [-13, 103]": "from -3 to 93", "x missing in at most 16 % of rows": "10 %",
		"carrier in {A, B, C}, in at least 99 % of known values": "3 distinct", "url is not missing": "never", "note holds no word for missing: N/A": "words",
		"seen reads as a time, in at least 100 % of known values": "100 %", "late is a number": "BOOLEAN", "share of every class of late ≥ 0.025": "2 classes",
		"no row of one split tells of another, none from the future": "judged",
	} {
		if !strings.Contains(said[text], reason) {
			t.Errorf("%s: %q, want %q", text, said[text], reason)
		}
	}
	if t.Failed() {
		for text, reason := range said {
			t.Log(text, "#", reason)
		}
	}
}

// TestAnInferredContractReadsBackAndHolds holds the rows against what was
// inferred from them, by way of its file.
func TestAnInferredContractReadsBackAndHolds(t *testing.T) {
	got, b, schema := infer(t, inferred, late)
	text, err := quality.ContractYAML(got, "late")
	if err != nil {
		t.Fatal(err)
	}
	again, err := quality.ContractYAML(got, "late")
	if err != nil || string(again) != string(text) {
		t.Fatal("the same suggestions give other bytes")
	}
	contract, err := pipeline.ParseContract("late.contract.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(contract.Rules) != len(got) || !strings.Contains(string(text), "# from -3 to 93; a tenth of that wider\n  - {column: delay, range: {min: -13") {
		t.Fatalf("%s", text)
	}
	result, err := quality.Check(context.Background(), b.engine, filepath.Join(b.dir, "in.parquet"), schema, contract.Rules, quality.Options{Out: b.out})
	if err != nil || result.Violation() != nil || result.Changed {
		t.Fatal(err, result.Violation())
	}
}

func TestInferOfNothing(t *testing.T) {
	got, _, _ := infer(t, "SELECT 1 AS id, NULL::DOUBLE AS late WHERE false", late)
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	got, _, _ = infer(t, "SELECT 1 AS id, NULL::DOUBLE AS late, 'inf'::DOUBLE AS x", late)
	if _, err := quality.ContractYAML(got, "p"); err != nil {
		t.Fatal(err)
	}
}
