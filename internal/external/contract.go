package external

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Version is that of the contract. A later one with the same number only adds
// what a trainer may ignore.
const Version = 1

// Bounds on what a trainer gives back.
const (
	MaxModel   = 256 << 20 // bytes of the ONNX file
	maxMetrics = 100
	maxText    = 500 // bytes of framework, and of a reason it fails for
)

// ExpiryMargin is how long the addresses outlive the deadline, so that a model
// sent at the last moment still arrives.
const ExpiryMargin = 10 * time.Minute

// Request is the one argument of a trainer's activity.
type Request struct {
	Version    int                `json:"version" jsonschema:"required,enum=1"`
	Run        string             `json:"run" jsonschema:"required" jsonschema_description:"Workflow ID of the run."`
	Trial      int                `json:"trial" jsonschema:"required,minimum=0" jsonschema_description:"Its place in the search."`
	Fold       int                `json:"fold" jsonschema:"required,minimum=-1" jsonschema_description:"Fold of cross-validation; -1: all training rows, with the validation rows held out."`
	Task       pipeline.Task      `json:"task" jsonschema:"required,enum=regression,enum=binary,enum=multiclass"`
	Target     string             `json:"target" jsonschema:"required" jsonschema_description:"Column to predict: a number, or for a classification one of classes as text."`
	Classes    []string           `json:"classes,omitempty" jsonschema_description:"In the order of the model's probabilities; binary: the negative one first. All of them, also where a fold has no row of one."`
	Metric     string             `json:"metric" jsonschema:"required" jsonschema_description:"Metric that chooses the model."`
	Weight     string             `json:"weight,omitempty" jsonschema_description:"Column that says how much each row counts: not negative. No input of the model."`
	Signature  []Column           `json:"signature" jsonschema:"required,minItems=1" jsonschema_description:"The inputs of the model, each a column of both files."`
	Parameters map[string]float64 `json:"parameters" jsonschema:"required" jsonschema_description:"Hyperparameters by name, as the pipeline file has them."`
	Seed       int64              `json:"seed" jsonschema:"required"`
	Deadline   time.Time          `json:"deadline" jsonschema:"required" jsonschema_description:"When the answer is no longer waited for."`
	Train      Table              `json:"train" jsonschema:"required" jsonschema_description:"Rows to learn from."`
	Validation Table              `json:"validation" jsonschema:"required" jsonschema_description:"Rows held out: for early stopping and metrics. It may have none."`
	Model      Upload             `json:"model" jsonschema:"required" jsonschema_description:"Where the ONNX model goes."`
	Report     *ReportUpload      `json:"report,omitempty" jsonschema_description:"Where a report of the fit goes, if the trainer likes to write one. For people alone: one that cannot be kept is left out with a warning, and the model stays."`
}

// Column is one input of the model.
type Column struct {
	Name string `json:"name" yaml:"name" jsonschema:"required"`
	Type string `json:"type" yaml:"type" jsonschema:"required,enum=number,enum=text,enum=time" jsonschema_description:"In Parquet and in ONNX: number is DOUBLE and double or float [N,1] with NaN where missing. text is UTF-8 and string [N,1] with an empty text where missing. time is TIMESTAMP in microseconds and int64 [N,1], microseconds since 1970 in UTC with the least int64 where missing."`
}

// Table is a Parquet file (zstd).
type Table struct {
	URL    string `json:"url" jsonschema:"required" jsonschema_description:"GET gives the file. A credential: do not log it."`
	Rows   int64  `json:"rows" jsonschema:"required,minimum=0"`
	Bytes  int64  `json:"bytes" jsonschema:"required,minimum=0"`
	SHA256 string `json:"sha256" jsonschema:"required,pattern=^[0-9a-f]{64}$"`
}

// Upload is where one object is written to.
type Upload struct {
	PutURL   string `json:"put_url" jsonschema:"required" jsonschema_description:"PUT writes the object; again overwrites it. A credential: do not log it."`
	MaxBytes int64  `json:"max_bytes" jsonschema:"required,minimum=1"`
}

// Response is what the activity returns.
type Response struct {
	Version   int                `json:"version" jsonschema:"required,enum=1"`
	Model     Delivered          `json:"model" jsonschema:"required"`
	Report    *DeliveredReport   `json:"report,omitempty" jsonschema_description:"Left out where none was written."`
	Metrics   map[string]float64 `json:"metrics,omitempty" jsonschema_description:"On the validation rows, by Esteira's names. Recorded beside Esteira's own, which are those that count."`
	Framework string             `json:"framework" jsonschema:"required,maxLength=500" jsonschema_description:"What trained it, with its version: lightgbm 4.6.0."`
	Seconds   float64            `json:"seconds,omitempty" jsonschema:"minimum=0" jsonschema_description:"Spent in fitting."`
}

// Delivered says what was written to Upload.
type Delivered struct {
	SHA256 string `json:"sha256" jsonschema:"required,pattern=^[0-9a-f]{64}$"`
	Bytes  int64  `json:"bytes" jsonschema:"required,minimum=1"`
}

// Progress is what a heartbeat carries. A trainer beats at least every ten
// seconds: one that is silent for thirty is taken for dead, and its fit is begun
// again, elsewhere if need be. A beat is also how it learns of a cancellation.
type Progress struct {
	Done    float64 `json:"done,omitempty" jsonschema:"minimum=0"`
	Of      float64 `json:"of,omitempty" jsonschema:"minimum=0"`
	Message string  `json:"message,omitempty" jsonschema:"maxLength=500"`
}

// Check refuses an answer that does not honour the contract; the error is
// TrainingFailed and names what is wrong. It is a pure function: a workflow calls
// it before an answer becomes part of anything else.
func (r Response) Check() error {
	switch {
	case r.Version != Version:
		return wrong("version is %d, not %d", r.Version, Version)
	case !digest(r.Model.SHA256):
		return wrong("model.sha256 is not 64 hexadecimal digits")
	case r.Model.Bytes <= 0 || r.Model.Bytes > MaxModel:
		return wrong("model.bytes is %d, not 1 to %d", r.Model.Bytes, MaxModel)
	case len(r.Metrics) > maxMetrics:
		return wrong("it has %d metrics, more than %d", len(r.Metrics), maxMetrics)
	case r.Framework == "" || len(r.Framework) > maxText:
		return wrong("framework has %d bytes, not 1 to %d", len(r.Framework), maxText)
	case !(r.Seconds >= 0 && r.Seconds <= math.MaxInt32):
		return wrong("seconds is %v", r.Seconds)
	}
	longest := 0
	//workflowcheck:ignore
	for name := range r.Metrics { // the order does not matter
		longest = max(longest, len(name))
	}
	if longest > 100 {
		return wrong("a metric's name has %d bytes", longest)
	}
	return r.Report.check()
}

func wrong(message string, args ...any) error {
	return fault.New(fault.TrainingFailed, "the trainer's answer does not honour the contract: "+message, args...).
		WithRemedy("see esteira schema external-trainer")
}

// Clip bounds a reason that a trainer gives, in the bytes of valid text.
func Clip(reason string) string { return fault.Clip(reason, maxText) }

// Gap says where a metric that the trainer claims is far from ours: more than a
// hundredth of it and 1e-6 apart. "" if none is. Metrics we do not compute are not
// compared.
func Gap(claimed, ours map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(claimed)) {
		v, ok := ours[name]
		if c := claimed[name]; ok && !(math.Abs(c-v) <= max(1e-6, 0.01*math.Abs(v))) {
			parts = append(parts, fmt.Sprintf("%s %.6g where it is %.6g", name, c, v))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "the trainer claims " + strings.Join(parts, ", ")
}
