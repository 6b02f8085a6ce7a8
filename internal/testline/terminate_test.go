package testline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// A terminated workflow cannot say that it ended. Its moment must not stay taken.
func TestATerminatedRunGivesItsMomentUp(t *testing.T) {
	l := testline.Start(t)
	c := testenv.Temporal(t)
	file := l.Example("penguins/penguins.yaml", testenv.Name(t))
	w := l.Watch()
	first := l.Begin(file, "--moment", "2026-11-23T03:00Z")
	w.Next(time.Minute, "collect", "running")
	l.KillWorker()
	require.NoError(t, c.TerminateWorkflow(t.Context(), first.Run, first.TemporalRunID, "a test"))

	// The same moment under another id, as a schedule would name it.
	l.StartWorker()
	second := l.BeginAs(file, first.Run+"-by-schedule", time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC))
	res := result(t, c, second)
	require.Equal(t, workflows.DecisionDeployed, res.Decision, res.Reason)
	run, err := l.DB.Run(t.Context(), first.Run)
	require.NoError(t, err)
	require.Equal(t, metadata.RunFailed, run.State)
	require.Contains(t, run.Reason, "terminated")
}
