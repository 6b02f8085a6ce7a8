package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// RecallParams name the run to repeat; Run is the repetition.
type RecallParams struct {
	Run Run       `json:"run"`
	At  time.Time `json:"at"` // when the repetition began
}

// RecallResult is what a run began with.
type RecallResult struct {
	Outcome
	Pipeline    pipeline.Pipeline `json:"pipeline"`
	Digest      string            `json:"digest"`
	Moment      time.Time         `json:"moment"` // what it was for, or when it began
	Snapshots   []SnapshotResult  `json:"snapshots"`
	ArtifactURL string            `json:"artifact_url,omitempty"`
	Trigger     string            `json:"trigger"` // of the run
}

// Recall finds what a run began with, the canonical pipeline and the snapshots of
// its sources, and opens a row for the run that repeats it.
//
// Errors: NotFound for a run that is not there; RequestInvalid for one that was
// not defined or did not collect its sources; ArtifactMissing where the store no
// longer holds what it began with.
func (a *Activities) Recall(ctx context.Context, p RecallParams) (*RecallResult, error) {
	begun := time.Now()
	s := step{run: p.Run, name: "define"}
	res, err := a.recall(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	finished := time.Now()
	return res, a.recorded(ctx, s, a.DB.RecordStep(ctx, metadata.Step{
		Run: p.Run.ID, Step: s.name, Attempt: attempt(ctx), State: metadata.StepCompleted, Cache: metadata.CacheOff,
		Figure: res.Figure, Outputs: metadata.Outputs{"definition": {Digest: res.Digest, MediaType: artifact.MediaTypeJSON}}, Started: begun, Finished: &finished,
	}))
}

func (a *Activities) recall(ctx context.Context, p RecallParams) (*RecallResult, error) {
	original := p.Run.Reproduces
	run, err := a.DB.Run(ctx, original)
	if err != nil {
		return nil, err
	}
	steps, err := a.DB.Steps(ctx, original)
	if err != nil {
		return nil, err
	}
	res := &RecallResult{Digest: run.PipelineDigest, Moment: run.Started, Trigger: run.Trigger, ArtifactURL: a.ArtifactURL}
	if run.Moment != nil {
		res.Moment = *run.Moment
	}
	if err := a.recallPipeline(ctx, steps, res); err != nil {
		return nil, err
	}
	for _, st := range steps {
		name, collected := strings.CutPrefix(st.Step, "collect/")
		name, whole := strings.CutSuffix(name, "/snapshot")
		if !collected || !whole || st.State != metadata.StepCompleted {
			continue
		}
		var manifest Snapshot
		if err := a.Store.JSON(ctx, st.Outputs["manifest"], &manifest); err != nil {
			return nil, err
		}
		res.Snapshots = append(res.Snapshots, SnapshotResult{Outcome: Outcome{Figure: st.Figure, Cache: metadata.CacheOff}, Name: name, Manifest: st.Outputs["manifest"], Rows: manifest.Rows})
	}
	slices.SortFunc(res.Snapshots, func(x, y SnapshotResult) int { return strings.Compare(x.Name, y.Name) })
	if len(res.Snapshots) != len(res.Pipeline.Sources) {
		return nil, fault.New(fault.RequestInvalid, "run %s collected %d of its %d sources", original, len(res.Snapshots), len(res.Pipeline.Sources)).
			WithRemedy("reproduce a run that came further: esteira runs list")
	}
	res.Figure = fmt.Sprintf("repeats %s of %s", original, run.Started.UTC().Format("2006-01-02 15:04"))
	_, _, err = a.DB.StartRun(ctx, metadata.StartRun{
		ID: p.Run.ID, TemporalRunID: activity.GetInfo(ctx).WorkflowExecution.RunID, Pipeline: run.Pipeline, PipelineDigest: run.PipelineDigest, Trigger: "reproduce", Started: p.At,
	})
	return res, err
}

func (a *Activities) recallPipeline(ctx context.Context, steps []metadata.Step, res *RecallResult) error {
	at := slices.IndexFunc(steps, func(s metadata.Step) bool { return s.Step == "define" && s.State == metadata.StepCompleted })
	if at < 0 {
		return fault.New(fault.RequestInvalid, "the run was not defined").WithRemedy("reproduce a run that came further: esteira runs list")
	}
	body, err := a.Store.Bytes(ctx, steps[at].Outputs["definition"], pipeline.MaxBytes)
	if err != nil {
		return err
	}
	p, err := pipeline.Decode(body)
	if err != nil {
		return fault.Wrap(err, fault.PipelineInvalid, "the pipeline of the run is of another version of Esteira").
			WithRemedy("reproduce it with the build that ran it")
	}
	res.Pipeline = *p
	return nil
}
