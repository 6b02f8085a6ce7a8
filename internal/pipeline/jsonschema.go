package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
)

// SchemaID names the published JSON Schema.
const SchemaID = "https://esteira.dev/schema/pipeline.v1.json"

// JSONSchema returns the JSON Schema (draft 2020-12) of a pipeline file, for
// editors. It is made from the types and tags Parse works with, and accepts what
// Parse accepts but for what a schema cannot say.
func JSONSchema() ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
	}
	s := r.Reflect(&Pipeline{})
	// Features says itself what it is, so what it refers to is not found from it.
	r.ExpandedStruct = false
	maps.Copy(s.Definitions, r.Reflect(&Feature{}).Definitions)
	s.ID = SchemaID
	s.Title = "Esteira pipeline"
	s.Description = "One pipeline file: from the question a business asks to a model in production."
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the JSON Schema cannot be written")
	}
	return append(data, '\n'), nil
}

// JSONSchema offers auto or a list.
func (Features) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Description: "auto, or the transforms of each column.",
		Default:     "auto",
		OneOf: []*jsonschema.Schema{
			{Type: "string", Const: "auto", Description: "Sensible transforms of every column but target, keys and event time; the run records what was picked."},
			{Type: "array", MinItems: new(uint64(1)), Items: &jsonschema.Schema{Ref: "#/$defs/Feature"}},
		},
	}
}

// JSONSchemaExtend tells what names are accepted.
func (Pipeline) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "sources").PropertyNames = &jsonschema.Schema{Pattern: identifierPattern.String()}
	property(s, "sources").MinProperties = new(uint64(1))
	property(s, "name").Pattern = namePattern.String()
	property(s, "name").Examples = []any{"flights"}
}

// JSONSchemaExtend tells that a source is in one place, and that predictions are
// read whole.
func (Source) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Not = &jsonschema.Schema{Required: []string{"predictions", "incremental"}}
	for _, place := range []string{"path", "postgres", "predictions"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{place}})
	}
}

// JSONSchemaExtend allows numbers as the text of a missing value.
func (CSV) JSONSchemaExtend(s *jsonschema.Schema) {
	item := anyText("")
	property(s, "null").Items = &item
	property(s, "header").Default = true
}

// JSONSchemaExtend tells what the address of a database may be.
func (Postgres) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "url").Pattern = secretReference.String()
	property(s, "timeout").Default = DefaultTimeout
	property(s, "changed_by").Pattern = `\S`
}

// JSONSchemaExtend tells the default and the bounds of versions.
func (Predictions) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "labelled").Default = "all"
	for _, name := range []string{"model_versions", "exclude_model_versions"} {
		list := property(s, name)
		list.MinItems, list.Items.Minimum = new(uint64(1)), "1"
	}
}

// JSONSchemaExtend tells the defaults of the dataset.
func (Dataset) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "fan_out").Default = "warn"
	property(s, "timeout").Default = DefaultTimeout
}

// JSONSchemaExtend tells the metrics of each task.
func (Problem) JSONSchemaExtend(s *jsonschema.Schema) {
	s.AllOf = nil
	for _, task := range []Task{Regression, Binary, Multiclass} {
		then := jsonschema.NewProperties()
		then.Set("metric", &jsonschema.Schema{Enum: anys(metrics[task])})
		then.Set("baseline", &jsonschema.Schema{Const: baselineOf(task)})
		if task != Binary {
			then.Set("positive", jsonschema.FalseSchema)
			then.Set("costs", jsonschema.FalseSchema)
		}
		is := jsonschema.NewProperties()
		is.Set("task", &jsonschema.Schema{Const: string(task)})
		s.AllOf = append(s.AllOf, &jsonschema.Schema{
			If:   &jsonschema.Schema{Properties: is, Required: []string{"task"}},
			Then: &jsonschema.Schema{Properties: then},
		})
	}
	property(s, "metric").Enum = anys(everyMetric())
	*property(s, "positive") = anyText(property(s, "positive").Description)
	property(s, "target").MinLength = new(uint64(1))
}

// JSONSchemaExtend tells the bounds of the folds.
func (Train) JSONSchemaExtend(s *jsonschema.Schema) {
	folds := property(s, "folds")
	folds.Minimum, folds.Maximum, folds.Default = "2", "20", DefaultFolds
	property(s, "candidates").MinItems = new(uint64(1))
}

// JSONSchemaExtend tells the parameters of each kind.
func (Candidate) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, kind := range kinds() {
		is, grid := jsonschema.NewProperties(), jsonschema.NewProperties()
		is.Set("kind", &jsonschema.Schema{Const: kind})
		learner, err := model.For(kind)
		if err != nil {
			panic(err) // kinds lists those there are
		}
		for _, p := range learner.Parameters() {
			grid.Set(p.Name, &jsonschema.Schema{Type: "array", MinItems: new(uint64(1)), UniqueItems: true, Items: bounded(p), Description: p.Description})
		}
		then := jsonschema.NewProperties()
		then.Set("grid", &jsonschema.Schema{Type: "object", Properties: grid, AdditionalProperties: jsonschema.FalseSchema})
		s.AllOf = append(s.AllOf, &jsonschema.Schema{
			If:   &jsonschema.Schema{Properties: is, Required: []string{"kind"}},
			Then: &jsonschema.Schema{Properties: then},
		})
	}
	externalSchema(s)
}

func bounded(p model.Parameter) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "number", Default: p.Default}
	if p.Whole {
		s.Type = "integer"
	}
	s.Minimum, s.Maximum = jsonNumber(p.Low), jsonNumber(p.High)
	return s
}

func jsonNumber(v float64) json.Number { return json.Number(strconv.FormatFloat(v, 'g', -1, 64)) }

// JSONSchemaExtend tells the metrics of a gate.
func (Gate) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "metric").Enum = anys(slices.Concat(everyMetric(), judged[Binary], fairnessMetrics, []string{"model_size_kb", "latency_p50_us", "latency_p95_us"}))
	property(s, "slice").AdditionalProperties = new(anyText(""))
	property(s, "slice").MinProperties = new(uint64(1))
	for _, name := range []string{"max_size_kb", "max_latency_us"} {
		property(s, name).ExclusiveMinimum = "0"
	}
}

// JSONSchemaExtend tells the bounds of slices.
func (Evaluate) JSONSchemaExtend(s *jsonschema.Schema) {
	rows := property(s, "min_slice_rows")
	rows.Minimum, rows.Default = "2", DefaultMinSliceRows
	property(s, "slices").MaxItems = new(uint64(maxSliceEntries))
	property(s, "fairness").MaxItems = new(uint64(maxSliceEntries))
}

// JSONSchema allows a bare column beside a list of them.
func (SliceEntry) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "string", MinLength: new(uint64(1))},
		{Type: "array", Items: &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}, MinItems: new(uint64(1)), MaxItems: new(uint64(maxSliceColumns)), UniqueItems: true},
	}}
}

// JSONSchemaExtend tells the parts of a time.
func (DateParts) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "parts").Items.Enum = anys(dateParts)
	for _, name := range []string{"as_categories", "cyclical"} {
		property(s, name).Items.Enum = anys(without(dateParts, "year"))
	}
}

// JSONSchemaExtend tells the three kinds of entry.
func (Feature) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "columns").MinItems = new(uint64(1))
	for _, name := range []string{"columns", "auto", "select"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{name}})
	}
}

// JSONSchemaExtend allows numbers and booleans as the text of a constant.
func (Impute) JSONSchemaExtend(s *jsonschema.Schema) {
	*property(s, "text") = anyText(property(s, "text").Description)
}

// JSONSchemaExtend allows the bare name beside the object with one key.
func (Transform) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	object.MinProperties, object.MaxProperties = new(uint64(1)), new(uint64(1))
	for _, bare := range []string{"standardize", "log1p", "text_length"} {
		property(&object, bare).AdditionalProperties = jsonschema.FalseSchema
	}
	*s = jsonschema.Schema{
		Description: "A name, or a name with its parameters.",
		OneOf: []*jsonschema.Schema{
			{Type: "string", Enum: anys(namesOf(rulesOf(reflect.TypeFor[Transform]())))},
			&object,
		},
	}
}

// property returns a property of s; it panics on a name the type does not have,
// which the tests would show.
func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, ok := s.Properties.Get(name)
	if !ok {
		panic(fmt.Sprintf("the schema has no property %q", name))
	}
	return p
}

func anyText(description string) jsonschema.Schema {
	return jsonschema.Schema{Description: description, AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func everyMetric() []string {
	var out []string
	for _, task := range []Task{Regression, Binary, Multiclass} {
		for _, m := range metrics[task] {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// kinds are the kinds a file can name: all but the baseline, which is always there.
func kinds() []string { return without(model.Kinds(), "baseline") }

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}
