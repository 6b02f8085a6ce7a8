package activities

import (
	"cmp"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// Run tells a step which run it works for and how it may use the cache.
type Run struct {
	ID       string   `json:"id"`       // Workflow ID
	Pipeline string   `json:"pipeline"` // name
	Digest   string   `json:"digest"`   // of the canonical pipeline: its version
	NoCache  bool     `json:"no_cache,omitempty"`
	Refresh  []string `json:"refresh,omitempty"` // steps that must be computed anew

	// Reproduces is the run that this one repeats: what an activity looks up of
	// earlier runs and of what was live is what that run saw.
	Reproduces string `json:"reproduces,omitempty"`
}

// asOf is the run before which earlier runs are looked for.
func (r Run) asOf() string { return cmp.Or(r.Reproduces, r.ID) }

// Outcome is what every step tells the workflow about itself.
type Outcome struct {
	Cache       metadata.Cache `json:"cache"`
	CacheReason string         `json:"cache_reason,omitempty"` // why not a hit
	Figure      string         `json:"figure"`                 // the step's key figure, for people
}

// outcome lets step reach the Outcome embedded in any result.
func (o *Outcome) outcome() *Outcome { return o }

// result is implemented by pointers to the results of cached steps.
type result interface {
	outcome() *Outcome
	// outputs names the artifacts the step wrote; a cache hit requires them all.
	outputs() metadata.Outputs
}

// reader is a result that knows better than its step what was read.
type reader interface{ read() []artifact.Ref }

// progress is what a heartbeat carries.
type progress struct {
	Phase      string      `json:"phase"`
	Elapsed    string      `json:"elapsed"`
	At         time.Time   `json:"at"`
	Checkpoint *checkpoint `json:"checkpoint,omitempty"` // from which the next attempt goes on
}

// Told returns what the step told about itself.
func (o Outcome) Told() Outcome { return o }
