package console

import (
	"context"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Flows is what Temporal knows. Its errors are faults: NotFound where there is no such
// thing, TemporalUnavailable where nobody answers.
type Flows interface {
	// Paused lists what is paused: schedules and retraining.
	Paused(ctx context.Context) ([]Pause, error)
	Retraining(ctx context.Context, pipeline string) (Retraining, error)
	// Rollout is where an open rollout stands.
	Rollout(ctx context.Context, id string) (Rollout, error)
	Schedule(ctx context.Context, id string) (Schedule, error)
	// Trigger asks the retraining of a pipeline for a run and waits for what becomes
	// of it. The same key is the same trigger.
	Trigger(ctx context.Context, pipeline string, t Trigger) (Outcome, error)
}

// Pause is one thing that is paused.
type Pause struct {
	What     string // "schedule" or "retraining"
	Name     string
	Pipeline string // whose page tells more; empty: none
	By, Note string
	Since    time.Time // zero: it is not known
	Resume   string    // the command
}

// Retraining is where the retraining of an applied pipeline stands.
type Retraining struct {
	Endpoint   string // that its runs deploy to
	Running    string // run under way
	Paused     *Pause
	Pending    int    // triggers remembered for the next run
	PendingFor string // why the first asked
	Failures   int    // runs in a row
	Starts     int    // of the budget
	Budget     int
	Per        time.Duration
	Cooldown   time.Duration
	WhenBusy   string // "remember" or "drop"
	Since      time.Time
}

// Rollout is the plan of a rollout and where it stands.
type Rollout struct {
	Steps  []RolloutStep
	Checks []RolloutCheck
	Rows   string // of candidate and champion, as people read it; empty: not compared yet
}

// RolloutStep is one step of the plan.
type RolloutStep struct {
	Name, State, Said string
	Seconds           float64
}

// RolloutCheck is one bound that candidate and champion are held against.
type RolloutCheck struct{ Name, Candidate, Champion, Bound, Verdict string }

// Schedule is a Temporal Schedule.
type Schedule struct {
	ID, Moments, Note string
	Paused            bool
	Next              []time.Time
	Recent            []ScheduledRun
	Skipped, Missed   int
}

// ScheduledRun is a run that a schedule started.
type ScheduledRun struct {
	Moment time.Time
	Run    string
}

// Trigger asks for a run.
type Trigger struct{ Key, Reason string }

// Outcome is what became of a trigger.
type Outcome struct {
	Outcome string `json:"outcome"`       // started, remembered, dropped or repeated
	Run     string `json:"run,omitempty"` // that it started, or will be part of
	Why     string `json:"why"`
}

// Tracer follows a prediction back, wherever its record is.
type Tracer func(ctx context.Context, id string) (metadata.Trace, error)
