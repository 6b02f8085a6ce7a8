package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExamplesAreValidAgainstTheirData(t *testing.T) {
	files, err := filepath.Glob("../examples/*/*.yaml")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".contract.yaml") })
	for _, file := range append(files, "../examples/minimal.yaml") {
		v := decoded[validation](t, exitDone, "validate", file)
		require.Len(t, v.Digest, 64)
		require.NotEmpty(t, v.Columns, file)
		require.NotEmpty(t, v.Features, file)
	}
	data, err := os.ReadFile("../examples/minimal.yaml")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(data), "\n"), 12, "the shortest file is under 12 lines")
}

func TestValidateTellsTheLineOfWhatDataContradict(t *testing.T) {
	for _, c := range []struct{ more, want, remedy string }{
		{"features: [{columns: [z]}]", `p.yaml:5:23: features[0].columns[0]: the dataset has no column "z"`, "id, x, y"},
		{"features: [{columns: [x], apply: [one_hot]}]", "p.yaml:5:1: features: ", "one_hot"},
		{"dataset: {sql: SELECT nope FROM d}", "p.yaml:5:16: dataset.sql: ", ""},
		{"dataset: {sql: SELECT x FROM d}", `p.yaml:2:37: problem.target: the dataset has no column "y"`, "SQL"},
		{"dataset: {event_time: x}", "p.yaml:5:23: dataset.event_time: ", "TIMESTAMP"},
	} {
		t.Run(c.more, func(t *testing.T) {
			_, errs, code := esteira(t, "validate", pipelineFile(t, "bad", c.more+"\n"))
			require.Equal(t, exitUsage, code, errs)
			require.Contains(t, errs, c.want)
			require.Contains(t, strings.ToLower(errs), strings.ToLower(c.remedy))
		})
	}
}

func TestValidateGoesAsFarAsSourcesAreAtHand(t *testing.T) {
	path := pipelineFile(t, "far", "")
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(path), "d.csv")))
	v := decoded[validation](t, exitDone, "validate", path)
	require.Empty(t, v.Columns)
	require.Contains(t, v.Sources[0].Note, "not on this machine")

	v = decoded[validation](t, exitDone, "validate", path, "--source", "d=s3://bucket/d.parquet")
	require.Equal(t, "s3://bucket/d.parquet", v.Sources[0].Path)

	other := filepath.Join(t.TempDir(), "other.csv")
	require.NoError(t, os.WriteFile(other, []byte("x,y\n1,2\n"), 0o600))
	v = decoded[validation](t, exitDone, "validate", path, "--source", "d="+other)
	require.Len(t, v.Columns, 2)

	for _, wrong := range []string{"d", "e=x.csv", "d=ftp://x/y.csv", "d=s3://user:hunter2@bucket/k.csv"} {
		_, errs, code := esteira(t, "validate", path, "--source", wrong)
		require.Equal(t, exitUsage, code)
		require.NotContains(t, strings.ReplaceAll(errs, wrong, ""), "hunter2")
	}
}

func TestAnUnreadableSourceFails(t *testing.T) {
	path := pipelineFile(t, "torn", "")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "d.csv"), []byte("PAR1"), 0o600))
	_, errs, code := esteira(t, "validate", path, "--source", "d="+torn(t))
	require.Equal(t, exitFailed, code, errs)
	require.Contains(t, errs, "sources.d.path")
}

func torn(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "torn.parquet")
	require.NoError(t, os.WriteFile(path, []byte("PAR1 torn"), 0o600))
	return path
}

// TestValidateTriesRulesInTheEngine has a pattern that Go reads and the engine does
// not, with the source on this machine and without.
func TestValidateTriesRulesInTheEngine(t *testing.T) {
	const rule = "validation:\n  - {column: x, not_null: true}\n  - {column: x, pattern: '(?<y>a)'}\n"
	for _, sources := range [][]string{nil, {"--source", "d=s3://bucket/d.csv"}} {
		path := pipelineFile(t, "tried", rule)
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "d.csv"), []byte("x,y\na,2\nb,3\n"), 0o600))
		_, errs, code := esteira(t, append([]string{"validate", path}, sources...)...)
		require.Equal(t, exitUsage, code, errs)
		require.Contains(t, errs, "validation[1].pattern")
		require.Contains(t, errs, "(?<y>a)")
		require.Regexp(t, `p\.yaml:\d+:\d+: validation`, errs)
	}
}
