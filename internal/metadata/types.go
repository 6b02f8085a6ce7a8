package metadata

import (
	"encoding/json"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// Outputs are the artifacts of a step by name: "dataset", "report", …
type Outputs map[string]artifact.Ref

// RunState is where a run stands.
type RunState string

// The states of a run. Rejected is an outcome (a contract or gate said no).
const (
	RunRunning   RunState = "running"
	RunCompleted RunState = "completed"
	RunFailed    RunState = "failed"
	RunRejected  RunState = "rejected"
	RunCancelled RunState = "cancelled"
)

// Definition is one version of a pipeline file and of the problem in it.
type Definition struct {
	Pipeline      string          // name
	Digest        string          // of the canonical pipeline
	Ref           artifact.Ref    // the canonical JSON
	ProblemDigest string          // of the canonical problem
	Problem       json.RawMessage // its body
}

// Run is one execution of a pipeline.
type Run struct {
	ID             string     `json:"id"` // Temporal workflow id
	TemporalRunID  string     `json:"temporal_run_id"`
	Pipeline       string     `json:"pipeline"`
	PipelineDigest string     `json:"pipeline_digest"`
	Trigger        string     `json:"trigger"`
	Moment         *time.Time `json:"moment,omitempty"` // what a scheduled run is for
	State          RunState   `json:"state"`
	Decision       string     `json:"decision,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	ModelName      string     `json:"model_name,omitempty"`
	ModelVersion   int        `json:"model_version,omitempty"` // 0: none
	Metric         string     `json:"metric,omitempty"`
	Score          *float64   `json:"score,omitempty"`
	ProblemVersion int        `json:"problem_version,omitempty"` // 0: it was not defined
	Solved         *bool      `json:"solved,omitempty"`          // whether the problem's threshold was met; nil: it has none, or nothing was judged
	ErrorKind      string     `json:"error_kind,omitempty"`
	Reports        Outputs    `json:"reports,omitempty"`
	Started        time.Time  `json:"started"`
	Finished       *time.Time `json:"finished,omitempty"`
}

// StartRun asks for a run to begin.
type StartRun struct {
	ID             string
	TemporalRunID  string
	Pipeline       string
	PipelineDigest string
	Trigger        string
	Moment         *time.Time // nil: for no moment; such a run never meets another
	Started        time.Time  // zero: now
	Alone          []string   // not while a run of the pipeline goes that has one of these triggers
}

// FinishRun says how a run ended. State is any but running.
type FinishRun struct {
	ID           string
	State        RunState
	Decision     string
	Reason       string
	ModelName    string
	ModelVersion int
	Metric       string
	Score        *float64
	ErrorKind    string
	Reports      Outputs

	ProblemVersion int
	Solved         *bool
	Finished       time.Time // zero: now
}

// RunFilter narrows Runs; a zero field does not.
type RunFilter struct {
	Pipeline string
	State    RunState
	Trigger  string
	Before   time.Time // started before, for paging
}

// StepState is where a step stands.
type StepState string

// The states of a step.
const (
	StepRunning   StepState = "running"
	StepCompleted StepState = "completed"
	StepFailed    StepState = "failed"
	StepCancelled StepState = "cancelled"
)

// Cache says what the step cache did.
type Cache string

// The outcomes of the cache.
const (
	CacheHit  Cache = "hit"
	CacheMiss Cache = "miss"
	CacheOff  Cache = "off"
)

// Step is one attempt of a step of a run. Step names are those of the design,
// with a path for a part: "train", "train/003/fold-1".
type Step struct {
	Run          string     `json:"run"`
	Step         string     `json:"step"`
	Attempt      int        `json:"attempt"` // from 1
	State        StepState  `json:"state"`
	Cache        Cache      `json:"cache"`
	CacheReason  string     `json:"cache_reason,omitempty"`
	Figure       string     `json:"figure,omitempty"` // the key figure, as people read it
	Outputs      Outputs    `json:"outputs,omitempty"`
	ErrorKind    string     `json:"error_kind,omitempty"`
	ErrorMessage string     `json:"error_message,omitempty"`
	Started      time.Time  `json:"started"`
	Finished     *time.Time `json:"finished,omitempty"`
}

// StepRecord is a completed step with all it leaves behind.
type StepRecord struct {
	Run         string
	Step        string
	Attempt     int
	Key         string // cache key; empty: the result is not kept
	Cache       Cache
	CacheReason string
	Figure      string
	Result      any            // JSON-encodable; what CachedStep gives back
	Inputs      []artifact.Ref // every artifact read; edges are inputs × outputs
	Outputs     Outputs
	Started     time.Time
	Finished    time.Time // zero: now
	Trial       *Trial    // of a step that is a fit; its row is written with the step's
}

// CachedStep is a remembered result. Whether its outputs still exist is for the
// caller to ask the artifact store.
type CachedStep struct {
	Key     string
	Step    string
	Result  json.RawMessage
	Outputs Outputs
	Figure  string
	Run     string // that computed it
	Created time.Time
}

// SourceFile is one file of a source as it was read.
type SourceFile struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"` // hex SHA-256 of its bytes, or "etag:…"
}

// Snapshot is what one source gave at one time.
type Snapshot struct {
	Run      string          `json:"run"`
	Source   string          `json:"source"`
	Artifact artifact.Ref    `json:"artifact"`
	Checksum string          `json:"checksum"` // over the files' checksums
	Files    []SourceFile    `json:"files"`
	Rows     int64           `json:"rows"`
	Schema   json.RawMessage `json:"schema,omitempty"` // [{"name","type","sql"}]
	Taken    time.Time       `json:"taken"`
}

// Dataset is the integrated table of a run.
type Dataset struct {
	Run      string          `json:"run"`
	Artifact artifact.Ref    `json:"artifact"`
	Rows     int64           `json:"rows"`
	Schema   json.RawMessage `json:"schema,omitempty"`
	Created  time.Time       `json:"created"`
}

// Check is the result of one validation rule.
type Check struct {
	Column   string          `json:"column,omitempty"`
	Name     string          `json:"name"` // type, range, set, …
	Severity string          `json:"severity"`
	Passed   bool            `json:"passed"`
	Failed   int64           `json:"failed"` // rows that fail
	Rows     int64           `json:"rows"`   // rows looked at
	Message  string          `json:"message,omitempty"`
	Details  json.RawMessage `json:"details,omitempty"`
}

// Split is one part of the valid dataset.
type Split struct {
	Split    string       `json:"split"` // train, validation, test
	Artifact artifact.Ref `json:"artifact"`
	Rows     int64        `json:"rows"`
}

// Trial is one fit.
type Trial struct {
	Run         string          `json:"run"`
	Outer       int             `json:"outer"` // fold of a nested search, -1 for the search itself
	Trial       int             `json:"trial"`
	Fold        int             `json:"fold"` // -1: on all training rows
	Kind        string          `json:"kind"`
	Params      Values          `json:"params,omitempty"`
	Options     json.RawMessage `json:"options,omitempty"` // model.Options
	Share       float64         `json:"share"`             // of the training rows it was fitted on
	Rows        int             `json:"rows"`              // it was fitted on
	Memory      int64           `json:"memory"`            // bytes the fit held at most, by the sizes of its rows and of what its learner keeps (model.Footprint); not measured
	Report      json.RawMessage `json:"report,omitempty"`  // model.Report
	Scores      Values          `json:"scores,omitempty"`
	Seconds     float64         `json:"seconds"`
	Worker      string          `json:"worker,omitempty"`
	ModelDigest string          `json:"model_digest,omitempty"`
	Error       string          `json:"error,omitempty"`
}

// Metric is one number about one model on one split.
type Metric struct {
	Model  string  `json:"model"` // ols, logistic, baseline, champion, …
	Split  string  `json:"split"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"` // may be NaN
}

// Gate is the answer of one evaluation gate.
type Gate struct {
	Metric    string  `json:"metric"`
	Condition string  `json:"condition"` // as people read it: "rmse <= 12.5"
	Value     float64 `json:"value"`
	Bound     float64 `json:"bound"`
	Passed    bool    `json:"passed"`
	Reason    string  `json:"reason,omitempty"`
}

// ModelVersion is a registered bundle.
type ModelVersion struct {
	Name    string       `json:"name"`
	Version int          `json:"version"` // from 1
	Bundle  artifact.Ref `json:"bundle"`
	Run     string       `json:"run"` // that made it first
	Metrics Values       `json:"metrics,omitempty"`
	Created time.Time    `json:"created"`
}

// RegisterModel asks for a version of a bundle.
type RegisterModel struct {
	Name    string
	Bundle  artifact.Ref
	Run     string
	Metrics Values
}

// Alias is a name for a version of a model: "champion".
type Alias struct {
	Model   string    `json:"model"`
	Alias   string    `json:"alias"`
	Version int       `json:"version"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason,omitempty"`
	Changed time.Time `json:"changed"`

	Evidence json.RawMessage `json:"evidence,omitempty"` // JSON
}
