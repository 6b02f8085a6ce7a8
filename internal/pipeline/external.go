package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/esteira-ml/esteira/internal/model"
)

// ExternalKind is the kind of a candidate that somebody else's worker trains.
const ExternalKind = "external"

// MaxExternalTimeout bounds train.candidates[].external.timeout: the addresses a
// trainer is given are good for that long.
const MaxExternalTimeout = 24 * time.Hour

// DefaultExternalTimeout is what it is when the file does not say.
const DefaultExternalTimeout = "1h"

// External says who trains a candidate: any activity, in any Temporal language,
// that honours the contract of package external (esteira schema external-trainer).
type External struct {
	Name     string `json:"name" yaml:"name" jsonschema:"required" jsonschema_description:"What its models are called in reports, such as xgboost: lower-case letters, digits and underscores."`
	Queue    string `json:"queue" yaml:"queue" jsonschema:"required" jsonschema_description:"Task queue that the trainer polls."`
	Activity string `json:"activity" yaml:"activity" jsonschema:"required" jsonschema_description:"Name of its activity."`
	Timeout  string `json:"timeout,omitempty" yaml:"timeout,omitempty" jsonschema_description:"Bound of one fit, retries and the wait for a free trainer included; default 1h, at most 24h."`
	Version  string `json:"version,omitempty" yaml:"version,omitempty" text:"any" jsonschema_description:"Of the trainer: another one makes fits in the cache void."`
}

// Within is Timeout as a duration.
func (e External) Within() time.Duration {
	d, err := ParseDuration(cmp.Or(e.Timeout, DefaultExternalTimeout))
	if err != nil || d <= 0 || d > MaxExternalTimeout {
		return time.Hour // a file with such a timeout is refused
	}
	return d
}

// Label is what a candidate's models are called: its kind, or the name of who
// trains it.
func (c Candidate) Label() string {
	if c.External != nil {
		return c.External.Name
	}
	return c.Kind
}

// externalNamePattern is that of JSON Schema, too.
var externalNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// reserved are names that reports use for what no candidate is.
var reserved = []string{"champion", "ensemble", ExternalKind}

func (d *decoder) checkExternal(path string, c Candidate, earlier []Candidate, method string) {
	if c.External == nil {
		if !d.given(path + ".external") {
			d.add(path+".external", "add external: {name: …, queue: …, activity: …}", "is missing: an external candidate is trained by somebody's activity")
		}
		return
	}
	e, at := *c.External, path+".external"
	switch {
	case e.Name == "":
	case !externalNamePattern.MatchString(e.Name):
		d.add(at+".name", "write lower-case letters, digits and underscores, a letter first, at most 31", "%q cannot name a model", clip(e.Name))
	case slices.Contains(model.Kinds(), e.Name), slices.Contains(reserved, e.Name):
		d.add(at+".name", "write another", "%q is a name of Esteira's own", e.Name)
	case slices.ContainsFunc(earlier, func(o Candidate) bool { return o.External != nil && o.External.Name == e.Name }):
		d.add(at+".name", "write another", "%q stands twice", e.Name)
	}
	for key, value := range map[string]string{"queue": e.Queue, "activity": e.Activity, "version": e.Version} {
		if len(value) > 200 {
			d.add(join(at, key), "write at most 200 bytes", "has %d bytes", len(value))
		}
	}
	if e.Timeout != "" {
		if t, err := ParseDuration(e.Timeout); err != nil || t <= 0 || t > MaxExternalTimeout {
			d.add(at+".timeout", "write a duration of at most 24h, such as 30m", "%q is no such duration", clip(e.Timeout))
		}
	}
	if len(c.Options.Given()) > 0 {
		d.add(path+".options", "remove it; a trainer has parameters alone", "external has no options")
	}
	for _, name := range sortedKeys(c.Grid) {
		d.checkExternalName(join(path+".grid", name), name)
		if len(c.Grid[name]) == 0 {
			d.add(join(path+".grid", name), "write at least one value", "is empty")
		}
		for i, v := range c.Grid[name] {
			if slices.Contains(c.Grid[name][:i], v) {
				d.add(fmt.Sprintf("%s[%d]", join(path+".grid", name), i), "keep one of the two", "%v stands twice", v)
			}
		}
	}
	for _, name := range sortedKeys(c.Space) {
		inner := join(path+".space", name)
		d.checkExternalName(inner, name)
		if _, twice := c.Grid[name]; twice {
			d.add(inner, "keep one of the two", "%s stands in grid, too", name)
		}
		in := c.Space[name]
		d.checkInterval(inner, in, model.Parameter{Name: name, Low: -math.MaxFloat64, High: math.MaxFloat64})
		if in.Whole && (in.Low != math.Trunc(in.Low) || in.High != math.Trunc(in.High)) {
			d.add(inner+".whole", "write whole numbers for low and high", "low %v and high %v are not whole", in.Low, in.High)
		}
	}
	if len(c.Space) > 0 && method == GridSearch {
		d.add(path+".space", "list values in grid, or name another train.search.method", "a grid has no intervals")
	}
}

func (d *decoder) checkExternalName(at, name string) {
	if !identifierPattern.MatchString(name) {
		d.add(at, "write letters, digits and underscores, at most 63", "%q cannot name a parameter", clip(name))
	}
}

// JSONSchemaExtend tells what names are accepted.
func (External) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "name").Pattern = externalNamePattern.String()
	property(s, "timeout").Default = DefaultExternalTimeout
	*property(s, "version") = anyText(property(s, "version").Description)
	for _, name := range []string{"queue", "activity"} {
		property(s, name).MinLength, property(s, name).MaxLength = new(uint64(1)), new(uint64(200))
	}
}

// externalSchema tells that a trainer's parameters have names of its own, and that
// external stands where kind says so.
func externalSchema(s *jsonschema.Schema) {
	is := jsonschema.NewProperties()
	is.Set("kind", &jsonschema.Schema{Const: ExternalKind})
	then, otherwise := jsonschema.NewProperties(), jsonschema.NewProperties()
	names := &jsonschema.Schema{Pattern: identifierPattern.String()}
	then.Set("grid", &jsonschema.Schema{PropertyNames: names, AdditionalProperties: &jsonschema.Schema{Type: "array", MinItems: new(uint64(1)), UniqueItems: true}})
	then.Set("space", &jsonschema.Schema{PropertyNames: names})
	then.Set("options", jsonschema.FalseSchema)
	otherwise.Set("external", jsonschema.FalseSchema)
	s.AllOf = append(s.AllOf, &jsonschema.Schema{
		If:   &jsonschema.Schema{Properties: is, Required: []string{"kind"}},
		Then: &jsonschema.Schema{Properties: then, Required: []string{"external"}},
		Else: &jsonschema.Schema{Properties: otherwise},
	})
}
