package testline

import (
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

// BeginAs starts a run for a moment under an id of the test's choice, as a
// Temporal Schedule does, and returns the id.
func (l *Line) BeginAs(file, id string, moment time.Time) string {
	l.tb.Helper()
	p, err := pipeline.ReadFile(file)
	if err != nil {
		l.tb.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		l.tb.Fatal(err)
	}
	input := workflows.PipelineInput{Pipeline: *p, BaseDir: dir, Trigger: "schedule", Moment: &moment}
	_, err = testenv.Temporal(l.tb).ExecuteWorkflow(l.tb.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: l.Queue}, workflows.Pipeline, input)
	if err != nil {
		l.tb.Fatal(err)
	}
	return id
}
