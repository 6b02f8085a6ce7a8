package profile

import (
	"encoding/json"

	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/fault"
)

// SchemaID names the published JSON Schema.
const SchemaID = "https://esteira.dev/schema/profile.v2.json"

// JSONSchema returns the JSON Schema (draft 2020-12) of the profile artifact.
func JSONSchema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	s := r.Reflect(&Profile{})
	s.ID = SchemaID
	s.Title = "Esteira profile"
	s.Description = "What a dataset holds, column by column, and how each bears on the target. Figures that do not exist are null."
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the JSON Schema cannot be written")
	}
	return append(data, '\n'), nil
}

// JSONSchemaExtend allows the figures that a constant does not have to be null.
func (Number) JSONSchemaExtend(s *jsonschema.Schema) {
	nullable(s, "sd")
}

// JSONSchemaExtend allows cells of which nothing can be said.
func (Matrix) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, name := range []string{"association", "pearson", "spearman"} {
		p, _ := s.Properties.Get(name)
		p.Items.Items = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number", Minimum: "-1", Maximum: "1"}, {Type: "null"}}}
	}
}

func nullable(s *jsonschema.Schema, name string) {
	p, _ := s.Properties.Get(name)
	*p = jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: p.Type}, {Type: "null"}}}
}
