package pipeline

import (
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// plan is a file with the section deploy alone.
type plan struct {
	Deploy Deploy `json:"deploy" yaml:"deploy" jsonschema:"required"`
}

// ParsePlan reads the way of a rollout that no run begins: from a file that has the
// section deploy alone, or from a whole pipeline file, whose problem's metric comes
// with it. It is as strict as Parse, whose errors it has, and fills in every default
// but the endpoint.
func ParsePlan(filename string, data []byte) (way Deploy, metric string, err error) {
	d := newDecoder(filename, data)
	var p plan
	if root := d.read(data); root != nil {
		entries, _ := mappingOf(root)
		if slices.ContainsFunc(entries, func(e *ast.MappingValueNode) bool { return e.Key.GetToken().Value != "deploy" }) {
			whole, err := Parse(filename, data)
			if err != nil {
				return Deploy{}, "", err
			}
			return whole.Deploy, whole.Problem.Metric, nil
		}
		d.places[""] = positionOf(root)
		d.structure(root, reflect.ValueOf(&p).Elem(), "")
		d.rolloutDefaults(&p.Deploy)
		d.checkAudit(p.Deploy.Audit)
		d.checkRollout(&p.Deploy)
	}
	if len(d.mistakes) > 0 {
		return Deploy{}, "", asFault(inFileOrder(d.mistakes))
	}
	return p.Deploy, "", nil
}
