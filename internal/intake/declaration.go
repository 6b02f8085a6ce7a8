package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Version is that of the form of a declaration.
const Version = 1

// SchemaID names the published JSON Schema.
const SchemaID = "https://esteira.dev/schema/onnx-signature.v1.json"

// Bounds on a declaration.
const (
	maxDeclaration = 1 << 20
	maxInputs      = 10_000
	maxText        = 500
)

// Declaration is the signature file of a foreign ONNX model, in YAML or JSON.
type Declaration struct {
	Version   int               `json:"version" yaml:"version" jsonschema:"required,enum=1"`
	Task      pipeline.Task     `json:"task" yaml:"task" jsonschema:"required,enum=regression,enum=binary,enum=multiclass"`
	Target    string            `json:"target" yaml:"target" jsonschema:"required,minLength=1,maxLength=500" jsonschema_description:"What is predicted, as a column would be named."`
	Classes   []string          `json:"classes,omitempty" yaml:"classes,omitempty" jsonschema:"minItems=2,maxItems=1000" jsonschema_description:"Of a classification, in the order of the probabilities; binary: the negative one first."`
	Framework string            `json:"framework" yaml:"framework" jsonschema:"required,minLength=1,maxLength=500" jsonschema_description:"What trained it, with its version: xgboost 3.1.0."`
	Inputs    []external.Column `json:"inputs" yaml:"inputs" jsonschema:"required,minItems=1,maxItems=10000" jsonschema_description:"The inputs of the graph, by name."`
}

// Read decodes a declaration strictly and checks it. The error is ConfigInvalid and
// says what is wrong.
func Read(data []byte) (Declaration, error) {
	var d Declaration
	if len(data) > maxDeclaration {
		return d, wrong("has %d bytes; the bound is %d", len(data), maxDeclaration)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return d, wrong("is not YAML: %s", err)
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		v := &plain{}
		ast.Walk(v, document.Body)
		if v.found {
			return d, wrong("has an anchor or an alias, which it may do without")
		}
	}
	if err := yaml.UnmarshalWithOptions(data, &d, yaml.Strict()); err != nil {
		return d, wrong("cannot be read: %s", err)
	}
	return d, d.check()
}

// plain looks for the parts of YAML that make much of little.
type plain struct{ found bool }

func (p *plain) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		p.found = true
	}
	return p
}

func wrong(message string, args ...any) error {
	return fault.New(fault.ConfigInvalid, "the signature file "+message, args...).WithRemedy("see esteira schema onnx-signature for what it holds")
}

func (d Declaration) check() error {
	classes := len(d.Classes)
	switch {
	case d.Version != Version:
		return wrong("has version %d, and this build reads %d", d.Version, Version)
	case d.Target == "" || len(d.Target) > maxText || d.Framework == "" || len(d.Framework) > maxText:
		return wrong("has a target of %d bytes and a framework of %d, not 1 to %d", len(d.Target), len(d.Framework), maxText)
	case d.Task == pipeline.Regression && classes > 0, d.Task == pipeline.Binary && classes != 2,
		d.Task == pipeline.Multiclass && (classes < 2 || classes > feature.MaxClasses):
		return wrong("has %d classes, which %s does not", classes, d.Task)
	case d.Task != pipeline.Regression && d.Task != pipeline.Binary && d.Task != pipeline.Multiclass:
		return wrong("has the task %q, not regression, binary or multiclass", d.Task)
	case len(d.Inputs) == 0 || len(d.Inputs) > maxInputs:
		return wrong("has %d inputs, not 1 to %d", len(d.Inputs), maxInputs)
	}
	seen := map[string]bool{d.Target: true}
	for i, in := range d.Inputs {
		if in.Name == "" || len(in.Name) > maxText || !utf8.ValidString(in.Name) || seen[in.Name] {
			return wrong("has at inputs[%d] a name that is empty, too long, the target, or there twice: %.80q", i, in.Name)
		}
		seen[in.Name] = true
		if !slices.Contains([]string{"number", "text", "time"}, in.Type) {
			return wrong("says at inputs[%d] type %.80q, not number, text or time", i, in.Type)
		}
	}
	named := map[string]bool{}
	for _, c := range d.Classes {
		if c == "" || len(c) > maxText || named[c] {
			return wrong("has a class that is empty, too long, or there twice: %.80q", c)
		}
		named[c] = true
	}
	return nil
}

func (d Declaration) inputs() []feature.Input {
	out := make([]feature.Input, len(d.Inputs))
	for i, in := range d.Inputs {
		out[i] = feature.Input{Name: in.Name, Kind: in.Type}
	}
	return out
}

func (d Declaration) target() *feature.Target {
	kind := "text"
	if d.Task == pipeline.Regression {
		kind = "number"
	}
	return &feature.Target{Column: d.Target, Kind: kind, Task: d.Task, Classes: d.Classes}
}

// Example is a declaration as the schema shows it.
func Example() Declaration {
	return Declaration{
		Version: Version, Task: pipeline.Multiclass, Target: "species", Classes: []string{"Adelie", "Chinstrap", "Gentoo"}, Framework: "scikit-learn 1.9.1",
		Inputs: []external.Column{{Name: "beak_length_mm", Type: "number"}, {Name: "island", Type: "text"}},
	}
}

// JSONSchema returns the JSON Schema (draft 2020-12) of a declaration.
func JSONSchema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(&Declaration{})
	s.ID = SchemaID
	s.Title = "Esteira ONNX signature, version 1"
	s.Description = fmt.Sprintf("What esteira models import is told of an ONNX file that was made elsewhere: one input per column, by name, and the output prediction (regression), double or float [N] or [N,1], "+
		"or probabilities, double or float [N,classes] in the order of classes, and if it likes label, string [N] or [N,1]. At most %d MiB; the same operators as those of external trainers.", external.MaxModel>>20)
	s.Examples = []any{Example()}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the JSON Schema cannot be written")
	}
	return append(data, '\n'), nil
}
