package pipeline

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// fieldRules is what the tags of a struct field say. They are the same tags the
// JSON Schema is made from, so that an editor and Parse cannot disagree.
type fieldRules struct {
	name     string
	index    int
	required bool
	enum     []string
	anyText  bool // a number or boolean is taken as the text it is written as
}

func rulesOf(t reflect.Type) []fieldRules {
	var out []fieldRules
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		r := fieldRules{name: name, index: i, anyText: f.Tag.Get("text") == "any"}
		for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
			if part == "required" {
				r.required = true
			}
			if value, ok := strings.CutPrefix(part, "enum="); ok {
				r.enum = append(r.enum, value)
			}
		}
		out = append(out, r)
	}
	return out
}

func (r fieldRules) hint() string {
	if len(r.enum) > 0 {
		return ": " + oneOf(r.enum)
	}
	return ""
}

func namesOf(rules []fieldRules) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.name
	}
	return out
}

func firstKeys(t reflect.Type) string {
	names := namesOf(rulesOf(t))
	return oneOf(names[:min(3, len(names))])
}

func mappingOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// positionOf returns where a node begins: a block mapping at its first key.
func positionOf(node ast.Node) *token.Position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return positionOf(n.Values[0])
		}
	case *ast.MappingValueNode:
		return positionOf(n.Key)
	case *ast.LiteralNode:
		return n.Start.Position
	}
	if t := node.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

func join(path, key string) string {
	key = clip(key)
	if path == "" {
		return key
	}
	return path + "." + key
}

// clip shortens a text of the user's for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
