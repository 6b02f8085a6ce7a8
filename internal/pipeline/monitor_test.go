package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// A section of one line watches what one would watch.
func TestMonitoringHasItsDefaults(t *testing.T) {
	require.False(t, parse(t, minimal).Monitoring())
	p := parse(t, minimal+"monitor: {}\n")
	require.True(t, p.Monitoring())
	require.Equal(t, time.Hour, p.Monitor.Length())
	require.Equal(t, 14*24*time.Hour, p.Monitor.LateBy())
	require.Equal(t, 500, p.Monitor.MinRows)
	var kinds []string
	for _, a := range p.Monitor.Alerts {
		kinds = append(kinds, a.On)
		require.NotEmpty(t, a.Severity)
		require.Positive(t, a.After)
		require.Equal(t, 24*time.Hour, a.CooldownOf())
	}
	require.Equal(t, []string{"data_drift", "prediction_drift", "quality", "performance", "errors", "calibration"}, kinds)
	require.Equal(t, "log_loss", p.Monitor.Alerts[3].Metric)
	require.Equal(t, "psi", p.Monitor.Alerts[0].Measure)
	require.InDelta(t, 0.01, p.Monitor.Alerts[0].Significance, 0)
	binary := parse(t, strings.Replace(minimal, "multiclass", "binary", 1)+"monitor: {rows: 5000, enabled: false}\n")
	require.Equal(t, "calibration", binary.Monitor.Alerts[5].On)
	regression := parse(t, strings.Replace(minimal, "multiclass", "regression", 1)+"monitor: {}\n")
	require.Len(t, regression.Monitor.Alerts, 5, "a regression has no probabilities")
	require.Zero(t, binary.Monitor.Length())
	require.False(t, binary.Monitoring())
}

// The default is the problem's metric, which may be one that nobody estimates.
func TestAMetricThatNobodyEstimatesIsRefused(t *testing.T) {
	regression := strings.Replace(strings.Replace(minimal, "multiclass", "regression", 1), "  target:", "  metric: r2\n  target:", 1)
	list := mistakes(t, regression+"monitor: {alerts: [{on: performance, min: 0.5}, {on: estimated_performance, max_loss: 0.1}]}\n")
	require.Len(t, list, 1)
	require.Equal(t, "monitor.alerts[1].metric", list[0].Path)
	require.Contains(t, list[0].Remedy, "rmse")
	parse(t, regression+"monitor: {alerts: [{on: estimated_performance, metric: rmse, max_loss: 0.1}]}\n")
}

func TestMistakesOfMonitoring(t *testing.T) {
	validate := compiled(t)
	for _, c := range []struct {
		add, path, want string
		beyond          bool // what a JSON Schema cannot say
	}{
		{"monitor: {window: 500ms}", "monitor.window", "no such span", true},
		{"monitor: {window: 1h, rows: 10}", "monitor.rows", "beside", true},
		{"monitor: {rows: -1}", "monitor.rows", "no window", true},
		{"monitor: {late: soon}", "monitor.late", "no such span", true},
		{"monitor: {labels: {predictions: {endpoint: a}}}", "monitor.labels.predictions", "what the labels are for", true},
		{"monitor: {features: [a, a]}", "monitor.features[1]", "twice", true},
		{"monitor: {alerts: [{on: data_drfit}]}", "monitor.alerts[0].on", "unknown kind", false},
		{"monitor: {alerts: [{max: 1}]}", "monitor.alerts[0].on", "missing", false},
		{"monitor: {alerts: [{on: performance}]}", "monitor.alerts[0]", "no bound", true},
		{"monitor: {alerts: [{on: performance, max: 1, max_loss: 0.1}]}", "monitor.alerts[0]", "several bounds", true},
		{"monitor: {alerts: [{on: performance, metric: rmse, max: 1}]}", "monitor.alerts[0].metric", "metric of regression", true},
		{"monitor: {alerts: [{on: estimated_performance, metric: ece, max: 1}]}", "monitor.alerts[0].metric", "cannot be told without labels", true},
		{"monitor: {alerts: [{on: data_drift, measure: kl}]}", "monitor.alerts[0].measure", "not accepted", false},
		{"monitor: {alerts: [{on: errors, feature: a}]}", "monitor.alerts[0].feature", "says nothing", true},
		{"monitor: {alerts: [{on: data_drift, max: -1}]}", "monitor.alerts[0].max", "negative", false},
		{"monitor: {alerts: [{on: data_drift, significance: 2}]}", "monitor.alerts[0].significance", "none", true},
		{"monitor: {alerts: [{on: data_drift, after: 3, of: 2}]}", "monitor.alerts[0].of", "cannot be", true},
		{"monitor: {alerts: [{on: data_drift, cooldown: never}]}", "monitor.alerts[0].cooldown", "no such span", true},
		{"monitor: {alerts: [{on: latency_p99_ms}]}", "monitor.alerts[0]", "no bound", true},
		{"notify: [{}]", "notify[0]", "not one way", false},
		{"notify: [{log: true, slack: {url: env:A}}]", "notify[0]", "not one way", false},
		{"notify: [{log: false}]", "notify[0]", "not one way", false},
		{"notify: [{webhook: {url: 'https://hooks.example.com/secret'}}]", "notify[0].webhook.url", "must be a reference", false},
		{"notify: [{webhook: {url: env:A, secret: hunter2}}]", "notify[0].webhook.secret", "must be a reference", false},
		{"notify: [{email: {smtp: env:A, from: me, to: [you@example.com]}}]", "notify[0].email.from", "no address", false},
		{"notify: [{email: {smtp: env:A, from: me@example.com, to: []}}]", "notify[0].email.to", "empty", false},
		{`notify: [{email: {smtp: env:A, from: me@example.com, to: ["a@b\r\nBcc: c@d"]}}]`, "notify[0].email.to[0]", "no address", false},
		{"notify: [{log: true, severity: loud}]", "notify[0].severity", "not accepted", false},
	} {
		t.Run(c.add, func(t *testing.T) {
			list := mistakes(t, minimal+c.add+"\n")
			require.Len(t, list, 1, pipeline.Render(list))
			require.Equal(t, c.path, list[0].Path)
			require.Contains(t, list[0].Message, c.want)
			require.NotContains(t, pipeline.Render(list), "hunter2")
			if !c.beyond {
				require.Error(t, validate([]byte(minimal+c.add+"\n")))
			}
		})
	}
}

func TestWhatMonitoringMaySay(t *testing.T) {
	validate := compiled(t)
	for _, add := range []string{
		"monitor: {window: 1d, late: 30d, labels: {path: labels.csv}, features: [a]}",
		"monitor: {rows: 1000, alerts: []}",
		"monitor: {window: 1s, late: 10s, alerts: [{on: errors, cooldown: 5s}]}",
		"monitor: {alerts: [{on: data_drift, measure: wasserstein, feature: a, against: previous, max: 0.1, after: 2, of: 3}, {on: performance, slice: {a: 1}, max_loss: 0.2, severity: info}, {on: latency_p99_ms, max: 10}, {on: concept_drift}]}",
		"notify: [{webhook: {url: env:HOOK, secret: 'file:/run/key'}, severity: critical}, {slack: {url: env:SLACK}}, {email: {smtp: env:SMTP, from: a@example.com, to: [b@example.com]}}, {log: true}]",
	} {
		text := minimal + add + "\n"
		require.NoError(t, validate([]byte(text)), add)
		p := parse(t, text)
		canonical, err := pipeline.Canonical(p)
		require.NoError(t, err)
		back, err := pipeline.Decode(canonical)
		require.NoError(t, err)
		require.Equal(t, p.Monitor, back.Monitor)
		require.Equal(t, p.Notify, back.Notify)
	}
}
