package metadata

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// Revision is what an endpoint serves from a moment on.
type Revision struct {
	Endpoint     string          `json:"endpoint"`
	Revision     int64           `json:"revision"` // from 1
	ModelName    string          `json:"model_name"`
	ModelVersion int             `json:"model_version"`
	Run          string          `json:"run,omitempty"`
	Actor        string          `json:"actor"`
	Reason       string          `json:"reason,omitempty"`
	Evidence     json.RawMessage `json:"evidence,omitempty"`
	Previous     int64           `json:"previous"` // 0: none
	Created      time.Time       `json:"created"`
	Bundle       artifact.Ref    `json:"bundle"` // of the model version
	Canary       *Variant        `json:"canary,omitempty"`
	Shadow       *Variant        `json:"shadow,omitempty"`
	Rollout      string          `json:"rollout,omitempty"` // id of the workflow that made it
	ApprovedBy   string          `json:"approved_by,omitempty"`
	TakesBack    int64           `json:"takes_back,omitempty"` // the revision that this one undoes; 0: none
}

// Variant is a model version that a revision serves beside its live one.
type Variant struct {
	ModelName    string       `json:"model_name"`
	ModelVersion int          `json:"model_version"`
	Share        float64      `json:"share"`  // of the requests, above 0, at most 1
	Bundle       artifact.Ref `json:"bundle"` // of the model version; not asked of callers
}

// Serves is what a revision serves, as people read it: "flights@3, canary flights@4
// 10 %".
func (r Revision) Serves() string {
	if r.ModelVersion == 0 {
		return "nothing"
	}
	text := fmt.Sprintf("%s@%d", r.ModelName, r.ModelVersion)
	if c := r.Canary; c != nil {
		text += fmt.Sprintf(", canary %s@%d %.4g %%", c.ModelName, c.ModelVersion, 100*c.Share)
	}
	if s := r.Shadow; s != nil {
		text += fmt.Sprintf(", shadow %s@%d %.4g %%", s.ModelName, s.ModelVersion, 100*s.Share)
	}
	return text
}

// Role is the part in which a model version answered.
type Role string

// The roles. What a shadow answers is recorded and reaches nobody.
const (
	RoleLive   Role = "live"
	RoleCanary Role = "canary"
	RoleShadow Role = "shadow"
)

// Endpoint is a name that answers, with its current revision (nil before the
// first).
type Endpoint struct {
	Name     string    `json:"name"`
	Revision int64     `json:"revision"`       // 0: none yet
	Live     *Revision `json:"live,omitempty"` // nil: nothing answers
	Created  time.Time `json:"created"`
}

// SetRevision asks an endpoint to serve a model version.
type SetRevision struct {
	Endpoint     string // created if new
	Expected     int64  // the revision the caller saw; 0: none
	ModelName    string
	ModelVersion int
	Run          string // empty: by hand
	Actor        string
	Reason       string
	Evidence     any // JSON-encodable
	Canary       *Variant
	Shadow       *Variant
	Rollout      string
	ApprovedBy   string
	TakesBack    int64 // the revision that this one undoes; 0: none
}

// Server is one prediction server.
type Server struct {
	ID      string    `json:"id"`
	Address string    `json:"address"` // base URL
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
}

// ServerState is what a server made of a revision.
type ServerState string

// The states of a revision on a server.
const (
	ServerLoading ServerState = "loading"
	ServerLive    ServerState = "live"
	ServerFailed  ServerState = "failed"
)

// RevisionReport is one server's word on one revision.
type RevisionReport struct {
	Server     string      `json:"server"`
	Endpoint   string      `json:"endpoint"`
	Revision   int64       `json:"revision"`
	State      ServerState `json:"state"`
	Error      string      `json:"error,omitempty"`
	AnsweredAt *time.Time  `json:"answered_at,omitempty"` // first answer computed from it
	Changed    time.Time   `json:"changed"`
}

// Prediction is one audited request.
type Prediction struct {
	ID           uuid.UUID       `json:"id"` // version 7
	Endpoint     string          `json:"endpoint"`
	Revision     int64           `json:"revision"` // 0: none answered
	ModelName    string          `json:"model_name"`
	ModelVersion int             `json:"model_version"`
	At           time.Time       `json:"at"`
	RequestID    string          `json:"request_id,omitempty"`
	Features     json.RawMessage `json:"features,omitempty"`
	Outputs      json.RawMessage `json:"outputs,omitempty"`
	Status       int             `json:"status"`
	Error        string          `json:"error,omitempty"`
	LatencyUS    int             `json:"latency_us"`

	Role           Role       `json:"role"`
	ShadowOf       *uuid.UUID `json:"shadow_of,omitempty"`    // shadow: the prediction that was answered instead
	Token          string     `json:"token,omitempty"`        // name of the token it was asked with
	RequestHash    []byte     `json:"request_hash,omitempty"` // SHA-256 of the request's body
	IdempotencyKey string     `json:"idempotency_key,omitempty"`

	Mode     AuditMode       `json:"mode"`               // bounded: the answer left before its record was on disk
	Redacted json.RawMessage `json:"redacted,omitempty"` // {column: hash, mask or omit}: the features are not as they were sent
}

// Edge says that a step read input to make output.
type Edge struct {
	Output string `json:"output"`
	Input  string `json:"input"`
	Step   string `json:"step"`
}

// Trace is the way back from one prediction to the bytes behind it. What a
// refused request never reached is nil or empty.
type Trace struct {
	Prediction Prediction    `json:"prediction"`
	Labels     []Label       `json:"labels,omitempty"` // the one in force first
	Revision   *Revision     `json:"revision,omitempty"`
	Model      *ModelVersion `json:"model,omitempty"`
	Run        *Run          `json:"run,omitempty"` // that made the model
	Gates      []Gate        `json:"gates,omitempty"`
	Features   *artifact.Ref `json:"features,omitempty"` // as fitted on the training rows
	Splits     []Split       `json:"splits,omitempty"`
	Dataset    *Dataset      `json:"dataset,omitempty"`
	Snapshots  []Snapshot    `json:"snapshots,omitempty"`
	Lineage    []Edge        `json:"lineage,omitempty"` // from the bundle, nearest first
}
