package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/logging"
	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/window"
	"github.com/esteira-ml/esteira/workflows"
)

const one = "watch-one" // the endpoint of seed and compute

// live makes a version live on an endpoint.
func (w *world) live(ctx context.Context, endpoint string, version int) error {
	var seen int64
	if e, err := w.db.Endpoint(ctx, endpoint); err == nil {
		seen = e.Revision
	} else if kind := fault.KindOf(err); kind != fault.EndpointNotFound && kind != fault.NotFound {
		return err
	}
	_, err := w.db.SetRevision(ctx, metadata.SetRevision{Endpoint: endpoint, ModelName: modelName, ModelVersion: version, Actor: "bench", Expected: seen})
	return err
}

func seed(ctx context.Context, w *world, s settings) (any, error) {
	version, err := w.model(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.live(ctx, one, version); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := w.audit(ctx, one, version, s.rows, 5, false); err != nil {
		return nil, err
	}
	return map[string]any{"rows": s.rows, "hour": w.hour, "seconds": time.Since(begun).Seconds()}, nil
}

// computed is what computing a window came to.
type computed struct {
	What     string  `json:"what"`
	Rows     int64   `json:"rows"`
	Columns  int     `json:"columns"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu"`          // of this process
	Postgres float64 `json:"postgres_cpu"` // 0: its process was not named
	Peak     int64   `json:"peak_mb"`      // resident
	Drifted  int     `json:"drifted"`
}

// compute computes the window of the hour that was seeded last, or of the hours up to
// its end, as the worker does: it reads the requests from Postgres, opens the bundle,
// measures, and writes measures and page.
func compute(ctx context.Context, w *world, s settings) (any, error) {
	at, ok, err := w.db.FirstRequest(ctx, one, w.hour.Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("there are no requests: run seed first")
	}
	ends := at.Truncate(time.Hour).Add(time.Hour)
	p := activities.ComputeWindowParams{Endpoint: one, Monitor: w.monitor, Due: activities.Due{Begins: ends.Add(-time.Duration(s.hours) * time.Hour), Ends: ends, Computed: 1}}
	if before, err := w.db.Window(ctx, one, p.Due.Begins); err == nil && before.Begins.Equal(p.Due.Begins) {
		p.Due.Computed, p.Due.Why = before.Computed+1, "the bench asks again"
	}
	idle, err := spentIf(s.postgres)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if _, err := w.acts.ComputeWindow(ctx, p); err != nil {
		return nil, err
	}
	line := computed{What: fmt.Sprintf("%dh, %d. time", s.hours, p.Due.Computed), Seconds: time.Since(begun).Seconds()}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nil, err
	}
	after, err := spentIf(s.postgres)
	if err != nil {
		return nil, err
	}
	line.Postgres = after - idle
	line.CPU, line.Peak = float64(u.Utime.Nano()+u.Stime.Nano())/1e9, u.Maxrss/1024
	kept, err := w.db.Window(ctx, one, p.Due.Begins)
	if err != nil {
		return nil, err
	}
	var m window.Measures
	if err := w.store.JSON(ctx, kept.Result, &m); err != nil {
		return nil, err
	}
	line.Rows = kept.Answered
	for _, r := range m.Models[0].Baseline.Features {
		line.Columns++
		if r.Outcome == drift.Drifted {
			line.Drifted++
		}
	}
	return line, nil
}

// watched is what an hour of many endpoints came to.
type watched struct {
	Endpoints int     `json:"endpoints"`
	Rows      int     `json:"rows"` // of each
	Seconds   float64 `json:"seconds"`
	Windows   int     `json:"windows"`
	Worker    float64 `json:"worker_cpu"` // processor seconds
	Postgres  float64 `json:"postgres_cpu"`
	Temporal  float64 `json:"temporal_cpu"`
	Cores     float64 `json:"cores"` // of the worker, if this is done every hour
	Peak      int64   `json:"worker_peak_mb"`
}

// atOnce are the monitors that run at once: a schedule spreads them no wider.
const atOnce = 50

func endpoints(ctx context.Context, w *world, s settings) (any, error) {
	version, err := w.model(ctx)
	if err != nil {
		return nil, err
	}
	name := func(i int) string { return fmt.Sprintf("watch-%03d", i) }
	for i := range s.endpoints {
		if err := w.live(ctx, name(i), version); err != nil {
			return nil, err
		}
		if err := w.audit(ctx, name(i), version, s.rows, uint64(i), true); err != nil {
			return nil, err
		}
	}
	c, err := temporal.Dial(ctx, w.cfg, logging.New(w.cfg.Log, "bench"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	line := watched{Endpoints: s.endpoints, Rows: s.rows}
	processes := map[int]*float64{s.worker: &line.Worker, s.postgres: &line.Postgres, s.temporal: &line.Temporal}
	for pid, of := range processes {
		if *of, err = spent(pid); err != nil {
			return nil, err
		}
	}
	begun := time.Now()
	var running []client.WorkflowRun
	finish := func() error {
		var res workflows.MonitorResult
		if err := running[0].Get(ctx, &res); err != nil {
			return err
		}
		if res.Windows != 1 {
			return fmt.Errorf("%s computed %d windows, not the one of the hour: %v", running[0].GetID(), res.Windows, res.Notes)
		}
		line.Windows += res.Windows
		running = running[1:]
		return nil
	}
	for i := range s.endpoints {
		if len(running) == atOnce {
			if err := finish(); err != nil {
				return nil, err
			}
		}
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.MonitorID(name(i)) + "-" + begun.UTC().Format(time.RFC3339), TaskQueue: temporal.QueuesOf(w.cfg.TaskQueue).Workflow},
			workflows.Monitor, workflows.MonitorInput{Pipeline: modelName, Endpoint: name(i), Monitor: w.monitor})
		if err != nil {
			return nil, err
		}
		running = append(running, run)
	}
	for len(running) > 0 {
		if err := finish(); err != nil {
			return nil, err
		}
	}
	line.Seconds = time.Since(begun).Seconds()
	for pid, of := range processes {
		now, err := spent(pid)
		if err != nil {
			return nil, err
		}
		*of = now - *of
	}
	line.Cores = line.Worker / 3600
	peak, err := memory.Peak(s.worker)
	line.Peak = peak >> 20
	return line, err
}
