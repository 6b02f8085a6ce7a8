package testline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// asked has a few answers in the audit log, for a rollout to replay.
func (s *shop) asked() {
	s.t.Helper()
	answers, stop := s.load()
	s.more(answers, 20)
	stop()
	pool := s.Pool()
	s.Await(time.Minute, "the answers are in the log", func() bool {
		return int64(testline.Count(s.t, pool, `select count(*) from predictions where status = 200`)) == answers.Load()
	})
}

// replaying begins a rollout whose replay waits, until open is called, for the log.
func (s *shop) replaying(seed int) (run string, open func()) {
	s.t.Helper()
	tx, err := s.Pool().Begin(s.t.Context())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // the pool is closed after it
	_, err = tx.Exec(s.t.Context(), `lock table predictions in access exclusive mode`)
	require.NoError(s.t, err)
	run = s.Begin(s.file(seed, ", replay: {requests: 10}, canary: {steps: [{share: 0.3, for: 1h}]}")).Run
	pool := s.Pool()
	s.Await(time.Minute, "the replay waits for the log", func() bool {
		return testline.Count(s.t, pool, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%outputs from predictions%'`) > 0
	})
	require.Equal(s.t, metadata.RolloutReplay, s.rollout(run).State)
	return run, func() {
		s.t.Helper()
		require.NoError(s.t, tx.Rollback(s.t.Context()))
	}
}

// A rollout that replays requests of the past is promoted, and another taken back, at
// once: nobody waits for the replay.
func TestOrdersDuringAReplay(t *testing.T) {
	s := newShop(t)
	require.Equal(t, workflows.DecisionDeployed, s.Run(testline.ExitDone, s.file(1, "")).Decision)
	s.at(1)
	s.asked()

	run, open := s.replaying(2)
	var status workflows.RolloutStatus
	s.JSON(testline.ExitDone, &status, "promote", s.name, "--reason", "it is urgent", "--actor", "ana")
	require.Equal(t, metadata.RolloutLive, status.State)
	s.at(2)
	require.Equal(t, metadata.RolloutLive, s.rollout(run).State, "while the replay still waits")
	open()
	o := s.Follow(testline.ExitDone, run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 2, e.Live.ModelVersion)
	require.Contains(t, e.Live.Reason, "promoted by ana: it is urgent")

	run, open = s.replaying(3)
	out, errs, code := s.CLI("rollback", s.name, "--reason", "not this one", "--actor", "bob")
	require.Zero(t, code, out+errs)
	require.Equal(t, metadata.RolloutRolledBack, s.rollout(run).State, "while the replay still waits")
	open()
	o = s.Follow(testline.ExitRejected, run)
	require.Equal(t, workflows.DecisionRolledBack, o.Decision, o.Reason)
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.EqualValues(t, 2, e.Revision, "nothing was moved")
	require.Equal(t, "bob", s.rollout(run).Actor)
}

// No worker is there: a rollout is promoted without its workflow, from a canary and where
// approval is waited for. The workflow that comes back ends as what was done says, and
// changes nothing.
func TestAPromotionNeedsNoWorker(t *testing.T) {
	s := newShop(t)
	require.Equal(t, workflows.DecisionDeployed, s.Run(testline.ExitDone, s.file(1, "")).Decision)
	s.at(1)
	type done struct {
		State    metadata.RolloutState
		Revision int64
		Directly bool
		Servers  int
	}

	run := s.Begin(s.file(2, ", canary: {steps: [{share: 0.3, for: 1h}]}")).Run
	s.at(2)
	s.KillWorker()
	var promoted done
	s.JSON(testline.ExitDone, &promoted, "promote", s.name, "--reason", "it is urgent", "--actor", "ana")
	require.Equal(t, done{metadata.RolloutLive, 3, true, 1}, promoted)
	s.at(3)
	s.StartWorker()
	o := s.Follow(testline.ExitDone, run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	require.EqualValues(t, 3, o.Result.Revision)
	require.Contains(t, o.Step("deploy").Figure, "promoted by ana past the workflow: it is urgent")
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.EqualValues(t, 3, e.Revision)
	require.Equal(t, 2, e.Live.ModelVersion)
	require.Equal(t, "ana", e.Live.Actor)
	require.JSONEq(t, `{"directly": {"state": "canary", "step": "canary of 30 % for 1h"}}`, string(e.Live.Evidence))

	asks := s.Run(testline.ExitDone, s.file(3, ", approval: {deadline: 1h}"))
	require.Equal(t, workflows.DecisionAwaiting, asks.Decision)
	s.KillWorker()
	s.JSON(testline.ExitDone, &promoted, "promote", s.name, "--reason", "read the report", "--actor", "bob", "--directly")
	require.True(t, promoted.Directly)
	require.Equal(t, "bob", s.rollout(asks.Run).ApprovedBy)
	s.at(4)
	s.StartWorker()
	var res workflows.RolloutResult
	require.NoError(t, testenv.Temporal(t).GetWorkflow(t.Context(), asks.Result.Rollout, "").Get(t.Context(), &res))
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Equal(t, "bob", res.Actor)
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.EqualValues(t, 4, e.Revision)
	require.Equal(t, "bob", e.Live.ApprovedBy)
}

// Temporal is away from where the command is typed, and nobody can tell the workflow: it
// finds out at its next look.
func TestOrdersNeedNoTemporal(t *testing.T) {
	s := newShop(t)
	require.Equal(t, workflows.DecisionDeployed, s.Run(testline.ExitDone, s.file(1, "")).Decision)
	s.at(1)
	there, err := temporal.Options(testenv.Config(t))
	require.NoError(t, err)
	canary := ", canary: {steps: [{share: 0.3, for: 3m}]}"
	for i, c := range []struct {
		order    string
		code     int
		decision workflows.Decision
	}{{"promote", testline.ExitDone, workflows.DecisionDeployed}, {"rollback", testline.ExitRejected, workflows.DecisionRolledBack}} {
		run := s.Begin(s.file(2+i, canary)).Run
		s.Await(time.Minute, "the canary", func() bool {
			r, err := s.DB.OpenRollout(t.Context(), s.name)
			return err == nil && r != nil && r.State == metadata.RolloutCanary
		})
		s.SetEnv("TEMPORAL_ADDRESS=127.0.0.1:1")
		out, errs, code := s.CLI(c.order, s.name, "--reason", "it is urgent", "--actor", "ana")
		s.SetEnv("TEMPORAL_ADDRESS=" + there.HostPort)
		require.Zero(t, code, out+errs)
		require.Contains(t, out, "without")
		e, err := s.DB.Endpoint(t.Context(), s.name)
		require.NoError(t, err)
		require.Nil(t, e.Live.Canary)
		o := s.Follow(c.code, run)
		require.Equal(t, c.decision, o.Decision, o.Reason)
		after, err := s.DB.Endpoint(t.Context(), s.name)
		require.NoError(t, err)
		require.Equal(t, e.Revision, after.Revision)
		require.Equal(t, "ana", s.rollout(run).Actor)
	}
}
