package testline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// retrained is a pipeline that is live and whose retraining is applied.
type retrained struct {
	*testline.Line
	t         *testing.T
	dir, name string
}

func newRetrained(t *testing.T, more string) *retrained {
	t.Helper()
	r := &retrained{testline.Start(t), t, t.TempDir(), testenv.Name(t)}
	c := testenv.Temporal(t)
	t.Cleanup(func() {
		_ = c.TerminateWorkflow(context.WithoutCancel(t.Context()), workflows.RetrainingID(r.name), "", "the test is over")
	})
	r.File(r.dir, "goods.csv", goods(nil))
	file := r.File(r.dir, "a.yaml", "name: "+r.name+regression+more)
	o := r.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	var said any
	r.JSON(testline.ExitDone, &said, "apply", file)
	return r
}

func (r *retrained) status() (s workflows.RetrainingStatus) {
	r.t.Helper()
	r.JSON(testline.ExitDone, &s, "retrain", "show", r.name)
	return s
}

// A storm of alerts is one run, what comes meanwhile waits as one, and a model that is
// not better leaves the champion where it is: an outcome like any other.
func TestAStormIsOneRunAndTheChampionStays(t *testing.T) {
	t.Parallel()
	r := newRetrained(t, "evaluate: {gates: [{against: champion, min_gain: 0.5}]}\nretrain: {cooldown: 1h}\n")
	r.File(r.dir, "goods.csv", goods(func(i int, row map[string]string) {
		if i%10 == 0 {
			row["price"] = "70"
		}
	}))
	c := testenv.Temporal(t)
	var storm sync.WaitGroup
	for i := range 60 {
		storm.Go(func() {
			trigger := workflows.Trigger{Kind: "alert", Key: fmt.Sprint("window ", i%20), Reason: "prices have moved"} // each told three times
			if err := c.SignalWorkflow(t.Context(), workflows.RetrainingID(r.name), "", workflows.SignalTrigger, trigger); err != nil {
				t.Error(err)
			}
		})
	}
	storm.Wait()
	r.Await(time.Minute, "the storm is over and the run has ended", func() bool {
		s := r.status()
		return len(s.Heard) == 20 && s.Running == "" && s.Starts == 1
	})
	// Those that came before the run began are of it; later ones wait as one.
	s := r.status()
	run, others := "", 0
	for _, h := range s.Heard {
		if h.Outcome == "remembered" {
			require.Equal(t, s.Heard[len(s.Heard)-1].Run, h.Run)
			others++
			continue
		}
		require.Equal(t, "started", h.Outcome)
		require.Contains(t, h.Why, "retrained, not better, the champion stays: rmse")
		require.Contains(t, []string{"", h.Run}, run)
		run = h.Run
	}
	require.Equal(t, others > 0, s.Pending != nil)
	require.Equal(t, workflows.DecisionRejected, r.Follow(testline.ExitRejected, run).Decision)
	require.Equal(t, 1, testline.Count(t, r.Pool(), `select count(*) from runs where trigger = 'alert'`))
	e, err := r.DB.Endpoint(t.Context(), r.name)
	require.NoError(t, err)
	require.EqualValues(t, 1, e.Revision)
	require.Zero(t, s.Failures)
}

// A source that is gone fails three runs, not ten: then retraining pauses, says why, and
// goes on when a person says so.
func TestTenFailuresAreThreeAndANote(t *testing.T) {
	t.Parallel()
	r := newRetrained(t, "")
	require.NoError(t, os.Remove(filepath.Join(r.dir, "goods.csv")))
	var last workflows.TriggerOutcome
	for i := range 10 {
		r.JSON(testline.ExitDone, &last, "retrain", "start", r.name, "--key", fmt.Sprint(i))
		if last.Outcome == "started" {
			r.Follow(testline.ExitFailed, last.Run)
			r.Await(time.Minute, "the end is counted", func() bool { return r.status().Running == "" })
		}
	}
	require.Equal(t, "remembered", last.Outcome)
	require.Contains(t, last.Why, "retraining is paused: 3 runs in a row failed")
	require.Equal(t, 3, testline.Count(t, r.Pool(), `select count(*) from runs where trigger = 'retrain' and state = 'failed'`))
	s := r.status()
	require.Equal(t, 3, s.Failures)
	require.Contains(t, s.Paused.Note, "goods.csv")

	r.File(r.dir, "goods.csv", goods(func(_ int, row map[string]string) { row["size"] += "1" }))
	var said any
	r.JSON(testline.ExitDone, &said, "retrain", "resume", r.name, "--reason", "the file is back")
	o := r.Follow(testline.ExitDone, last.Run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	r.Await(time.Minute, "failures are forgotten", func() bool { s := r.status(); return s.Failures == 0 && s.Running == "" && s.Pending == nil })
}

// A pause of retraining holds the schedule too, whoever pauses: its runs make nothing,
// and where people look it is said by whom and why.
func TestAPauseHoldsTheSchedule(t *testing.T) {
	t.Parallel()
	r := newRetrained(t, "retrain: {schedule: {cron: '0 0 1 1 *'}}\n")
	c := testenv.Temporal(t)
	t.Cleanup(func() { r.CLI("schedule", "delete", r.name) })
	var said any
	type schedule struct {
		Held   string
		Recent []struct{ Run string }
	}
	var shown schedule
	show := func() int {
		shown = schedule{}
		r.JSON(testline.ExitDone, &shown, "schedule", "show", r.name)
		return len(shown.Recent)
	}
	r.JSON(testline.ExitDone, &said, "retrain", "pause", r.name, "--reason", "the source is being repaired")
	r.KillWorker() // what is known of the pause does not depend on it
	require.Zero(t, show())
	require.Contains(t, shown.Held, ": the source is being repaired")
	r.StartWorker()
	r.JSON(testline.ExitDone, &said, "schedule", "trigger", r.name)
	r.Await(30*time.Second, "the run of the schedule", func() bool { return show() == 1 })
	held := shown.Recent[0].Run
	res := result(t, c, held)
	require.Equal(t, workflows.DecisionPaused, res.Decision)
	require.Contains(t, res.Reason, "the source is being repaired")
	require.Zero(t, testline.Count(t, r.Pool(), `select count(*) from runs where trigger = 'schedule'`))
	triggers, err := r.DB.Triggers(t.Context(), r.name, 10)
	require.NoError(t, err)
	require.Len(t, triggers, 1)
	require.Equal(t, []string{"schedule", "dropped", held}, []string{triggers[0].Kind, triggers[0].Outcome, triggers[0].Run})
	require.Contains(t, triggers[0].Why, "the source is being repaired")

	r.JSON(testline.ExitDone, &said, "retrain", "resume", r.name, "--reason", "repaired")
	r.JSON(testline.ExitDone, &said, "schedule", "trigger", r.name)
	r.Await(30*time.Second, "the next run of the schedule", func() bool { return show() == 2 })
	require.Empty(t, shown.Held)
	for _, run := range shown.Recent {
		if run.Run != held {
			require.Equal(t, workflows.DecisionUnchanged, result(t, c, run.Run).Decision)
		}
	}
}
