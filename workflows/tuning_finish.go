package workflows

import (
	"fmt"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// nested repeats the whole search within each outer fold, if that is asked for,
// and returns what each winner came to on the rows its search never saw.
func (t *tuner) nested(ctx workflow.Context) ([]activities.NestedScore, error) {
	n := t.in.Settings.Nested
	if n == 0 {
		return nil, nil
	}
	results := make([]TuningResult, n)
	err := inParallel(ctx, n, func(ctx workflow.Context, k int) error {
		in := t.in
		in.Sofar, in.Outer = nil, &activities.OuterFold{Fold: k, Folds: n}
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            fmt.Sprintf("%s/outer-%d", workflow.GetInfo(ctx).WorkflowExecution.ID, k),
			WaitForCancellation:   true,
			ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:         fmt.Sprintf("the whole search again, within outer fold %d of %d", k+1, n),
			TypedSearchAttributes: temporal.NewSearchAttributes(pipelineAttribute.ValueSet(t.in.Run.Pipeline), stepAttribute.ValueSet("train")),
		})
		return workflow.ExecuteChildWorkflow(ctx, Tuning, in).Get(ctx, &results[k])
	})
	var out []activities.NestedScore
	for _, r := range results {
		if r.Nested != nil {
			out = append(out, *r.Nested)
		}
	}
	return out, err
}

// judgeOuter fits the winner of a search within an outer fold on all rows the
// search could see, and scores it on those it could not.
func (t *tuner) judgeOuter(ctx workflow.Context, best []tuning.Scored) (TuningResult, error) {
	winner := tuning.Best(best, t.in.Problem.Metric)
	p := t.full(winner.Trial)
	p.Watch, p.Fold, p.Folds = nil, t.in.Settings.Rounds(), 1 // a fold after all of the search's own
	var judged activities.FoldResult
	summary := fmt.Sprintf("%s, on the rows of the outer fold", winner.Trial)
	if err := t.fitFold(ctx, p, summary, &judged); err != nil {
		return TuningResult{}, err
	}
	return TuningResult{Nested: &activities.NestedScore{
		Outer: t.in.Outer.Fold, Trial: winner.Trial, Inner: winner.Mean(), Score: judged.Score, Rows: judged.Rows, Failed: judged.Failed,
	}}, nil
}

// finish fits the best of each kind on all training rows, the ensemble of them if
// there is to be one, and draws the search.
func (t *tuner) finish(ctx workflow.Context, best []tuning.Scored, nested []activities.NestedScore) (TuningResult, error) {
	fitted := make([]activities.FittedResult, len(best))
	err := inParallel(ctx, len(best), func(ctx workflow.Context, i int) error {
		summary := fmt.Sprintf("%s on all training rows", best[i].Trial)
		return t.fitAll(ctx, t.full(best[i].Trial), summary, &fitted[i])
	})
	if err != nil {
		return TuningResult{}, err
	}
	fits := len(t.sofar.Scores)/8 + len(fitted)
	if best, fitted, err = t.withoutFailed(best, fitted); err != nil {
		return TuningResult{}, err
	}
	if method := t.in.Settings.Ensemble; method != "" && members(fitted) > 1 {
		made, err := t.ensemble(ctx, fitted)
		if err != nil {
			return TuningResult{}, err
		}
		fitted = append(fitted, made)
		fits++
	}
	res := TuningResult{Best: fitted, Fits: fits, Cache: metadata.CacheMiss}
	for _, f := range fitted {
		if f.Cache == metadata.CacheHit {
			t.sofar.Hits++
		}
	}
	switch {
	case t.sofar.Hits == res.Fits:
		res.Cache = metadata.CacheHit
	case t.in.Run.NoCache:
		res.Cache = metadata.CacheOff
	}
	winner := tuning.Best(best, t.in.Problem.Metric)
	res.Figure = fmt.Sprintf("%d fits, %d from cache; best %s, %s %.6g", res.Fits, t.sofar.Hits, winner.Trial, t.in.Problem.Metric, winner.Mean())
	workflow.SetCurrentDetails(ctx, searchDetails(best, t.engine.Scored(), t.in.Problem.Metric, res.Figure))
	var drawn activities.SearchReportResult
	options := activityOptions(t.queues.Train, long, "draw the search")
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.SearchReport, activities.SearchReportParams{
		Run: t.in.Run, Problem: t.in.Problem, Settings: t.in.Settings, Best: winner.Trial.ID, Nested: nested,
	}).Get(ctx, &drawn)
	res.Report = drawn.Report
	return res, err
}

func (t *tuner) ensemble(ctx workflow.Context, members []activities.FittedResult) (activities.FittedResult, error) {
	p := activities.EnsembleParams{FitParams: t.full(tuning.Trial{ID: len(t.engine.Scored()), Kind: "ensemble"}), Method: t.in.Settings.Ensemble}
	p.Folds, p.Watch = t.in.Settings.Folds, nil
	for _, m := range members {
		if joins(m) {
			p.Members = append(p.Members, m)
		}
	}
	var made activities.FittedResult
	err := workflow.ExecuteActivity(fitting(ctx, t.queues.Train, "join the best of each kind: "+p.Method), a.Ensemble, p).Get(ctx, &made)
	return made, err
}
