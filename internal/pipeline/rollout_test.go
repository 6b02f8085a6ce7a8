package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// A file that does not speak of a rollout deploys at once, and is the version it was.
func TestARolloutIsOnlyWhatTheFileAsksFor(t *testing.T) {
	p := parse(t, minimal)
	require.Equal(t, pipeline.Deploy{Endpoint: "penguins", Enabled: new(true)}, p.Deploy)
	require.False(t, p.Deploy.Asks())
}

func TestARolloutIsCompleteAfterParse(t *testing.T) {
	d := parse(t, minimal+"deploy: {approval: {}, replay: {}, shadow: {}, canary: {}}\n").Deploy
	require.True(t, d.Asks())
	require.Equal(t, &pipeline.Approval{Required: new(true), Deadline: "24h", Default: "reject"}, d.Approval)
	require.Equal(t, &pipeline.Replay{Requests: 1000, MaxRefused: new(0.01)}, d.Replay)
	require.Equal(t, &pipeline.Shadow{Share: 1, For: "10m"}, d.Shadow)
	require.Equal(t, &pipeline.Canary{Steps: []pipeline.CanaryStep{{Share: 0.05, For: "5m"}, {Share: 0.5, For: "10m"}}}, d.Canary)
	require.Equal(t, &pipeline.Rollback{
		MaxErrorRate: new(0.01), MaxLatencyRatio: new(3.0), MaxPredictionShift: new(0.3), MaxMetricLoss: new(0.1),
		MinRequests: 100, OnInsufficient: "proceed", Wait: "24h",
	}, d.Rollback)
	require.False(t, parse(t, minimal+"deploy: {approval: {required: false}}\n").Deploy.Asks())
}

// The way of a rollout by hand is a section of its own, or that of a pipeline file,
// complete and as strictly read.
func TestAPlanIsASectionOrAPipeline(t *testing.T) {
	const way = "deploy: {approval: {deadline: 2h}, canary: {steps: [{share: 0.2, for: 1m}]}}\n"
	alone, metric, err := pipeline.ParsePlan("plan.yaml", []byte(way))
	require.NoError(t, err)
	require.Empty(t, metric)
	whole, metric, err := pipeline.ParsePlan("p.yaml", []byte(minimal+way))
	require.NoError(t, err)
	require.Equal(t, "log_loss", metric)
	require.Equal(t, "penguins", whole.Endpoint)
	require.Empty(t, alone.Endpoint)
	require.Equal(t, whole.Canary, alone.Canary)
	require.Equal(t, whole.Approval, alone.Approval)
	require.Equal(t, whole.Rollback, alone.Rollback)
	require.Equal(t, 100, alone.Rollback.MinRequests)
	for text, says := range map[string]string{
		"deploy: {canary: {steps: [{share: 2, for: 1m}]}}": "plan.yaml:1",
		"deploy: {approvals: {}}":                          "approvals",
		"deploy: {rollback: {}}":                           "nothing is compared",
		"deploy: {audit: {mode: often}}":                   "often",
		"canary: {steps: [{share: 0.5, for: 1m}]}":         "unknown key",
		"": "empty",
		"deploy: {canary: {steps: [{share: 0.5, for: never}]}}": "never",
	} {
		_, _, err := pipeline.ParsePlan("plan.yaml", []byte(text))
		require.Equal(t, fault.PipelineInvalid, fault.KindOf(err), text)
		require.ErrorContains(t, err, says, text)
	}
}
