package pipeline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// examples returns the pipeline files that are shipped.
func examples(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../../examples/*.yaml", "../../examples/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".contract.yaml") })
	require.GreaterOrEqual(t, len(files), 5)
	return files
}

func TestEveryFormOfAPipelineHasTheSameDigest(t *testing.T) {
	for _, file := range examples(t) {
		p, err := pipeline.ReadFile(file)
		require.NoError(t, err)
		want, err := pipeline.Digest(p)
		require.NoError(t, err)

		canonical, err := pipeline.Canonical(p)
		require.NoError(t, err)
		decoded, err := pipeline.Decode(canonical)
		require.NoError(t, err)
		require.Equal(t, p, decoded)

		// What Temporal's data converter makes of it.
		plain, err := json.Marshal(p)
		require.NoError(t, err)
		var viaJSON pipeline.Pipeline
		require.NoError(t, json.Unmarshal(plain, &viaJSON))
		require.Equal(t, *p, viaJSON)

		written, err := yaml.Marshal(p)
		require.NoError(t, err)
		again, err := pipeline.Parse(file, written)
		require.NoError(t, err, string(written))
		got, err := pipeline.Digest(again)
		require.NoError(t, err)
		require.Equal(t, want, got, string(written))
	}
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	digest := func(text string) string {
		d, err := pipeline.Digest(parse(t, text))
		require.NoError(t, err)
		return d
	}
	want := digest(minimal)
	require.Len(t, want, 64)
	require.Equal(t, want, digest("# a comment\nsources:\n  penguins:\n    format: json\n    path: penguins.json\nproblem: {target: Species, task: multiclass}\nname: penguins\nsplit: {test: 0.15}\n"))
	require.NotEqual(t, want, digest(minimal+"split: {seed: 1}\n"))
}

func TestDecodeIsStrict(t *testing.T) {
	for _, text := range []string{`{"nmae":"x"}`, `{"features":[{"columns":["a"],"apply":["scale"]}]}`, `{"features":[{"columns":["a"],"apply":[{}]}]}`, `[]`} {
		_, err := pipeline.Decode([]byte(text))
		require.Error(t, err, text)
	}
}

func TestCanonicalIsReadable(t *testing.T) {
	got, err := pipeline.Canonical(parse(t, minimal))
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/minimal.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile("testdata/minimal.json", got, 0o644))
	} else {
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "a change here changes the version of every pipeline")
	}
}
