package rollout

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Row is one answer of one version.
type Row struct {
	Failed  bool
	Latency time.Duration
	Outputs json.RawMessage // {"prediction": x}, or {"label": class, "probabilities": {class: p}}
	Label   json.RawMessage // the truth, a number or a text; nil: not known
}

// Sample is what one version answered in a period.
type Sample struct {
	problem   Question
	rows      int
	failed    int
	latencies []float64 // of answers, in milliseconds
	values    []float64 // regression
	classes   map[string]int
	losses    []float64 // of answers whose truth is known
}

// Question is as much of a problem as judging needs.
type Question struct {
	Task   pipeline.Task `json:"task"`
	Metric string        `json:"metric"`
}

// NewSample returns an empty sample.
func NewSample(q Question) *Sample { return &Sample{problem: q, classes: map[string]int{}} }

// Add takes a row in. Outputs or labels that are not what the task's are do not
// count as answers or truths.
func (s *Sample) Add(r Row) {
	s.rows++
	if r.Failed {
		s.failed++
		return
	}
	s.latencies = append(s.latencies, float64(r.Latency.Microseconds())/1000)
	var out answer
	if json.Unmarshal(r.Outputs, &out) != nil {
		return
	}
	switch {
	case out.Prediction != nil:
		s.values = append(s.values, *out.Prediction)
	case out.Label != nil:
		s.classes[*out.Label]++
	}
	if loss, ok := s.problem.loss(out, r.Label); ok && !math.IsInf(loss, 0) {
		s.losses = append(s.losses, loss)
	}
}

// answer is the outputs of one row.
type answer struct {
	Prediction    *float64           `json:"prediction"`
	Label         *string            `json:"label"`
	Probabilities map[string]float64 `json:"probabilities"`
}

// The losses of one row that stand for a metric.
const (
	squaredError  = "mean squared error"
	absoluteError = "mean absolute error"
	logLoss       = "log loss"
	wrongClass    = "share of wrong classes"
)

// Loss names the loss by which rows with labels are compared: that of the metric,
// where it is a mean over rows, else the nearest one that is.
func (q Question) Loss() string {
	switch {
	case q.Task == pipeline.Regression && (q.Metric == "rmse" || q.Metric == "r2"):
		return squaredError
	case q.Task == pipeline.Regression:
		return absoluteError
	case q.Metric == "log_loss":
		return logLoss
	}
	return wrongClass
}

// leastProbability keeps the log loss of a class that was ruled out finite.
const leastProbability = 1e-15

func (q Question) loss(out answer, label json.RawMessage) (float64, bool) {
	truth := string(bytes.TrimSpace(label))
	if truth == "" || truth == "null" {
		return 0, false
	}
	if q.Task == pipeline.Regression {
		x, err := strconv.ParseFloat(truth, 64)
		if err != nil || out.Prediction == nil {
			return 0, false
		}
		if d := *out.Prediction - x; q.Loss() == squaredError {
			return d * d, true
		} else {
			return math.Abs(d), true
		}
	}
	var class string
	if json.Unmarshal(label, &class) != nil {
		class = truth // a number may name a class
	}
	switch p, known := out.Probabilities[class]; {
	case out.Label == nil:
		return 0, false
	case q.Loss() == logLoss && known:
		return -math.Log(max(p, leastProbability)), true
	case q.Loss() == logLoss:
		return -math.Log(leastProbability), true
	case *out.Label == class:
		return 0, true
	}
	return 1, true
}

// Figures are what a sample comes to, for people and as evidence.
type Figures struct {
	Rows    int            `json:"rows"`
	Failed  int            `json:"failed"`
	P50MS   float64        `json:"p50_ms"`
	P99MS   float64        `json:"p99_ms"`
	Mean    *float64       `json:"mean,omitempty"` // of the values answered; regression
	Classes map[string]int `json:"classes,omitempty"`
	Labels  int            `json:"labels"`
	Loss    *float64       `json:"loss,omitempty"`
}

// Figures returns what the sample comes to. At most 20 classes are told, the most
// frequent ones.
func (s *Sample) Figures() Figures {
	slices.Sort(s.latencies)
	f := Figures{Rows: s.rows, Failed: s.failed, P50MS: quantile(s.latencies, 0.5), P99MS: quantile(s.latencies, 0.99), Labels: len(s.losses)}
	if len(s.values) > 0 {
		m, _ := moments(s.values)
		f.Mean = new(finite(m))
	}
	if len(s.losses) > 0 {
		m, _ := moments(s.losses)
		f.Loss = new(finite(m))
	}
	if len(s.classes) > 0 {
		names := sortedClasses(s.classes)
		slices.SortStableFunc(names, func(a, b string) int { return s.classes[b] - s.classes[a] })
		f.Classes = map[string]int{}
		for _, name := range names[:min(len(names), 20)] {
			f.Classes[name] = s.classes[name]
		}
	}
	return f
}

func sortedClasses(m map[string]int) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// finite keeps a figure within what JSON can say: answers near the end of the
// numbers add up to more than there are.
func finite(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return 0
	case math.IsInf(x, 0):
		return math.Copysign(math.MaxFloat64, x)
	}
	return x
}

// quantile is the least value that p of the sorted ones do not exceed; 0 of none.
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
}

// moments are the mean and the variance (n - 1) of the values.
func moments(values []float64) (mean, variance float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	if len(values) < 2 {
		return mean, 0
	}
	for _, v := range values {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(values)-1)
}
