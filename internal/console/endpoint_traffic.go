package console

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/report"
)

// trafficSpan is a time that traffic can be shown over.
type trafficSpan struct {
	Name, Title string
	long, part  time.Duration
}

var trafficSpans = []trafficSpan{
	{"hour", "Last hour", time.Hour, time.Minute},
	{"day", "Last day", 24 * time.Hour, 30 * time.Minute},
	{"week", "Last week", 7 * 24 * time.Hour, 3 * time.Hour},
}

// trafficShown is the traffic of an endpoint over one of the times.
type trafficShown struct {
	Spans    []trafficSpan
	Span     trafficSpan
	Known    bool
	Total    metadata.Traffic
	Requests template.HTML // plots; empty: nobody asked
	Latency  template.HTML
}

// FailedRate and RejectedRate are shares of what was asked.
func (t trafficShown) FailedRate() string { return rate(t.Total) }

// RejectedRate is the share that did not fit the model's signature, or the like.
func (t trafficShown) RejectedRate() string {
	return rate(metadata.Traffic{Asked: t.Total.Asked, Failed: t.Total.Rejected})
}

func (c *Console) trafficFacts(ctx context.Context, v *visit, p *endpointPage, shown *view) error {
	t := trafficShown{Spans: trafficSpans, Span: trafficSpans[1]}
	if name := v.URL.Query().Get("span"); name != "" {
		known := false
		for _, s := range trafficSpans {
			if s.Name == name {
				t.Span, known = s, true
			}
		}
		if !known {
			return fault.New(fault.RequestInvalid, "span is %.40q", name).WithRemedy("give hour, day or week")
		}
	}
	to := c.now().UTC().Truncate(t.Span.part).Add(t.Span.part)
	from := to.Add(-t.Span.long)
	parts, err := c.DB.TrafficOver(ctx, p.Name, from, to, t.Span.part)
	switch {
	case fault.KindOf(err) == fault.ResourceExhausted:
		shown.Notices = append(shown.Notices, trouble("Traffic", err))
	case err != nil:
		return err
	default:
		t.Known = true
		t.plot(parts, from, to)
	}
	p.Traffic = t
	return nil
}

// plot draws the parts in order of time; one without traffic is 0, and has no latency.
func (t *trafficShown) plot(parts []metadata.TrafficPart, from, to time.Time) {
	if len(parts) == 0 {
		return
	}
	n := int(to.Sub(from) / t.Span.part)
	x, asked, bad := make([]float64, n), make([]float64, n), make([]float64, n)
	half, most := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = float64(from.Add(time.Duration(i) * t.Span.part).UnixMicro())
		half[i], most[i] = math.NaN(), math.NaN()
	}
	peak, worst := 0.0, 0.0
	for _, p := range parts {
		i := min(n-1, max(0, int(p.Begins.Sub(from)/t.Span.part)))
		asked[i], bad[i] = float64(p.Asked), float64(p.Failed+p.Rejected)
		t.Total.Asked, t.Total.Failed, t.Total.Rejected = t.Total.Asked+p.Asked, t.Total.Failed+p.Failed, t.Total.Rejected+p.Rejected
		if p.P50 != nil && p.P99 != nil {
			half[i], most[i] = *p.P50/1000, *p.P99/1000
			worst = max(worst, most[i])
		}
		peak = max(peak, asked[i])
	}
	per := "per " + span(t.Span.part)
	if t.Span.part == time.Minute {
		per = "per minute"
	}
	t.Requests = report.Line(report.Plot{Title: "Rows asked, and failed or rejected, " + per, X: "time, UTC", Y: "rows " + per, FormatX: report.Time, High: 1,
		Note: fmt.Sprintf("%s asked in all, %s failed, %s rejected; most in one part %s.", report.Count(t.Total.Asked), report.Count(t.Total.Failed), report.Count(t.Total.Rejected), report.Number(peak))},
		report.Series{Name: "asked", X: x, Y: asked}, report.Series{Name: "failed or rejected", X: x, Y: bad})
	t.Latency = report.Line(report.Plot{Title: "Latency of answers in milliseconds", X: "time, UTC", Y: "ms", FormatX: report.Time, High: 1e-3, // from 0
		Note: fmt.Sprintf("The slowest 99th percentile of a part is %s ms.", report.Number(worst))},
		report.Series{Name: "half within", X: x, Y: half, Dots: true}, report.Series{Name: "99 % within", X: x, Y: most, Dots: true})
}
