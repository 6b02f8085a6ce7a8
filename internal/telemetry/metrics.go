package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/serving"
)

// Metrics are the counters of one prediction server.
type Metrics struct {
	registry *prometheus.Registry

	succeeded, rows, executed, failed         *prometheus.CounterVec
	total, queued, decoded, predicted, output *prometheus.CounterVec
	recorded                                  *prometheus.CounterVec
	mlSucceeded, mlFailed                     *prometheus.CounterVec
	duration                                  *prometheus.HistogramVec
	loads                                     *prometheus.CounterVec
	loading                                   *prometheus.CounterVec
}

// buckets of latencies in seconds, from a tenth of a millisecond to ten seconds.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// NewMetrics returns metrics at zero.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	triton := []string{"model", "version", "role"}
	m.succeeded = counter("nv_inference_request_success", "Requests answered with predictions.", triton...)
	m.failed = counter("nv_inference_request_failure", "Requests refused or failed; reason is REJECTED, CANCELED or OTHER.", "model", "version", "role", "reason")
	m.rows = counter("nv_inference_count", "Rows answered.", triton...)
	m.executed = counter("nv_inference_exec_count", "Times a model was run.", triton...)
	m.total = counter("nv_inference_request_duration_us", "Time of requests answered with predictions, from their arrival to their answer, in microseconds.", triton...)
	m.queued = counter("nv_inference_queue_duration_us", "Of it, waiting for a turn.", triton...)
	m.decoded = counter("nv_inference_compute_input_duration_us", "Of it, reading the rows.", triton...)
	m.predicted = counter("nv_inference_compute_infer_duration_us", "Of it, features and model.", triton...)
	m.output = counter("nv_inference_compute_output_duration_us", "Of it, writing records and answer.", triton...)
	m.recorded = counter("esteira_audit_duration_us", "Of it, until the audit record was durable.", triton...)
	mlserver := []string{"model_name", "model_version", "role"}
	m.mlSucceeded = counter("model_infer_request_success_total", "Requests answered with predictions.", mlserver...)
	m.mlFailed = counter("model_infer_request_failure_total", "Requests refused or failed.", mlserver...)
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "model_infer_request_duration", Help: "Time of every request, in seconds.", Buckets: buckets}, mlserver)
	m.loads = counter("esteira_loads_total", "Revisions that became live (result live: a swap) or could not be loaded (failed).", "endpoint", "result")
	m.loading = counter("esteira_load_duration_seconds_total", "Time of the loads.", "endpoint", "result")
	m.registry.MustRegister(m.duration, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts one answer. The model is the endpoint, as in the protocol; a request
// for one that there is not has none, so that clients cannot make labels.
func (m *Metrics) Observe(o serving.Observation) {
	l := []string{o.Endpoint, o.Version, string(o.Role)}
	m.duration.WithLabelValues(l...).Observe(o.Total.Seconds())
	if o.Status != http.StatusOK {
		m.mlFailed.WithLabelValues(l...).Inc()
		m.failed.WithLabelValues(append(l, reason(o.Status))...).Inc()
		return
	}
	m.mlSucceeded.WithLabelValues(l...).Inc()
	m.succeeded.WithLabelValues(l...).Inc()
	m.executed.WithLabelValues(l...).Inc()
	m.rows.WithLabelValues(l...).Add(float64(o.Rows))
	for c, d := range map[*prometheus.CounterVec]time.Duration{
		m.total: o.Total, m.queued: o.Queue, m.decoded: o.Decode, m.predicted: o.Predict, m.output: o.Encode, m.recorded: o.Audit,
	} {
		c.WithLabelValues(l...).Add(float64(d.Microseconds()))
	}
}

// reason is Triton's word for why a request failed.
func reason(status int) string {
	switch {
	case status == 499 || status == http.StatusGatewayTimeout:
		return "CANCELED"
	case status < 500 || status == http.StatusServiceUnavailable:
		return "REJECTED"
	}
	return "OTHER"
}

// Loaded counts a load of a revision.
func (m *Metrics) Loaded(endpoint string, took time.Duration, err error) {
	result := "live"
	if err != nil {
		result = "failed"
	}
	m.loads.WithLabelValues(endpoint, result).Inc()
	m.loading.WithLabelValues(endpoint, result).Add(took.Seconds())
}

// Watch reads, when asked, what is known elsewhere: the spool's health, the server's
// requests and its endpoints.
func (m *Metrics) Watch(spool func() audit.Health, server *serving.Server, table *serving.Table) {
	m.registry.MustRegister(&state{spool, server, table})
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// state collects gauges.
type state struct {
	spool  func() audit.Health
	server *serving.Server
	table  *serving.Table
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	pendingDesc   = describe("nv_inference_pending_request_count", "Requests that wait for their turn.")
	inflightDesc  = describe("esteira_requests_in_flight", "Requests that are being worked on.")
	readyDesc     = describe("esteira_ready", "1 if requests should be sent here.")
	revisionDesc  = describe("esteira_revision", "The revision that answers; 0: none.", "endpoint")
	wantedDesc    = describe("esteira_revision_wanted", "The revision that the metadata store says.", "endpoint")
	backlogDesc   = describe("esteira_spool_backlog_records", "Audit records not yet in Postgres.")
	bytesDesc     = describe("esteira_spool_bytes", "Size of the audit spool on disk.")
	maxDesc       = describe("esteira_spool_max_bytes", "Its bound.")
	availableDesc = describe("esteira_spool_available", "1 if the spool takes records; 0: every answer is 503.")
	appendedDesc  = describe("esteira_spool_appended_total", "Records made durable.")
	drainedDesc   = describe("esteira_spool_drained_total", "Records committed to Postgres.")
	shadowDesc    = describe("esteira_shadow_rows_total", "Rows of mirrored requests: scored by the shadow, failed there, or dropped because there was no room.", "result")
	poisonedDesc  = describe("esteira_spool_poisoned_total", "Records set aside because Postgres will not take them.")
)

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, inflightDesc, readyDesc, revisionDesc, wantedDesc, backlogDesc, bytesDesc, maxDesc, availableDesc, appendedDesc, drainedDesc, poisonedDesc, shadowDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	truth := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	load := s.server.Load()
	gauge(pendingDesc, float64(load.Waiting))
	gauge(inflightDesc, float64(load.InFlight))
	gauge(readyDesc, truth(load.Ready))
	for _, e := range s.table.Status() {
		gauge(revisionDesc, float64(e.Revision), e.Endpoint)
		gauge(wantedDesc, float64(e.Wanted), e.Endpoint)
	}
	h := s.spool()
	gauge(backlogDesc, float64(h.Backlog))
	gauge(bytesDesc, float64(h.Bytes))
	gauge(maxDesc, float64(h.MaxBytes))
	gauge(availableDesc, truth(h.Available))
	for d, v := range map[*prometheus.Desc]int64{appendedDesc: h.Appended, drainedDesc: h.Drained, poisonedDesc: h.Poisoned} {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	mirrored := s.server.Mirrored()
	for result, v := range map[string]int64{"scored": mirrored.Scored, "failed": mirrored.Failed, "dropped": mirrored.Dropped} {
		out <- prometheus.MustNewConstMetric(shadowDesc, prometheus.CounterValue, float64(v), result)
	}
}
