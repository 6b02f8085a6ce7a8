package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/invopop/jsonschema"
)

// Retrain says when the pipeline runs by itself, on which rows, and within which
// bounds. At most one retraining of a pipeline is under way.
type Retrain struct {
	Schedule    *Schedule        `json:"schedule,omitempty" yaml:"schedule,omitempty" jsonschema_description:"At which moments."`
	On          []RetrainTrigger `json:"on,omitempty" yaml:"on,omitempty" jsonschema_description:"On what else."`
	Cooldown    string           `json:"cooldown,omitempty" yaml:"cooldown,omitempty" jsonschema_description:"Least time from the start of one triggered run to the next; default 24h. Schedules and people do not wait."`
	Budget      *Budget          `json:"budget,omitempty" yaml:"budget,omitempty" jsonschema_description:"Most triggered runs in a span of time; default 7 in 7d."`
	WhenBusy    string           `json:"when_busy,omitempty" yaml:"when_busy,omitempty" jsonschema:"enum=remember,enum=drop" jsonschema_description:"A trigger while a run goes, or within cooldown or beyond budget: remember (default) makes one run of all of them as soon as it may, drop forgets them."`
	MaxFailures int              `json:"max_failures,omitempty" yaml:"max_failures,omitempty" jsonschema_description:"After as many failed runs in a row retraining pauses, with a note, and its schedule with it; default 3."`
	Window      *TrainWindow     `json:"window,omitempty" yaml:"window,omitempty" jsonschema_description:"Of which rows a retraining run learns; default: all."`
}

// RetrainTrigger is one thing that asks for a run.
type RetrainTrigger struct {
	Alert   string `json:"alert,omitempty" yaml:"alert,omitempty" jsonschema_description:"An alert of this kind of monitor.alerts opens, and again when it is told that it lasts."`
	Labels  int    `json:"labels,omitempty" yaml:"labels,omitempty" jsonschema_description:"As many labels have arrived since the last run began."`
	NewData bool   `json:"new_data,omitempty" yaml:"new_data,omitempty" jsonschema_description:"true: a source has changed since the last look: a file, an address, or a Postgres query that says changed_by. Without it a query is seen only by running it, so it takes labels or a schedule."`
	Every   string `json:"every,omitempty" yaml:"every,omitempty" jsonschema_description:"labels, new_data: how often is looked, from 1s; default 10m, or 1h for new_data."`
}

// Budget bounds triggered runs.
type Budget struct {
	Runs int    `json:"runs" yaml:"runs" jsonschema:"required"`
	Per  string `json:"per" yaml:"per,omitempty" jsonschema_description:"Span of time, such as 7d; default 1d."`
}

// TrainWindow bounds the rows of a retraining run by the dataset's event time.
type TrainWindow struct {
	Rows   string `json:"rows" yaml:"rows" jsonschema:"required,enum=all,enum=sliding,enum=expanding,enum=since_label" jsonschema_description:"all; sliding: the last length before the run's moment; expanding: from a fixed moment on; since_label: from the time of the oldest answer labelled since the live model's run began, and length before it."`
	Length string `json:"length,omitempty" yaml:"length,omitempty" jsonschema_description:"sliding, since_label: a span such as 90d."`
	From   string `json:"from,omitempty" yaml:"from,omitempty" jsonschema_description:"expanding: a date or RFC 3339."`
}

// Schedule says at which moments a pipeline runs: by cron, or every so often.
type Schedule struct {
	Cron           string `json:"cron,omitempty" yaml:"cron,omitempty" jsonschema_description:"Five fields, or @hourly, @daily, @weekly."`
	Every          string `json:"every,omitempty" yaml:"every,omitempty" jsonschema_description:"Instead of cron: a duration of at least 1m, such as 6h; counted from midnight UTC of 1970. With another time_zone it divides a day, and counts from each midnight there."`
	Offset         string `json:"offset,omitempty" yaml:"offset,omitempty" jsonschema_description:"every: moves the moments by this much."`
	TimeZone       string `json:"time_zone" yaml:"time_zone,omitempty" jsonschema_description:"IANA name; default UTC."`
	Jitter         string `json:"jitter,omitempty" yaml:"jitter,omitempty" jsonschema_description:"Duration, such as 1m: starts are spread by up to this much."`
	Overlap        string `json:"overlap,omitempty" yaml:"overlap,omitempty" jsonschema:"enum=skip,enum=buffer_one,enum=buffer_all,enum=cancel_other" jsonschema_description:"What a start does while the run before still goes; default skip."`
	CatchUp        string `json:"catch_up,omitempty" yaml:"catch_up,omitempty" jsonschema_description:"How far back starts that were missed are made up for; default 1h."`
	PauseOnFailure *bool  `json:"pause_on_failure,omitempty" yaml:"pause_on_failure,omitempty" jsonschema_description:"A failed run pauses the schedule, with a note; default true."`
}

// Kinds of what asks for a retraining.
const (
	TriggerSchedule = "schedule"
	TriggerAlert    = "alert"
	TriggerLabels   = "labels"
	TriggerNewData  = "new_data"
	TriggerHTTP     = "http"
	TriggerRetrain  = "retrain" // a person, by esteira retrain
)

// Retrainings are the kinds of which at most one run of a pipeline goes.
func Retrainings() []string {
	return []string{TriggerSchedule, TriggerAlert, TriggerLabels, TriggerNewData, TriggerHTTP, TriggerRetrain}
}

// Retraining reports whether a run of that trigger is a retraining: one at a time,
// on the rows of retrain.window.
func Retraining(trigger string) bool {
	return contains(Retrainings(), trigger)
}

// Bounds of triggered runs where the file does not say.
const (
	DefaultCooldown    = "24h"
	DefaultMaxFailures = 3
	DefaultCatchUp     = time.Hour
)

// CooldownOf is Cooldown as a duration.
func (r Retrain) CooldownOf() time.Duration { return durationOr(r.Cooldown, 24*time.Hour) }

// BudgetOf is Budget, and its span as a duration.
func (r Retrain) BudgetOf() (runs int, per time.Duration) {
	if r.Budget == nil {
		return 7, 7 * 24 * time.Hour
	}
	return r.Budget.Runs, durationOr(r.Budget.Per, 24*time.Hour)
}

// Remembers reports whether a trigger that cannot run now runs later.
func (r Retrain) Remembers() bool { return r.WhenBusy != "drop" }

// Failures is MaxFailures or its default.
func (r Retrain) Failures() int { return cmp.Or(r.MaxFailures, DefaultMaxFailures) }

// EveryOf is Every as a duration; 0 where nothing is looked at.
func (t RetrainTrigger) EveryOf() time.Duration {
	switch {
	case t.NewData:
		return durationOr(t.Every, time.Hour)
	case t.Labels > 0:
		return durationOr(t.Every, 10*time.Minute)
	default:
		return 0
	}
}

// OnAlert reports whether an alert of that kind asks for a run.
func (r Retrain) OnAlert(kind string) bool {
	for _, t := range r.On {
		if t.Alert == kind {
			return true
		}
	}
	return false
}

// CatchUpOf is CatchUp as a duration.
func (s Schedule) CatchUpOf() time.Duration { return durationOr(s.CatchUp, DefaultCatchUp) }

// Pauses reports whether a failed run pauses the schedule.
func (s Schedule) Pauses() bool { return s.PauseOnFailure == nil || *s.PauseOnFailure }

// Start is the moment from which rows count in a run for moment at; zero: all do,
// or the window is counted from labels.
func (w *TrainWindow) Start(at time.Time) time.Time {
	switch {
	case w == nil:
	case w.Rows == "sliding":
		return at.Add(-durationOr(w.Length, 0)).UTC()
	case w.Rows == "expanding":
		from, _ := instant(w.From)
		return from
	}
	return time.Time{}
}

// LengthOf is Length as a duration.
func (w TrainWindow) LengthOf() time.Duration { return durationOr(w.Length, 0) }

func instant(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

func (d *decoder) checkRetrain(p *Pipeline) {
	r := p.Retrain
	if r.Schedule != nil {
		d.checkSchedule("retrain.schedule", *r.Schedule)
	}
	for i, t := range r.On {
		d.checkTrigger(fmt.Sprintf("retrain.on[%d]", i), p, t)
	}
	d.checkSpan("retrain.cooldown", r.Cooldown, time.Second, 366*24*time.Hour)
	if r.Budget != nil {
		if d.given("retrain.budget.runs") && (r.Budget.Runs < 1 || r.Budget.Runs > 1000) {
			d.add("retrain.budget.runs", "write from 1 to 1000", "%d runs are no budget", r.Budget.Runs)
		}
		d.checkSpan("retrain.budget.per", r.Budget.Per, time.Minute, 366*24*time.Hour)
	}
	if d.given("retrain.max_failures") && (r.MaxFailures < 1 || r.MaxFailures > 100) {
		d.add("retrain.max_failures", "write from 1 to 100", "%d is no bound", r.MaxFailures)
	}
	if r.Window != nil {
		d.checkTrainWindow(p, *r.Window)
	}
}

func (d *decoder) checkTrigger(path string, p *Pipeline, t RetrainTrigger) {
	given := 0
	for _, is := range []bool{t.Alert != "", t.Labels != 0, t.NewData} {
		if is {
			given++
		}
	}
	if given != 1 {
		if !d.inside(path) {
			d.add(path, "write one of alert: performance, labels: 1000, new_data: true; an entry each", "is not one trigger")
		}
		return
	}
	if t.Alert != "" {
		if t.Every != "" {
			d.add(path+".every", "remove it", "says nothing of alerts: they come with the windows of monitor")
		}
		switch _, known := watched[t.Alert]; {
		case !known:
			d.add(path+".alert", instead(t.Alert, sortedKeys(watched)), "unknown kind of alert %q", clip(t.Alert))
		case !p.Monitoring():
			d.add(path+".alert", "add monitor: {}", "needs the section monitor: nothing is watched")
		case !p.Monitor.alerts(t.Alert):
			d.add(path+".alert", "add it to monitor.alerts", "no alert of monitor is on %s", t.Alert)
		}
	}
	if t.NewData && !slices.ContainsFunc(slices.Collect(maps.Values(p.Sources)), Source.Watchable) {
		d.add(path+".new_data", "say postgres.changed_by, or use a schedule or labels", "sees files, addresses and queries with changed_by alone, and no source is one: another query is seen only by running it, and predictions change with every answer")
	}
	if t.Labels < 0 {
		d.add(path+".labels", "write 1 or more", "must be positive")
	}
	d.checkSpan(path+".every", t.Every, time.Second, 31*24*time.Hour)
}

// Watchable reports whether a change of the source is looked for: its files are listed,
// those of the worker read, a database is asked by postgres.changed_by.
func (s Source) Watchable() bool {
	return s.Path != "" || s.Postgres != nil && s.Postgres.ChangedBy != ""
}

// alerts reports whether something is told on that.
func (m *Monitor) alerts(on string) bool {
	for _, a := range m.Alerts {
		if a.On == on {
			return true
		}
	}
	return false
}

func (d *decoder) checkTrainWindow(p *Pipeline, w TrainWindow) {
	const path = "retrain.window"
	if w.Rows != "all" && w.Rows != "" && p.Dataset.EventTime == "" {
		d.add(path+".rows", "add dataset.event_time", "%s needs to know when each row was", w.Rows)
	}
	switch w.Rows {
	case "sliding":
		if w.Length == "" {
			d.add(path+".length", "add length: 90d", "is missing")
		}
	case "expanding":
		if _, err := instant(w.From); err != nil {
			d.add(path+".from", "write a date such as 2026-01-01", "%q is no moment", clip(w.From))
		}
	}
	for key, is := range map[string]bool{"length": w.Length != "" && w.Rows != "sliding" && w.Rows != "since_label", "from": w.From != "" && w.Rows != "expanding"} {
		if is {
			d.add(path+"."+key, "remove it", "says nothing of %s", w.Rows)
		}
	}
	d.checkSpan(path+".length", w.Length, time.Second, 100*366*24*time.Hour)
}

// JSONSchemaExtend tells that a trigger is one thing.
func (RetrainTrigger) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, name := range []string{"alert", "labels", "new_data"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{name}})
	}
	for _, name := range sortedKeys(watched) {
		property(s, "alert").Enum = append(property(s, "alert").Enum, name)
	}
	property(s, "labels").Minimum = "1"
	property(s, "new_data").Const = true
}

// JSONSchemaExtend tells that moments are given one way.
func (Schedule) JSONSchemaExtend(s *jsonschema.Schema) {
	s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{"cron"}}, &jsonschema.Schema{Required: []string{"every"}})
}
