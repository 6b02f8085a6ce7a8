package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/proof"
)

// Trigger is that of the runs that imports are recorded as.
const Trigger = "import"

// Import is one that is to be recorded.
type Import struct {
	Model  string // its name
	By     string // whoever imports it
	Source artifact.Ref
	Others []artifact.Ref // the signature file and the sample rows, of an ONNX file
	Bundle artifact.Ref
	Proof  *proof.Result // of the bundle
	Proved artifact.Ref  // the same (JSON)
	At     time.Time
}

// Record registers a bundle that passed its proof as a version of its model, and who took it in, when and
// from which files. The same bundle again has the version it has, and a second record.
func Record(ctx context.Context, db *metadata.DB, i Import) (metadata.ModelVersion, metadata.Run, error) {
	at := i.At.UTC()
	id := fmt.Sprintf("%s/import/%s-%s", i.Model, at.Format("2006-01-02T15-04-05.000000Z"), i.Bundle.Digest[:8])
	run, _, err := db.StartRun(ctx, metadata.StartRun{ID: id, Pipeline: i.Model, PipelineDigest: i.Source.Digest, Trigger: Trigger, Started: at})
	if err != nil {
		return metadata.ModelVersion{}, run, err
	}
	failed := func(err error) (metadata.ModelVersion, metadata.Run, error) {
		ended := metadata.FinishRun{ID: id, State: metadata.RunFailed, Reason: err.Error()}
		_ = db.FinishRun(context.WithoutCancel(ctx), ended) // the first error is the one to tell
		return metadata.ModelVersion{}, run, err
	}
	reason := fmt.Sprintf("imported by %s from sha256:%s", i.By, i.Source.Digest)
	err = db.SaveStep(ctx, metadata.StepRecord{
		Run: id, Step: "import", Figure: fmt.Sprintf("%s; %s", reason, i.Proof), Inputs: append([]artifact.Ref{i.Source}, i.Others...), Outputs: metadata.Outputs{"bundle": i.Bundle, "proof": i.Proved}, Started: at,
	})
	if err != nil {
		return failed(err)
	}
	v, err := db.RegisterModel(ctx, metadata.RegisterModel{Name: i.Model, Bundle: i.Bundle, Run: id})
	if err != nil {
		return failed(err)
	}
	err = db.FinishRun(ctx, metadata.FinishRun{ID: id, State: metadata.RunCompleted, Decision: "imported", Reason: reason, ModelName: v.Name, ModelVersion: v.Version})
	if err != nil {
		return failed(err)
	}
	run, err = db.Run(ctx, id)
	return v, run, err
}
