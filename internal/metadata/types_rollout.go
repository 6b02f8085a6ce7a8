package metadata

import (
	"encoding/json"
	"fmt"
	"time"
)

// RolloutState is where a rollout stands.
type RolloutState string

// The states of a rollout. The first five are of one that is open.
const (
	RolloutApproval  RolloutState = "approval"  // somebody must say yes
	RolloutReplay    RolloutState = "replay"    // requests of the past are scored
	RolloutShadow    RolloutState = "shadow"    // it answers beside the live version, and nobody hears it
	RolloutCanary    RolloutState = "canary"    // it answers a share of the requests
	RolloutPromotion RolloutState = "promotion" // it answers all; servers are waited for

	RolloutLive       RolloutState = "live"        // it is what the endpoint serves
	RolloutRejected   RolloutState = "rejected"    // somebody, or the deadline, said no
	RolloutRolledBack RolloutState = "rolled_back" // it was worse, or somebody took it back
	RolloutSuperseded RolloutState = "superseded"  // another rollout took its place
	RolloutCancelled  RolloutState = "cancelled"
	RolloutFailed     RolloutState = "failed" // a server could not load it, or another error
)

// Rollout is the way of one model version to an endpoint.
type Rollout struct {
	ID              string          `json:"id"` // Temporal workflow id
	Endpoint        string          `json:"endpoint"`
	Run             string          `json:"run,omitempty"`
	ModelName       string          `json:"model_name"`
	ModelVersion    int             `json:"model_version"`
	BaselineName    string          `json:"baseline_name,omitempty"`
	BaselineVersion int             `json:"baseline_version"` // what was live before; 0: nothing
	Baseline        int64           `json:"baseline"`         // the revision it found; 0: none
	State           RolloutState    `json:"state"`
	Step            string          `json:"step,omitempty"` // as people read it
	Seq             int             `json:"-"`
	ApprovedBy      string          `json:"approved_by,omitempty"`
	ApprovalReason  string          `json:"approval_reason,omitempty"`
	Actor           string          `json:"actor,omitempty"` // who or what ended it
	Reason          string          `json:"reason,omitempty"`
	SupersededBy    string          `json:"superseded_by,omitempty"`
	Evidence        json.RawMessage `json:"evidence,omitempty"`
	Started         time.Time       `json:"started"`
	Changed         time.Time       `json:"changed"`
	Finished        *time.Time      `json:"finished,omitempty"` // nil: it is open
}

// Model is what is rolled out, as people write it: "flights@3".
func (r Rollout) Model() string { return fmt.Sprintf("%s@%d", r.ModelName, r.ModelVersion) }

// BaselineModel is what was live before, or "nothing".
func (r Rollout) BaselineModel() string {
	if r.BaselineVersion == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s@%d", r.BaselineName, r.BaselineVersion)
}

// BeginRollout asks for an endpoint.
type BeginRollout struct {
	ID           string
	Endpoint     string // created if new
	Run          string
	ModelName    string
	ModelVersion int
	Champion     string // digest of the bundle that the version was judged against; empty: nothing was live
	State        RolloutState
	Step         string
	Evidence     any
	Audit        *AuditPolicy // of the endpoint from its first move on; nil: as it is
}

// MoveRollout moves the endpoint of an open rollout. Its version is live, or it has
// the shares.
type MoveRollout struct {
	ID       string
	Seq      int // of this rollout, from 1; a later move is never followed by an earlier one
	State    RolloutState
	Step     string
	Live     bool
	Canary   float64 // share; 0: none
	Shadow   float64
	Reason   string
	Evidence any
}

// NoteRollout says where an open rollout stands that does not move its endpoint.
type NoteRollout struct {
	ID             string
	State          RolloutState
	Step           string
	ApprovedBy     string // empty: as it was
	ApprovalReason string
}

// EndRollout ends a rollout. State is live if its last move made it so; any other
// puts the endpoint back as it was.
type EndRollout struct {
	ID       string
	State    RolloutState
	Actor    string
	Reason   string
	Evidence any
}

// PromoteRollout makes the version of an open rollout live past its workflow. Who and why
// are required.
type PromoteRollout struct {
	ID     string
	Actor  string
	Reason string
}

// RollBack takes back what is live, or an open rollout.
type RollBack struct {
	Endpoint string
	Expected int64  // the revision the caller saw; of an open rollout it is not compared
	Rollout  string // the open rollout it saw, which is ended past its workflow; empty: none
	Actor    string
	Reason   string
}
