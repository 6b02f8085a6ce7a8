package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/metadata"
	esteiratemporal "github.com/esteira-ml/esteira/internal/temporal"
)

var (
	pipelineAttribute     = esteiratemporal.Pipeline
	stepAttribute         = esteiratemporal.Step
	triggerAttribute      = esteiratemporal.Trigger
	decisionAttribute     = esteiratemporal.Decision
	datasetAttribute      = esteiratemporal.Dataset
	modelVersionAttribute = esteiratemporal.ModelVersion
	endpointAttribute     = esteiratemporal.Endpoint
	scoreAttribute        = esteiratemporal.Score

	// scheduledStart is set by Temporal on runs that a schedule started.
	scheduledStart = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
)

// runStates are the states of the run's row by decision.
var runStates = map[Decision]metadata.RunState{
	DecisionDeployed:  metadata.RunCompleted,
	DecisionUnchanged: metadata.RunCompleted,
	DecisionPackaged:  metadata.RunCompleted,
	DecisionRejected:  metadata.RunRejected,
	DecisionAwaiting:  metadata.RunCompleted,
	DecisionCancelled: metadata.RunCancelled,
	DecisionFailed:    metadata.RunFailed,

	DecisionRolledBack: metadata.RunRejected,
	DecisionSuperseded: metadata.RunCompleted,
	DecisionReproduced: metadata.RunCompleted,
	DecisionDiffers:    metadata.RunRejected,
	DecisionScored:     metadata.RunCompleted,
}

func (l *line) upsert(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}
