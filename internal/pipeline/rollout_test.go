package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
