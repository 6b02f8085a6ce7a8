package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

// retrain is a Retraining workflow whose runs take an hour and end as the test says.
type retrain struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	begun    []string // kinds of the runs, in order
	at       []time.Time
	end      func(n int) (PipelineResult, error) // of the n-th run, from 0
	recorded map[string]metadata.Trigger
	memo     []string // what was said of a pause, in order
	outcomes map[string]TriggerOutcome
	file     RetrainingInput
}

func applied(t *testing.T, section string) *retrain {
	t.Helper()
	p, err := pipeline.Parse("test.yaml", []byte("name: test\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\nmonitor: {}\nretrain: "+section+"\n"))
	require.NoError(t, err)
	r := &retrain{
		TestWorkflowEnvironment: quiet().NewTestWorkflowEnvironment(), t: t, recorded: map[string]metadata.Trigger{}, outcomes: map[string]TriggerOutcome{},
		file: RetrainingInput{Pipeline: *p}, end: func(int) (PipelineResult, error) { return PipelineResult{Decision: DecisionDeployed}, nil },
	}
	r.SetStartTime(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	r.SetTestTimeout(time.Minute)
	r.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // of a busy machine
	r.RegisterWorkflow(Retraining)
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in PipelineInput) (PipelineResult, error) {
		n := len(r.begun)
		r.begun, r.at = append(r.begun, in.Trigger), append(r.at, workflow.Now(ctx))
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return PipelineResult{}, err
		}
		return r.end(n)
	}, workflow.RegisterOptions{Name: "Pipeline"})
	r.RegisterActivity(&activities.Activities{})
	r.OnActivity(a.RecordTrigger, mock.Anything, mock.Anything).Maybe().Return(func(_ context.Context, t metadata.Trigger) error { r.recorded[t.Key] = t; return nil })
	r.OnUpsertMemo(mock.Anything).Maybe().Run(func(args mock.Arguments) {
		r.memo = append(r.memo, args[0].(map[string]any)[esteiratemporal.PausedMemo].(string))
	}).Return(nil)
	return r
}

// trigger asks after a time; what became of it is in outcomes.
func (r *retrain) trigger(after time.Duration, kind, key string) {
	r.RegisterDelayedCallback(func() {
		r.UpdateWorkflow(UpdateTrigger, key+after.String(), &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { r.outcomes[key] = TriggerOutcome{Outcome: "rejected", Why: err.Error()} },
			OnComplete: func(v any, err error) {
				require.NoError(r.t, err)
				if _, twice := r.outcomes[key]; !twice {
					r.outcomes[key] = v.(TriggerOutcome)
				}
			},
		}, Trigger{Kind: kind, Key: key, Reason: "test"})
	}, after)
}

func (r *retrain) say(after time.Duration, update string) {
	r.RegisterDelayedCallback(func() {
		r.UpdateWorkflow(update, update+after.String(), &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { r.t.Error(err) }, OnComplete: func(any, error) {},
		}, Word{Actor: "ana", Note: "because"})
	}, after)
}

// run lets the workflow go for a while, then cancels it.
func (r *retrain) run(long time.Duration) RetrainingStatus {
	r.t.Helper()
	var status RetrainingStatus
	r.RegisterDelayedCallback(func() {
		value, err := r.QueryWorkflow(QueryStatus)
		require.NoError(r.t, err)
		require.NoError(r.t, value.Get(&status))
		r.CancelWorkflow()
	}, long)
	r.ExecuteWorkflow(Retraining, r.file)
	require.True(r.t, r.IsWorkflowCompleted())
	require.True(r.t, temporal.IsCanceledError(r.GetWorkflowError()), r.GetWorkflowError())
	r.AssertExpectations(r.t)
	return status
}

func TestAStormOfTriggersIsOneRun(t *testing.T) {
	r := applied(t, "{cooldown: 2h}")
	for i := range 40 {
		r.trigger(time.Minute+time.Duration(i)*time.Millisecond, "alert", fmt.Sprint("window ", i%2)) // each twenty times
	}
	r.run(90 * time.Minute)
	require.Equal(t, []string{"alert"}, r.begun)
	require.Equal(t, "started", r.outcomes["window 0"].Outcome)
	require.Equal(t, "remembered", r.outcomes["window 1"].Outcome)
	require.Contains(t, r.outcomes["window 1"].Why, "is under way")
	require.Equal(t, runOf("test", Trigger{Kind: "alert", Key: "window 0"}), r.outcomes["window 0"].Run)
}

func TestWhatIsRememberedIsOneRunAfterTheCooldown(t *testing.T) {
	r := applied(t, "{cooldown: 3h}")
	r.trigger(0, "alert", "a")
	for i := range 5 {
		r.trigger(time.Duration(i+1)*10*time.Minute, "http", fmt.Sprint(i))
	}
	r.run(10 * time.Hour)
	require.Equal(t, []string{"alert", "http"}, r.begun)
	require.Equal(t, 3*time.Hour, r.at[1].Sub(r.at[0]).Truncate(time.Second))
	require.Contains(t, r.outcomes["4"].Why, "under way")
	require.Equal(t, r.outcomes["0"].Run, r.outcomes["4"].Run, "one run for all of them")
	require.Equal(t, "started", r.recorded["4"].Outcome)
}

func TestWhatMayNotBeRememberedIsDropped(t *testing.T) {
	r := applied(t, "{cooldown: 3h, when_busy: drop}")
	r.trigger(0, "alert", "a")
	r.trigger(2*time.Hour, "alert", "b")
	r.trigger(4*time.Hour, "alert", "c")
	r.run(10 * time.Hour)
	require.Len(t, r.begun, 2)
	require.Equal(t, "dropped", r.outcomes["b"].Outcome)
	require.Contains(t, r.outcomes["b"].Why, "cool-down of 3h0m0s")
	require.Equal(t, "dropped", r.recorded["b"].Outcome)
	require.Equal(t, "started", r.outcomes["c"].Outcome)
}

func TestABudgetIsKept(t *testing.T) {
	r := applied(t, "{cooldown: 1s, budget: {runs: 2, per: 1d}}")
	for i := range 5 {
		r.trigger(time.Duration(i)*2*time.Hour, "http", fmt.Sprint(i))
	}
	r.run(23 * time.Hour)
	require.Len(t, r.begun, 2)
	require.Contains(t, r.outcomes["2"].Why, "budget of 2 runs in 24h0m0s is spent; runs after 2026-03-02T00:00:00Z")
}

func TestAPersonDoesNotWaitForTheCooldown(t *testing.T) {
	r := applied(t, "{cooldown: 20h, budget: {runs: 1}}")
	r.trigger(0, "alert", "a")
	r.trigger(2*time.Hour, "retrain", "now")
	r.run(5 * time.Hour)
	require.Equal(t, []string{"alert", "retrain"}, r.begun)
}

// What is remembered already is begun at once when a person asks too: it is their run.
func TestAPersonHurriesWhatIsRemembered(t *testing.T) {
	r := applied(t, "{cooldown: 20h, budget: {runs: 1}}")
	r.trigger(0, "alert", "a")
	r.trigger(2*time.Hour, "alert", "b")
	r.trigger(3*time.Hour, "retrain", "now")
	status := r.run(10 * time.Hour)
	require.Equal(t, []string{"alert", "alert"}, r.begun)
	require.Equal(t, 3*time.Hour, r.at[1].Sub(r.at[0]).Truncate(time.Second))
	require.Equal(t, "started", r.outcomes["now"].Outcome, "the answer comes when the run has begun")
	require.Equal(t, r.outcomes["b"].Run, r.outcomes["now"].Run)
	require.Nil(t, status.Pending)
}

// Ten failures would be ten hammered sources: three pause it, with a note, until a
// person says that it may go on.
func TestFailuresPauseAndAreNotHammered(t *testing.T) {
	r := applied(t, "{cooldown: 1s, budget: {runs: 100}}")
	r.end = func(n int) (PipelineResult, error) {
		if n < 3 {
			return PipelineResult{}, errors.New("the source is away")
		}
		return PipelineResult{Decision: DecisionRejected, Reason: "rmse missed by 2"}, nil
	}
	for i := range 10 {
		r.trigger(time.Duration(i)*2*time.Hour, "http", fmt.Sprint(i))
	}
	r.say(30*time.Hour, UpdateResume)
	status := r.run(40 * time.Hour)
	require.Len(t, r.begun, 4, "three, and one for all that was remembered")
	require.Contains(t, r.outcomes["5"].Why, "retraining is paused: 3 runs in a row failed")
	require.Len(t, r.memo, 2, "which the schedule heeds")
	require.Regexp(t, `^esteira since 2026-03-01T05:00:0.Z: 3 runs in a row failed, the last test/run/http-[0-9a-f]*: the source is away$`, r.memo[0])
	require.Empty(t, r.memo[1], "resumed")
	require.Nil(t, status.Paused)
	require.Zero(t, status.Failures)
	require.Contains(t, r.recorded["9"].Why, "retrained, not better, the champion stays: rmse missed by 2")
}

func TestAPauseLasts(t *testing.T) {
	r := applied(t, "{}")
	r.say(time.Minute, UpdatePause)
	r.trigger(time.Hour, "retrain", "a")
	status := r.run(1000 * time.Hour)
	require.Empty(t, r.begun)
	require.Equal(t, "because", status.Paused.Note)
	require.Contains(t, r.outcomes["a"].Why, "paused: because")
	require.Equal(t, []string{"ana since 2026-03-01T00:01:00Z: because"}, r.memo)
}

// Pause, failures, budget and what is remembered outlive an execution of the workflow.
func TestTheNextExecutionGoesOn(t *testing.T) {
	next := func(r *retrain, after time.Duration) RetrainingInput {
		t.Helper()
		r.RegisterDelayedCallback(func() {
			r.SetContinueAsNewSuggested(true)
			r.SignalWorkflow(SignalTrigger, Trigger{Kind: "http", Key: "last", Reason: "test"})
		}, after)
		r.ExecuteWorkflow(Retraining, r.file)
		require.True(t, r.IsWorkflowCompleted())
		var again *workflow.ContinueAsNewError
		require.ErrorAs(t, r.GetWorkflowError(), &again)
		var in RetrainingInput
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		return in
	}
	r := applied(t, "{cooldown: 1s, budget: {runs: 1, per: 1d}}")
	r.trigger(0, "alert", "a")
	in := next(r, 2*time.Hour)
	spent := applied(t, "{}")
	spent.file = in
	spent.SetStartTime(time.Date(2026, 3, 1, 2, 0, 1, 0, time.UTC))
	spent.trigger(time.Hour, "alert", "a")
	spent.trigger(time.Hour, "alert", "b")
	spent.run(40 * time.Hour)
	require.Equal(t, "repeated", spent.outcomes["a"].Outcome)
	require.Contains(t, spent.outcomes["b"].Why, "the budget of 1 run in 24h0m0s is spent; runs after 2026-03-02T00:00:00Z")
	require.Equal(t, []string{"http"}, spent.begun, "what was remembered, once the budget allows it")
	require.Equal(t, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), spent.at[0].Truncate(time.Second))

	r = applied(t, "{}")
	r.say(time.Minute, UpdatePause)
	in = next(r, 2*time.Hour)
	held := applied(t, "{}")
	held.file = in
	held.trigger(time.Hour, "retrain", "now")
	status := held.run(1000 * time.Hour)
	require.Empty(t, held.begun)
	require.Equal(t, "because", status.Paused.Note)
	require.Equal(t, []string{"ana since 2026-03-01T00:01:00Z: because"}, held.memo, "said again")
}

// A run that found the schedule's under way is tried again.
func TestARunThatHadToGiveWayIsTriedAgain(t *testing.T) {
	r := applied(t, "{}")
	r.end = func(n int) (PipelineResult, error) {
		if n < 2 {
			return PipelineResult{Decision: DecisionSkipped}, nil
		}
		return PipelineResult{Decision: DecisionDeployed, Reason: "better"}, nil
	}
	r.trigger(0, "alert", "a")
	r.trigger(2*time.Hour+time.Minute+time.Second, "alert", "b") // while it waits for the third
	status := r.run(20 * time.Hour)
	require.Len(t, r.begun, 3)
	require.Contains(t, r.outcomes["b"].Why, "another run of the pipeline is under way, found 2 times")
	require.Equal(t, 1, status.Starts, "one of the budget")
	require.Equal(t, "deployed: better", r.recorded["a"].Why)
}

// With drop, a trigger that meets the schedule's run is dropped like one that meets a
// run of its own; a person's is tried again all the same.
func TestARunThatHadToGiveWayIsDropped(t *testing.T) {
	r := applied(t, "{cooldown: 1s, when_busy: drop}")
	r.end = func(n int) (PipelineResult, error) {
		if n < 2 {
			return PipelineResult{Decision: DecisionSkipped, Reason: "run test/run/scheduled-1 is retraining this pipeline"}, nil
		}
		return PipelineResult{Decision: DecisionDeployed, Reason: "better"}, nil
	}
	r.trigger(0, "alert", "a")
	r.trigger(10*time.Hour, "retrain", "now")
	status := r.run(20 * time.Hour)
	require.Equal(t, []string{"alert", "retrain", "retrain"}, r.begun)
	require.Equal(t, "dropped", r.recorded["a"].Outcome)
	require.Equal(t, "run test/run/scheduled-1 is retraining this pipeline; retrain.when_busy is drop", r.recorded["a"].Why)
	require.Equal(t, "deployed: better", r.recorded["now"].Why)
	require.Equal(t, 1, status.Starts, "nothing else began")
	require.Nil(t, status.Pending)
}

// A person who asks while a run is under way that has to give way hurries both.
func TestAPersonHurriesARunThatHadToGiveWay(t *testing.T) {
	r := applied(t, "{}")
	longer := applied(t, "{cooldown: 48h}").file
	r.end = func(n int) (PipelineResult, error) {
		if n == 0 {
			return PipelineResult{Decision: DecisionSkipped}, nil
		}
		return PipelineResult{Decision: DecisionDeployed}, nil
	}
	r.file.State.Starts = []time.Time{time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)} // a day ago
	r.trigger(time.Minute, "alert", "a")
	r.trigger(30*time.Minute, "retrain", "now")
	r.RegisterDelayedCallback(func() {
		r.UpdateWorkflow(UpdateApply, "apply", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(err error) { t.Error(err) }, OnComplete: func(any, error) {}}, longer)
	}, 40*time.Minute)
	status := r.run(3 * time.Hour)
	require.Equal(t, []string{"alert", "alert"}, r.begun)
	require.Nil(t, status.Pending)
}

func TestNewLabelsAskForARun(t *testing.T) {
	r := applied(t, "{cooldown: 1s, on: [{labels: 100, every: 30m}]}")
	var since []time.Time
	r.OnActivity(a.NewLabels, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.NewLabelsParams) (*activities.NewLabelsResult, error) {
		require.Equal(t, "test", p.Pipeline)
		since = append(since, p.Since)
		return &activities.NewLabelsResult{Labels: int64(len(since)) * 30, Since: p.Since}, nil
	})
	r.run(7 * time.Hour)
	require.NotEmpty(t, r.begun)
	require.Equal(t, "labels", r.begun[0])
	require.Equal(t, 90*time.Minute, r.at[0].Sub(since[0]).Truncate(time.Minute), "the fourth look finds 120")
	require.Contains(t, since, r.at[0], "counted from the run on")
}

// The same labels ask once for each time they are counted from: that of the last run.
func TestNewLabelsSayWhatTheyAreCountedFrom(t *testing.T) {
	r := applied(t, "{cooldown: 1s, on: [{labels: 100, every: 30m}]}")
	scheduled := time.Date(2026, 3, 1, 0, 20, 0, 0, time.UTC)
	r.OnActivity(a.NewLabels, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.NewLabelsParams) (*activities.NewLabelsResult, error) {
		if p.Since.After(scheduled) {
			return &activities.NewLabelsResult{Since: p.Since}, nil
		}
		return &activities.NewLabelsResult{Labels: 100, Since: scheduled}, nil
	})
	r.run(3 * time.Hour)
	require.Equal(t, []string{"labels"}, r.begun)
	require.Contains(t, r.recorded["labels since 2026-03-01T00:20:00Z"].Reason, "100 labels have come since 2026-03-01T00:20:00Z")
}

// A workflow that goes on has the answers of an earlier build in its history.
func TestAnEarlierBuildCountedLabelsAlone(t *testing.T) {
	var res activities.NewLabelsResult
	require.NoError(t, json.Unmarshal([]byte("120"), &res))
	require.Equal(t, activities.NewLabelsResult{Labels: 120}, res)
	require.NoError(t, json.Unmarshal([]byte(`{"labels":3,"since":"2026-03-01T00:20:00Z"}`), &res))
	require.Equal(t, activities.NewLabelsResult{Labels: 3, Since: time.Date(2026, 3, 1, 0, 20, 0, 0, time.UTC)}, res)
	require.Error(t, json.Unmarshal([]byte(`"3"`), &res))
}

func TestNewDataAsksForARun(t *testing.T) {
	r := applied(t, "{cooldown: 1s, on: [{new_data: true, every: 1h}]}")
	looks := 0
	r.OnActivity(a.NewData, mock.Anything, mock.Anything).Return(func(context.Context, activities.NewDataParams) (string, error) {
		looks++
		return fmt.Sprint("content ", looks/4), nil // another after three looks
	})
	r.run(5*time.Hour + time.Minute)
	require.Equal(t, []string{"new_data"}, r.begun, "the first look only learns what there is")
	require.Equal(t, 6, looks)
}

func TestATriggerThatIsNoneIsRefused(t *testing.T) {
	r := applied(t, "{}")
	r.trigger(0, "coffee", "a")
	r.trigger(0, "alert", "")
	r.run(time.Hour)
	require.Empty(t, r.begun)
	require.Equal(t, "rejected", r.outcomes["a"].Outcome)
	require.Equal(t, "rejected", r.outcomes[""].Outcome)
}

// Another file changes the policy of what is under way.
func TestAnotherFileIsApplied(t *testing.T) {
	r := applied(t, "{cooldown: 100h}")
	other := applied(t, "{cooldown: 2h}").file
	refused := false
	r.trigger(0, "alert", "a")
	r.trigger(time.Hour+time.Minute, "alert", "b")
	r.RegisterDelayedCallback(func() {
		r.UpdateWorkflow(UpdateApply, "apply", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(err error) { t.Error(err) }, OnComplete: func(any, error) {}}, other)
		stranger := other
		stranger.Pipeline.Name = "another"
		r.UpdateWorkflow(UpdateApply, "stranger", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(error) { refused = true }, OnComplete: func(any, error) {}}, stranger)
	}, 90*time.Minute)
	r.run(5 * time.Hour)
	require.True(t, refused, "the file of another pipeline")
	require.Len(t, r.begun, 2)
	require.Equal(t, 2*time.Hour, r.at[1].Sub(r.at[0]).Truncate(time.Second))
}
