package pipeline

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder fills a Pipeline from the syntax tree of its file and remembers where
// each value stood. It goes on after a mistake, so that all are reported at once;
// a YAML library's own decoder stops at the first.
type decoder struct {
	file     string
	lines    []string
	places   map[string]*token.Position // by path; only what the file says
	mistakes []Mistake
	faulty   map[string]bool // paths with a mistake, which later checks leave alone
}

// add notes a mistake at path, placed at the nearest enclosing value there is.
func (d *decoder) add(path, remedy, message string, args ...any) {
	if d.faulty[path] {
		return
	}
	d.addAt(d.place(path), path, remedy, message, args...)
}

func (d *decoder) addAt(at *token.Position, path, remedy, message string, args ...any) {
	d.faulty[path] = true
	if len(d.mistakes) >= maxMistakes {
		return
	}
	p := Mistake{File: d.file, Path: mask(path), Message: mask(fmt.Sprintf(message, args...)), Remedy: mask(remedy)}
	if at != nil {
		p.Line, p.Column = max(1, at.Line), max(1, at.Column)
		if p.Line <= len(d.lines) {
			p.Source = printable(d.lines[p.Line-1])
		}
	}
	d.mistakes = append(d.mistakes, p)
}

func (d *decoder) place(path string) *token.Position {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.places[""]
		}
		path = path[:cut]
	}
}

// given reports whether the file itself says anything at path.
func (d *decoder) given(path string) bool { _, ok := d.places[path]; return ok }

// decode sets v from node. field describes the struct field v stands in.
func (d *decoder) decode(node ast.Node, v reflect.Value, path string, field fieldRules) {
	if !d.plain(node, path) {
		return
	}
	switch v.Interface().(type) {
	case Features:
		d.features(node, v, path)
		return
	case Transform:
		d.transform(node, v, path)
		return
	case SliceEntry:
		if _, bare := node.(ast.ScalarNode); bare {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			d.decode(node, v.Index(0), path, field)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(node, v.Elem(), path, field)
	case reflect.Struct:
		d.structure(node, v, path)
	case reflect.Map:
		d.table(node, v, path, field)
	case reflect.Slice:
		d.list(node, v, path, field)
	case reflect.String:
		d.text(node, v, path, field)
	case reflect.Bool:
		if b, ok := node.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
		} else {
			d.wrong(node, path, "true or false", "write true or false")
		}
	case reflect.Float64:
		d.number(node, v, path)
	case reflect.Int, reflect.Int64:
		n, ok := node.(*ast.IntegerNode)
		if !ok {
			d.wrong(node, path, "a whole number", "write a whole number such as 3, without quotes")
			return
		}
		i, ok := n.Value.(int64)
		if u, unsigned := n.Value.(uint64); unsigned && u <= math.MaxInt64 {
			i, ok = int64(u), true
		}
		if !ok {
			d.add(path, "write a number between -9223372036854775808 and 9223372036854775807", "does not fit in 64 bits")
			return
		}
		v.SetInt(i)
	}
}

// plain refuses the parts of YAML that a pipeline file does without. Aliases
// could make a small file expand without bound.
func (d *decoder) plain(node ast.Node, path string) bool {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		d.add(path, "write the value out where it is used", "anchors, aliases and merge keys are not accepted")
	case *ast.TagNode:
		d.add(path, "write the value without the tag", "YAML tags are not accepted")
	case *ast.NullNode, nil:
		d.add(path, "write a value, or remove the key to have the default", "has no value")
	default:
		return true
	}
	return false
}

func (d *decoder) structure(node ast.Node, v reflect.Value, path string) {
	entries, ok := mappingOf(node)
	if !ok {
		d.wrong(node, path, "a mapping of keys", "write keys beneath it, such as "+firstKeys(v.Type()))
		return
	}
	rules := rulesOf(v.Type())
	seen := map[string]bool{}
	for _, e := range entries {
		key, child, ok := d.enter(e, path, seen)
		if !ok {
			continue
		}
		i := slices.IndexFunc(rules, func(r fieldRules) bool { return r.name == key })
		if i < 0 {
			d.addAt(d.places[child], child, instead(key, namesOf(rules)), "unknown key %q", clip(key))
			delete(d.places, child)
			continue
		}
		d.decode(e.Value, v.Field(rules[i].index), child, rules[i])
	}
	for _, r := range rules {
		if r.required && !seen[r.name] {
			d.add(join(path, r.name), "add "+r.name+r.hint(), "is missing")
		}
	}
}

// enter notes a key of a mapping; it returns its text and path.
func (d *decoder) enter(e *ast.MappingValueNode, path string, seen map[string]bool) (key, child string, ok bool) {
	at := positionOf(e.Key)
	key = e.Key.GetToken().Value
	if s, isText := e.Key.(*ast.StringNode); isText {
		key = s.Value
	}
	child = join(path, key)
	switch {
	case e.Key.IsMergeKey():
		d.addAt(at, child, "write the keys out", "anchors, aliases and merge keys are not accepted")
		return key, child, false
	case seen[key]:
		d.addAt(at, child, "keep one of the two", "key %q stands twice", clip(key))
		return key, child, false
	}
	seen[key] = true
	d.places[child] = at
	if _, scalar := e.Value.(ast.ScalarNode); scalar {
		if _, null := e.Value.(*ast.NullNode); !null {
			d.places[child] = positionOf(e.Value)
		}
	}
	return key, child, true
}

func (d *decoder) table(node ast.Node, v reflect.Value, path string, field fieldRules) {
	entries, ok := mappingOf(node)
	if !ok {
		d.wrong(node, path, "a mapping of names", "write name: … lines beneath it")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	seen := map[string]bool{}
	for _, e := range entries {
		key, child, ok := d.enter(e, path, seen)
		if !ok {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.Value, element, child, fieldRules{anyText: field.anyText})
		v.SetMapIndex(reflect.ValueOf(key), element)
	}
}

func (d *decoder) list(node ast.Node, v reflect.Value, path string, field fieldRules) {
	s, ok := node.(*ast.SequenceNode)
	if !ok {
		remedy := "write a list: one item a line, each after a dash"
		if scalar, isScalar := node.(ast.ScalarNode); isScalar {
			remedy = "write [" + clip(scalar.GetToken().Value) + "]"
		}
		d.wrong(node, path, "a list", remedy)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, item := range s.Values {
		child := fmt.Sprintf("%s[%d]", path, i)
		if item != nil {
			d.places[child] = positionOf(item)
		}
		d.decode(item, v.Index(i), child, fieldRules{anyText: field.anyText})
	}
}

// wrong notes a value of the wrong type.
func (d *decoder) wrong(node ast.Node, path, want, remedy string) {
	found := "a mapping"
	switch n := node.(type) {
	case *ast.SequenceNode:
		found = "a list"
	case *ast.StringNode:
		found = fmt.Sprintf("the text %q", clip(n.Value))
	case *ast.LiteralNode:
		found = "text"
	case ast.ScalarNode:
		found = clip(n.GetToken().Value)
	}
	d.add(path, remedy, "must be %s, not %s", want, found)
}
