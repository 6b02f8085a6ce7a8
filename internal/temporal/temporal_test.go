package temporal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func configured(t *testing.T, environ ...string) config.Config {
	t.Helper()
	c, err := config.LoadFrom(t.TempDir(), append(environ, "HOME="+t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOptionsFollowTemporalsOwnVariables(t *testing.T) {
	o, err := temporal.Options(configured(t))
	if err != nil || o.HostPort != "localhost:7233" || o.Namespace != "default" || o.ConnectionOptions.TLS != nil {
		t.Fatal(o.HostPort, o.Namespace, err)
	}
	o, err = temporal.Options(configured(t, "TEMPORAL_ADDRESS=t.example.com:7233", "TEMPORAL_NAMESPACE=ml", "TEMPORAL_API_KEY=k"))
	if err != nil || o.HostPort != "t.example.com:7233" || o.Namespace != "ml" || o.ConnectionOptions.TLS == nil {
		t.Fatal(o.HostPort, o.Namespace, err)
	}
	if _, err := temporal.Options(configured(t, "TEMPORAL_TLS_CLIENT_CERT_PATH=/nowhere", "TEMPORAL_TLS_CLIENT_KEY_PATH=/nowhere")); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
}

func TestTemporalAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = temporal.Dial(t.Context(), configured(t, "TEMPORAL_ADDRESS="+address), zerolog.Nop())
	if fault.KindOf(err) != fault.TemporalUnavailable || !strings.Contains(err.Error(), address) {
		t.Fatal(err)
	}
}

func TestLinksAndQueues(t *testing.T) {
	c := configured(t, "TEMPORAL_UI_URL=https://ui.example.com/", "TEMPORAL_NAMESPACE=ml")
	if got := temporal.UILink(c, "flights/run/1 a", "r-1"); got != "https://ui.example.com/namespaces/ml/workflows/flights%2Frun%2F1%20a/r-1/user-metadata" {
		t.Fatal(got)
	}
	if got := temporal.UILink(c, "x", ""); got != "https://ui.example.com/namespaces/ml/workflows/x" {
		t.Fatal(got)
	}
	if got := temporal.UIScheduleLink(c, "endpoint/a/monitor"); got != "https://ui.example.com/namespaces/ml/schedules/endpoint%2Fa%2Fmonitor" {
		t.Fatal(got)
	}
	if got := temporal.QueuesOf("esteira"); got != (temporal.Queues{Workflow: "esteira", Data: "esteira-data", Train: "esteira-train", Deploy: "esteira-deploy"}) {
		t.Fatal(got)
	}
}

func TestTheSDKLogsInOurWords(t *testing.T) {
	var out bytes.Buffer
	l := log.With(temporal.NewLogger(zerolog.New(&out).Level(zerolog.InfoLevel)), "WorkflowID", "flights/run/1", "RunID", "r", "TaskQueue", "esteira")
	l.Debug("unseen", "x", 1)
	l.Error("Activity error.", "ActivityType", "Collect", "Attempt", 3, "Error", errors.New("no file"), "UpdateID", "u", "Took", time.Second, "odd")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(out.String(), err)
	}
	for name, want := range map[string]any{
		"level": "error", "message": "Activity error.", "run": "flights/run/1", "temporal_run_id": "r", "task_queue": "esteira",
		"activity": "Collect", "attempt": 3.0, "error": "no file", "update_id": "u", "took": "1s", "extra": "odd",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
}

func attributed(ctx workflow.Context) error {
	return workflow.UpsertTypedSearchAttributes(ctx, temporal.Step.ValueSet("train"), temporal.Score.ValueSet(12.5))
}

// Attributes are there for queries, at start and from within a workflow, as soon
// as Bootstrap returns.
func TestSearchAttributesCanBeUsed(t *testing.T) {
	c := testenv.Temporal(t)
	name := testenv.Name(t)
	w := worker.New(c, name, worker.Options{})
	w.RegisterWorkflow(attributed)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: name, TaskQueue: name,
		TypedSearchAttributes: sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(name), temporal.Trigger.ValueSet("manual"), temporal.Decision.ValueSet("none"),
			temporal.Dataset.ValueSet("d"), temporal.ModelVersion.ValueSet("v1"), temporal.Endpoint.ValueSet("e")),
	}, attributed)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	described, err := c.DescribeWorkflow(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	if score, ok := described.TypedSearchAttributes.GetFloat64(temporal.Score); !ok || score != 12.5 {
		t.Fatal(score, ok)
	}
	count, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: "EsteiraPipeline = '" + name + "' AND EsteiraScore > 12"})
	if err != nil {
		t.Fatal(err)
	}
	if count.Count > 1 { // visibility is written a moment after the workflow
		t.Fatal(count.Count)
	}
}
