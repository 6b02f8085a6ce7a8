package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// TuningInput starts a search.
type TuningInput struct {
	Run      activities.Run   `json:"run"`
	Problem  pipeline.Problem `json:"problem"`
	Settings pipeline.Train   `json:"settings"`
	Split    pipeline.Split   `json:"split"` // how the training rows were dealt: folds follow it
	Train    artifact.Ref     `json:"train"`
	Plan     artifact.Ref     `json:"plan"`
}

// TuningResult holds the best trial of each kind, fitted on all training rows.
type TuningResult struct {
	Best   []activities.FittedResult `json:"best"` // in order of trial
	Fits   int                       `json:"fits"`
	Figure string                    `json:"figure"`
	Cache  metadata.Cache            `json:"cache"`
}

// Tuning fits every trial on every fold, chooses the best trial of each kind by
// its mean score over the folds, and fits those on all training rows. The order
// of results never decides: ties go to the earlier trial.
func Tuning(ctx workflow.Context, in TuningInput) (TuningResult, error) {
	t := &tuner{in: in, queues: queuesOf(ctx)}
	trials, err := tuning.Trials(in.Settings, in.Problem.Task)
	if err != nil {
		return TuningResult{}, typed(err)
	}
	scored, err := t.search(ctx, trials)
	if err != nil {
		return TuningResult{}, err
	}
	return t.fit(ctx, scored)
}

type tuner struct {
	in     TuningInput
	queues esteiratemporal.Queues
	done   int
	hits   int
}

// search fits trials × folds. A trial with a single contender of its kind needs
// no folds to be chosen, but its score is wanted in the report all the same.
func (t *tuner) search(ctx workflow.Context, trials []tuning.Trial) ([]tuning.Scored, error) {
	folds := t.in.Settings.Folds
	results := make([]activities.FoldResult, len(trials)*folds)
	err := inParallel(ctx, len(results), func(ctx workflow.Context, i int) error {
		trial, fold := trials[i/folds], i%folds
		p := t.params(trial)
		p.Fold, p.Folds = fold, folds
		summary := fmt.Sprintf("%s, fold %d of %d", trial, fold+1, folds)
		err := workflow.ExecuteActivity(fitting(ctx, t.queues.Train, summary), a.FitFold, p).Get(ctx, &results[i])
		if err == nil {
			t.count(ctx, results[i].Outcome, len(results))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	scored := make([]tuning.Scored, len(trials))
	for i, trial := range trials {
		scored[i].Trial = trial
		for _, r := range results[i*folds : (i+1)*folds] {
			scored[i].Scores = append(scored[i].Scores, r.Scores[t.in.Problem.Metric])
		}
	}
	return scored, nil
}

func (t *tuner) fit(ctx workflow.Context, scored []tuning.Scored) (TuningResult, error) {
	best, err := tuning.Choose(scored, t.in.Problem.Metric)
	if err != nil {
		return TuningResult{}, typed(err)
	}
	res := TuningResult{Best: make([]activities.FittedResult, len(best)), Fits: t.done + len(best)}
	err = inParallel(ctx, len(best), func(ctx workflow.Context, i int) error {
		summary := fmt.Sprintf("%s on all training rows", best[i].Trial)
		err := workflow.ExecuteActivity(fitting(ctx, t.queues.Train, summary), a.Fit, t.params(best[i].Trial)).Get(ctx, &res.Best[i])
		if err == nil && res.Best[i].Cache == metadata.CacheHit {
			t.hits++
		}
		return err
	})
	if err != nil {
		return res, err
	}
	switch {
	case t.hits == res.Fits:
		res.Cache = metadata.CacheHit
	case t.in.Run.NoCache:
		res.Cache = metadata.CacheOff
	default:
		res.Cache = metadata.CacheMiss
	}
	winner := tuning.Best(best, t.in.Problem.Metric)
	res.Figure = fmt.Sprintf("%d fits, %d from cache; best %s, %s %.6g", res.Fits, t.hits, winner.Trial, t.in.Problem.Metric, winner.Mean())
	workflow.SetCurrentDetails(ctx, searchDetails(best, scored, t.in.Problem.Metric, res.Figure))
	return res, nil
}

func (t *tuner) params(trial tuning.Trial) activities.FitParams {
	return activities.FitParams{
		Run: t.in.Run, Problem: t.in.Problem, Train: t.in.Train, Plan: t.in.Plan, Trial: trial, Seed: t.in.Settings.Seed, Split: t.in.Split,
	}
}

func (t *tuner) count(ctx workflow.Context, o activities.Outcome, of int) {
	t.done++
	if o.Cache == metadata.CacheHit {
		t.hits++
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d of %d fits done, %d from cache", t.done, of, t.hits))
}
