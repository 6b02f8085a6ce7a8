package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// rolling is a database with version 1 live on endpoint "flights" and version 2 as
// the canary of an open rollout, whose workflow there is not.
func rolling(t *testing.T) (*metadata.DB, string) {
	t.Helper()
	p := isolated(t)
	ctx := t.Context()
	id := testenv.Name(t) + "/rollout/1"
	for _, name := range []string{"one", "two"} {
		_, err := p.DB.RegisterModel(ctx, metadata.RegisterModel{Name: "flights", Run: "r", Bundle: artifact.Ref{Digest: artifact.DigestOf([]byte(name)), Size: 3, MediaType: artifact.MediaTypeBundle}})
		require.NoError(t, err)
	}
	_, err := p.DB.SetRevision(ctx, metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: 1, Run: "r", Actor: "run", Reason: "better"})
	require.NoError(t, err)
	_, _, err = p.DB.BeginRollout(ctx, metadata.BeginRollout{
		ID: id, Endpoint: "flights", Run: "flights/run/2", ModelName: "flights", ModelVersion: 2, Champion: artifact.DigestOf([]byte("one")), State: metadata.RolloutCanary, Step: "canary of 10 %",
	})
	require.NoError(t, err)
	_, err = p.DB.MoveRollout(ctx, metadata.MoveRollout{ID: id, Seq: 1, State: metadata.RolloutCanary, Step: "canary of 10 %", Canary: 0.1, Reason: "canary", Evidence: map[string]int{"rows": 7}})
	require.NoError(t, err)
	return p.DB, id
}

// The workflow does not answer: the endpoint is put back without it.
func TestARollbackNeedsNoWorkflow(t *testing.T) {
	db, id := rolling(t)
	res := decoded[rolledBack](t, exitDone, "rollback", "flights", "--reason", "complaints", "--actor", "ana")
	require.Equal(t, id, res.Rollout)
	require.Equal(t, 1, res.Revision.ModelVersion)
	require.Nil(t, res.Revision.Canary)
	r, err := db.Rollout(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutRolledBack, r.State)
	require.Equal(t, "ana", r.Actor)

	// With none under way, what is live is taken back.
	_, errs, code := esteira(t, "endpoints", "rollback", "flights", "--reason", "again")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "nothing good was live on endpoint flights before")
	_, err = db.SetRevision(t.Context(), metadata.SetRevision{Endpoint: "flights", Expected: 3, ModelName: "flights", ModelVersion: 2, Actor: "run"})
	require.NoError(t, err)
	res = decoded[rolledBack](t, exitDone, "endpoints", "rollback", "flights", "--reason", "again")
	require.Equal(t, 1, res.Revision.ModelVersion)
	require.EqualValues(t, 4, res.Revision.TakesBack)
	require.Empty(t, res.Rollout)
}

// The workflow does not answer: the version is live without it, and the history says so.
func TestAPromotionNeedsNoWorkflow(t *testing.T) {
	for _, flags := range [][]string{nil, {"--directly"}} {
		db, id := rolling(t)
		res := decoded[promoted](t, exitDone, append([]string{"promote", "flights", "--reason", "it is urgent", "--actor", "ana"}, flags...)...)
		require.True(t, res.Directly)
		require.Equal(t, metadata.RolloutLive, res.State)
		require.EqualValues(t, 3, res.Revision)
		r, err := db.Rollout(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, metadata.RolloutLive, r.State)
		require.Equal(t, "ana", r.Actor)
		history := decoded[[]served](t, exitDone, "endpoints", "history", "flights")
		require.Len(t, history, 3)
		require.Equal(t, "ana", history[0].Revision.Actor)
		require.Equal(t, "it is urgent", history[0].Revision.Reason)
		require.JSONEq(t, `{"directly": {"state": "canary", "step": "canary of 10 %"}}`, string(history[0].Revision.Evidence))
		_, errs, code := esteira(t, "promote", "flights", "--reason", "again")
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, "nothing is being rolled out")
	}
}

func TestOrdersToWhatIsNotThere(t *testing.T) {
	_, id := rolling(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"promote", "nowhere"}, "nothing is being rolled out"},
		{[]string{"approve", id}, "is not under way"},
		{[]string{"reject", "flights/run/2"}, "is not under way"},
		{[]string{"approve", "flights/run/9"}, "does not exist"},
		{[]string{"rollback", "nowhere"}, "does not exist"},
	} {
		_, errs, code := esteira(t, append(c.args, "--reason", "x")...)
		require.Equal(t, exitFailed, code, c.args)
		require.Contains(t, errs, c.says, c.args)
	}
	for _, command := range []string{"approve", "reject", "promote", "rollback"} {
		_, errs, code := esteira(t, command, "flights")
		require.Equal(t, exitUsage, code)
		require.Contains(t, errs, "--reason is missing")
	}
}

func TestTheHistoryOfAnEndpointSaysWhatServedThen(t *testing.T) {
	db, id := rolling(t)
	history := decoded[[]served](t, exitDone, "endpoints", "history", "flights")
	require.Len(t, history, 2)
	require.Empty(t, history[0].Until)
	require.NotEmpty(t, history[1].Until)
	first, err := db.Revisions(t.Context(), "flights", 2)
	require.NoError(t, err)
	then := decoded[served](t, exitDone, "endpoints", "history", "flights", "--at", first[1].Created.Format(time.RFC3339Nano))
	require.EqualValues(t, 1, then.Revision.Revision)
	require.Nil(t, then.Rollout)
	now := decoded[served](t, exitDone, "endpoints", "history", "flights", "--at", first[0].Created.Format(time.RFC3339Nano))
	require.EqualValues(t, 2, now.Revision.Revision)
	require.Equal(t, 0.1, now.Revision.Canary.Share)
	require.Equal(t, id, now.Rollout.ID)
	require.JSONEq(t, `{"rows": 7}`, string(now.Revision.Evidence))
	out, _, code := esteira(t, "endpoints", "history", "flights", "--at", first[0].Created.Format(time.RFC3339Nano))
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "flights@1, canary flights@2 10 %")
	_, errs, code := esteira(t, "endpoints", "history", "flights", "--at", "2001-01-01")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "does not exist")

	list := decoded[[]metadata.Rollout](t, exitDone, "rollouts", "list", "--endpoint", "flights")
	require.Len(t, list, 1)
	shown := decoded[shownRollout](t, exitDone, "rollouts", "show", "flights/run/2")
	require.Equal(t, id, shown.Rollout.ID)
	require.Nil(t, shown.Status, "its workflow is not there, and the table says what happened")
	out, _, code = esteira(t, "rollouts", "show", "flights")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "esteira promote flights --reason")
}

func TestAliasesBySomebodysHand(t *testing.T) {
	db, _ := rolling(t)
	decoded[map[string]any](t, exitDone, "models", "alias", "set", "flights@2", "audited", "--reason", "review", "--actor", "ana")
	decoded[map[string]any](t, exitDone, "models", "alias", "remove", "flights", "audited", "--reason", "outdated")
	history := decoded[[]metadata.Alias](t, exitDone, "models", "alias", "history", "flights", "audited")
	require.Len(t, history, 2)
	require.Equal(t, []int{0, 2}, []int{history[0].Version, history[1].Version})
	require.Equal(t, "ana", history[1].Actor)
	require.Equal(t, "review", history[1].Reason)
	aliases, err := db.Aliases(t.Context(), "flights")
	require.NoError(t, err)
	require.Len(t, aliases, 1)
	require.Equal(t, "challenger", aliases[0].Alias)
	for _, args := range [][]string{
		{"set", "flights@2", "champion"}, {"set", "flights", "x"}, {"set", "flights@02", "x"}, {"set", "flights@2", "Not This"}, {"remove", "flights", "challenger"},
	} {
		_, errs, code := esteira(t, append(append([]string{"models", "alias"}, args...), "--reason", "x")...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, errs, "fix:")
	}
	out, _, code := esteira(t, "models", "alias", "set", "flights@9", "audited", "--reason", "x", "--output", "json")
	require.Equal(t, exitFailed, code)
	var failed struct{ Error told }
	require.NoError(t, json.Unmarshal([]byte(out), &failed))
	require.Equal(t, fault.NotFound, failed.Error.Kind)
}
