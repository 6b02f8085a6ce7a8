package telemetry

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Bounds of what is told of monitoring: endpoints, and how often Postgres is asked.
const (
	maxWatched  = 500
	watchWithin = 5 * time.Second
	watchEvery  = 15 * time.Second
)

// monitorTable is what the metadata store knows of the monitors.
type monitorTable interface {
	LatestWindows(ctx context.Context, limit int) ([]metadata.Window, error)
	OpenAlerts(ctx context.Context, limit int) ([]metadata.OpenAlerts, error)
}

// WatchMonitors reads, when asked, what the monitor came to in the last window of each
// endpoint; db is nil while there is no connection. Labels are endpoints, at most 500,
// columns, at most 40 of each, and names of metrics.
func (m *Metrics) WatchMonitors(db func() *metadata.DB) {
	m.registry.MustRegister(&monitors{table: func() monitorTable {
		if d := db(); d != nil {
			return d
		}
		return nil
	}})
}

var (
	knownDesc    = describe("esteira_monitor_known", "1 if the figures of the monitor could be read.")
	endDesc      = describe("esteira_monitor_window_end_seconds", "When the last computed window ended, seconds since 1970.", "endpoint")
	askedDesc    = describe("esteira_monitor_requests", "Requests of the last window.", "endpoint")
	labelledDesc = describe("esteira_monitor_labelled", "Answers of the last window with a label.", "endpoint")
	rejectedDesc = describe("esteira_monitor_rejected_share", "Share of its requests that were refused.", "endpoint")
	failedDesc   = describe("esteira_monitor_failed_share", "Share of its requests that failed.", "endpoint")
	latencyDesc  = describe("esteira_monitor_latency_seconds", "Latency of its requests.", "endpoint", "quantile")
	driftDesc    = describe("esteira_monitor_drift", "Jensen-Shannon distance of a column from the training rows, in base 2.", "endpoint", "column")
	metricDesc   = describe("esteira_monitor_metric", "A score of its answers: measured where labels have come, else estimated.", "endpoint", "metric", "source")
	aucDesc      = describe("esteira_monitor_separation_auc", "AUC of a classifier that tells its rows from training rows.", "endpoint")
	openDesc     = describe("esteira_monitor_alerts_open", "Alerts that are not over.", "endpoint", "severity")
)

// monitors collects gauges of the last windows; what was read last is told for a while.
type monitors struct {
	table func() monitorTable

	mu   sync.Mutex
	at   time.Time
	last []prometheus.Metric
}

// Describe implements prometheus.Collector.
func (c *monitors) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{knownDesc, endDesc, askedDesc, labelledDesc, rejectedDesc, failedDesc, latencyDesc, driftDesc, metricDesc, aucDesc, openDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *monitors) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || time.Since(c.at) >= watchEvery {
		c.last, c.at = c.read(), time.Now()
	}
	for _, m := range c.last {
		out <- m
	}
}

func (c *monitors) read() (all []prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		all = append(all, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	ctx, cancel := context.WithTimeout(context.Background(), watchWithin)
	defer cancel()
	table := c.table()
	if table == nil {
		gauge(knownDesc, 0)
		return all
	}
	windows, err := table.LatestWindows(ctx, maxWatched)
	var open []metadata.OpenAlerts
	if err == nil {
		open, err = table.OpenAlerts(ctx, 3*maxWatched)
	}
	if err != nil {
		gauge(knownDesc, 0)
		return all
	}
	gauge(knownDesc, 1)
	for _, w := range windows {
		gauge(endDesc, float64(w.Ends.Unix()), w.Endpoint)
		gauge(askedDesc, float64(w.Requests), w.Endpoint)
		gauge(labelledDesc, float64(w.Labelled), w.Endpoint)
		figures(w, gauge)
	}
	for _, o := range open {
		gauge(openDesc, float64(o.Count), o.Endpoint, o.Severity)
	}
	return all
}

// figures tells those of a window as package window keeps them; a window without any,
// or without requests, has none.
func figures(w metadata.Window, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	var f struct {
		Rejected float64            `json:"rejected"`
		Failed   float64            `json:"failed"`
		P50      float64            `json:"latency_p50_ms"`
		P99      float64            `json:"latency_p99_ms"`
		Effects  map[string]float64 `json:"effects"`
		Measured bool               `json:"measured"`
		AUC      *float64           `json:"auc"`
		Metrics  map[string]struct {
			Value float64 `json:"value"`
		} `json:"metrics"`
	}
	if w.Requests == 0 || json.Unmarshal(w.Figures, &f) != nil {
		return
	}
	gauge(rejectedDesc, f.Rejected, w.Endpoint)
	gauge(failedDesc, f.Failed, w.Endpoint)
	gauge(latencyDesc, f.P50/1000, w.Endpoint, "0.5")
	gauge(latencyDesc, f.P99/1000, w.Endpoint, "0.99")
	for column, v := range f.Effects {
		gauge(driftDesc, v, w.Endpoint, column)
	}
	source := "estimated"
	if f.Measured {
		source = "measured"
	}
	for metric, e := range f.Metrics {
		gauge(metricDesc, e.Value, w.Endpoint, metric, source)
	}
	if f.AUC != nil {
		gauge(aucDesc, *f.AUC, w.Endpoint)
	}
}
