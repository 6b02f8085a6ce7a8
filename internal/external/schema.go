package external

import (
	"encoding/json"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/fault"
)

// SchemaID names the published JSON Schema.
const SchemaID = "https://esteira.dev/schema/external-trainer.v1.json"

// contract joins the three messages in one schema.
type contract struct {
	Request  Request  `json:"request,omitzero" jsonschema_description:"The one argument of the activity."`
	Response Response `json:"response,omitzero" jsonschema_description:"What it returns."`
	Progress Progress `json:"progress,omitzero" jsonschema_description:"The one value of a heartbeat; at least one every ten seconds."`
}

// JSONSchema returns the JSON Schema (draft 2020-12) of the contract, with an
// example of each message. A request may have further members in later builds; an
// answer has none but these.
func JSONSchema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(&contract{})
	s.ID = SchemaID
	s.Title = "Esteira external trainer, version 1"
	s.Description = "A trainer is a Temporal activity that takes a request and returns a response, and sends progress in its heartbeats. " +
		"The model it writes is ONNX: one input per column of the signature, by name, and the output prediction (regression), double or float [N] or [N,1], " +
		"or probabilities, double or float [N,classes] in the order of classes, and if it likes label, string [N] or [N,1]. " +
		"Operators of ai.onnx up to opset 21 and ai.onnx.ml up to 4; none that loops, branches, draws at random or makes a shape of data; no external data. " +
		"Added since version 1 was first published, each of which a trainer may ignore: request.report and response.report."
	for _, name := range []string{"Request", "Column", "Table", "Upload", "ReportUpload"} {
		s.Definitions[name].AdditionalProperties = nil // what a later build adds, a trainer ignores
	}
	if metrics, ok := s.Definitions["Response"].Properties.Get("metrics"); ok {
		metrics.MaxProperties = new(uint64(maxMetrics))
	}
	s.Definitions["Request"].Examples = []any{ExampleRequest()}
	s.Definitions["Response"].Examples = []any{ExampleResponse()}
	s.Definitions["Progress"].Examples = []any{Progress{Done: 40, Of: 100, Message: "round 40"}}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the JSON Schema cannot be written")
	}
	return append(data, '\n'), nil
}

// ExampleRequest is a request as the schema shows it.
func ExampleRequest() Request {
	const object = "https://store.example/esteira/sha256/"
	const sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	return Request{
		Version: Version, Run: "penguins/run/2026-11-23T03-00Z-7c1f", Trial: 4, Fold: 0, Task: "multiclass",
		Target: "species", Classes: []string{"Adelie", "Chinstrap", "Gentoo"}, Metric: "log_loss",
		Signature:  []Column{{Name: "beak_length_mm", Type: "number"}, {Name: "island", Type: "text"}},
		Parameters: map[string]float64{"learning_rate": 0.1, "num_leaves": 15}, Seed: 7,
		Deadline:   time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		Train:      Table{URL: object + "9f/" + sum + "?X-Amz-Signature=…", Rows: 184, Bytes: 5120, SHA256: sum},
		Validation: Table{URL: object + "9f/" + sum + "?X-Amz-Signature=…", Rows: 46, Bytes: 2048, SHA256: sum},
		Model:      Upload{PutURL: "https://store.example/esteira/staging/external/5f0c.onnx?X-Amz-Signature=…", MaxBytes: MaxModel},
		Report:     ReportAt("https://store.example/esteira/staging/external/77ab.html?X-Amz-Signature=…"),
	}
}

// ExampleResponse is an answer as the schema shows it.
func ExampleResponse() Response {
	return Response{
		Version: Version, Framework: "lightgbm 4.6.0", Seconds: 1.8, Metrics: map[string]float64{"log_loss": 0.061, "accuracy": 0.978},
		Model:  Delivered{SHA256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", Bytes: 184320},
		Report: &DeliveredReport{SHA256: "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9", Bytes: 20480, MediaType: "text/html"},
	}
}
