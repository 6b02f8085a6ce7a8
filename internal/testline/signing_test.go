package testline_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// packaged is what the package step of a run came to.
func packaged(t *testing.T, l *testline.Line, run string) (res activities.PackageResult) {
	t.Helper()
	require.NoError(t, l.Pool().QueryRow(t.Context(), `select result from step_cache where run = $1 and step = 'package'`, run).Scan(&res))
	return res
}

// Where signatures are asked for, what a worker signs goes all the way, in a server of
// its own first; what nobody trusted signed is refused with the reason, wherever it is
// opened, and what is live stays.
func TestSignedBundlesGoAllTheWayAndOthersNone(t *testing.T) {
	l := testline.New(t)
	dir := t.TempDir()
	var key, other struct{ ID, Private, Public string }
	l.JSON(testline.ExitDone, &key, "keys", "generate", "--out", dir, "--name", "release")
	l.JSON(testline.ExitDone, &other, "keys", "generate", "--out", filepath.Join(dir, "other"))
	signs, trusts := "ESTEIRA_SIGNING_KEY=file:"+key.Private, "ESTEIRA_TRUSTED_KEYS="+key.Public
	l.StartWorker(signs, trusts)
	l.StartServer(trusts)
	name := testenv.Name(t)
	first := l.Run(testline.ExitDone, l.Example("penguins/penguins.yaml", name))
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	made := packaged(t, l, first.Run)
	require.Equal(t, key.ID, made.SignedBy)
	require.Positive(t, made.Proof.Rows)
	require.Positive(t, made.Proof.Memory)
	require.Contains(t, first.Step("package").Figure, " golden rows served, p50 ")

	// Again without the cache: the same key gives the same bytes, and no key the same
	// model.
	pool := l.Pool()
	var o testline.Outcome
	for _, env := range [][]string{{signs, trusts}, {}} {
		_, err := pool.Exec(t.Context(), `truncate step_cache`)
		require.NoError(t, err)
		l.KillWorker()
		l.StartWorker(env...)
		l.JSON(testline.ExitDone, &o, "reproduce", first.Run)
		require.Equal(t, workflows.DecisionReproduced, o.Decision, o.Reason)
		require.Equal(t, len(env) > 0, first.Result.Bundle == o.Result.Bundle)
	}

	// A worker that asks for signatures and makes none, one whose key nobody trusts, and
	// one whose key is not there: their runs fail, each with the reason.
	for _, c := range []struct {
		env  []string
		says string
	}{
		{[]string{trusts}, "it is not signed"},
		{[]string{trusts, "ESTEIRA_SIGNING_KEY=file:" + other.Private}, "which is not trusted here"},
		{[]string{trusts, "ESTEIRA_SIGNING_KEY=env:ESTEIRA_NO_SUCH_KEY"}, "env:ESTEIRA_NO_SUCH_KEY is empty here"},
	} {
		l.KillWorker()
		l.StartWorker(c.env...)
		failed := l.Run(testline.ExitFailed, l.Example("penguins/penguins.yaml", name, "C: [0.1, 1, 10]", "C: [0.1, 1, 11]"))
		require.Contains(t, failed.Reason, c.says)
	}

	// A worker that trusts others than signed what is live does not compare with it.
	l.KillWorker()
	l.StartWorker("ESTEIRA_SIGNING_KEY=file:"+other.Private, "ESTEIRA_TRUSTED_KEYS="+other.Public)
	failed := l.Run(testline.ExitFailed, l.Example("penguins/penguins.yaml", name, "C: [0.1, 1, 10]", "C: [0.1, 1, 12]"))
	require.Contains(t, failed.Reason, "which is not trusted here")

	// One that asks for nothing deploys what the server refuses, which says why and
	// answers as before.
	l.KillWorker()
	l.StartWorker()
	failed = l.Run(testline.ExitFailed, l.Example("penguins/penguins.yaml", name, "C: [0.1, 1, 10]", "C: [0.1, 1, 13]"))
	require.Contains(t, failed.Reason, "it is not signed")
	r, err := l.DB.Rollout(t.Context(), failed.Run)
	require.NoError(t, err)
	require.Equal(t, metadata.RolloutFailed, r.State)
	require.Contains(t, r.Reason, "it is not signed")
	require.NotNil(t, r.Finished)
	require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", `{"records":[{"island":"Dream","beak_length_mm":40,"beak_depth_mm":18,"flipper_length_mm":190,"body_mass_g":3700,"sex":null}]}`, nil))
	require.Equal(t, 1, testline.Count(t, pool, `select r.model_version from endpoints e join revisions r on r.endpoint = e.name and r.revision = e.revision where e.name = $1`, name))

	// A worker that asks for signatures scores nothing by it, and who asks for them does
	// not even begin to roll it out.
	l.KillWorker()
	l.StartWorker(trusts)
	rows := l.File(dir, "asked.csv", "island,beak_length_mm,beak_depth_mm,flipper_length_mm,body_mass_g,sex\nDream,40,18,190,3700,male\n")
	refused := score(l, testline.ExitFailed, name+"@2", rows, filepath.Join(dir, "out.csv"))
	require.Equal(t, fault.SignatureInvalid, refused.Error.Kind, refused.Error.Message)
	require.NoFileExists(t, filepath.Join(dir, "out.csv"))
	score(l, testline.ExitDone, name+"@1", rows, filepath.Join(dir, "out.csv"))
	l.SetEnv(trusts)
	_, errs, code := l.CLI("rollouts", "start", name+"@2", name, "--reason", "it is better")
	require.Equal(t, testline.ExitFailed, code)
	require.Contains(t, errs, "it is not signed")
	l.SetEnv("ESTEIRA_TRUSTED_KEYS=")

	// The key on a server is looked at when a bundle is loaded; without any, it does not
	// even start.
	require.NoError(t, os.Remove(key.Public))
	_, errs, code = l.CLI("models", "verify", name+"@1")
	require.Equal(t, testline.ExitDone, code, errs)
	l.SetEnv(trusts)
	_, errs, code = l.CLI("models", "verify", name+"@1")
	require.Equal(t, testline.ExitUsage, code)
	require.Contains(t, errs, "release.pub")
}
