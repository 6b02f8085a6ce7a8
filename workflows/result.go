package workflows

import (
	"github.com/esteira-ml/esteira/internal/artifact"
)

// Decision is what a run came to.
type Decision string

// The decisions. All but cancelled and failed are ordinary ends of a completed run.
const (
	DecisionDeployed   Decision = "deployed"          // a new revision is live
	DecisionUnchanged  Decision = "unchanged"         // the same bundle came out as is live
	DecisionPackaged   Decision = "packaged"          // registered, deployment is switched off
	DecisionRejected   Decision = "rejected"          // a contract or a gate said no; the champion stays
	DecisionAwaiting   Decision = "awaiting_approval" // a rollout waits for somebody to say yes, and goes on by itself
	DecisionRolledBack Decision = "rolled_back"       // the model was worse on its way to the endpoint, or was taken back; the champion stays
	DecisionSuperseded Decision = "superseded"        // a newer rollout of the endpoint took its place

	DecisionDuplicate Decision = "duplicate" // another run answered this moment
	DecisionSkipped   Decision = "skipped"   // another retraining of the pipeline was under way
	DecisionPaused    Decision = "paused"    // a run of the schedule, while retraining is paused
	DecisionCancelled Decision = "cancelled"
	DecisionFailed    Decision = "failed" // no decision could be reached

	DecisionReproduced Decision = "reproduced" // every step came to the digests of the run it repeats
	DecisionDiffers    Decision = "differs"    // a step did not

	DecisionScored Decision = "scored" // the answers are in their place
)

// PipelineResult is the short report of a run; Details is the long one.
type PipelineResult struct {
	Decision         Decision                `json:"decision"`
	Reason           string                  `json:"reason"`
	Metric           string                  `json:"metric,omitempty"`
	Score            *float64                `json:"score,omitempty"`         // of the chosen model on the test rows
	ModelVersion     int                     `json:"model_version,omitempty"` // 0: none registered
	Revision         int64                   `json:"revision,omitempty"`      // 0: nothing deployed
	Rollout          string                  `json:"rollout,omitempty"`       // Workflow ID of the rollout, if there was one
	PipelineDigest   string                  `json:"pipeline_digest,omitempty"`
	ProblemVersion   int                     `json:"problem_version,omitempty"`
	Solved           *bool                   `json:"solved,omitempty"`   // whether the problem's threshold is met on the test rows
	Existing         string                  `json:"existing,omitempty"` // duplicate: the run that has the moment, and how it ended ("running" if it has not)
	ExistingDecision Decision                `json:"existing_decision,omitempty"`
	Dataset          artifact.Ref            `json:"dataset,omitzero"`
	Model            artifact.Ref            `json:"model,omitzero"`
	Bundle           artifact.Ref            `json:"bundle,omitzero"`
	Reports          map[string]artifact.Ref `json:"reports,omitempty"` // exploration, validation, split, features, search, trainers' own, evaluation, model card
	Details          string                  `json:"details"`           // Markdown, as in the run's current details
}

// Status answers the query "status".
type Status struct {
	Pipeline string       `json:"pipeline"`
	Steps    []StepStatus `json:"steps"`
	Decision Decision     `json:"decision,omitempty"` // empty while running
	Reason   string       `json:"reason,omitempty"`
}

// StepStatus is one row of the table of steps.
type StepStatus struct {
	Name    string  `json:"name"`
	State   string  `json:"state"`   // pending, running, completed, failed, cancelled, skipped
	Seconds float64 `json:"seconds"` // so far, if running
	Figure  string  `json:"figure,omitempty"`
	Cache   string  `json:"cache,omitempty"` // hit, miss or off
	Error   string  `json:"error,omitempty"`
}
