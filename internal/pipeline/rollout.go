package pipeline

import "time"

// Approval asks a person. Nobody answers within the deadline: the default does.
type Approval struct {
	Required *bool  `json:"required" yaml:"required,omitempty" jsonschema_description:"false asks nobody; default true."`
	Deadline string `json:"deadline" yaml:"deadline,omitempty" jsonschema_description:"How long an answer is waited for, such as 24h or 7d; default 24h."`
	Default  string `json:"default" yaml:"default,omitempty" jsonschema:"enum=reject,enum=approve" jsonschema_description:"What no answer means; default reject."`
}

// Replay scores what was asked before. Rows that the version refuses, and answers
// that differ from those given, are counted; with a bound they end the rollout.
type Replay struct {
	Requests      int      `json:"requests" yaml:"requests,omitempty" jsonschema_description:"How many of the last answered rows; default 1000."`
	MaxRefused    *float64 `json:"max_refused" yaml:"max_refused,omitempty" jsonschema_description:"Greatest share of rows that the new version cannot answer; default 0.01."`
	MaxDifference *float64 `json:"max_difference,omitempty" yaml:"max_difference,omitempty" jsonschema_description:"Classes: greatest share of rows that get another class. Regression: greatest mean distance of the two answers, in standard deviations of those given. Default: it is reported only."`
}

// Shadow mirrors requests to the new version.
type Shadow struct {
	Share float64 `json:"share" yaml:"share,omitempty" jsonschema_description:"Of the requests, above 0, at most 1; default 1."`
	For   string  `json:"for" yaml:"for,omitempty" jsonschema_description:"How long, such as 10m, 2h or 1d; default 10m."`
}

// Canary gives the new version growing shares of the requests.
type Canary struct {
	Steps []CanaryStep `json:"steps" yaml:"steps,omitempty" jsonschema_description:"Shares in growing order, each with the time it must hold; default 5 % for 5 minutes, then 50 % for 10 minutes."`
}

// CanaryStep is one share for one time.
type CanaryStep struct {
	Share float64 `json:"share" yaml:"share" jsonschema:"required" jsonschema_description:"Of the requests, above 0, below 1."`
	For   string  `json:"for" yaml:"for" jsonschema:"required" jsonschema_description:"How long, such as 5m, 2h or 1d."`
}

// Rollback says what is too bad. Each bound is on the new version against the live
// one over the same period, and counts only if the difference is more than chance.
type Rollback struct {
	MaxErrorRate       *float64 `json:"max_error_rate" yaml:"max_error_rate,omitempty" jsonschema_description:"Greatest share of failed answers beyond the live version's; default 0.01."`
	MaxLatencyP99MS    *float64 `json:"max_latency_p99_ms,omitempty" yaml:"max_latency_p99_ms,omitempty" jsonschema_description:"canary: greatest 99th percentile of the answer's time, in milliseconds; default: no bound."`
	MaxLatencyRatio    *float64 `json:"max_latency_ratio" yaml:"max_latency_ratio,omitempty" jsonschema_description:"canary: greatest 99th percentile as a multiple of the live version's, differences under 10 ms aside; default 3."`
	MaxPredictionShift *float64 `json:"max_prediction_shift" yaml:"max_prediction_shift,omitempty" jsonschema_description:"Greatest total variation distance between the two versions' answers: over classes, or over tenths of the live version's values; a greater one takes the version back; default 0.3; 1 switches it off."`
	MaxMetricLoss      *float64 `json:"max_metric_loss" yaml:"max_metric_loss,omitempty" jsonschema_description:"Greatest loss on rows with labels, as a share of the live version's loss; default 0.1."`
	MinRequests        int      `json:"min_requests" yaml:"min_requests,omitempty" jsonschema_description:"Least rows of each version, and for the loss least labels, that are judged; default 100."`
	OnInsufficient     string   `json:"on_insufficient" yaml:"on_insufficient,omitempty" jsonschema:"enum=proceed,enum=wait,enum=rollback" jsonschema_description:"What too few rows at the end of a step mean: proceed (default), wait for more, or rollback."`
	Wait               string   `json:"wait" yaml:"wait,omitempty" jsonschema_description:"on_insufficient wait: how long beyond the step's time, after which it is rolled back; default 24h."`
}

// Bounds of a rollout.
const (
	maxCanarySteps    = 20
	maxBake           = 30 * 24 * time.Hour
	maxReplayRequests = 100_000
)

// Asks reports whether a person must say yes.
func (d Deploy) Asks() bool { return d.Approval != nil && *d.Approval.Required }

func (d *decoder) rolloutDefaults(p *Deploy) {
	if a := p.Audit; a != nil && a.Mode == "" {
		a.Mode = "strict"
	}
	if a := p.Approval; a != nil {
		if a.Required == nil {
			a.Required = new(true)
		}
		orText(&a.Deadline, "24h")
		orText(&a.Default, "reject")
	}
	if r := p.Replay; r != nil {
		if !d.given("deploy.replay.requests") {
			r.Requests = 1000
		}
		orElse(&r.MaxRefused, 0.01)
	}
	if s := p.Shadow; s != nil {
		if !d.given("deploy.shadow.share") {
			s.Share = 1
		}
		orText(&s.For, "10m")
	}
	if c := p.Canary; c != nil && !d.given("deploy.canary.steps") {
		c.Steps = []CanaryStep{{Share: 0.05, For: "5m"}, {Share: 0.5, For: "10m"}}
	}
	if p.Rollback == nil && (p.Shadow != nil || p.Canary != nil) {
		p.Rollback = &Rollback{}
	}
	if r := p.Rollback; r != nil {
		orElse(&r.MaxErrorRate, 0.01)
		orElse(&r.MaxLatencyRatio, 3)
		orElse(&r.MaxPredictionShift, 0.3)
		orElse(&r.MaxMetricLoss, 0.1)
		if !d.given("deploy.rollback.min_requests") {
			r.MinRequests = 100
		}
		orText(&r.OnInsufficient, "proceed")
		orText(&r.Wait, "24h")
	}
}

func orText(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
