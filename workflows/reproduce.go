package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// ReproductionInput names the run to repeat.
type ReproductionInput struct {
	Pipeline string `json:"pipeline"` // name
	Run      string `json:"run"`
}

// Reproduction runs a run again from the snapshots it recorded, without the cache
// and up to the packaged model, and holds the digest of everything that came out
// against what is recorded. It touches no endpoint and is no part of the
// pipeline's history.
func Reproduction(ctx workflow.Context, in ReproductionInput) (PipelineResult, error) {
	l, err := newLine(ctx, PipelineInput{Pipeline: pipeline.Pipeline{Name: in.Pipeline}, Trigger: "reproduce", NoCache: true})
	if err != nil {
		return PipelineResult{}, err
	}
	l.reproduces = in.Run
	return l.finish(ctx, l.reproduce(ctx))
}

func (l *line) reproduce(ctx workflow.Context) error {
	recalled, err := execute[activities.RecallResult](ctx, l, "define", l.queues.Data, short, "recall "+l.reproduces, a.Recall, activities.RecallParams{Run: l.runRef(), At: began(ctx)})
	if err != nil {
		return err
	}
	l.in.Pipeline, l.in.Moment, l.repeats = recalled.Pipeline, &recalled.Moment, recalled.Trigger
	l.result.PipelineDigest, l.artifactURL = recalled.Digest, recalled.ArtifactURL
	err = l.track(ctx, "collect", func() (activities.Outcome, error) {
		told := collected(recalled.Snapshots)
		told.Figure = "recorded: " + told.Figure
		return told, nil
	})
	if err != nil {
		return err
	}
	dataset, err := l.integrate(ctx, recalled.Snapshots)
	if err == nil {
		_, _, err = l.make(ctx, dataset)
	}
	if err != nil && !errors.Is(err, errDecided) { // a run that was rejected is to be rejected again
		return err
	}
	return l.compare(ctx)
}

func (l *line) compare(ctx workflow.Context) error {
	var found activities.CompareResult
	if err := call(ctx, l.queues.Data, long, "compare with "+l.reproduces, &found, a.Compare, activities.CompareParams{Run: l.runRef()}); err != nil {
		return err
	}
	if !found.Same {
		l.result.Reports["differences"] = found.Report
		return l.decide(DecisionDiffers, found.First)
	}
	return l.decide(DecisionReproduced, fmt.Sprintf("%d outputs and %d scores are those of %s, bit for bit", found.Outputs, found.Scores, l.reproduces))
}
