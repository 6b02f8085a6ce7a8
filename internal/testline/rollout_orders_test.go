package testline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
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
