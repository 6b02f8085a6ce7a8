package pipeline

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

func (d *decoder) text(node ast.Node, v reflect.Value, path string, field fieldRules) {
	s, ok := textOf(node)
	if scalar, isScalar := node.(ast.ScalarNode); !ok && isScalar {
		raw := clip(scalar.GetToken().Value)
		if !field.anyText {
			d.wrong(node, path, "text", fmt.Sprintf("write it in quotes: %q", raw))
			return
		}
		s, ok = raw, true
	}
	switch {
	case !ok:
		d.wrong(node, path, "text", "write one value")
	case s == "" && !field.anyText:
		d.add(path, "write a value, or remove the key", "is empty")
	case holdsSecret(s):
		d.add(path, "remove it: workers open stores with the credentials of their own environment", "holds a literal credential")
	case len(field.enum) > 0 && !slices.Contains(field.enum, s):
		d.add(path, instead(s, field.enum), "%q is not accepted", clip(s))
	default:
		v.SetString(s)
	}
}

// scientific is a number of YAML 1.2's core schema with an exponent.
var scientific = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$`)

func (d *decoder) number(node ast.Node, v reflect.Value, path string) {
	var f float64
	switch n := node.(type) {
	case *ast.FloatNode:
		f = n.Value
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case int64:
			f = float64(i)
		case uint64:
			f = float64(i)
		}
	case *ast.InfinityNode, *ast.NanNode:
		f = math.Inf(1)
	case *ast.StringNode: // 1e-4, which YAML 1.1 does not take for a number and 1.2 does
		if v, err := strconv.ParseFloat(n.Value, 64); n.Token.Type == token.StringType && scientific.MatchString(n.Value) && err == nil {
			f = v
			break
		}
		d.wrong(node, path, "a number", "write a number such as 0.15, without quotes")
		return
	default:
		d.wrong(node, path, "a number", "write a number such as 0.15, without quotes")
		return
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		d.add(path, "write a finite number; leave a bound out to keep it open", "is not a finite number")
		return
	}
	v.SetFloat(f)
}
