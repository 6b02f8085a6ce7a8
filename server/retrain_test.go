package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/workflows"
)

// askForRun asks as a scheduler does.
func (s *stand) askForRun(t *testing.T, name, key, body string) (status int, asked serving.Asked) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/v1/pipelines/"+name+"/runs", bytes.NewBufferString(body))
	require.NoError(t, err)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.NoError(t, json.NewDecoder(res.Body).Decode(&asked))
	return res.StatusCode, asked
}

// Another scheduler asks twice and has one run.
func TestASchedulerAsksForARunOverHTTP(t *testing.T) {
	t.Parallel()
	s := setup(t)
	name := testenv.Name(t)
	c := testenv.Temporal(t)
	w := worker.New(c, name, worker.Options{LocalActivityWorkerOnly: true})
	w.RegisterWorkflow(workflows.Retraining)
	w.RegisterWorkflowWithOptions(func(workflow.Context, workflows.PipelineInput) (workflows.PipelineResult, error) {
		return workflows.PipelineResult{Decision: workflows.DecisionDeployed}, nil
	}, workflow.RegisterOptions{Name: "Pipeline"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	s.start(t)
	eventually(t, "the server listens", func() bool {
		res, err := http.Get(s.url + "/v2/health/live")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})

	status, _ := s.askForRun(t, name, "2026-11-23", "")
	require.Equal(t, http.StatusNotFound, status, "it is not applied")
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.RetrainingID(name), TaskQueue: name}, workflows.Retraining,
		workflows.RetrainingInput{Pipeline: pipeline.Pipeline{Name: name}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.TerminateWorkflow(context.Background(), run.GetID(), "", "the test is over") })

	status, first := s.askForRun(t, name, "2026-11-23", `{"reason": "nightly"}`)
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, "started", first.Outcome)
	require.NoError(t, c.GetWorkflow(t.Context(), first.Run, "").Get(t.Context(), nil))
	status, again := s.askForRun(t, name, "2026-11-23", `{"reason": "nightly"}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "repeated", again.Outcome)
	require.Equal(t, first.Run, again.Run)

	for key, body := range map[string]string{"": "{}", "two words, one mistake": `{"raeson": "x"}`, "l": "["} {
		status, _ := s.askForRun(t, name, key, body)
		require.Equal(t, http.StatusBadRequest, status, "%q %s", key, body)
	}
}
