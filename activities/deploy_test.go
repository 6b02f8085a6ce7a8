package activities

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// site is an endpoint on a real database, with model versions 1 and 2.
type site struct {
	*Activities
	env *testsuite.TestActivityEnvironment
}

func newSite(t *testing.T) *site {
	t.Helper()
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir()})
	require.NoError(t, err)
	for i := range 2 {
		id := fmt.Sprintf("run-%d", i+1)
		_, _, err := acts.DB.StartRun(t.Context(), metadata.StartRun{ID: id, Pipeline: "p", Trigger: "manual"})
		require.NoError(t, err)
		_, err = acts.DB.RegisterModel(t.Context(), metadata.RegisterModel{
			Name: "p", Run: id, Bundle: artifact.Ref{Digest: artifact.DigestOf([]byte(id)), Size: 5, MediaType: artifact.MediaTypeBundle},
		})
		require.NoError(t, err)
	}
	var suite testsuite.WorkflowTestSuite
	s := &site{Activities: acts, env: suite.NewTestActivityEnvironment()}
	s.env.RegisterActivity(acts)
	return s
}

// beginning opens a rollout of a version; its id is "rollout-VERSION".
func beginning(version int, champion string) BeginRolloutParams {
	p := BeginRolloutParams{Run: Run{ID: fmt.Sprintf("run-%d", version), Pipeline: "p"}, Rollout: fmt.Sprintf("rollout-%d", version), Endpoint: "e", Model: "p", Version: version, State: metadata.RolloutPromotion}
	if champion != "" {
		p.Champion = artifact.DigestOf([]byte(champion))
	}
	return p
}

func promotion(version int) MoveRolloutParams {
	return MoveRolloutParams{Run: Run{ID: fmt.Sprintf("run-%d", version), Pipeline: "p"}, Rollout: fmt.Sprintf("rollout-%d", version), Endpoint: "e", Seq: 1, State: metadata.RolloutPromotion, Live: true, Reason: "better"}
}

func ended(version int, state metadata.RolloutState) EndRolloutParams {
	return EndRolloutParams{Run: Run{ID: fmt.Sprintf("run-%d", version), Pipeline: "p"}, Rollout: fmt.Sprintf("rollout-%d", version), State: state, Actor: "rollout", Reason: "better"}
}

// act runs an activity as Temporal would.
func act[R, P any](t *testing.T, s *site, activity func(context.Context, P) (*R, error), p P) (R, error) {
	t.Helper()
	var res R
	value, err := s.env.ExecuteActivity(activity, p)
	if err != nil {
		return res, err
	}
	return res, value.Get(&res)
}

// deploy rolls a version out.
func (s *site) deploy(t *testing.T, version int, champion string) {
	t.Helper()
	_, err := act(t, s, s.BeginRollout, beginning(version, champion))
	require.NoError(t, err)
	_, err = act(t, s, s.MoveRollout, promotion(version))
	require.NoError(t, err)
	_, err = act(t, s, s.EndRollout, ended(version, metadata.RolloutLive))
	require.NoError(t, err)
}

func (s *site) live(t *testing.T) int {
	t.Helper()
	e, err := s.DB.Endpoint(t.Context(), "e")
	require.NoError(t, err)
	if e.Live == nil {
		return 0
	}
	return e.Live.ModelVersion
}

func TestADeploymentIsDoneOnceHoweverOftenItIsTried(t *testing.T) {
	s := newSite(t)
	for range 3 {
		_, err := act(t, s, s.BeginRollout, beginning(1, ""))
		require.NoError(t, err)
	}
	for range 3 {
		res, err := act(t, s, s.MoveRollout, promotion(1))
		require.NoError(t, err)
		require.EqualValues(t, 1, res.Revision)
	}
	for range 3 {
		res, err := act(t, s, s.EndRollout, ended(1, metadata.RolloutLive))
		require.NoError(t, err)
		require.Equal(t, metadata.RolloutLive, res.State)
		require.Equal(t, "revision 1; no prediction server is running", res.Figure)
	}
	require.Equal(t, 1, s.live(t))
	aliases, err := s.DB.Aliases(t.Context(), "p")
	require.NoError(t, err)
	require.Len(t, aliases, 1)
	require.Equal(t, "champion", aliases[0].Alias)
	require.Equal(t, 1, aliases[0].Version)
	history, err := s.DB.AliasHistory(t.Context(), "p", "champion")
	require.NoError(t, err)
	require.Len(t, history, 1, "an alias that does not move has no history")
	steps, err := s.DB.Steps(t.Context(), "run-1")
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Equal(t, "deploy", steps[0].Step)
	require.Equal(t, metadata.StepCompleted, steps[0].State)
}

func TestALateDeploymentChangesNothing(t *testing.T) {
	s := newSite(t)
	s.deploy(t, 1, "")
	_, err := act(t, s, s.BeginRollout, beginning(2, "")) // decided before the first was seen
	require.ErrorContains(t, err, string(fault.EndpointConflict))
	require.Equal(t, 1, s.live(t))
}

// The activity's parameters were made before the other rollout began; a worker that
// was cut off takes them up afterwards.
func TestAZombieDeployerChangesNothing(t *testing.T) {
	s := newSite(t)
	_, err := act(t, s, s.BeginRollout, beginning(1, ""))
	require.NoError(t, err)
	zombie := promotion(1)
	begun, err := act(t, s, s.BeginRollout, beginning(2, ""))
	require.NoError(t, err)
	require.Equal(t, "rollout-1", begun.Superseded)
	for range 2 { // while the other is under way, and when it is live
		_, err = act(t, s, s.MoveRollout, zombie)
		require.ErrorContains(t, err, "superseded by rollout-2: it changes nothing")
		_, err = act(t, s, s.MoveRollout, promotion(2))
		require.NoError(t, err)
	}
	_, err = act(t, s, s.EndRollout, ended(2, metadata.RolloutLive))
	require.NoError(t, err)
	_, err = act(t, s, s.MoveRollout, zombie)
	require.ErrorContains(t, err, string(fault.RolloutEnded))
	res, err := act(t, s, s.EndRollout, ended(1, metadata.RolloutFailed))
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutSuperseded, res.State)
	require.Equal(t, 2, s.live(t))
}

func TestADeploymentWaitsForEveryLiveServer(t *testing.T) {
	s := newSite(t)
	server := metadata.Server{ID: "a", Address: "http://a", Started: time.Now()}
	require.NoError(t, s.DB.Heartbeat(t.Context(), server))
	answered := time.Now()
	require.NoError(t, s.DB.ReportRevision(t.Context(), metadata.RevisionReport{Server: "a", Endpoint: "e", Revision: 1, State: metadata.ServerLive, AnsweredAt: &answered}))
	_, err := act(t, s, s.BeginRollout, beginning(1, ""))
	require.NoError(t, err)
	res, err := act(t, s, s.MoveRollout, promotion(1))
	require.NoError(t, err)
	require.Equal(t, 1, res.Servers)
}

func TestAServerThatCannotLoadFailsTheDeployment(t *testing.T) {
	s := newSite(t)
	require.NoError(t, s.DB.Heartbeat(t.Context(), metadata.Server{ID: "a", Address: "http://a", Started: time.Now()}))
	require.NoError(t, s.DB.ReportRevision(t.Context(), metadata.RevisionReport{Server: "a", Endpoint: "e", Revision: 1, State: metadata.ServerFailed, Error: "golden row 3"}))
	_, err := act(t, s, s.BeginRollout, beginning(1, ""))
	require.NoError(t, err)
	_, err = act(t, s, s.MoveRollout, promotion(1))
	require.ErrorContains(t, err, "http://a could not load the bundle: golden row 3")
}

func TestServersThatHaveNotAnsweredAreNamed(t *testing.T) {
	at := time.Now()
	waiting, err := unanswered(
		[]metadata.Server{{ID: "a", Address: "http://a"}, {ID: "b", Address: "http://b"}, {ID: "c", Address: "http://c"}},
		[]metadata.RevisionReport{{Server: "a", State: metadata.ServerLive, AnsweredAt: &at}, {Server: "b", State: metadata.ServerLoading}},
	)
	require.NoError(t, err)
	require.Equal(t, []string{"http://b", "http://c"}, waiting)
}

func TestARolloutThatFailsPutsBackWhatWasLive(t *testing.T) {
	s := newSite(t)
	s.deploy(t, 1, "")
	_, err := act(t, s, s.BeginRollout, beginning(2, "run-1"))
	require.NoError(t, err)
	_, err = act(t, s, s.MoveRollout, promotion(2))
	require.NoError(t, err)
	for range 2 { // an end may be tried again, too
		res, err := act(t, s, s.EndRollout, ended(2, metadata.RolloutFailed))
		require.NoError(t, err)
		require.EqualValues(t, 3, res.Revision)
	}
	require.Equal(t, 1, s.live(t))
	// Tried again under its name, it begins anew; what is left of the first try is late.
	first := promotion(2)
	begun, err := act(t, s, s.BeginRollout, beginning(2, "run-1"))
	require.NoError(t, err)
	require.Equal(t, 1, begun.Seq)
	_, err = act(t, s, s.MoveRollout, first)
	require.NoError(t, err)
	require.Equal(t, 1, s.live(t), "it was made already, and taken back")
	again := promotion(2)
	again.Seq = begun.Seq + 1
	_, err = act(t, s, s.MoveRollout, again)
	require.NoError(t, err)
	require.Equal(t, 2, s.live(t))
}
