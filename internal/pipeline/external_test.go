package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

const xgboost = "train: {search: {method: tpe}, candidates: [{kind: logistic}, {kind: external, external: {name: xgboost, queue: python, activity: train, timeout: 20m}, " +
	"grid: {max_depth: [3, 6]}, space: {eta: {low: 0.01, high: 0.3, log: true}, rounds: {low: 10, high: 200, whole: true}}}]}"

func TestAnExternalCandidateHasParametersOfItsOwn(t *testing.T) {
	p := parse(t, minimal+xgboost+"\n")
	c := p.Train.Candidates[1]
	require.Equal(t, "xgboost", c.Label())
	require.Equal(t, pipeline.External{Name: "xgboost", Queue: "python", Activity: "train", Timeout: "20m"}, *c.External)
	require.Equal(t, 20*time.Minute, c.External.Within())
	require.Equal(t, time.Hour, pipeline.External{}.Within())
	require.True(t, c.Space["rounds"].Whole)
	require.NoError(t, compiled(t)([]byte(minimal+xgboost+"\n")))
}

func TestEachMistakeInAnExternalCandidate(t *testing.T) {
	const at = "train.candidates[1]"
	for _, c := range []struct {
		old, new, path, want string
		schema               bool // says so, too
	}{
		{"external: {name: xgboost, queue: python, activity: train, timeout: 20m}, ", "", at + ".external", "is missing", true},
		{"kind: logistic", "kind: logistic, external: {name: a, queue: q, activity: b}", "train.candidates[0].external", "trained here", true},
		{"name: xgboost", "name: XGBoost", at + ".external.name", "cannot name a model", true},
		{"name: xgboost", "name: logistic", at + ".external.name", "Esteira's own", false},
		{"name: xgboost", "name: champion", at + ".external.name", "Esteira's own", false},
		{"queue: python, ", "", at + ".external.queue", "missing", true},
		{"queue: python", "queue: " + strings.Repeat("q", 201), at + ".external.queue", "201 bytes", true},
		{"timeout: 20m", "timeout: 25h", at + ".external.timeout", "no such duration", false},
		{"activity: train", "activity: train, retries: 3", at + ".external.retries", "unknown key", true},
		{"max_depth: [3, 6]", "max_depth: []", at + ".grid.max_depth", "is empty", true},
		{"max_depth: [3, 6]", "max_depth: [3, 3]", at + ".grid.max_depth[1]", "twice", true},
		{"max_depth: [3, 6]", "max-depth: [3, 6]", at + ".grid.max-depth", "cannot name a parameter", true},
		{"max_depth: [3, 6]", "eta: [1]", at + ".space.eta", "in grid, too", false},
		{"low: 0.01", "low: 0", at + ".space.eta.low", "no logarithm", false},
		{"low: 10,", "low: 10.5,", at + ".space.rounds.whole", "not whole", false},
		{"search: {method: tpe}", "search: {method: grid}", at + ".space", "no intervals", false},
		{"grid: {max_depth: [3, 6]}", "options: {penalty: l1}", at + ".options", "no options", true},
		{"search: {method: tpe}", "search: {method: tpe}, ensemble: stack", "train.ensemble", "no two of the others", false},
		{"{kind: logistic}", "{kind: external, external: {name: xgboost, queue: a, activity: b}}", at + ".external.name", "stands twice", false},
		{"{kind: logistic}", "{kind: logistic, space: {C: {low: 1, high: 2, whole: true}}}", "train.candidates[0].space.C.whole", "knows itself", false},
	} {
		text := minimal + strings.Replace(xgboost, c.old, c.new, 1) + "\n"
		list := mistakes(t, text)
		require.Len(t, list, 1, "%s: %s", c.new, pipeline.Render(list))
		require.Equal(t, c.path, list[0].Path, c.new)
		require.Contains(t, list[0].Message, c.want)
		require.Equal(t, c.schema, compiled(t)([]byte(text)) != nil, c.new)
	}
}
