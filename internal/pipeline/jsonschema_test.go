package pipeline_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

func compiled(t *testing.T) func(text []byte) error {
	t.Helper()
	data, err := pipeline.JSONSchema()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(pipeline.SchemaID, document))
	s, err := c.Compile(pipeline.SchemaID)
	require.NoError(t, err)
	return func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return err
		}
		asJSON, err := json.Marshal(v)
		require.NoError(t, err)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		return s.Validate(instance)
	}
}

func TestSchemaAcceptsEveryExample(t *testing.T) {
	validate := compiled(t)
	for _, file := range examples(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, validate(data), file)
		_, err = pipeline.Parse(file, data)
		require.NoError(t, err)
	}
}

func TestSchemaAndParseRefuseTheSame(t *testing.T) {
	validate := compiled(t)
	require.NoError(t, validate([]byte(minimal)))
	for _, add := range []string{
		"sources: {p: {predictions: {endpoint: a, labelled: some}}}", "sources: {p: {predictions: {endpoint: a, model_versions: []}}}",
		"sources: {p: {predictions: {endpoint: a, model_versions: [0]}}}", "sources: {p: {predictions: {endpoint: a}, incremental: {column: x}}}",
		"nmae: x", "split:", "split: 3", "split: {method: sorted}", "split: {test: 0}", "split: {seed: x}",
		"features: manual", "features: []", "features: [{columns: []}]", "features: [{columns: [a], apply: [scale]}]",
		"features: [{columns: [a], apply: [{log1p: {}, impute: {}}]}]", "features: [{columns: [a], apply: [{log1p: {x: 1}}]}]",
		"validation: [{column: a}]", "validation: [{column: a, not_null: true, finite: true}]", "validation: [{column: a, not_null: false}]",
		"train: {folds: 1}", "train: {candidates: [{kind: ols, grid: {C: [1]}}]}", "train: {candidates: [{kind: logistic, grid: {c: [1]}}]}",
		"train: {candidates: [{kind: elastic_net, grid: {l1_ratio: [0]}}]}", "train: {candidates: [{kind: logistic, options: {penalty: l3}}]}",
		"evaluate: {gates: [{metric: best, min: 1}]}", "evaluate: {slices: [[]]}", "evaluate: {slices: [1]}", "evaluate: {gates: [{max_size_kb: 0}]}", "evaluate: {min_slice_rows: 1}", "deploy: {enabled: 1}",
		"deploy: {approval: {default: maybe}}", "deploy: {replay: {requests: 0}}", "deploy: {shadow: {share: 0}}", "deploy: {canary: {steps: []}}", "deploy: {canary: {steps: [{share: 1, for: 5m}]}}",
		"deploy: {canary: {steps: [{share: 0.5}]}}", "deploy: {rollback: {}}", "deploy: {shadow: {}, rollback: {max_latency_ratio: 0.5}}", "deploy: {shadow: {}, rollback: {min_requests: 3}}",
		"retrain: {schedule: {}}", "dataset: {key: a}",
	} {
		text := []byte(minimal + add + "\n")
		require.Error(t, validate(text), add)
		_, err := pipeline.Parse("f.yaml", text)
		require.Error(t, err, add)
	}
}

func TestSchemaAcceptsTheShortForms(t *testing.T) {
	validate := compiled(t)
	for _, add := range []string{
		"features: auto",
		"features: [{columns: [a], apply: [impute, standardize]}, {columns: [b], apply: [{one_hot: {max_categories: 9}}]}, {columns: [c]}]",
		"features: [{columns: [a], apply: [{standardize: {}}]}]",
		"validation: [{column: a, set: [1, true, x]}]",
		"evaluate: {gates: []}",
		"deploy: {approval: {}, replay: {}, shadow: {}, canary: {}, rollback: {}}",
		"deploy: {approval: {required: false, deadline: 7d, default: approve}, canary: {steps: [{share: 0.05, for: 5m}, {share: 0.5, for: 1d}]}, rollback: {max_latency_p99_ms: 20, on_insufficient: wait}}",
		"train: {candidates: [{kind: logistic, grid: {C: [1]}, options: {penalty: l1, class_weight: balanced}}]}",
		"evaluate: {slices: [a, [b, c]], fairness: [a], min_slice_rows: 50, gates: [{every_slice: true, against: overall, min_gain: -0.5}, {slice: {a: 1, b: x}, max: 2}]}",
		"evaluate: {fairness: [a], gates: [{fairness: a, max: 0.1}, {max_size_kb: 500}, {max_latency_us: 200, percentile: p50}, {against: champion, within: interval}, {against: baseline, min_gain_abs: 0.1}]}",
	} {
		text := []byte(minimal + add + "\n")
		require.NoError(t, validate(text), add)
		parse(t, string(text))
	}
}

// The examples name this file, so that an editor completes them without a network.
func TestPublishedSchemaIsCurrent(t *testing.T) {
	data, err := pipeline.JSONSchema()
	require.NoError(t, err)
	const file = "../../examples/pipeline.schema.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, data, 0o644))
	}
	published, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(published), string(data), "write it again: bin/esteira schema > examples/pipeline.schema.json")
}
