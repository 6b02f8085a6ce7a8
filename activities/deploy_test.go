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

func params(version int, expected int64) DeployParams {
	return DeployParams{Run: Run{ID: fmt.Sprintf("run-%d", version), Pipeline: "p"}, Endpoint: "e", Model: "p", Version: version, Expected: expected, Reason: "better"}
}

func (s *site) call(t *testing.T, activity func(context.Context, DeployParams) (*DeployResult, error), p DeployParams) (DeployResult, error) {
	t.Helper()
	value, err := s.env.ExecuteActivity(activity, p)
	if err != nil {
		return DeployResult{}, err
	}
	var res DeployResult
	return res, value.Get(&res)
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
		res, err := s.call(t, s.Deploy, params(1, 0))
		require.NoError(t, err)
		require.EqualValues(t, 1, res.Revision)
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
}

func TestALateDeploymentChangesNothing(t *testing.T) {
	s := newSite(t)
	_, err := s.call(t, s.Deploy, params(1, 0))
	require.NoError(t, err)
	_, err = s.call(t, s.Deploy, params(2, 0)) // decided before the first was seen
	require.ErrorContains(t, err, string(fault.EndpointConflict))
	require.Equal(t, 1, s.live(t))
}

func TestADeploymentWaitsForEveryLiveServer(t *testing.T) {
	s := newSite(t)
	server := metadata.Server{ID: "a", Address: "http://a", Started: time.Now()}
	require.NoError(t, s.DB.Heartbeat(t.Context(), server))
	answered := time.Now()
	require.NoError(t, s.DB.ReportRevision(t.Context(), metadata.RevisionReport{Server: "a", Endpoint: "e", Revision: 1, State: metadata.ServerLive, AnsweredAt: &answered}))
	res, err := s.call(t, s.Deploy, params(1, 0))
	require.NoError(t, err)
	require.Equal(t, 1, res.Servers)
}

func TestAServerThatCannotLoadFailsTheDeployment(t *testing.T) {
	s := newSite(t)
	require.NoError(t, s.DB.Heartbeat(t.Context(), metadata.Server{ID: "a", Address: "http://a", Started: time.Now()}))
	require.NoError(t, s.DB.ReportRevision(t.Context(), metadata.RevisionReport{Server: "a", Endpoint: "e", Revision: 1, State: metadata.ServerFailed, Error: "golden row 3"}))
	_, err := s.call(t, s.Deploy, params(1, 0))
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

func TestRestoringPutsBackWhatWasLive(t *testing.T) {
	s := newSite(t)
	_, err := s.call(t, s.Deploy, params(1, 0))
	require.NoError(t, err)
	_, err = s.call(t, s.Deploy, params(2, 1))
	require.NoError(t, err)
	for range 2 { // a restore may be tried again, too
		_, err = s.call(t, s.Restore, params(2, 1))
		require.NoError(t, err)
		require.Equal(t, 1, s.live(t))
	}
}

func TestRestoringTheFirstDeploymentLeavesNothingLive(t *testing.T) {
	s := newSite(t)
	_, err := s.call(t, s.Deploy, params(1, 0))
	require.NoError(t, err)
	_, err = s.call(t, s.Restore, params(1, 0))
	require.NoError(t, err)
	require.Equal(t, 0, s.live(t))
	res, err := s.call(t, s.Deploy, params(2, 2)) // the next run saw revision 2, with nothing on it
	require.NoError(t, err)
	require.EqualValues(t, 3, res.Revision)
}

func TestRestoringLeavesAloneWhatOthersDeployed(t *testing.T) {
	s := newSite(t)
	_, err := s.call(t, s.Deploy, params(1, 0))
	require.NoError(t, err)
	_, err = s.call(t, s.Restore, params(2, 1)) // run-2 never deployed
	require.NoError(t, err)
	require.Equal(t, 1, s.live(t))
}
