package activities

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// echo is the result of a step that stores its input again.
type echo struct {
	Outcome
	Out artifact.Ref `json:"out"`
}

func (r *echo) outputs() metadata.Outputs { return metadata.Outputs{"out": r.Out} }

// shop is a step on a real store and a real database.
type shop struct {
	*Activities
	env      *testsuite.TestActivityEnvironment
	computed int
	fail     error
}

func newShop(t *testing.T) *shop {
	t.Helper()
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir()})
	require.NoError(t, err)
	_, claimed, err := acts.DB.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	require.True(t, claimed)
	s := &shop{Activities: acts}
	var suite testsuite.WorkflowTestSuite
	s.env = suite.NewTestActivityEnvironment()
	s.env.RegisterActivity(s.Echo)
	return s
}

type echoParams struct {
	Run  Run
	Text string
}

// Echo is the activity under test.
func (s *shop) Echo(ctx context.Context, p echoParams) (*echo, error) {
	in := artifact.Ref{Digest: artifact.DigestOf([]byte("in")), Size: 2, MediaType: artifact.MediaTypeJSON}
	return perform(ctx, s.Activities, step{run: p.Run, name: "echo", version: 1, params: p.Text, inputs: []artifact.Ref{in}}, &echo{},
		func(ctx context.Context, dir string, res *echo) (err error) {
			s.computed++
			if s.fail != nil {
				return s.fail
			}
			res.Figure = "said " + p.Text
			res.Out, err = s.Store.PutBytes(ctx, []byte(p.Text), artifact.MediaTypeJSON)
			return err
		})
}

func (s *shop) do(t *testing.T, run Run, text string) (*echo, error) {
	t.Helper()
	run.ID = "r"
	value, err := s.env.ExecuteActivity(s.Echo, echoParams{Run: run, Text: text})
	if err != nil {
		return nil, err
	}
	var res echo
	require.NoError(t, value.Get(&res))
	return &res, nil
}

func TestEqualWorkIsDoneOnce(t *testing.T) {
	s := newShop(t)
	first, err := s.do(t, Run{}, "hello")
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, first.Cache)
	second, err := s.do(t, Run{}, "hello")
	require.NoError(t, err)
	require.Equal(t, metadata.CacheHit, second.Cache)
	require.Equal(t, first.Out, second.Out)
	require.Equal(t, "said hello", second.Figure, "a hit tells what the step told")
	require.Equal(t, 1, s.computed)
	other, err := s.do(t, Run{}, "another")
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, other.Cache)
	require.NotEmpty(t, other.CacheReason)
}

func TestTheCacheCanBeOverridden(t *testing.T) {
	s := newShop(t)
	_, err := s.do(t, Run{}, "x")
	require.NoError(t, err)
	for _, run := range []Run{{NoCache: true}, {Refresh: []string{"echo"}}} {
		res, err := s.do(t, run, "x")
		require.NoError(t, err)
		require.NotEqual(t, metadata.CacheHit, res.Cache)
		require.NotEmpty(t, res.CacheReason)
	}
	require.Equal(t, 3, s.computed)
	res, err := s.do(t, Run{Refresh: []string{"split"}}, "x")
	require.NoError(t, err)
	require.Equal(t, metadata.CacheHit, res.Cache, "another step's refresh is not ours")
}

func TestAHitNeedsItsOutputs(t *testing.T) {
	s := newShop(t)
	res, err := s.do(t, Run{}, "x")
	require.NoError(t, err)
	// The cache row outlives the bucket: a store of another bucket has nothing.
	s.Store = testenv.Store(t)
	again, err := s.do(t, Run{}, "x")
	require.NoError(t, err)
	require.Equal(t, metadata.CacheMiss, again.Cache)
	require.Contains(t, again.CacheReason, "gone from the store")
	require.Equal(t, res.Out, again.Out)
	there, err := s.Store.Exists(t.Context(), again.Out)
	require.NoError(t, err)
	require.True(t, there)
}

func TestAStepLeavesItsRowAndItsLineage(t *testing.T) {
	s := newShop(t)
	res, err := s.do(t, Run{}, "x")
	require.NoError(t, err)
	steps, err := s.DB.Steps(t.Context(), "r")
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Equal(t, metadata.StepCompleted, steps[0].State)
	require.Equal(t, "said x", steps[0].Figure)
	require.Equal(t, res.Out, steps[0].Outputs["out"])
	var inputs []string
	rows, err := s.DB.Pool().Query(t.Context(), `select input from lineage where output = $1`, res.Out.Digest)
	require.NoError(t, err)
	for rows.Next() {
		var in string
		require.NoError(t, rows.Scan(&in))
		inputs = append(inputs, in)
	}
	require.Equal(t, []string{artifact.DigestOf([]byte("in"))}, inputs)
}

func TestAFailureHasTheTypeOfItsKind(t *testing.T) {
	for _, c := range []struct {
		fail  error
		kind  string
		retry bool
	}{
		{fault.New(fault.ColumnMissing, "no column %q", "x").WithRemedy("name another").WithDetails(map[string]int{"row": 3}), "ColumnMissing", false},
		{fault.New(fault.StoreUnavailable, "no answer"), "StoreUnavailable", true},
		{io.ErrUnexpectedEOF, "Internal", true},
	} {
		s := newShop(t)
		s.fail = c.fail
		_, err := s.do(t, Run{}, "x")
		var app *temporal.ApplicationError
		require.True(t, errors.As(err, &app))
		require.Equal(t, c.kind, app.Type())
		require.Equal(t, c.retry, !app.NonRetryable())
		steps, err := s.DB.Steps(t.Context(), "r")
		require.NoError(t, err)
		require.Equal(t, metadata.StepFailed, steps[0].State)
		require.Contains(t, steps[0].ErrorMessage, c.fail.Error())
		// Nothing is remembered of a failure.
		s.fail = nil
		res, err := s.do(t, Run{}, "x")
		require.NoError(t, err)
		require.Equal(t, metadata.CacheMiss, res.Cache)
	}
}

func TestDetailsOfAnErrorTravel(t *testing.T) {
	s := newShop(t)
	s.fail = fault.New(fault.SourceUnreadable, "line 7 of a.csv").WithRemedy("repair the line").WithDetails(map[string]int{"line": 7})
	_, err := s.do(t, Run{}, "x")
	var app *temporal.ApplicationError
	require.True(t, errors.As(err, &app))
	var details struct {
		Message, Remedy string
		Details         map[string]int
	}
	require.NoError(t, app.Details(&details))
	require.Equal(t, "repair the line", details.Remedy)
	require.Equal(t, 7, details.Details["line"])
}
