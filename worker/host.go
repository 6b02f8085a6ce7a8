package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/logging"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// host is one worker process: a worker for workflows and one for each role.
type host struct {
	cfg     config.Config
	log     zerolog.Logger
	client  client.Client
	db      *metadata.DB
	workers []worker.Worker
	build   string
}

// stopTimeout is how long a stopping worker lets its activities finish. Those
// that do not are begun again by another worker, which finds in the cache what
// earlier steps and fits came to.
const stopTimeout = 30 * time.Second

// thinking is how long a workflow may take to decide what is next, before it is
// taken to hang: a search of a thousand trials, told all their scores again, takes
// seconds on a busy machine.
const thinking = 10 * time.Second

func newHost(ctx context.Context, cfg config.Config, roles []string) (*host, error) {
	h := &host{cfg: cfg, log: logging.New(cfg.Log, "worker")}
	var err error
	if h.build, err = buildID(); err != nil {
		return nil, err
	}
	if _, err := cfg.Trust(); err != nil {
		return nil, err
	}
	if h.db, err = metadata.Open(ctx, cfg.DatabaseURL.Reveal()); err != nil {
		return nil, err
	}
	if err := h.db.Migrate(ctx); err != nil {
		return nil, err
	}
	store, err := artifact.Open(ctx, cfg.ArtifactOptions())
	if err != nil {
		return nil, err
	}
	if h.client, err = temporal.Dial(ctx, cfg, h.log); err != nil {
		return nil, err
	}
	if err := temporal.Bootstrap(ctx, h.client); err != nil {
		return nil, err
	}
	acts, err := activities.New(activities.Options{
		AllowPrivateAddresses: cfg.AllowPrivateAddresses,

		ArtifactURL: cfg.ServerAddress,
		DB:          h.db,
		FitMemory:   cfg.FitMemory,
		Log:         h.log,
		ScratchDir:  filepath.Join(cfg.CacheDir, "scratch"),
		SigningKey:  cfg.SigningKey,
		SourceDirs:  cfg.SourceDirs,
		Store:       store,
		Table:       table.Options{MemoryLimit: cfg.MemoryLimit, Threads: cfg.Threads},
		Trust:       cfg.Trust,
	})
	if err != nil {
		return nil, err
	}
	return h, h.addWorkers(acts, roles)
}

func (h *host) addWorkers(acts *activities.Activities, roles []string) error {
	queues := temporal.QueuesOf(h.cfg.TaskQueue)
	w := worker.New(h.client, queues.Workflow, h.options(0))
	w.RegisterWorkflow(workflows.Pipeline)
	w.RegisterWorkflow(workflows.Tuning)
	w.RegisterWorkflow(workflows.Reproduction)
	w.RegisterWorkflow(workflows.Retraining)
	w.RegisterWorkflow(workflows.Rollout)
	w.RegisterWorkflow(workflows.AuditExport)
	w.RegisterWorkflow(workflows.Scoring)
	w.RegisterWorkflow(workflows.Monitor)
	h.workers = append(h.workers, w)
	for _, role := range roles {
		var queue string
		slots := 10
		switch strings.TrimSpace(role) {
		case "data":
			queue, slots = queues.Data, max(2, h.cfg.Threads)
		case "train":
			queue, slots = queues.Train, h.cfg.Threads
		case "deploy":
			queue = queues.Deploy
		default:
			return fault.New(fault.ConfigInvalid, "unknown role %q", role).WithRemedy("use any of data, train and deploy, comma-separated")
		}
		w := worker.New(h.client, queue, h.options(slots))
		w.RegisterActivity(acts)
		h.workers = append(h.workers, w)
	}
	return nil
}

// options are those of one worker; slots of 0 makes it one for workflows alone.
func (h *host) options(slots int) worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: slots,
		LocalActivityWorkerOnly:            slots == 0,
		DisableWorkflowWorker:              slots > 0,
		Interceptors:                       []interceptor.WorkerInterceptor{&activities.Heartbeats{}},
		WorkerStopTimeout:                  stopTimeout,
		DeadlockDetectionTimeout:           thinking,
		DeploymentOptions: worker.DeploymentOptions{
			UseVersioning:             true,
			Version:                   h.version(),
			DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
		},
	}
}

func (h *host) version() worker.WorkerDeploymentVersion {
	return worker.WorkerDeploymentVersion{DeploymentName: h.cfg.TaskQueue, BuildID: h.build}
}

// serve runs until ctx ends.
func (h *host) serve(ctx context.Context, promote bool) error {
	for i, w := range h.workers {
		if err := w.Start(); err != nil {
			for _, started := range h.workers[:i] {
				started.Stop()
			}
			return err
		}
	}
	if promote {
		if err := h.promote(ctx); err != nil {
			h.stop()
			return err
		}
	}
	h.log.Info().Str("queue", h.cfg.TaskQueue).Str("build", h.build).Int("threads", h.cfg.Threads).Int64("memory_limit", h.cfg.MemoryLimit).Msg("worker ready")
	<-ctx.Done()
	h.log.Info().Dur("grace", stopTimeout).Msg("worker stopping")
	h.stop()
	return nil
}

// stop stops all workers at once, so that one grace period serves for all.
func (h *host) stop() {
	done := make(chan struct{})
	for _, w := range h.workers {
		go func() { w.Stop(); done <- struct{}{} }()
	}
	for range h.workers {
		<-done
	}
}

func (h *host) close() {
	h.client.Close()
	h.db.Close()
}
