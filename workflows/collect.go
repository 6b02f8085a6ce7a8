package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// maxLooks bounds how often a source is looked at again because other runs
// appended to it meanwhile.
const maxLooks = 5

func (l *line) collect(ctx workflow.Context) (activities.DatasetResult, error) {
	names := sourceNames(l.in.Pipeline.Sources)
	snapshots := make([]activities.SnapshotResult, len(names))
	l.collecting = workflow.NewSemaphore(ctx, maxUnderWay)
	err := l.track(ctx, "collect", func() (activities.Outcome, error) {
		err := inParallel(ctx, len(names), func(ctx workflow.Context, i int) (err error) {
			snapshots[i], err = l.snapshot(ctx, names[i])
			return err
		})
		if err != nil {
			return activities.Outcome{}, err
		}
		return collected(snapshots), nil
	})
	if err != nil {
		return activities.DatasetResult{}, err
	}
	return l.integrate(ctx, snapshots)
}

// integrate makes one dataset of the snapshots.
func (l *line) integrate(ctx workflow.Context, snapshots []activities.SnapshotResult) (activities.DatasetResult, error) {
	l.snapshots = snapshots
	from, err := l.rowsFrom(ctx)
	if err != nil {
		return activities.DatasetResult{}, err
	}
	res, err := execute[activities.DatasetResult](ctx, l, "integrate", l.queues.Data, long, "integrate "+plural(len(snapshots), "source"), a.Integrate, activities.IntegrateParams{
		Run: l.runRef(), Pipeline: l.in.Pipeline, Snapshots: snapshots, From: from,
	})
	if err != nil {
		return res, err
	}
	l.result.Dataset = res.Dataset
	if err := l.upsert(ctx, datasetAttribute.ValueSet(res.Dataset.Digest)); err != nil {
		return res, err
	}
	if res.Violation != "" {
		return res, l.decide(DecisionRejected, res.Violation)
	}
	return res, nil
}

// rowsFrom is the moment from which rows count: a retraining learns from those of
// its window, a run that a person started from all.
func (l *line) rowsFrom(ctx workflow.Context) (time.Time, error) {
	w := l.in.Pipeline.Retrain.Window
	if w == nil || !pipeline.Retraining(l.in.Trigger) && !pipeline.Retraining(l.repeats) {
		return time.Time{}, nil
	}
	if w.Rows != "since_label" {
		return w.Start(l.moment(ctx)), nil
	}
	var found activities.LabelledSinceResult
	err := call(ctx, l.queues.Data, short, "find the oldest answer labelled since the live model", &found, a.LabelledSince, activities.LabelledSinceParams{
		Run: l.runRef(), Endpoint: l.in.Pipeline.Deploy.Endpoint, Until: l.moment(ctx),
	})
	if err != nil || found.From.IsZero() {
		return time.Time{}, err
	}
	return found.From.Add(-w.LengthOf()), nil
}

// snapshot collects one source: look at it, collect its portions side by side,
// put them together.
func (l *line) snapshot(ctx workflow.Context, name string) (activities.SnapshotResult, error) {
	p := activities.SourceParams{Run: l.runRef(), Name: name, Source: l.in.Pipeline.Sources[name], BaseDir: l.in.BaseDir, AsText: l.asText}
	for range maxLooks {
		var look activities.LookResult
		if err := call(ctx, l.queues.Data, long, "look at "+name+": "+p.Source.String(), &look, a.Look, p); err != nil {
			return activities.SnapshotResult{}, err
		}
		portions := make([]activities.CollectResult, look.Portions)
		all := make([]int, look.Portions)
		for i := range all {
			all[i] = i
		}
		if err := l.portions(ctx, p, look, all, artifact.Ref{}, portions); err != nil {
			return activities.SnapshotResult{}, err
		}
		res, err := l.assemble(ctx, p, look, portions)
		if err != nil || !res.Stale {
			return res, err
		}
	}
	return activities.SnapshotResult{}, typed(fault.New(fault.SourceUnavailable, "other runs appended to source %s %d times while this one collected it", name, maxLooks).
		WithRemedy("let one run at a time collect it"))
}

// portions collects some portions, each an activity of its own.
func (l *line) portions(ctx workflow.Context, p activities.SourceParams, look activities.LookResult, which []int, texts artifact.Ref, into []activities.CollectResult) error {
	return inParallel(ctx, len(which), func(ctx workflow.Context, i int) error {
		// The sources share one bound: each is collected beside the others.
		if err := l.collecting.Acquire(ctx, 1); err != nil {
			return err
		}
		defer l.collecting.Release(1)
		n := which[i]
		summary := "collect " + p.Name
		if look.Portions > 1 {
			summary = fmt.Sprintf("%s, portion %d of %d", summary, n+1, look.Portions)
		}
		into[n] = activities.CollectResult{}
		return call(ctx, l.queues.Data, long, summary, &into[n], a.Collect, activities.CollectParams{SourceParams: p, Look: look, Portion: n, Texts: texts})
	})
}

// assemble puts the portions together, after those whose values have only text
// in common were collected again as text.
func (l *line) assemble(ctx workflow.Context, p activities.SourceParams, look activities.LookResult, portions []activities.CollectResult) (activities.SnapshotResult, error) {
	for settled := false; ; settled = true {
		params := activities.SnapshotParams{SourceParams: p, Look: look, Settled: settled}
		for _, portion := range portions {
			params.Records = append(params.Records, portion.Records)
		}
		var res activities.SnapshotResult
		if err := call(ctx, l.queues.Data, long, "put "+p.Name+" together", &res, a.Snapshot, params); err != nil {
			return res, err
		}
		if len(res.Recast) == 0 {
			res.Cache, res.CacheReason = metadata.CacheHit, ""
			for _, portion := range portions {
				if portion.Cache != metadata.CacheHit {
					res.Cache, res.CacheReason = portion.Cache, portion.CacheReason
				}
			}
			return res, nil
		}
		if err := l.portions(ctx, p, look, res.Recast, res.Texts, portions); err != nil {
			return res, err
		}
	}
}

// sourceNames are sorted, so that every replay schedules in the same order.
func sourceNames(sources map[string]pipeline.Source) []string {
	names := make([]string, 0, len(sources))
	//workflowcheck:ignore
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// collected sums up the snapshots: their rows, and a hit if all were hits.
func collected(snapshots []activities.SnapshotResult) activities.Outcome {
	told := activities.Outcome{Cache: metadata.CacheHit}
	for i, s := range snapshots {
		if s.Cache != metadata.CacheHit {
			told.Cache = s.Cache
		}
		if i > 0 {
			told.Figure += ", "
		}
		told.Figure += s.Name + " " + s.Figure
	}
	return told
}
