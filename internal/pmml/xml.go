package pmml

import (
	"bytes"
	"encoding/xml"
	"math"
	"strconv"
	"unicode/utf8"
)

// element is one of XML: it has children or a text. Attributes are names and values
// in turn.
type element struct {
	name       string
	attributes []string
	text       string
	children   []*element
}

func tag(name string, attributes ...string) *element {
	return &element{name: name, attributes: attributes}
}

func (e *element) add(children ...*element) *element {
	e.children = append(e.children, children...)
	return e
}

func (e *element) set(name, value string) *element {
	e.attributes = append(e.attributes, name, value)
	return e
}

// write appends e to out, a line per element, until out is longer than the bound.
func (e *element) write(out *bytes.Buffer, depth int) {
	if out.Len() > maxDocument {
		return
	}
	for range depth {
		out.WriteByte(' ')
	}
	out.WriteByte('<')
	out.WriteString(e.name)
	for i := 0; i < len(e.attributes); i += 2 {
		out.WriteByte(' ')
		out.WriteString(e.attributes[i])
		out.WriteString(`="`)
		_ = xml.EscapeText(out, []byte(e.attributes[i+1])) // a buffer takes everything
		out.WriteByte('"')
	}
	switch {
	case len(e.children) > 0:
		out.WriteString(">\n")
		for _, c := range e.children {
			c.write(out, depth+1)
		}
		for range depth {
			out.WriteByte(' ')
		}
		out.WriteString("</" + e.name + ">\n")
	case e.text != "":
		out.WriteByte('>')
		_ = xml.EscapeText(out, []byte(e.text))
		out.WriteString("</" + e.name + ">\n")
	default:
		out.WriteString("/>\n")
	}
}

// writable reports whether XML 1.0 can hold the text.
func writable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
			return false
		}
	}
	return true
}

// double writes a number that reads back the same.
func double(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// single does so for one that is compared as float32. What is added takes the sign from
// -0, which evaluators that compare bits put below 0.
func single(x float32) string { return strconv.FormatFloat(float64(x)+0, 'g', -1, 32) }

func ref(field string) *element { return tag("FieldRef", "field", field) }

func number(x float64) *element {
	c := tag("Constant", "dataType", "double")
	c.text = double(x)
	return c
}

func apply(function string, arguments ...*element) *element {
	return tag("Apply", "function", function).add(arguments...)
}

var greatest = number(math.MaxFloat64)
