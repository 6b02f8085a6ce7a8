package pipeline

import (
	"fmt"
	"time"
)

func (d *decoder) checkRollout(p *Deploy) {
	if a := p.Approval; a != nil {
		d.checkBake("deploy.approval.deadline", a.Deadline)
	}
	if r := p.Replay; r != nil {
		if r.Requests < 1 || r.Requests > maxReplayRequests {
			d.add("deploy.replay.requests", fmt.Sprintf("write 1 to %d", maxReplayRequests), "%d rows cannot be replayed", r.Requests)
		}
		d.checkPart("deploy.replay.max_refused", r.MaxRefused)
		d.checkPositive("deploy.replay.max_difference", r.MaxDifference)
	}
	if s := p.Shadow; s != nil {
		if !(s.Share > 0 && s.Share <= 1) {
			d.add("deploy.shadow.share", "write a share such as 0.5, at most 1", "%v is no share of the requests", s.Share)
		}
		d.checkBake("deploy.shadow.for", s.For)
	}
	if c := p.Canary; c != nil {
		d.checkSteps(c.Steps)
	}
	if r := p.Rollback; r != nil {
		if p.Canary == nil && p.Shadow == nil {
			d.add("deploy.rollback", "add deploy: {canary: {}}, or remove it", "nothing is compared without a shadow or a canary")
		}
		d.checkPart("deploy.rollback.max_error_rate", r.MaxErrorRate)
		d.checkPart("deploy.rollback.max_prediction_shift", r.MaxPredictionShift)
		d.checkPositive("deploy.rollback.max_latency_p99_ms", r.MaxLatencyP99MS)
		d.checkPositive("deploy.rollback.max_metric_loss", r.MaxMetricLoss)
		if m := r.MaxLatencyRatio; m != nil && !(*m >= 1) {
			d.add("deploy.rollback.max_latency_ratio", "write 1 or more, such as 2", "%v would refuse a version that is as quick", *m)
		}
		if r.MinRequests < 10 || r.MinRequests > 1_000_000 {
			d.add("deploy.rollback.min_requests", "write 10 or more, such as 500", "%d rows cannot be judged by", r.MinRequests)
		}
		d.checkBake("deploy.rollback.wait", r.Wait)
	}
}

func (d *decoder) checkSteps(steps []CanaryStep) {
	const path = "deploy.canary.steps"
	switch {
	case d.faulty[path]:
	case len(steps) == 0:
		d.add(path, "write [{share: 0.05, for: 5m}], or remove the key", "is empty")
	case len(steps) > maxCanarySteps:
		d.add(path, fmt.Sprintf("keep at most %d", maxCanarySteps), "has %d steps", len(steps))
	}
	for i, s := range steps {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !(s.Share > 0 && s.Share < 1):
			d.add(at+".share", "write a share such as 0.05; after the last step it answers all", "%v is no share of a canary", s.Share)
		case i > 0 && s.Share <= steps[i-1].Share:
			d.add(at+".share", "write more than the step before, or remove the step", "%v does not grow", s.Share)
		}
		if d.given(at + ".for") {
			d.checkBake(at+".for", s.For)
		}
	}
}

// checkBake checks a time that a workflow waits.
func (d *decoder) checkBake(path, text string) {
	if t, err := ParseDuration(text); err != nil || t < time.Second || t > maxBake {
		d.add(path, "write a duration such as 10m, 24h or 7d, from 1s to 30d", "%q is not a time to wait", clip(text))
	}
}

func (d *decoder) checkPart(path string, v *float64) {
	if v != nil && !(*v >= 0 && *v <= 1) {
		d.add(path, "write a share such as 0.01", "must be between 0 and 1, not %v", *v)
	}
}

func (d *decoder) checkPositive(path string, v *float64) {
	if v != nil && !(*v > 0) {
		d.add(path, "write more than 0", "nothing meets %v", *v)
	}
}
