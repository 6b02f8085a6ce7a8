package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// MarshalJSON writes "auto" or the list.
func (f Features) MarshalJSON() ([]byte, error) {
	if f.Auto {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(f.List)
}

// UnmarshalJSON reads "auto" or a list.
func (f *Features) UnmarshalJSON(data []byte) error {
	*f = Features{}
	if string(data) == `"auto"` {
		f.Auto = true
		return nil
	}
	return strictJSON(data, &f.List)
}

// MarshalYAML writes auto or the list.
func (f Features) MarshalYAML() (any, error) {
	if f.Auto {
		return "auto", nil
	}
	return f.List, nil
}

// features decodes auto or a list.
func (d *decoder) features(node ast.Node, v reflect.Value, path string) {
	if s, ok := textOf(node); ok {
		if s != "auto" {
			d.add(path, "write auto, or a list of features", "%q is not accepted", clip(s))
			return
		}
		v.Set(reflect.ValueOf(Features{Auto: true}))
		return
	}
	var list []Feature
	d.list(node, reflect.ValueOf(&list).Elem(), path, fieldRules{})
	v.Set(reflect.ValueOf(Features{List: list}))
}

// Name returns the name of the one transform that is set, or "" if it is not
// exactly one.
func (t Transform) Name() string {
	v, name := reflect.ValueOf(t), ""
	for _, r := range rulesOf(v.Type()) {
		if v.Field(r.index).IsNil() {
			continue
		}
		if name != "" {
			return ""
		}
		name = r.name
	}
	return name
}

// UnmarshalJSON reads a bare name or an object with one key.
func (t *Transform) UnmarshalJSON(data []byte) error {
	*t = Transform{}
	var name string
	if json.Unmarshal(data, &name) == nil {
		if !t.set(name) {
			return fmt.Errorf("unknown transform %q", name)
		}
		return nil
	}
	type plain Transform // without this method
	if err := strictJSON(data, (*plain)(t)); err != nil {
		return err
	}
	if t.Name() == "" {
		return fmt.Errorf("a transform must have exactly one name")
	}
	return nil
}

// MarshalYAML writes the bare name where there are no parameters.
func (t Transform) MarshalYAML() (any, error) {
	name := t.Name()
	if name == "" {
		return nil, fmt.Errorf("a transform must have exactly one name")
	}
	for _, r := range rulesOf(reflect.TypeFor[Transform]()) {
		if field := reflect.ValueOf(t).Field(r.index).Elem(); r.name == name && !field.IsZero() {
			return map[string]any{name: field.Interface()}, nil
		}
	}
	return name, nil
}

// set sets the transform of that name, without parameters.
func (t *Transform) set(name string) bool {
	v := reflect.ValueOf(t).Elem()
	for _, r := range rulesOf(v.Type()) {
		if r.name == name {
			v.Field(r.index).Set(reflect.New(v.Field(r.index).Type().Elem()))
			return true
		}
	}
	return false
}

// transform decodes a bare name, or a mapping of one name to its parameters.
func (d *decoder) transform(node ast.Node, v reflect.Value, path string) {
	names := namesOf(rulesOf(v.Type()))
	var t Transform
	if name, ok := textOf(node); ok {
		if !t.set(name) {
			d.add(path, instead(name, names), "unknown transform %q", clip(name))
			return
		}
		v.Set(reflect.ValueOf(t))
		return
	}
	entries, ok := mappingOf(node)
	if !ok {
		d.wrong(node, path, "a transform", "write "+oneOf(names)+", or one of them with its parameters")
		return
	}
	if len(entries) != 1 {
		d.add(path, "write each transform as an item of its own", "must have exactly one transform, not %d", len(entries))
		return
	}
	d.structure(node, v, path)
}

func strictJSON(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
