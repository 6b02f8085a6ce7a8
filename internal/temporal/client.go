package temporal

import (
	"context"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// dialTimeout is how long Dial waits before it says that Temporal is away.
const dialTimeout = 10 * time.Second

// Options makes client options of the TEMPORAL_* variables and, where they name
// one, Temporal's own configuration file: address, namespace, TLS, API key.
func Options(c config.Config) (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: c.TemporalEnv()})
	if err != nil {
		return options, fault.Wrap(err, fault.ConfigInvalid, "read Temporal's configuration").WithRemedy("check the TEMPORAL_* variables, and the file TEMPORAL_CONFIG_FILE names")
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

// Dial connects and makes sure that Temporal answers. It fails with
// TemporalUnavailable or ConfigInvalid.
func Dial(ctx context.Context, c config.Config, log zerolog.Logger) (client.Client, error) {
	options, err := Options(c)
	if err != nil {
		return nil, err
	}
	options.Logger = NewLogger(log)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	connected, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, classify(err, "reach Temporal at "+options.HostPort)
	}
	return connected, nil
}

// UILink is the page of a run in Temporal's UI that shows its report: summary
// and current details. Without the run's id it shows
// the latest execution of the workflow.
func UILink(c config.Config, workflowID, runID string) string {
	link := uiOf(c) + "/workflows/" + url.PathEscape(workflowID)
	if runID != "" {
		link += "/" + url.PathEscape(runID) + "/user-metadata"
	}
	return link
}

// UIScheduleLink is the page of a schedule, which lists the workflows that it started:
// their ids end in a moment each, and none has the schedule's own.
func UIScheduleLink(c config.Config, id string) string {
	return uiOf(c) + "/schedules/" + url.PathEscape(id)
}

func uiOf(c config.Config) string {
	namespace := client.DefaultNamespace
	if options, err := Options(c); err == nil {
		namespace = options.Namespace
	}
	return c.Temporal.UIURL + "/namespaces/" + url.PathEscape(namespace)
}

// Queues are the names of the task queues, by role.
type Queues struct {
	Workflow string // every worker
	Data     string // collect to engineer
	Train    string // fits, evaluation, packaging
	Deploy   string // endpoints and notifications
}

// QueuesOf derives them from the configured prefix.
func QueuesOf(prefix string) Queues {
	return Queues{Workflow: prefix, Data: prefix + "-data", Train: prefix + "-train", Deploy: prefix + "-deploy"}
}
