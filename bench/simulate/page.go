package main

import (
	"bytes"
	"fmt"
	"html/template"

	"github.com/esteira-ml/esteira/internal/report"
)

// twice is what the year is made of.
const twice = "The data hold half a year, January to June 2001, and are played twice: flights of July to December are other flights of the same days, 182 days later, and so are those of the weeks before the year, 182 days earlier. Only the declared changes are not in the data: minutes added to delays, and flights left out, from the weeks that the picture names."

// page is the year as a page: the picture, what asked for what, and every week.
func (y *year) page() ([]byte, error) {
	s := y.Summary
	opened := 0
	for _, n := range s.Alerts {
		opened += n
	}
	p := report.Page{
		Kicker: "Simulation", Title: "A year with retraining and without",
		Subtitle: fmt.Sprintf("Flights asked of a real server in the order in which they left, a week in %g seconds; labels days late; the monitor, retraining, gates and canary as in production. %s", y.WeekSeconds, twice),
		Facts: []report.Fact{
			{Name: "mean error with", Value: fmt.Sprintf("%.1f min", s.With), Note: fmt.Sprintf("%.1f without retraining", s.Without)},
			{Name: "windows", Value: fmt.Sprint(s.Windows), Note: fmt.Sprintf("computed again %d times for late labels", s.Again)},
			{Name: "alerts", Value: fmt.Sprint(opened), Note: fmt.Sprintf("%d before the world changed", s.FalseAlerts)},
			{Name: "retrainings", Value: fmt.Sprint(s.Retrainings), Note: fmt.Sprintf("%d promoted, %d not better", s.Promotions, s.NotBetter)},
			{Name: "requests", Value: report.Number(float64(s.Requests)), Note: fmt.Sprintf("%d failed", s.Failed)},
			{Name: "in the audit log", Value: report.Number(float64(s.Audited)), Note: fmt.Sprintf("%d not as they were given", s.Untraceable)},
		},
		Footer: "Written by make simulate; the same figures are in year.json and year.csv beside it.",
	}
	runs := report.Table{Columns: []report.Column{{Name: "Begun"}, {Name: "Ended"}, {Name: "Asked for by"}, {Name: "Outcome"}, {Name: "Why"}}}
	for _, r := range y.Retrainings {
		runs.Rows = append(runs.Rows, []string{date(r.Begun), date(r.Ended), r.Trigger, r.outcome(), r.Reason})
	}
	alerts := report.Table{Columns: []report.Column{{Name: "Told"}, {Name: "Alert"}, {Name: "Change"}, {Name: "What"}}}
	for _, a := range y.Alerts {
		alerts.Rows = append(alerts.Rows, []string{date(a.At), a.Kind, a.Change, a.Message})
	}
	weeks := report.Table{Columns: []report.Column{{Name: "Week", Numeric: true}, {Name: "Begins"}, {Name: "Flights", Numeric: true}, {Name: "With retraining", Numeric: true}, {Name: "Without", Numeric: true}, {Name: "Answered by version"}}}
	for _, w := range y.Weeks {
		weeks.Rows = append(weeks.Rows, []string{fmt.Sprint(w.Week), w.Begins, fmt.Sprint(w.Flights), fmt.Sprintf("%.1f", w.With), fmt.Sprintf("%.1f", w.Without), versions(w.By)})
	}
	// On a phone it is as wide as it must be to be read, and moves under the finger.
	picture := template.HTML(`<div style="overflow-x:auto" tabindex="0" role="region" aria-label="The picture, which may be moved sideways"><div style="min-width:46rem">` + y.picture() + `</div></div>`) // every text in it is escaped
	p.Sections = []report.Section{
		{ID: "year", Title: "The year", Blocks: []report.Block{{Plot: picture}}},
		{ID: "retrainings", Title: "Retrainings", Intro: "What asked for each, and what became of it.", Blocks: []report.Block{{Table: &runs}}},
		{ID: "alerts", Title: "Alerts", Blocks: []report.Block{{Table: &alerts}}},
		{ID: "weeks", Title: "Weeks", Intro: "Errors are means of the distance of answer and truth, in minutes, of the same flights.", Blocks: []report.Block{{Table: &weeks}}},
	}
	var b bytes.Buffer
	err := report.Write(&b, p)
	return b.Bytes(), err
}
