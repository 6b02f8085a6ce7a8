package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/onnxruntime"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// doctorTimeout bounds one examination.
const doctorTimeout = 15 * time.Second

// finding is what an examination of one dependency came to.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // false: only some commands want it
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var wait time.Duration
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check every dependency and say what to do",
		Long: "doctor checks Postgres and its schema, Temporal and its search attributes, the object store by\n" +
			"writing and reading, ONNX Runtime's library, the keys of bundles, a worker on each task queue, and the\n" +
			"prediction server. It exits with 1 if the servers, the library or the keys are not fit; a worker or\n" +
			"prediction server that is away is told of and no failure, for they may be started later. With --wait it\n" +
			"asks again until everything, these included, is there, or the time is over; then whatever is missing is\n" +
			"a failure.",
		Example: "  esteira doctor\n" +
			"  esteira doctor --wait 1m",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			findings := a.examineUntil(cmd.Context(), cfg, wait)
			code := exitDone
			for _, f := range findings {
				if !f.OK && (f.Needed || wait > 0) {
					code = exitFailed
				}
			}
			if err := a.print(map[string]any{"ok": code == exitDone, "findings": findings, "config_file": cfg.File}, func() { a.printFindings(cfg, findings) }); err != nil {
				return err
			}
			if code != exitDone {
				return exit(code)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&wait, "wait", 0, "ask again for up to this long, such as 1m, until everything is there")
	return c
}

// doctorPause is how long examineUntil lets pass between two looks.
const doctorPause = 200 * time.Millisecond

// examineUntil examines until nothing is wrong or the wait is over.
func (a *app) examineUntil(ctx context.Context, cfg config.Config, wait time.Duration) []finding {
	for end := time.Now().Add(wait); ; {
		findings := a.examine(ctx, cfg)
		bad := slices.ContainsFunc(findings, func(f finding) bool { return !f.OK })
		if !bad || time.Now().Add(doctorPause).After(end) {
			return findings
		}
		select {
		case <-ctx.Done():
			return findings
		case <-time.After(doctorPause):
		}
	}
}

func (a *app) printFindings(cfg config.Config, findings []finding) {
	from := "the environment and defaults"
	if cfg.File != "" {
		from = cfg.File + " and the environment"
	}
	a.say("Configuration from %s.\n", from)
	rows := [][]string{}
	for _, f := range findings {
		state := "ok"
		switch {
		case !f.OK && f.Needed:
			state = "BAD"
		case !f.OK:
			state = "away"
		}
		rows = append(rows, []string{state, f.Name, f.Found})
	}
	a.rows(nil, rows)
	for _, f := range findings {
		if !f.OK {
			a.say("\n%s: %s", f.Name, plain(f.Remedy))
		}
	}
}

// examine looks at each dependency; one that is away does not hide the next.
func (a *app) examine(ctx context.Context, cfg config.Config) []finding {
	var out []finding
	add := func(name string, needed bool, look func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
		defer cancel()
		f := finding{Name: name, Needed: needed}
		found, err := look(ctx)
		f.Found, f.OK = found, err == nil
		if err != nil {
			said := explain(err)
			f.Found, f.Remedy = said.Message, said.Remedy
		}
		out = append(out, f)
	}
	add("Postgres", true, func(ctx context.Context) (string, error) { return examineDatabase(ctx, cfg) })
	add("object store", true, func(ctx context.Context) (string, error) { return examineStore(ctx, cfg) })
	add("ONNX Runtime", true, func(context.Context) (string, error) { return examineONNX(cfg) })
	add("keys", true, func(context.Context) (string, error) { return examineKeys(cfg) })
	var t client.Client
	add("Temporal", true, func(ctx context.Context) (string, error) {
		return "", a.withTemporal(ctx, func(config.Config, client.Client) error { return nil })
	})
	if last := &out[len(out)-1]; last.OK {
		options, err := temporal.Options(cfg)
		if err == nil {
			last.Found = options.HostPort + ", namespace " + options.Namespace
		}
		_ = a.withTemporal(ctx, func(_ config.Config, connected client.Client) error {
			t = connected
			add("search attributes", true, func(ctx context.Context) (string, error) { return examineAttributes(ctx, t, options.Namespace) })
			queues := temporal.QueuesOf(cfg.TaskQueue)
			add("worker: workflows", false, func(ctx context.Context) (string, error) {
				return examineQueue(ctx, t, options.Namespace, queues.Workflow, enumspb.TASK_QUEUE_TYPE_WORKFLOW, "")
			})
			for _, q := range [][2]string{{"data", queues.Data}, {"train", queues.Train}, {"deploy", queues.Deploy}} {
				role, queue := q[0], q[1]
				add("worker: "+role, false, func(ctx context.Context) (string, error) {
					return examineQueue(ctx, t, options.Namespace, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY, role)
				})
			}
			return nil
		})
	}
	add("prediction server", false, func(ctx context.Context) (string, error) { return examineServer(ctx, cfg) })
	return out
}

func examineDatabase(ctx context.Context, cfg config.Config) (string, error) {
	db, err := metadata.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return "", orRemedy(err, "start the local stack with make up, or set DATABASE_URL")
	}
	defer db.Close()
	have, known, err := db.SchemaVersion(ctx)
	switch {
	case err != nil:
		return "", orRemedy(err, "bring the schema up to date: esteira migrate")
	case have < known:
		return "", fault.New(fault.ConfigInvalid, "the schema has version %d of %d", have, known).WithRemedy("bring it up to date: esteira migrate")
	case have > known:
		return "", fault.New(fault.ConfigInvalid, "the schema has version %d, newer than this program's %d", have, known).WithRemedy("use the newer program")
	}
	return fmt.Sprintf("schema version %d", have), nil
}

func examineStore(ctx context.Context, cfg config.Config) (string, error) {
	scratch, err := os.MkdirTemp("", "esteira-doctor-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	// A cache of its own, so that reading back really asks the store.
	options := cfg.ArtifactOptions()
	options.CacheDir = filepath.Join(scratch, "put")
	store, err := artifact.Open(ctx, options)
	if err != nil {
		return "", orRemedy(err, "start the local stack with make up, or set AWS_ENDPOINT_URL_S3 and the keys")
	}
	probe := []byte("esteira doctor was here\n")
	ref, err := store.PutBytes(ctx, probe, "text/plain")
	if err != nil {
		return "", orRemedy(err, "allow the key to write to bucket "+cfg.Bucket)
	}
	options.CacheDir = filepath.Join(scratch, "get")
	if store, err = artifact.Open(ctx, options); err != nil {
		return "", err
	}
	if _, err := store.Bytes(ctx, ref, int64(len(probe))); err != nil {
		return "", orRemedy(err, "allow the key to read from bucket "+cfg.Bucket)
	}
	return cfg.S3.Endpoint + ", bucket " + cfg.Bucket + " written and read", nil
}

func examineONNX(cfg config.Config) (string, error) {
	if err := onnxruntime.Open(cfg.ONNXRuntime); err != nil {
		return "", err
	}
	if cfg.ONNXRuntime != "" {
		return cfg.ONNXRuntime, nil
	}
	return onnxruntime.Find()
}

func examineAttributes(ctx context.Context, t client.Client, namespace string) (string, error) {
	have, err := t.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return "", fault.Wrap(err, fault.TemporalUnavailable, "list the search attributes").WithRemedy("check the permissions of the client in namespace %s", namespace)
	}
	var missing []string
	wanted := temporal.AttributeNames()
	for _, name := range wanted {
		if _, ok := have.GetCustomAttributes()[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return "", fault.New(fault.ConfigInvalid, "missing: %s", strings.Join(missing, ", ")).WithRemedy("create them: esteira migrate")
	}
	return plural(len(wanted), "attribute"), nil
}

// examineQueue looks for pollers of a task queue. One that was lost is listed
// for minutes, so only those heard of lately count.
func examineQueue(ctx context.Context, t client.Client, namespace, queue string, kind enumspb.TaskQueueType, role string) (string, error) {
	found, err := t.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue}, TaskQueueType: kind,
	})
	if err != nil {
		return "", fault.Wrap(err, fault.TemporalUnavailable, "look at task queue %s", queue).WithRemedy("check that Temporal runs")
	}
	alive := 0
	for _, p := range found.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < 2*time.Minute {
			alive++
		}
	}
	if alive == 0 {
		command := "esteira-worker"
		if role != "" {
			command += " --roles " + role
		}
		return "", fault.New(fault.NotFound, "no worker polls task queue %s", queue).WithRemedy("start one: %s", command)
	}
	return queue + ", " + plural(alive, "poller"), nil
}

func examineServer(ctx context.Context, cfg config.Config) (string, error) {
	remedy := "start it with esteira-server, or set ESTEIRA_SERVER_ADDRESS"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(cfg.ServerAddress, "/")+"/v2/health/ready", nil)
	if err != nil {
		return "", fault.Wrap(err, fault.ConfigInvalid, "ask the prediction server").WithRemedy("%s", remedy)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fault.Wrap(unwrapURL(err), fault.DeploymentFailed, "%s does not answer", cfg.ServerAddress).WithRemedy("%s", remedy)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fault.New(fault.DeploymentFailed, "%s is not ready (HTTP %d)", cfg.ServerAddress, answer.StatusCode).WithRemedy("ask it why: curl %s/v1/health", cfg.ServerAddress)
	}
	return cfg.ServerAddress + " is ready", nil
}

// orRemedy gives an error without a remedy this one.
func orRemedy(err error, remedy string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Remedy != "" {
		return err
	}
	return fault.Wrap(err, fault.KindOf(err), "not usable").WithRemedy("%s", remedy)
}
