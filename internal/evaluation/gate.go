package evaluation

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// GateResult is the answer of one gate.
type GateResult struct {
	Gate      pipeline.Gate `json:"gate"`
	Condition string        `json:"condition"`           // as people read it: "rmse <= 36"
	Value     float64       `json:"value"`               // of the model; 0 where the metric is undefined
	Reference float64       `json:"reference,omitempty"` // of the baseline or champion
	Required  float64       `json:"required"`            // the bound the value had to meet; 0 where there is none
	Passed    bool          `json:"passed"`
	// Difference is the value minus Reference with its interval, where both are of
	// the same rows or of a slice and all rows.
	Difference *Difference `json:"difference,omitempty"`
	Reason     string      `json:"reason"`
}

// DefaultGates are the gates of a problem that names none: better than the
// baseline, and not worse than the live model.
func DefaultGates(p pipeline.Problem) []pipeline.Gate {
	return []pipeline.Gate{{Metric: p.Metric, Against: "baseline"}, {Metric: p.Metric, Against: "champion"}}
}

// Judge asks every gate, in order. With Against, the value must beat the
// reference by MinGain times its magnitude; against the baseline strictly, so
// that a model which learned nothing never passes. champion is nil when nothing
// is live: its gates pass, saying so.
func Judge(gates []pipeline.Gate, scores, baseline, champion map[string]float64) []GateResult {
	results := make([]GateResult, len(gates))
	for i, g := range gates {
		results[i] = judge(g, scores, baseline, champion)
	}
	return results
}

func judge(g pipeline.Gate, scores, baseline, champion map[string]float64) GateResult {
	r := GateResult{Gate: g}
	lower := pipeline.LowerIsBetter(g.Metric)
	if g.Against == "champion" && champion == nil {
		r.Condition = condition(g.Metric, lower, "the champion's")
		r.Value, r.Passed, r.Reason = scores[g.Metric], true, "no champion to compare with: nothing is live yet"
		return r
	}
	references := baseline
	if g.Against == "champion" {
		references = champion
	}
	value, known := scores[g.Metric]
	reference, comparable := references[g.Metric]
	switch {
	case !known:
		r.Condition, r.Reason = g.Metric, g.Metric+" is undefined on these rows"
		return r
	case g.Against != "" && !comparable:
		r.Condition, r.Value, r.Reason = g.Metric, value, fmt.Sprintf("%s of the %s is undefined on these rows", g.Metric, g.Against)
		return r
	case g.Against != "":
		r.against(value, reference, lower)
		return r
	}
	r.bounds(value)
	return r
}

func (r *GateResult) against(value, reference float64, lower bool) {
	g := r.Gate
	gain := g.MinGain*math.Abs(reference) + g.MinGainAbs
	r.Value, r.Reference, r.Required = value, reference, reference+gain
	if lower {
		r.Required = reference - gain
	}
	strict := g.Against == "baseline"
	who := g.Against + "'s " + number(reference)
	switch {
	case g.MinGain < 0:
		who = fmt.Sprintf("%s with a loss of %s%% allowed", who, number(-100*g.MinGain))
	case g.MinGainAbs < 0:
		who = fmt.Sprintf("%s with a loss of %s allowed", who, number(-g.MinGainAbs))
	case g.MinGain != 0:
		who = fmt.Sprintf("%s with a gain of %s%%", who, number(100*g.MinGain))
	case g.MinGainAbs != 0:
		who = fmt.Sprintf("%s with a gain of %s", who, number(g.MinGainAbs))
	}
	r.compare(lower, strict, " ("+who+")")
}

// within passes unless the interval of the difference lies wholly on the worse
// side. Where there is no interval it falls back to the plain comparison.
func (r *GateResult) within(lower bool) {
	i := r.Difference.Interval
	r.Passed = lower && i.Low <= 0 || !lower && i.High >= 0
	r.Required = r.Reference
	r.Condition = fmt.Sprintf("%s not worse than the %s's %s, as far as these rows tell", r.Gate.Metric, r.Gate.Against, number(r.Reference))
	r.Reason = fmt.Sprintf("%s %s differs from the %s's %s by %s (95 %% interval %s to %s)", r.Gate.Metric, number(r.Value), r.Gate.Against, number(r.Reference), number(r.Difference.Value), number(i.Low), number(i.High))
	if !r.Passed {
		r.Reason += ": all of it is worse"
	}
}

func (r *GateResult) bounds(value float64) {
	r.Value = value
	if low := r.Gate.Min; low != nil {
		r.Required = *low
		r.compare(false, false, "")
	}
	if high := r.Gate.Max; high != nil && (r.Gate.Min == nil || r.Passed) {
		condition, reason := r.Condition, r.Reason
		r.Required = *high
		r.compare(true, false, "")
		if condition != "" {
			r.Condition = condition + ", " + r.Condition
			if r.Passed {
				r.Reason = reason + "; " + r.Reason
			}
		}
	}
}

// compare sets Condition, Passed and Reason: "rmse 38.2 must be at most 36:
// missed by 2.2".
func (r *GateResult) compare(lower, strict bool, note string) {
	sign, words, short := ">=", "at least", r.Required-r.Value
	if lower {
		sign, words, short = "<=", "at most", r.Value-r.Required
	}
	r.Passed = short <= 0
	if strict {
		sign, r.Passed = sign[:1], short < 0
		if words = "above"; lower {
			words = "below"
		}
	}
	r.Condition = fmt.Sprintf("%s %s %s", r.Gate.Metric, sign, number(r.Required))
	r.Reason = fmt.Sprintf("%s %s is %s %s%s", r.Gate.Metric, number(r.Value), words, number(r.Required), note)
	if !r.Passed {
		r.Reason = fmt.Sprintf("%s %s must be %s %s%s: missed by %s", r.Gate.Metric, number(r.Value), words, number(r.Required), note, number(max(short, 0)))
	}
}

func condition(metric string, lower bool, than string) string {
	if lower {
		return metric + " <= " + than
	}
	return metric + " >= " + than
}

// number writes a score with six significant digits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// rejection joins the reasons of the gates that failed.
func rejection(gates []GateResult) string {
	var reasons []string
	for _, g := range gates {
		if !g.Passed {
			reasons = append(reasons, g.Reason)
		}
	}
	return strings.Join(reasons, "; ")
}
