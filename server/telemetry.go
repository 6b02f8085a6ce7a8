package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/esteira-ml/esteira/internal/edge"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/telemetry"
)

// openTelemetry begins what tells machines of the server. Without a listener and
// without a receiver nothing is observed.
func (p *program) openTelemetry(ctx context.Context) (err error) {
	if p.cfg.Edge.MetricsListen != "" {
		if p.measured, err = edge.Listen(p.cfg.Edge.MetricsListen, "ESTEIRA_METRICS_LISTEN"); err != nil {
			return err
		}
		p.metrics = telemetry.NewMetrics()
	}
	p.tracer, err = telemetry.NewTracer(ctx, version())
	return err
}

// observe is what is called after each answer; nil: nothing.
func (p *program) observe() func(serving.Observation) {
	switch {
	case p.metrics != nil && p.tracer != nil:
		return func(o serving.Observation) { p.metrics.Observe(o); p.tracer.Observe(o) }
	case p.metrics != nil:
		return p.metrics.Observe
	case p.tracer != nil:
		return p.tracer.Observe
	}
	return nil
}

// loaded is what is called after each load.
func (p *program) loaded() func(endpoint string, took time.Duration, err error) {
	if p.metrics == nil {
		return nil
	}
	return p.metrics.Loaded
}

// serveMetrics answers on the metrics' listener, for as long as the program runs.
func (p *program) serveMetrics(l net.Listener, handler *serving.Server, table *serving.Table) *http.Server {
	p.metrics.Watch(p.spool.Health, handler, table)
	p.metrics.WatchMonitors(p.db.Load)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(l) }()
	p.log.Info().Str("address", "http://"+l.Addr().String()+"/metrics").Msg("metrics")
	return server
}
