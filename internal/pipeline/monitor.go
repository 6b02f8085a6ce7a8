package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/invopop/jsonschema"
)

// Monitor says how the answers of the endpoint are watched: in windows, each held
// against the bundle's baseline and the window before, each once; one that gets
// labels later is computed again.
type Monitor struct {
	Window   string         `json:"window,omitempty" yaml:"window,omitempty" jsonschema_description:"Length of a window, from 1s to 31d; windows begin at multiples of it, UTC; where it is changed, one shorter window leads to the new ones. Default 1h, unless rows is given."`
	Rows     int            `json:"rows,omitempty" yaml:"rows,omitempty" jsonschema_description:"Instead of window: as many answers are a window; looked for every minute. Its interval stays: answers that are recorded late make it larger."`
	Late     string         `json:"late,omitempty" yaml:"late,omitempty" jsonschema_description:"A window is computed again when labels of it come within this after its end (late requests: of windows longer than 1h within this, too, of others within 6h); one that was missed for longer, and for longer than a window, is left out and named. Default 14d."`
	MinRows  int            `json:"min_rows,omitempty" yaml:"min_rows,omitempty" jsonschema_description:"Least rows that a distribution or score is judged by, else the answer is: insufficient data. Default 500."`
	Labels   *Source        `json:"labels,omitempty" yaml:"labels,omitempty" jsonschema_description:"A source of labels that is read before each window: columns prediction_id or request_id, label and, optionally, observed_at."`
	Features []string       `json:"features,omitempty" yaml:"features,omitempty" jsonschema_description:"Columns of a request that are watched; default: all."`
	Alerts   []MonitorAlert `json:"alerts" yaml:"alerts,omitempty" jsonschema_description:"What becomes an alert. Default: drift of data and predictions, quality, performance, errors and calibration, with usual bounds."`
	Enabled  *bool          `json:"enabled,omitempty" yaml:"enabled,omitempty" jsonschema_description:"false: the endpoint is not watched. Default true where the section is written."`
}

// MonitorAlert is one bound that windows are held against.
type MonitorAlert struct {
	On           string            `json:"on" yaml:"on" jsonschema:"required"`
	Measure      string            `json:"measure,omitempty" yaml:"measure,omitempty" jsonschema:"enum=psi,enum=jensen_shannon,enum=wasserstein,enum=kolmogorov_smirnov,enum=total_variation" jsonschema_description:"data_drift, prediction_drift: the distance of the distributions; default psi. wasserstein (normed by the training deviation) and kolmogorov_smirnov are of numbers and of the values alone: the change of the share of missing values is held to the same bound, and a column without any value to none."`
	Feature      string            `json:"feature,omitempty" yaml:"feature,omitempty" jsonschema_description:"data_drift, quality: this column alone; default: each."`
	Metric       string            `json:"metric,omitempty" yaml:"metric,omitempty" jsonschema_description:"performance, estimated_performance: default the problem's metric. Told without labels are rmse and mae; log_loss, roc_auc, average_precision, brier, accuracy, precision, recall and f1 of a binary task; log_loss, accuracy and macro_* of a multiclass one."`
	Slice        map[string]string `json:"slice,omitempty" yaml:"slice,omitempty" text:"any" jsonschema_description:"performance: only rows that have these values."`
	Against      string            `json:"against,omitempty" yaml:"against,omitempty" jsonschema:"enum=baseline,enum=previous" jsonschema_description:"Drift: the bundle's baseline (default) or the window before. Performance is held against the test rows."`
	Max          *float64          `json:"max,omitempty" yaml:"max,omitempty" jsonschema_description:"Greatest value: of the distance, the metric, the share of bad values, the share of errors, milliseconds of latency_p99_ms, the AUC of multivariate_drift."`
	Min          *float64          `json:"min,omitempty" yaml:"min,omitempty" jsonschema_description:"performance: least value of a metric of which more is better."`
	MaxLoss      *float64          `json:"max_loss,omitempty" yaml:"max_loss,omitempty" jsonschema_description:"performance, estimated_performance: how much worse than on the test rows, as a share of that score."`
	Significance float64           `json:"significance,omitempty" yaml:"significance,omitempty" jsonschema_description:"Drift: the chance of a difference as great on equal data, corrected for the number of columns (Benjamini-Hochberg), must be below this, too; default 0.01."`
	Severity     string            `json:"severity" yaml:"severity,omitempty" jsonschema:"enum=info,enum=warning,enum=critical" jsonschema_description:"Default warning; performance, prediction_drift and errors: critical."`
	After        int               `json:"after,omitempty" yaml:"after,omitempty" jsonschema_description:"How many of the last windows must be beyond the bound; default 1."`
	Of           int               `json:"of,omitempty" yaml:"of,omitempty" jsonschema_description:"Of how many; default after."`
	Cooldown     string            `json:"cooldown,omitempty" yaml:"cooldown,omitempty" jsonschema_description:"An alert that lasts is told again after this, and one that opens again sooner is told when it has passed, if it is still open; default 24h."`
}

// What alerts are on.
const (
	OnDataDrift            = "data_drift"
	OnMultivariateDrift    = "multivariate_drift"
	OnPredictionDrift      = "prediction_drift"
	OnQuality              = "quality"
	OnPerformance          = "performance"
	OnEstimatedPerformance = "estimated_performance"
	OnCalibration          = "calibration"
	OnConcept              = "concept_drift"
	OnErrors               = "errors"
	OnLatency              = "latency_p99_ms"
	// OnWindowFailed is judged whether or not the file names it: nobody is watched by a
	// window that cannot be computed.
	OnWindowFailed = "window_failed"
)

// watched says what an alert of each kind may set, and its default bound; 0: none,
// the file must say it.
var watched = map[string]struct {
	keys     []string
	max      float64
	severity string
	text     string
}{
	OnDataDrift:            {[]string{"measure", "feature", "against", "max", "significance"}, 0.2, "warning", "the distribution of a column"},
	OnMultivariateDrift:    {[]string{"max"}, 0.6, "warning", "the AUC of a classifier that tells the window's rows from the baseline's"},
	OnPredictionDrift:      {[]string{"measure", "against", "max", "significance"}, 0.2, "critical", "the distribution of the answers"},
	OnQuality:              {[]string{"feature", "max"}, 0.05, "warning", "share of values that are missing beyond the training share, out of the range seen, unknown or of a wrong type, of rows that break a rule of validation, or of requests rejected"},
	OnPerformance:          {[]string{"metric", "slice", "max", "min", "max_loss"}, 0, "critical", "a score on the labelled answers"},
	OnEstimatedPerformance: {[]string{"metric", "max", "min", "max_loss"}, 0, "warning", "a score as far as it can be told without labels"},
	OnCalibration:          {[]string{"max"}, 0.1, "warning", "expected calibration error on the labelled answers, of more than two classes that of the answered one; not of a regression"},
	OnConcept:              {nil, 0, "warning", "ADWIN or Page-Hinkley finds the error changed within the stream"},
	OnErrors:               {[]string{"max"}, 0.01, "critical", "share of requests answered with 5xx"},
	OnLatency:              {[]string{"max"}, 0, "warning", "99th percentile of the server's time for an answer"},
	OnWindowFailed:         {nil, 0, "warning", "a window could not be computed; told whether or not it is written here, and written here with its own severity"},
}

// Judged are the alerts that windows are held against: those of the file, and that a
// window failed.
func (m Monitor) Judged() []MonitorAlert {
	if m.alerts(OnWindowFailed) {
		return m.Alerts
	}
	failed := MonitorAlert{On: OnWindowFailed}
	failed.defaults(Problem{})
	return append(slices.Clone(m.Alerts), failed)
}

// Monitoring reports whether the endpoint is watched.
func (p *Pipeline) Monitoring() bool {
	return p.Monitor != nil && (p.Monitor.Enabled == nil || *p.Monitor.Enabled)
}

// Length is Window as a duration, 0 where windows are of rows.
func (m Monitor) Length() time.Duration { return durationOr(m.Window, 0) }

// Settle is how long after its end a window is left alone: answers are still on
// their way from the servers. A window of seconds waits for seconds.
func (m Monitor) Settle() time.Duration {
	if m.Rows > 0 {
		return mostSettle
	}
	return min(max(m.Length(), leastSettle), mostSettle)
}

// Delay is how long after its end a window is computed: a moment after its answers
// have come.
func (m Monitor) Delay() time.Duration { return m.Settle() + m.Settle()/3 }

// Horizon is how long after it began a window that was missed is still computed: as
// long as labels of it may come, and never so short that none would be in time.
func (m Monitor) Horizon() time.Duration { return max(m.LateBy(), m.Length()+m.Delay()) }

const (
	leastSettle = 2 * time.Second
	mostSettle  = 15 * time.Second
)

// LateBy is Late as a duration.
func (m Monitor) LateBy() time.Duration { return durationOr(m.Late, 14*24*time.Hour) }

// CooldownOf is Cooldown as a duration; 0: the default.
func (a MonitorAlert) CooldownOf() time.Duration { return durationOr(a.Cooldown, 0) }

// durationOr reads a duration that was checked when the file was.
func durationOr(text string, def time.Duration) time.Duration {
	if d, err := ParseDuration(text); err == nil && d > 0 {
		return d
	}
	return def
}

func (m *Monitor) defaults(p Problem) {
	if m.Window == "" && m.Rows == 0 {
		m.Window = "1h"
	}
	m.Late = cmp.Or(m.Late, "14d")
	m.MinRows = cmp.Or(m.MinRows, 500)
	if m.Labels != nil {
		*m.Labels = sourceDefaults(*m.Labels)
	}
	if m.Alerts == nil {
		m.Alerts = usualAlerts(p)
	}
	for i := range m.Alerts {
		m.Alerts[i].defaults(p)
	}
}

// usualAlerts are those of a file that names none.
func usualAlerts(p Problem) []MonitorAlert {
	loss := 0.1
	out := []MonitorAlert{
		{On: OnDataDrift, After: 2, Of: 3}, {On: OnPredictionDrift, After: 2, Of: 3}, {On: OnQuality},
		{On: OnPerformance, MaxLoss: &loss, After: 2, Of: 3}, {On: OnErrors},
	}
	if p.Task != Regression {
		out = append(out, MonitorAlert{On: OnCalibration, After: 2, Of: 3})
	}
	return out
}

func (a *MonitorAlert) defaults(p Problem) {
	kind := watched[a.On]
	if a.Max == nil && kind.max > 0 {
		a.Max = new(kind.max)
	}
	a.Severity = cmp.Or(a.Severity, kind.severity, "warning")
	a.After = max(a.After, 1)
	a.Of = cmp.Or(a.Of, a.After)
	a.Cooldown = cmp.Or(a.Cooldown, "24h")
	if slices.Contains(kind.keys, "measure") {
		a.Measure = cmp.Or(a.Measure, "psi")
		a.Against = cmp.Or(a.Against, "baseline")
		if a.Significance == 0 {
			a.Significance = 0.01
		}
	}
	if slices.Contains(kind.keys, "metric") {
		a.Metric = cmp.Or(a.Metric, p.Metric)
	}
}

func (d *decoder) checkMonitor(p *Pipeline) {
	m := p.Monitor
	if m == nil {
		return
	}
	if m.Rows > 0 && m.Window != "" {
		d.add("monitor.rows", "keep one of the two", "stands beside monitor.window")
	}
	if d.given("monitor.rows") && (m.Rows < 1 || m.Rows > 10_000_000) {
		d.add("monitor.rows", "write from 1 to 10000000", "%d answers are no window", m.Rows)
	}
	d.checkSpan("monitor.window", m.Window, time.Second, 31*24*time.Hour)
	d.checkSpan("monitor.late", m.Late, time.Second, 366*24*time.Hour)
	if m.MinRows < 1 {
		d.add("monitor.min_rows", "write 1 or more", "must be positive")
	}
	if m.Labels != nil {
		d.checkSource("monitor.labels", *m.Labels)
		if m.Labels.Predictions != nil {
			d.add("monitor.labels.predictions", "name a file, an address or a query", "are what the labels are for")
		}
	}
	d.checkDistinct("monitor.features", m.Features)
	for i, a := range m.Alerts {
		d.checkAlert(fmt.Sprintf("monitor.alerts[%d]", i), p, a)
	}
}

func (d *decoder) checkSpan(path, text string, least, most time.Duration) {
	if text == "" {
		return
	}
	if t, err := ParseDuration(text); err != nil || t < least || t > most {
		d.add(path, fmt.Sprintf("write a duration from %s to %s, such as 1h or 7d", least, most), "%q is no such span", clip(text))
	}
}

func (d *decoder) checkAlert(path string, p *Pipeline, a MonitorAlert) {
	kind, known := watched[a.On]
	if !known {
		if a.On != "" {
			d.add(path+".on", instead(a.On, sortedKeys(watched)), "unknown kind of alert %q", clip(a.On))
		}
		return
	}
	for _, key := range []string{"measure", "feature", "metric", "slice", "against", "max", "min", "max_loss", "significance"} {
		if d.given(path+"."+key) && !slices.Contains(kind.keys, key) {
			d.add(path+"."+key, "remove it", "says nothing of %s", a.On)
		}
	}
	bounds := 0
	for _, b := range []*float64{a.Max, a.Min, a.MaxLoss} {
		if b != nil {
			bounds++
		}
	}
	switch {
	case len(kind.keys) > 0 && bounds == 0:
		d.add(path, "add "+oneOf(slices.DeleteFunc(slices.Clone(kind.keys), func(k string) bool { return k != "max" && k != "min" && k != "max_loss" })), "has no bound")
	case bounds > 1:
		d.add(path, "make them two alerts", "has several bounds")
	}
	if a.Metric != "" && slices.Contains(kind.keys, "metric") {
		d.checkMetric(path+".metric", a.Metric, p.Problem.Task)
		if known := estimated[p.Problem.Task]; a.On == OnEstimatedPerformance && slices.Contains(metrics[p.Problem.Task], a.Metric) && !slices.Contains(known, a.Metric) {
			d.add(path+".metric", "write "+oneOf(known), "%s cannot be told without labels", a.Metric)
		}
	}
	if a.On == OnCalibration && p.Problem.Task == Regression {
		d.add(path+".on", "remove it", "a regression has no probabilities that could be calibrated")
	}
	if a.Max != nil && *a.Max < 0 {
		d.add(path+".max", "write 0 or more", "must not be negative")
	}
	if a.MaxLoss != nil && *a.MaxLoss < 0 {
		d.add(path+".max_loss", "write 0 or more, such as 0.1 for ten per cent", "must not be negative")
	}
	if d.given(path+".significance") && (a.Significance <= 0 || a.Significance >= 1) {
		d.add(path+".significance", "write a probability such as 0.01", "%v is none", a.Significance)
	}
	if a.After < 1 || a.Of < a.After || a.Of > 100 {
		d.add(path+".of", "write after: n and of: m, with n at most m and m at most 100", "%d of %d windows cannot be", a.After, a.Of)
	}
	d.checkSpan(path+".cooldown", a.Cooldown, time.Second, 366*24*time.Hour)
}

// JSONSchemaExtend lists what can be watched.
func (MonitorAlert) JSONSchemaExtend(s *jsonschema.Schema) {
	on := property(s, "on")
	for _, name := range sortedKeys(watched) {
		on.OneOf = append(on.OneOf, &jsonschema.Schema{Const: name, Description: watched[name].text})
	}
	value := anyText("")
	property(s, "slice").AdditionalProperties = &value
	property(s, "max").Minimum, property(s, "max_loss").Minimum = "0", "0"
}
