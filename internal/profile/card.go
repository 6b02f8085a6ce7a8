package profile

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/esteira-ml/esteira/internal/report"
)

// plot draws the values: bars if they can be listed, a histogram if not.
func (c *Column) plot() template.HTML {
	title := "Distribution of " + c.Name
	if c.Type == "text" || c.Histogram == nil || len(c.Top) > 0 && len(c.Top) <= 8 {
		const most = 10
		var bars []report.Bar
		listed := int64(0)
		for _, v := range c.Top[:min(most, len(c.Top))] {
			listed += v.Count
			share := report.Percent(float64(v.Count) / float64(c.Count))
			bars = append(bars, report.Bar{Label: v.Value, Value: float64(v.Count), Text: share})
		}
		if rest := c.Count - c.Infinite - listed; len(bars) > 0 && rest > 0 {
			bars = append(bars, report.Bar{Label: fmt.Sprintf("%s others", report.Count(c.Distinct-int64(len(bars)))), Value: math.NaN(), Text: report.Percent(float64(rest) / float64(c.Count))})
		}
		return report.Bars(report.Plot{Title: title + ": most frequent values"}, bars)
	}
	h := c.Histogram
	list := make([]report.Bin, len(h.Bins))
	step := (h.To - h.From) / float64(len(h.Bins))
	for i, n := range h.Bins {
		list[i] = report.Bin{From: h.From + step*float64(i), To: h.From + step*float64(i+1), Count: n}
	}
	p := report.Plot{Title: title, Y: "rows"}
	if h.Below+h.Above > 0 {
		p.X = fmt.Sprintf("%s values lie further out", report.Count(h.Below+h.Above))
	}
	if c.Type == "time" {
		p.FormatX = day
		return report.Histogram(p, list)
	}
	p.Note = fmt.Sprintf("From %s to %s, median %s.", report.Number(c.Number.Min), report.Number(c.Number.Max), report.Number(c.Number.Quantiles[3].Value))
	return report.Histogram(p, list, c.Number.Quantiles[3].Value)
}

func (c *Column) facts() []report.Fact {
	facts := []report.Fact{{Name: "Missing", Value: report.Percent(c.MissingShare)}, {Name: "Distinct", Value: report.Count(c.Distinct)}}
	add := func(name, value string) { facts = append(facts, report.Fact{Name: name, Value: value}) }
	switch {
	case c.Number != nil:
		n := c.Number
		add("Mean", report.Number(n.Mean))
		if n.SD != nil {
			add("SD", report.Number(*n.SD))
		}
		add("Min", report.Number(n.Min))
		for _, q := range n.Quantiles {
			if q.P == 0.05 || q.P == 0.25 || q.P == 0.5 || q.P == 0.75 || q.P == 0.95 {
				add(map[float64]string{0.05: "5 %", 0.25: "25 %", 0.5: "Median", 0.75: "75 %", 0.95: "95 %"}[q.P], report.Number(q.Value))
			}
		}
		add("Max", report.Number(n.Max))
		add("Zeros", report.Percent(float64(n.Zeros)/float64(c.Count)))
		if n.Skew != nil {
			add("Skew", report.Number(math.Round(*n.Skew*1000)/1000))
		}
		if n.Outliers != nil {
			add("Outliers, IQR", report.Percent(float64(n.Outliers.IQR)/float64(c.Count)))
			add("Robust z > 3.5", report.Percent(float64(n.Outliers.RobustZ)/float64(c.Count)))
		}
	case c.Time != nil:
		add("First", short(c.Time.Min))
		add("Median", short(c.Time.Quantiles[3].Value))
		add("Last", short(c.Time.Max))
		if v := c.Time.Coverage; v != nil {
			add("Days with rows", report.Count(v.Days)+" of "+report.Count(v.SpanDays))
			add("Longest gap", gap(v.GapHours))
		}
	case c.Text != nil:
		add("Length", fmt.Sprintf("%d to %d", c.Text.MinLength, c.Text.MaxLength))
		add("Mean length", report.Number(c.Text.MeanLength))
	}
	if c.Infinite > 0 {
		add("Infinite", report.Count(c.Infinite))
	}
	if c.Drift != nil {
		add("Drift", report.Number(math.Round(*c.Drift*1000)/1000))
	}
	if c.Power != nil {
		add("Power alone", report.Percent(c.Power.Value))
	}
	if c.Information != nil {
		add("Information", report.Percent(c.Information.Share))
	}
	if c.Association != nil {
		add(map[string]string{"pearson": "Pearson's r", "correlation_ratio": "Corr. ratio", "cramers_v": "Cramér's V"}[c.Association.Measure], report.Number(math.Round(c.Association.Value*1000)/1000))
	}
	return facts
}

// gap says hours as people do.
func gap(hours float64) string {
	switch {
	case hours >= 72:
		return report.Number(math.Round(hours/2.4)/10) + " days"
	case hours >= 1:
		return report.Number(math.Round(hours*10)/10) + " h"
	default:
		return report.Number(math.Round(hours*60)) + " min"
	}
}

func day(micros float64) string { return report.Time(math.Floor(micros/86400e6) * 86400e6) }

func short(moment string) string {
	t, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil {
		return moment
	}
	return report.Time(float64(t.UnixMicro()))
}
