package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// PipelineInput starts a run.
type PipelineInput struct {
	Pipeline pipeline.Pipeline `json:"pipeline"`
	BaseDir  string            `json:"base_dir"` // where the sources' relative paths start
	Trigger  string            `json:"trigger"`  // manual, schedule, …
	// Moment is what the run is for: two runs of one pipeline for one moment are
	// one run. A scheduled run takes it from its schedule.
	Moment  *time.Time `json:"moment,omitempty"`
	NoCache bool       `json:"no_cache,omitempty"`
	Refresh []string   `json:"refresh,omitempty"` // steps to compute anew
}

// a types the references to activities; it is never called.
var a *activities.Activities

// Pipeline runs the whole line for one pipeline, from sources to a live
// endpoint. It completes with a decision; it fails only when no decision could
// be reached.
func Pipeline(ctx workflow.Context, in PipelineInput) (PipelineResult, error) {
	l, err := newLine(ctx, in)
	if err != nil {
		return PipelineResult{}, err
	}
	return l.finish(ctx, l.run(ctx))
}

// run is the line. An error that is errDecided ends it with the decision taken.
func (l *line) run(ctx workflow.Context) error {
	if err := l.define(ctx); err != nil {
		return err
	}
	dataset, err := l.collect(ctx)
	if err != nil {
		return err
	}
	verdict, bundle, err := l.make(ctx, dataset)
	if err != nil {
		return err
	}
	return l.deploy(ctx, verdict, bundle)
}

// make is the part of the line that depends on nothing but the dataset and the
// file: from the dataset to a packaged model.
func (l *line) make(ctx workflow.Context, dataset activities.DatasetResult) (verdict activities.EvaluateResult, bundle activities.PackageResult, err error) {
	if err := l.profile(ctx, dataset); err != nil {
		return verdict, bundle, err
	}
	valid, err := l.validate(ctx, dataset)
	if err != nil {
		return verdict, bundle, err
	}
	parts, err := l.split(ctx, valid)
	if err != nil {
		return verdict, bundle, err
	}
	features, err := l.engineer(ctx, parts)
	if err != nil {
		return verdict, bundle, err
	}
	models, err := l.train(ctx, parts, features)
	if err != nil {
		return verdict, bundle, err
	}
	verdict, err = l.evaluate(ctx, parts, models)
	if err != nil {
		return verdict, bundle, err
	}
	bundle, err = l.pack(ctx, dataset, parts, verdict)
	return verdict, bundle, err
}

func (l *line) define(ctx workflow.Context) error {
	res, err := execute[activities.DefineResult](ctx, l, "define", l.queues.Data, short, "define "+l.in.Pipeline.Name, a.Define, activities.DefineParams{
		Run: l.runRef(), Pipeline: l.in.Pipeline, Trigger: l.in.Trigger, Moment: l.in.Moment, At: began(ctx),
	})
	if err != nil {
		return err
	}
	l.result.PipelineDigest, l.result.ProblemVersion, l.artifactURL = res.Digest, res.ProblemVersion, res.ArtifactURL
	if res.Paused != "" {
		return l.decide(DecisionPaused, "retraining was paused by "+res.Paused)
	}
	if res.Busy != "" {
		l.result.Existing = res.Busy
		return l.decide(DecisionSkipped, "run "+res.Busy+" is retraining this pipeline, one at a time")
	}
	if res.Existing == "" {
		return nil
	}
	l.result.Existing, l.result.ExistingDecision = res.Existing, Decision(res.ExistingDecision)
	if res.ExistingDecision == string(metadata.RunRunning) {
		return l.decide(DecisionDuplicate, "run "+res.Existing+" is answering this moment")
	}
	return l.decide(DecisionDuplicate, "run "+res.Existing+" already answered this moment ("+res.ExistingDecision+")")
}

func (l *line) profile(ctx workflow.Context, dataset activities.DatasetResult) error {
	res, err := execute[activities.ProfileResult](ctx, l, "profile", l.queues.Data, long, "profile the dataset", a.Profile, activities.ProfileParams{
		Run: l.runRef(), Dataset: dataset.Dataset, Problem: l.in.Pipeline.Problem,
		Key: l.in.Pipeline.Dataset.Key, EventTime: l.in.Pipeline.Dataset.EventTime, Split: l.in.Pipeline.Split.Method,
	})
	if err == nil {
		l.report(ctx, "profile", "exploration", res.Report)
	}
	return err
}

func (l *line) validate(ctx workflow.Context, dataset activities.DatasetResult) (activities.ValidateResult, error) {
	res, err := execute[activities.ValidateResult](ctx, l, "validate", l.queues.Data, long, "validate the dataset", a.Validate, activities.ValidateParams{
		Run: l.runRef(), Dataset: dataset.Dataset, Pipeline: l.in.Pipeline, Snapshots: l.snapshots, At: l.moment(ctx),
	})
	if err != nil {
		return res, err
	}
	l.report(ctx, "validate", "validation", res.Report)
	if res.Violation != "" {
		return res, l.decide(DecisionRejected, res.Violation)
	}
	return res, nil
}

func (l *line) split(ctx workflow.Context, valid activities.ValidateResult) (activities.SplitResult, error) {
	p := l.in.Pipeline
	var rules []pipeline.Rule
	for _, r := range p.Validation {
		if r.OfSplits() {
			rules = append(rules, r)
		}
	}
	res, err := execute[activities.SplitResult](ctx, l, "split", l.queues.Data, long, "split by "+p.Split.Method, a.Split, activities.SplitParams{
		Run: l.runRef(), Valid: valid.Valid, Split: p.Split, Dataset: p.Dataset, Rules: rules,
	})
	if err == nil && res.Report.Digest != "" { // runs begun before it had one go on
		l.report(ctx, "split", "split", res.Report)
	}
	if err == nil && res.Violation != "" {
		return res, l.decide(DecisionRejected, res.Violation)
	}
	return res, err
}

func (l *line) engineer(ctx workflow.Context, parts activities.SplitResult) (activities.EngineerResult, error) {
	res, err := execute[activities.EngineerResult](ctx, l, "engineer", l.queues.Data, long, "fit features on the training rows", a.Engineer, activities.EngineerParams{
		Run: l.runRef(), Train: parts.Train, Features: l.in.Pipeline.Features, Problem: l.in.Pipeline.Problem, Dataset: l.in.Pipeline.Dataset,
	})
	if err == nil {
		l.report(ctx, "engineer", "features", res.Report)
	}
	return res, err
}

// train searches the candidates in a workflow of its own and fits the best of
// each kind on all training rows.
func (l *line) train(ctx workflow.Context, parts activities.SplitResult, features activities.EngineerResult) ([]activities.FittedResult, error) {
	var found TuningResult
	err := l.track(ctx, "train", func() (activities.Outcome, error) {
		ctx := workflow.WithChildOptions(ctx, l.tuningOptions(ctx))
		err := workflow.ExecuteChildWorkflow(ctx, Tuning, TuningInput{
			Run: l.runRef(), Problem: l.in.Pipeline.Problem, Settings: l.in.Pipeline.Train, Split: l.in.Pipeline.Split,
			Train: parts.Train, Plan: features.Plan, Validation: parts.Validation,
		}).Get(ctx, &found)
		return activities.Outcome{Figure: found.Figure, Cache: found.Cache}, err
	})
	if err == nil {
		l.report(ctx, "train", "search", found.Report)
		for _, m := range found.Best {
			if !m.TrainerReport.IsZero() {
				l.report(ctx, "train", m.Trial.Kind+" by its trainer", m.TrainerReport)
			}
		}
	}
	return found.Best, err
}

func (l *line) evaluate(ctx workflow.Context, parts activities.SplitResult, models []activities.FittedResult) (activities.EvaluateResult, error) {
	p := l.in.Pipeline
	res, err := execute[activities.EvaluateResult](ctx, l, "evaluate", l.queues.Train, long, "choose on validation, judge once on test", a.Evaluate, activities.EvaluateParams{
		Run: l.runRef(), Pipeline: p, Models: models, Validation: parts.Validation, Test: parts.Test,
	})
	if err != nil {
		return res, err
	}
	l.report(ctx, "evaluate", "evaluation", res.Report)
	l.result.Metric, l.result.Score, l.result.Solved = p.Problem.Metric, &res.Score, res.Solved
	if err := l.upsert(ctx, scoreAttribute.ValueSet(res.Score)); err != nil {
		return res, err
	}
	if res.Rejected != "" {
		return res, l.decide(DecisionRejected, res.Rejected)
	}
	return res, nil
}

func (l *line) pack(ctx workflow.Context, dataset activities.DatasetResult, parts activities.SplitResult, verdict activities.EvaluateResult) (activities.PackageResult, error) {
	res, err := execute[activities.PackageResult](ctx, l, "package", l.queues.Train, long, "package "+verdict.Chosen.Trial.Kind+" and prove ONNX equal", a.Package, activities.PackageParams{
		Run: l.runRef(), Pipeline: l.in.Pipeline, Model: verdict.Chosen, Scores: verdict.Scores, Solved: verdict.Solved,
		Dataset: dataset.Dataset, Train: parts.Train, Validation: parts.Validation, Test: parts.Test,
	})
	if err == nil {
		l.result.Bundle, l.result.Model = res.Bundle, verdict.Chosen.Model
		l.report(ctx, "package", "model card", res.Card)
	}
	return res, err
}

// moment is what the run is for: data are fresh or stale at that time.
func (l *line) moment(ctx workflow.Context) time.Time {
	if l.in.Moment != nil {
		return *l.in.Moment
	}
	return began(ctx)
}

// began is when the workflow was started, as exactly as its row keeps it: a
// repetition of the run judges freshness by the same moment.
func began(ctx workflow.Context) time.Time {
	return workflow.GetInfo(ctx).WorkflowStartTime.Truncate(time.Microsecond)
}

// runRef is the run as its activities see it.
func (l *line) runRef() activities.Run {
	return activities.Run{
		ID: l.id, Pipeline: l.in.Pipeline.Name, Digest: l.result.PipelineDigest, NoCache: l.in.NoCache, Refresh: l.in.Refresh, Reproduces: l.reproduces,
	}
}

// report names an artifact of a step that people read.
func (l *line) report(ctx workflow.Context, step, name string, ref artifact.Ref) {
	l.result.Reports[name] = ref
	row := &l.steps[slices.Index(stepNames, step)]
	row.reports = append(row.reports, name)
	l.render(ctx)
}
