package window

import (
	"fmt"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Findings hold a window against the bounds of the file: one for each subject of
// each alert, in its order. What could not be measured is Unknown and says why.
// Drift, quality and performance are of the model version that answered most.
func Findings(m *Measures, alerts []pipeline.MonitorAlert) []alert.Finding {
	var out []alert.Finding
	for i, a := range alerts {
		j := judge{Measures: m, MonitorAlert: a, prefix: Prefix(a, i)}
		if len(m.Models) > 0 {
			j.main = &m.Models[0]
		}
		out = append(out, j.findings()...)
	}
	return out
}

// Prefix begins the keys of the findings of an alert: those of one kind are told apart
// by their place in the file. That a window failed is one subject wherever it stands.
func Prefix(a pipeline.MonitorAlert, place int) string {
	if a.On == pipeline.OnWindowFailed {
		return a.On
	}
	return fmt.Sprintf("%s/%d", a.On, place)
}

type judge struct {
	*Measures
	pipeline.MonitorAlert
	prefix string // of keys: alerts of one kind are told apart by their place
	main   *ModelMeasure
}

// finding is one about a subject, until somebody knows better Unknown.
func (j *judge) finding(subject, measure string) alert.Finding {
	f := alert.Finding{
		Key: j.prefix, Kind: j.On, Subject: subject, Severity: alert.Severity(j.Severity), Verdict: alert.Unknown, Measure: measure,
		Value: alert.Number(math.NaN()), Bound: alert.Number(math.NaN()),
		Policy: alert.Policy{After: j.After, Of: j.Of, Cooldown: j.CooldownOf()},
	}
	if subject != "" {
		f.Key += "/" + subject
	}
	if j.Max != nil {
		f.Bound = alert.Number(*j.Max)
	}
	return f
}

func (j *judge) unknown(subject, measure, why string, args ...any) []alert.Finding {
	f := j.finding(subject, measure)
	f.Message = fmt.Sprintf(why, args...)
	return []alert.Finding{f}
}

func (j *judge) findings() []alert.Finding {
	switch {
	case j.On == pipeline.OnWindowFailed:
		f := j.finding("", "")
		return []alert.Finding{judged(f, j.State == Failed, "%s", firstOf(j.Reason, "the window was computed"))}
	case j.State == Failed:
		return j.unknown("", j.Measure, "the window could not be computed")
	}
	switch j.On {
	case pipeline.OnErrors:
		return []alert.Finding{j.share("", "share", j.Failed, "of requests failed")}
	case pipeline.OnLatency:
		return j.latency()
	}
	if j.main == nil {
		return j.unknown("", j.Measure, "no model version answered")
	}
	if j.main.Problem != "" {
		return j.unknown("", j.Measure, "%s could not be measured: %s", j.main.Model, j.main.Problem)
	}
	switch j.On {
	case pipeline.OnDataDrift:
		return j.drift(func(c *drift.Comparison) []drift.Result { return c.Features })
	case pipeline.OnPredictionDrift:
		return j.drift(func(c *drift.Comparison) []drift.Result { return c.Outputs })
	case pipeline.OnQuality:
		return j.quality()
	case pipeline.OnPerformance, pipeline.OnEstimatedPerformance:
		return j.performance()
	case pipeline.OnCalibration:
		return j.calibration()
	case pipeline.OnMultivariateDrift:
		return j.together()
	case pipeline.OnConcept:
		return j.concept()
	default:
		return j.unknown("", j.Measure, "%s is not measured by this build", j.On)
	}
}

// share judges a share of the requests. Few requests tell only where their share is
// beyond the bound whatever chance did: by the lower end of Wilson's interval (1927).
func (j *judge) share(subject, measure string, n int64, words string) alert.Finding {
	f := j.finding(subject, measure)
	if j.Requests == 0 {
		f.Message = "nobody asked"
		return f
	}
	rows, bound := float64(j.Requests), *j.Max
	p := float64(n) / rows
	f.Value, f.Message = alert.Number(p), fmt.Sprintf("%.3g %% %s, %d of %d; the bound is %.3g %%", 100*p, words, n, j.Requests, 100*bound)
	const z = 1.959963984540054
	low := (p + z*z/(2*rows) - z*math.Sqrt(p*(1-p)/rows+z*z/(4*rows*rows))) / (1 + z*z/rows)
	switch enough := j.Requests >= int64(j.MinRows); {
	case low > bound || enough && p > bound:
		f.Verdict = alert.Breached
	case enough:
		f.Verdict = alert.Within
	default:
		f.Message = fmt.Sprintf("insufficient data: %d requests, fewer than %d", j.Requests, j.MinRows)
	}
	return f
}

func (j *judge) latency() []alert.Finding {
	if j.Requests < int64(j.MinRows) {
		return j.unknown("", "ms", "insufficient data: %d requests, fewer than %d", j.Requests, j.MinRows)
	}
	f := j.finding("", "ms")
	f.Value = j.P99
	return []alert.Finding{judged(f, float64(j.P99) > *j.Max, "99 %% of requests took at most %.4g ms; the bound is %.4g ms", float64(j.P99), *j.Max)}
}

func judged(f alert.Finding, breached bool, message string, args ...any) alert.Finding {
	f.Verdict, f.Message = alert.Within, fmt.Sprintf(message, args...)
	if breached {
		f.Verdict = alert.Breached
	}
	return f
}

// drift needs both: a distance beyond the bound, and a difference that chance does
// not make.
func (j *judge) drift(of func(*drift.Comparison) []drift.Result) []alert.Finding {
	c, against := j.main.Baseline, "the training rows"
	if j.Against == "previous" {
		if c, against = j.main.Previous, "the window before"; c == nil {
			return j.unknown(j.Feature, j.Measure, "%s", j.main.NoPrevious)
		}
	}
	var out []alert.Finding
	for i := range of(c) {
		r := &of(c)[i]
		if j.Feature != "" && r.Name != j.Feature {
			continue
		}
		f := j.finding(r.Name, j.Measure)
		f.Against = against
		value, ok := effect(r, j.Measure)
		change, gone := missingChange(r, j.Measure)
		switch {
		case r.Outcome == drift.Insufficient || r.Outcome == drift.Failed:
			f.Message = fmt.Sprintf("%s: %s", r.Outcome, r.Reason)
		case r.Outcome == drift.Unjudged:
			f.Message = "a time moves on by itself"
		case ok && change > value, !ok && (gone || change > *j.Max):
			f.Measure, f.Value = "missing", alert.Number(change)
			f = judged(f, (gone || change > *j.Max) && r.Q < j.Significance, "%.3g %% of %s are missing, of %s %.3g %%: a change of %.3g, the bound of %s is %.3g; corrected p %.2g",
				100*r.Missing.Window, r.Name, against, 100*r.Missing.Reference, change, j.Measure, *j.Max, r.Q)
		case !ok:
			f.Message = fmt.Sprintf("%s is not defined for this column", j.Measure)
		default:
			f.Value = alert.Number(value)
			f = judged(f, value > *j.Max && r.Q < j.Significance, "%s %s is %.3g from %s, the bound is %.3g; corrected p %.2g", r.Name, j.Measure, value, against, *j.Max, r.Q)
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return j.unknown(j.Feature, j.Measure, "the model has no such column, or it is not watched")
	}
	return out
}

// missingChange is by how much the share of missing values has changed, for a measure
// that is of the values alone; 0 for others. Missingness belongs to the distribution:
// where this is the greater change, it is what is held to the bound. gone: one side has
// no value at all.
func missingChange(r *drift.Result, measure string) (change float64, gone bool) {
	if measure != "wasserstein" && measure != "kolmogorov_smirnov" || r.Kind == frame.Text.String() || r.Missing == nil {
		return 0, false
	}
	change = math.Abs(r.Missing.Window - r.Missing.Reference)
	return change, change > 0 && max(r.Missing.Window, r.Missing.Reference) == 1
}

func effect(r *drift.Result, measure string) (float64, bool) {
	switch measure {
	case "jensen_shannon":
		return r.JensenShannon, true
	case "total_variation":
		return r.TotalVariation, true
	case "wasserstein":
		if r.Wasserstein == nil {
			return 0, false
		}
		return *r.Wasserstein, true
	case "kolmogorov_smirnov":
		if r.KolmogorovSmirnov == nil {
			return 0, false
		}
		return r.KolmogorovSmirnov.Statistic, true
	default:
		return r.PSI, true
	}
}

func (j *judge) quality() []alert.Finding {
	var out []alert.Finding
	if j.Feature == "" {
		out = append(out, j.share("", "share", j.Rejected, "of requests were rejected"))
	}
	for _, q := range j.main.Quality {
		if j.Feature != "" && q.Column != j.Feature {
			continue
		}
		f := j.finding(q.Column, "share")
		f.Against = "the training rows"
		switch {
		case q.Problem != "":
			f.Message = "error: " + q.Problem
		case j.main.Rows < int64(j.MinRows):
			f.Message = fmt.Sprintf("insufficient data: %d rows, fewer than %d", j.main.Rows, j.MinRows)
		default:
			f.Value = alert.Number(q.Bad)
			f = judged(f, q.Bad > *j.Max, "%.3g %% of %s is not as in training (%s); the bound is %.3g %%", 100*q.Bad, q.Column, q.words(), 100**j.Max)
		}
		out = append(out, f)
	}
	if out = append(out, j.rules()...); len(out) == 0 {
		return j.unknown(j.Feature, "share", "the model has no such column, or it is not watched")
	}
	return out
}

// performance needs both, too: a score beyond the bound, and, where that is how much
// worse it is than on the test rows, an interval that leaves their score out.
func (j *judge) performance() []alert.Finding {
	if len(j.Slice) > 0 {
		return j.slice()
	}
	at := slices.IndexFunc(j.main.Performance, func(p drift.Performance) bool { return p.Metric == j.Metric })
	var e *drift.Estimate
	if at >= 0 {
		if e = j.main.Performance[at].Measured; j.On == pipeline.OnEstimatedPerformance {
			e = j.main.Performance[at].Estimated
		}
	}
	if e == nil {
		why := "insufficient data: " + j.Metric + " could not be told"
		if len(j.main.Notes) > 0 {
			why += ": " + j.main.Notes[0]
		}
		return j.unknown(j.Metric, j.Metric, "%s", why)
	}
	return j.score(j.Metric, *e, j.main.Performance[at].Reference)
}

// score judges one score: of all rows, or of a part of them.
func (j *judge) score(subject string, e drift.Estimate, reference *float64) []alert.Finding {
	f := j.finding(subject, j.Metric)
	f.Value = alert.Number(e.Value)
	switch {
	case j.Max != nil:
		f = judged(f, e.Value > *j.Max, "%s is %.4g [%.4g, %.4g]; it must not exceed %.4g", j.Metric, e.Value, e.Low, e.High, *j.Max)
	case j.Min != nil:
		f.Bound = alert.Number(*j.Min)
		f = judged(f, e.Value < *j.Min, "%s is %.4g [%.4g, %.4g]; it must reach %.4g", j.Metric, e.Value, e.Low, e.High, *j.Min)
	default:
		if reference == nil || *reference == 0 || j.MaxLoss == nil {
			return j.unknown(subject, j.Metric, "the bundle has no score of the test rows to compare %s with", j.Metric)
		}
		was := *reference
		loss, sure := (was-e.Value)/math.Abs(was), e.High < was
		f.Bound = alert.Number(was - *j.MaxLoss*math.Abs(was))
		if pipeline.LowerIsBetter(j.Metric) {
			loss, sure = -loss, e.Low > was
			f.Bound = alert.Number(was + *j.MaxLoss*math.Abs(was))
		}
		f.Against = "the test rows"
		f = judged(f, loss > *j.MaxLoss && sure, "%s is %.4g [%.4g, %.4g], on the test rows %.4g: %.3g %% worse; the bound is %.3g %%", j.Metric, e.Value, e.Low, e.High, was, 100*loss, 100**j.MaxLoss)
	}
	return []alert.Finding{f}
}
