package workflows

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/rollout"
)

// course is a Rollout whose activities answer at once, over days that pass at once.
type course struct {
	*testsuite.TestWorkflowEnvironment
	t     *testing.T
	in    RolloutInput
	moves []string // as they were asked for
	notes []activities.NoteRolloutParams
	ended activities.EndRolloutParams
	seen  func(look int) rollout.Comparison
	looks int
	was   *activities.EndRolloutResult // how it had ended before it was asked to; nil: it had not
}

const deployAll = `
deploy:
  approval: {deadline: 24h}
  replay: {requests: 10}
  shadow: {share: 0.5, for: 1h}
  canary: {steps: [{share: 0.05, for: 10m}, {share: 0.5, for: 2d}]}
`

func begin(t *testing.T, deploy string) *course {
	t.Helper()
	p, err := pipeline.Parse("test.yaml", []byte("name: test\nproblem: {task: regression, target: y}\nsources: {s: {path: s.csv}}\n"+deploy))
	require.NoError(t, err)
	c := &course{
		t: t, TestWorkflowEnvironment: quiet().NewTestWorkflowEnvironment(),
		in: RolloutInput{Run: activities.Run{ID: "test/run/1", Pipeline: "test"}, Deploy: p.Deploy, Model: "test", Version: 2, Reason: "best", Champion: "c",
			Question: rollout.Question{Task: pipeline.Regression, Metric: "rmse"}},
		seen: func(int) rollout.Comparison {
			return rollout.Comparison{Candidate: rollout.Figures{Rows: 120}, Champion: rollout.Figures{Rows: 900}}
		},
	}
	c.RegisterWorkflow(Rollout)
	c.RegisterActivity(&activities.Activities{})
	c.OnActivity(a.NoteRollout, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.NoteRolloutParams) error {
		c.notes = append(c.notes, p)
		return nil
	}).Maybe()
	c.OnActivity(a.CompareAnswers, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.CompareAnswersParams) (*rollout.Comparison, error) {
		c.looks++
		seen := c.seen(c.looks)
		return &seen, nil
	}).Maybe()
	c.OnActivity(a.EndRollout, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.EndRolloutParams) (*activities.EndRolloutResult, error) {
		c.ended = p
		if c.was != nil {
			return c.was, nil
		}
		return &activities.EndRolloutResult{State: p.State, Actor: p.Actor, Reason: p.Reason, Revision: 9}, nil
	}).Maybe()
	return c
}

// over is the version that is live; 0: none.
func (c *course) over(baseline int) *course {
	c.OnActivity(a.BeginRollout, mock.Anything, mock.Anything).Return(&activities.BeginRolloutResult{Baseline: fmt.Sprintf("test@%d", baseline), BaselineModel: "test", BaselineVersion: baseline, Seq: 7}, nil).Maybe()
	return c
}

// moving answers moves, and tells each.
func (c *course) moving(then func(move string)) *course {
	c.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).Return(func(_ context.Context, p activities.MoveRolloutParams) (*activities.MoveRolloutResult, error) {
		move := fmt.Sprintf("%d canary %v shadow %v live %v", p.Seq, p.Canary, p.Shadow, p.Live)
		c.moves = append(c.moves, move)
		if then != nil {
			then(move)
		}
		return &activities.MoveRolloutResult{Revision: int64(p.Seq), Servers: 2, Since: time.Unix(1, 0)}, nil
	}).Maybe()
	return c
}

func (c *course) replaying(r rollout.Replayed) *course {
	c.OnActivity(a.Replay, mock.Anything, mock.Anything).Return(&r, nil).Maybe()
	return c
}

func (c *course) run() (RolloutResult, error) {
	c.t.Helper()
	c.ExecuteWorkflow(Rollout, c.in)
	require.True(c.t, c.IsWorkflowCompleted())
	if err := c.GetWorkflowError(); err != nil {
		return RolloutResult{}, err
	}
	var res RolloutResult
	return res, c.GetWorkflowResult(&res)
}

// told is an update's answer.
type told struct {
	rejected error
	status   RolloutStatus
	done     bool
}

func (c *course) update(name string, o Order) *told {
	var x told
	c.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { x.rejected = err },
		OnComplete: func(v any, err error) {
			x.done = true
			require.NoError(c.t, err)
			x.status = v.(RolloutStatus)
		},
	}, o)
	return &x
}

func ana(reason string) Order { return Order{Actor: "ana", Reason: reason} }

func TestARolloutGoesTheWholeWay(t *testing.T) {
	c := begin(t, deployAll).over(1).moving(nil).replaying(rollout.Replayed{Rows: 10, Mean: 0.5, Max: 1, Examples: []rollout.Example{{Prediction: "019a", Was: "1", Now: "2", Distance: 1}}})
	began := c.Now()
	c.RegisterDelayedCallback(func() { c.update(UpdateApprove, ana("looks right")) }, time.Hour)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Equal(t, "ana", res.ApprovedBy)
	require.Equal(t, []string{"8 canary 0 shadow 0.5 live false", "9 canary 0.05 shadow 0 live false", "10 canary 0.5 shadow 0 live false", "11 canary 0 shadow 0 live true"}, c.moves)
	require.GreaterOrEqual(t, c.Now().Sub(began), 2*time.Hour+10*time.Minute+48*time.Hour)
	require.Less(t, c.looks, 400, "a history is bounded")
	require.Equal(t, "ana", c.notes[0].ApprovedBy)
	require.Equal(t, &activities.Approval{By: "ana", Reason: "looks right"}, c.ended.Evidence.Approval)
	require.Equal(t, 10, c.ended.Evidence.Replay.Rows)
	require.Equal(t, 120, c.ended.Evidence.Shadow.Candidate.Rows)
	require.Equal(t, 900, c.ended.Evidence.Canary.Champion.Rows)
	for _, text := range []string{"| `approval within 24h` | completed |", "| `replay of 10 requests` | completed |", "| `canary of 5 % for 10m` | completed |", "| `019a` | 1 | 2 | 1 |", "esteira rollback test --reason", "| rows | 120 | 900 |"} {
		require.Contains(t, res.Details, text)
	}
}

// What the Temporal UI shows is the plan where it stands: while it waits, and at its end.
func TestTheDetailsShowWhereARolloutStands(t *testing.T) {
	c := begin(t, deployAll).over(1).moving(nil).replaying(rollout.Replayed{Rows: 10})
	shown := func() string {
		t.Helper()
		value, err := c.QueryWorkflow("__temporal_workflow_metadata")
		require.NoError(t, err)
		var metadata sdkpb.WorkflowMetadata
		require.NoError(t, value.Get(&metadata))
		return metadata.CurrentDetails
	}
	var waiting, baking string
	c.RegisterDelayedCallback(func() { waiting = shown(); c.update(UpdateApprove, ana("looks right")) }, time.Hour)
	c.RegisterDelayedCallback(func() { baking = shown() }, 2*time.Hour+5*time.Minute)
	res, err := c.run()
	require.NoError(t, err)
	for _, text := range []string{"| `approval within 24h` | running |", "| `canary of 5 % for 10m` | pending |", "- `esteira approve default-test-workflow-id --reason …`", "- `esteira promote test --reason …`"} {
		require.Contains(t, waiting, text)
	}
	for _, text := range []string{"| `approval within 24h` | completed |", "| `canary of 5 % for 10m` | running |", "| rows | 120 | 900 |", "- `esteira rollback test --reason …`"} {
		require.Contains(t, baking, text)
	}
	require.NotContains(t, baking, "esteira approve")
	require.Equal(t, res.Details, shown())
}

func TestWithoutAPlanItIsLiveAtOnce(t *testing.T) {
	c := begin(t, "").over(1).moving(nil)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Equal(t, []string{"8 canary 0 shadow 0 live true"}, c.moves)
}

func TestTheFirstVersionHasNothingToBeComparedWith(t *testing.T) {
	c := begin(t, strings.Replace(deployAll, "  approval: {deadline: 24h}\n", "", 1)).over(0).moving(nil)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Len(t, c.moves, 1)
	require.Contains(t, res.Details, "nothing is live to compare with")
}

func TestNobodyAnswersWithinTheDeadline(t *testing.T) {
	c := begin(t, "deploy: {approval: {deadline: 2d}}").over(1).moving(nil)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRejected, res.State)
	require.Equal(t, "the deadline", res.Actor)
	require.Contains(t, res.Reason, "no answer within 2d")
	require.Empty(t, c.moves)

	c = begin(t, "deploy: {approval: {deadline: 2d, default: approve}}").over(1).moving(nil)
	res, err = c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Equal(t, "the deadline", res.ApprovedBy)
}

func TestARejectedRolloutSaysByWhom(t *testing.T) {
	c := begin(t, deployAll).over(1).moving(nil)
	var reject, late *told
	c.RegisterDelayedCallback(func() {
		reject = c.update(UpdateReject, ana("not before the audit"))
		late = c.update(UpdateApprove, ana("but I say yes"))
	}, time.Minute)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRejected, res.State)
	require.Equal(t, "rejected by ana: not before the audit", res.Reason)
	require.True(t, reject.done)
	require.Equal(t, metadata.RolloutRejected, reject.status.State)
	require.ErrorContains(t, late.rejected, "does not wait for approval")
	require.Empty(t, c.moves)
}

func TestOrdersThatCannotBeFollowedAreRefused(t *testing.T) {
	c := begin(t, "deploy: {canary: {}}").over(1).moving(nil)
	var refused []*told
	c.RegisterDelayedCallback(func() {
		for _, o := range []Order{{Actor: "ana"}, {Reason: "x"}, {Actor: " ", Reason: "x"}, {Actor: "ana", Reason: strings.Repeat("x", 2000)}} {
			refused = append(refused, c.update(UpdateRollBack, o))
		}
		refused = append(refused, c.update(UpdateApprove, ana("yes")), c.update(UpdateReject, ana("no")))
	}, time.Minute)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	require.Len(t, refused, 6)
	for _, x := range refused {
		require.Error(t, x.rejected)
	}
}

// Whatever it is doing, it is taken back, or promoted, when somebody says so.
func TestOrdersAreFollowedInEveryState(t *testing.T) {
	states := map[string]time.Duration{"approval": time.Minute, "shadow": 70 * time.Minute, "canary": 125 * time.Minute, "second canary": 24 * time.Hour}
	for name, at := range states {
		for _, update := range []string{UpdateRollBack, UpdatePromote} {
			t.Run(update+" in "+name, func(t *testing.T) {
				c := begin(t, deployAll).over(1).moving(nil).replaying(rollout.Replayed{Rows: 1})
				began := c.Now()
				var x *told
				if name != "approval" {
					c.RegisterDelayedCallback(func() { c.update(UpdateApprove, ana("yes")) }, time.Hour)
				}
				c.RegisterDelayedCallback(func() { x = c.update(update, Order{Actor: "bob", Reason: "I say so"}) }, at)
				res, err := c.run()
				require.NoError(t, err)
				require.Less(t, c.Now().Sub(began), at+time.Second)
				require.True(t, x.done)
				require.Equal(t, res.State, x.status.State)
				if update == UpdateRollBack {
					require.Equal(t, metadata.RolloutRolledBack, res.State)
					require.Equal(t, "rolled back by bob: I say so", res.Reason)
					require.NotContains(t, strings.Join(c.moves, ","), "live true")
					return
				}
				require.Equal(t, metadata.RolloutLive, res.State)
				require.Contains(t, c.moves[len(c.moves)-1], "live true")
				require.Equal(t, map[bool]string{true: "bob", false: "ana"}[name == "approval"], res.ApprovedBy)
			})
		}
	}
}

// A server that hangs is not waited for when somebody takes it back.
func TestAMoveThatHangsIsTakenBack(t *testing.T) {
	c := begin(t, "").over(1)
	c.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).After(2*time.Minute).Return(&activities.MoveRolloutResult{Revision: 8}, nil)
	began := c.Now()
	c.RegisterDelayedCallback(func() { c.update(UpdateRollBack, ana("it hangs")) }, time.Second)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRolledBack, res.State)
	require.Less(t, c.Now().Sub(began), 3*time.Second)
}

func TestAWorseVersionIsTakenBackByItself(t *testing.T) {
	c := begin(t, deployAll[:strings.Index(deployAll, "  approval")]+deployAll[strings.Index(deployAll, "  shadow"):]).over(1).moving(nil)
	c.seen = func(look int) rollout.Comparison {
		v := rollout.Comparison{Candidate: rollout.Figures{Rows: 500}, Champion: rollout.Figures{Rows: 500}}
		if look == 15 { // in the first canary
			v.Breach = "error rate 0.2 against 0"
			v.Checks = []rollout.Check{{Name: "error rate", Candidate: 0.2, Bound: "champion + 0.01", Breached: true}}
		}
		return v
	}
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRolledBack, res.State)
	require.Equal(t, "rollout", res.Actor)
	require.Contains(t, res.Reason, "error rate 0.2 against 0")
	require.Contains(t, res.Details, "**too bad**")
	require.Equal(t, 15, c.looks)
	require.NotContains(t, strings.Join(c.moves, ","), "live true")
}

func TestAReplayThatDiffersTooMuchMovesNothing(t *testing.T) {
	c := begin(t, "deploy: {replay: {}}").over(1).moving(nil).replaying(rollout.Replayed{Rows: 10, Refused: 5, Breach: "5 of 10 rows are refused"})
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRolledBack, res.State)
	require.Contains(t, res.Reason, "because of the replay: 5 of 10 rows are refused")
	require.Empty(t, c.moves)
}

func TestTooLittleTrafficIsSaidAndDecidedUpon(t *testing.T) {
	few := rollout.Comparison{Insufficient: "insufficient traffic: 3 rows of the candidate, 100 are needed"}
	for rule, want := range map[string]metadata.RolloutState{"proceed": metadata.RolloutLive, "rollback": metadata.RolloutRolledBack, "wait, wait: 3h": metadata.RolloutRolledBack} {
		c := begin(t, "deploy: {canary: {steps: [{share: 0.1, for: 10m}]}, rollback: {on_insufficient: "+rule+"}}").over(1).moving(nil)
		c.seen = func(int) rollout.Comparison { return few }
		began := c.Now()
		res, err := c.run()
		require.NoError(t, err)
		require.Equal(t, want, res.State, rule)
		require.Contains(t, res.Details, "insufficient traffic")
		if strings.HasPrefix(rule, "wait") {
			require.GreaterOrEqual(t, c.Now().Sub(began), 3*time.Hour)
		}
	}
	c := begin(t, "deploy: {canary: {steps: [{share: 0.1, for: 10m}]}, rollback: {on_insufficient: wait}}").over(1).moving(nil)
	c.seen = func(look int) rollout.Comparison {
		if look < 40 {
			return few
		}
		return rollout.Comparison{}
	}
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State, "there was enough in the end")
	require.Equal(t, 40, c.looks)
}

func TestANewerRolloutEndsTheOlder(t *testing.T) {
	c := begin(t, "deploy: {canary: {}}").over(1).moving(nil)
	c.RegisterDelayedCallback(func() { c.SignalWorkflow(SignalSuperseded, "test/rollout/2") }, time.Minute)
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutSuperseded, res.State)
	require.Equal(t, "superseded by test/rollout/2", res.Reason)
}

func TestTheOlderIsToldThatItIsSuperseded(t *testing.T) {
	c := begin(t, "").moving(nil)
	c.OnActivity(a.BeginRollout, mock.Anything, mock.Anything).Return(&activities.BeginRolloutResult{Superseded: "test/rollout/0", Baseline: "test@1", BaselineVersion: 1}, nil)
	c.OnSignalExternalWorkflow(mock.Anything, "test/rollout/0", "", SignalSuperseded, mock.Anything).Return(nil).Once()
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutLive, res.State)
	c.AssertExpectations(t)
}

// The rollout ended in the database, by hand or by a newer one: what is there is right.
func TestARolloutThatWasEndedElsewhereSaysHow(t *testing.T) {
	c := begin(t, "").over(1)
	c.OnActivity(a.MoveRollout, mock.Anything, mock.Anything).Return(nil, temporal.NewNonRetryableApplicationError("it changes nothing", string(fault.RolloutEnded), nil))
	c.was = &activities.EndRolloutResult{State: metadata.RolloutRolledBack, Actor: "ana", Reason: "by hand"}
	res, err := c.run()
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRolledBack, res.State)
	require.Equal(t, "ana", res.Actor)
}

func TestACancelledRolloutPutsTheEndpointBack(t *testing.T) {
	c := begin(t, "deploy: {canary: {}}").over(1).moving(nil)
	c.RegisterDelayedCallback(c.CancelWorkflow, time.Minute)
	_, err := c.run()
	require.Error(t, err)
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, metadata.RolloutCancelled, c.ended.State)
}

func TestARolloutIsNamedAfterItsRun(t *testing.T) {
	require.Equal(t, "flights/rollout/2026-11-23T03-00Z-7c1f", RolloutID("flights", "flights/run/2026-11-23T03-00Z-7c1f"))
	require.Equal(t, "flights/rollout/late-2026-11-23T03-00Z-7c1f", RolloutID("flights", "late/run/2026-11-23T03-00Z-7c1f"))
	require.Equal(t, "flights/rollout/by-hand-3", RolloutID("flights", "by/hand/3"))
}

// While requests of the past are replayed, too: what the activity may still come to is
// not waited for.
func TestOrdersAreFollowedDuringAReplay(t *testing.T) {
	for _, update := range []string{UpdateRollBack, UpdatePromote} {
		c := begin(t, "deploy: {replay: {requests: 10}, canary: {}}").over(1).moving(nil)
		c.OnActivity(a.Replay, mock.Anything, mock.Anything).After(time.Hour).Return(&rollout.Replayed{Rows: 10}, nil)
		began := c.Now()
		var x *told
		c.RegisterDelayedCallback(func() { x = c.update(update, Order{Actor: "bob", Reason: "I say so"}) }, time.Minute)
		res, err := c.run()
		require.NoError(t, err)
		require.Less(t, c.Now().Sub(began), time.Minute+time.Second)
		require.True(t, x.done)
		require.Equal(t, res.State, x.status.State)
		require.Equal(t, "cancelled", res.Steps[0].State)
		if update == UpdateRollBack {
			require.Equal(t, metadata.RolloutRolledBack, res.State)
			require.Empty(t, c.moves)
			continue
		}
		require.Equal(t, metadata.RolloutLive, res.State)
		require.Equal(t, []string{"8 canary 0 shadow 0 live true"}, c.moves)
		require.Equal(t, "skipped", res.Steps[1].State)
	}
}
