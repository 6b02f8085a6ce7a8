package pipeline

import (
	"encoding/json"

	"github.com/invopop/jsonschema"
)

// JSONSchemaExtend tells that a rollback compares something.
func (Deploy) JSONSchemaExtend(s *jsonschema.Schema) {
	s.AllOf = append(s.AllOf, &jsonschema.Schema{
		If:   &jsonschema.Schema{Required: []string{"rollback"}},
		Then: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Required: []string{"shadow"}}, {Required: []string{"canary"}}}},
	})
}

// JSONSchemaExtend tells the defaults.
func (Approval) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "required").Default = true
	property(s, "deadline").Default = "24h"
	property(s, "default").Default = "reject"
}

// JSONSchemaExtend tells the bounds of a replay.
func (Replay) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "requests").Minimum, property(s, "requests").Maximum, property(s, "requests").Default = "1", json.Number("100000"), 1000
	property(s, "max_refused").Minimum, property(s, "max_refused").Maximum, property(s, "max_refused").Default = "0", "1", 0.01
	property(s, "max_difference").ExclusiveMinimum = "0"
}

// JSONSchemaExtend tells the bounds of a share.
func (Shadow) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "share").ExclusiveMinimum, property(s, "share").Maximum, property(s, "share").Default = "0", "1", 1
	property(s, "for").Default = "10m"
}

// JSONSchemaExtend tells the bounds of the steps.
func (Canary) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "steps").MinItems, property(s, "steps").MaxItems = new(uint64(1)), new(uint64(maxCanarySteps))
}

// JSONSchemaExtend tells the bounds of a share.
func (CanaryStep) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "share").ExclusiveMinimum, property(s, "share").ExclusiveMaximum = "0", "1"
}

// JSONSchemaExtend tells the bounds and the defaults.
func (Rollback) JSONSchemaExtend(s *jsonschema.Schema) {
	for name, def := range map[string]float64{"max_error_rate": 0.01, "max_prediction_shift": 0.3} {
		property(s, name).Minimum, property(s, name).Maximum, property(s, name).Default = "0", "1", def
	}
	property(s, "max_latency_p99_ms").ExclusiveMinimum = "0"
	property(s, "max_metric_loss").ExclusiveMinimum, property(s, "max_metric_loss").Default = "0", 0.1
	property(s, "max_latency_ratio").Minimum, property(s, "max_latency_ratio").Default = "1", 3
	property(s, "min_requests").Minimum, property(s, "min_requests").Maximum, property(s, "min_requests").Default = "10", "1000000", 100
	property(s, "on_insufficient").Default = "proceed"
	property(s, "wait").Default = "24h"
}
