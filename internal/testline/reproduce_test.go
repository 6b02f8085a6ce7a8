package testline_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// A run that one worker made is repeated by two, each with a cache and a number of
// threads of its own: every fit has the same model, whoever makes it.
func TestARunOfOneWorkerIsReproducedByTwo(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	pool := l.Pool()
	first := l.Run(testline.ExitDone, l.Example("cars/cars.yaml", testenv.Name(t)))
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	temporal := testenv.Temporal(t)
	workers := func(run string) int {
		t.Helper()
		made := map[string]bool{}
		for history := temporal.GetWorkflowHistory(t.Context(), run+"/tuning", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
			event, err := history.Next()
			require.NoError(t, err)
			if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
				made[started.GetIdentity()] = true
			}
		}
		return len(made)
	}
	require.Equal(t, 1, workers(first.Run))

	l.KillWorker()
	l.StartWorker("ESTEIRA_THREADS=1", "ESTEIRA_CACHE_DIR="+t.TempDir())
	l.AnotherWorker("ESTEIRA_THREADS=2", "ESTEIRA_CACHE_DIR="+t.TempDir())
	var again testline.Outcome
	l.JSON(testline.ExitDone, &again, "reproduce", first.Run)
	require.Equal(t, workflows.DecisionReproduced, again.Decision, again.Reason)
	require.Equal(t, 2, workers(again.Run), "both make fits")
	require.Equal(t, first.Result.Dataset, again.Result.Dataset)
	require.Equal(t, first.Result.Model, again.Result.Model)
	require.Equal(t, first.Result.Bundle, again.Result.Bundle)
	require.Equal(t, 0, testline.Count(t, pool, `select count(*) from trials a full join trials b on (a.trial, a.fold, a.outer_fold) = (b.trial, b.fold, b.outer_fold)
		and b.run = $2 where a.run = $1 and a.model_digest is distinct from b.model_digest`, first.Run, again.Run), "every fit has the same model")

	// Run and card say which version of the problem this was.
	var shown struct {
		Run struct {
			ProblemVersion int `json:"problem_version"`
		}
		ProblemDigest string `json:"problem_digest"`
	}
	l.JSON(testline.ExitDone, &shown, "runs", "show", first.Run)
	require.Equal(t, 1, shown.Run.ProblemVersion)
	require.Len(t, shown.ProblemDigest, 64)
	card, err := l.Store().Bytes(t.Context(), first.Result.Reports["model card"], 1<<20)
	require.NoError(t, err)
	require.Contains(t, string(card), "- **Version:** 1, "+shown.ProblemDigest+"\n")
	require.Equal(t, first.Result.Reports["model card"], again.Result.Reports["model card"])
}

// A run is repeated from what it recorded, after the cache is gone, by another
// worker with another number of threads, while the pipeline and its endpoint have
// moved on; and the first step that does not come out again is named.
func TestARunIsReproduced(t *testing.T) {
	l := testline.Start(t)
	name := testenv.Name(t)
	first := l.Run(testline.ExitDone, l.Example("penguins/penguins.yaml", name, "C: [0.1, 1, 10]", "C: [0.01]"))
	const gate = "- {metric: accuracy, min: 0.9}"
	file := l.Example("penguins/penguins.yaml", name, gate, gate+"\n    - {max_latency_us: 10000000}") // what no two runs measure alike
	second := l.Run(testline.ExitDone, file)                                                           // compared with the first, now live
	require.Equal(t, workflows.DecisionDeployed, second.Decision, second.Reason)
	require.Equal(t, 0, testline.Count(t, l.Pool(), `select count(*) from trials where error = '' and length(model_digest) <> 64`), "every fit says which model it made")

	pool := l.Pool()
	revisions := testline.Count(t, pool, `select count(*) from revisions`)
	_, err := pool.Exec(t.Context(), `truncate step_cache`)
	require.NoError(t, err)
	l.KillWorker()
	l.StartWorker("ESTEIRA_THREADS=1", "ESTEIRA_CACHE_DIR="+t.TempDir())

	for _, run := range []testline.Outcome{first, second} {
		var o testline.Outcome
		l.JSON(testline.ExitDone, &o, "reproduce", run.Run)
		require.Equal(t, workflows.DecisionReproduced, o.Decision, o.Reason)
		require.Contains(t, o.Reason, "bit for bit")
		require.Equal(t, run.Result.Bundle, o.Result.Bundle)
		require.Equal(t, run.Result.Dataset, o.Result.Dataset)
		for _, s := range o.Steps {
			require.NotEqual(t, "hit", s.Cache, s.Name)
		}
	}
	require.Equal(t, revisions, testline.Count(t, pool, `select count(*) from revisions`), "no endpoint was touched")
	third := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionUnchanged, third.Decision, "a repetition is no part of the history: %s", third.Reason)

	// What is recorded is made wrong, as a build that computes otherwise would.
	_, err = pool.Exec(t.Context(), `update steps set outputs = jsonb_set(outputs, '{features}', (select outputs -> 'test' from steps where run = $1 and step = 'split'))
		where run = $1 and step = 'engineer'`, first.Run)
	require.NoError(t, err)
	var o testline.Outcome
	l.JSON(testline.ExitRejected, &o, "reproduce", first.Run)
	require.Equal(t, workflows.DecisionDiffers, o.Decision)
	require.Contains(t, o.Reason, "engineer: features was")
	_, err = pool.Exec(t.Context(), `update trials set scores = jsonb_set(scores, '{log_loss}', '0.5') where run = $1 and trial = 1 and fold = 0`, second.Run)
	require.NoError(t, err)
	l.JSON(testline.ExitRejected, &o, "reproduce", second.Run)
	require.Contains(t, o.Reason, "trial 1, fold 0: log_loss was 0.5 and is")

	l.JSON(testline.ExitFailed, &o, "reproduce", name+"/run/of-nobody")
	require.Contains(t, o.Reason, "of-nobody")
}
